"""`spa2v edit`: a server on this machine and one page that shows, plays, changes and draws a layout.

The page needs the extra `spa2v[edit]` (Starlette and uvicorn); nothing here is imported without it, except by the
command itself.
"""
