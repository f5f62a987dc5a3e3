"""A running editor for tests: the real server on a free port of 127.0.0.1, in a thread."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TOKEN = "a-token-for-tests"
SMALL = tuple(f"motion_backbone.options.{option}" for option in ("width=64", "height=48", "steps=4"))
"""Overrides under which the small weights draw in a second or two."""


@dataclass
class Served:
    """Where the editor listens, and what it edits."""

    port: int
    path: Path

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}/{TOKEN}/"

    def ask(
        self, method: str, path: str, data: Any = None, headers: dict[str, str] | None = None, token: str = TOKEN
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of one request, as the page itself would send it."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        given = {"Host": self.host}
        if method not in ("GET", "HEAD"):
            given |= {"Origin": f"http://{self.host}", "Content-Type": "application/json"}
        given |= headers or {}
        body = data if isinstance(data, bytes) or data is None else json.dumps(data).encode()
        given = {key: value for key, value in given.items() if value}
        target = f"/{token}/{path}" if token else f"/{path}"
        connection.putrequest(method, target, skip_host=True)
        for key, value in given.items():
            connection.putheader(key, value)
        if body is not None and "Content-Length" not in given:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        found = answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read()
        connection.close()
        return found

    def json(self, method: str, path: str, data: Any = None) -> Any:
        return json.loads(self.ask(method, path, data)[2])


@contextmanager
def serving(
    source: Path, audio: Path | None = None, out: Path | None = None, overrides: Sequence[str] = ()
) -> Iterator[Served]:
    """The editor of a recording, a layout or a run folder; it draws with the overrides."""
    import asyncio

    import uvicorn

    from spa2v import Pipeline
    from spa2v.edit.opening import open_source
    from spa2v.edit.serve import editor_for

    opened = open_source(source, audio, out, Pipeline.from_preset())
    editor = editor_for(opened, [], [*overrides])
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(
            editor.app(TOKEN, "127.0.0.1"), log_level="critical", lifespan="off", timeout_graceful_shutdown=1
        )
    )

    async def run() -> None:
        watching = asyncio.create_task(editor.watch())
        await server.serve(sockets=[listener])
        watching.cancel()

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    try:
        yield Served(listener.getsockname()[1], opened.document.path)
    finally:
        server.should_exit = True
        editor.close()
        thread.join(timeout=15)
