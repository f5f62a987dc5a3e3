"""Separation of a recording into sources."""
