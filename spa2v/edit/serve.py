"""Serving the page until Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import webbrowser
from collections.abc import Callable

import uvicorn

from spa2v.core.errors import ConfigError
from spa2v.edit.events import Events
from spa2v.edit.opening import Opened
from spa2v.edit.server import Editor
from spa2v.edit.tries import Studio
from spa2v.world.classes import CLASSES


def serve(
    opened: Opened,
    sources: list[str],
    overrides: list[str],
    say: Callable[[str], None],
    host: str = "127.0.0.1",
    port: int = 0,
    browser: bool = True,
) -> None:
    """Serves the page until Ctrl-C.

    Args:
        opened: what is edited.
        sources, overrides: what drawing is configured with, beneath the preset that the page chooses.
        say: prints a line for the user: the address.
        host: to listen on.
        port: 0 takes a free one.
        browser: whether to open the page in the browser.

    Raises:
        ConfigError: the port is taken.
    """
    listener = _listen(host, port)
    token = secrets.token_urlsafe(24)
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host
    shown = f"[{shown}]" if ":" in shown else shown
    url = f"http://{shown}:{listener.getsockname()[1]}/{token}/"
    editor = editor_for(opened, sources, overrides)
    config = uvicorn.Config(
        editor.app(token, host),
        log_level="critical",  # the address of each request holds the token
        lifespan="off",
        timeout_graceful_shutdown=2,
        server_header=False,
    )
    say(f"editing {opened.document.path} at {url}\n(Ctrl-C ends it)")
    if browser:
        webbrowser.open(url)
    try:
        with contextlib.suppress(KeyboardInterrupt):  # the way to end it
            asyncio.run(_until_stopped(uvicorn.Server(config), listener, editor))
    finally:
        editor.close()


def editor_for(opened: Opened, sources: list[str], overrides: list[str]) -> Editor:
    """The editor of what was opened, with everything that it needs."""
    events = Events()
    studio = Studio(opened.tries, sources, overrides, opened.heard, events.publish)
    return Editor(opened, studio, events, tuple(CLASSES))


async def _until_stopped(server: uvicorn.Server, listener: socket.socket, editor: Editor) -> None:
    watching = asyncio.create_task(editor.watch())
    try:
        await server.serve(sockets=[listener])
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(64)
    except OSError as error:
        raise ConfigError(f"cannot listen on {host} port {port}: {error.strerror or error}") from error
    return listener
