"""A scripted HTTP server: it answers each request with the next act of a script and remembers what it was asked."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Request:
    """What a client sent. `data` is the parsed body, `headers` have lower-case names."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def data(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Act:
    """One answer: status, body and headers, or something that goes wrong on the way.

    Args:
        trouble: "" for none, "hang" (no answer for `hang_s`), "drop" (the connection is reset at once), "half" (the
            body stops in the middle and the connection closes).
    """

    status: int = 200
    body: str | bytes | dict[str, Any] = ""
    headers: dict[str, str] = field(default_factory=dict)
    trouble: str = ""
    hang_s: float = 3.0


Reaction = Act | Callable[[Request], Act]


class Loopback:
    """A running server. `url` is its address, `requests` what came in so far."""

    def __init__(self, script: list[Reaction], port: int = 0) -> None:
        self.requests: list[Request] = []
        self.most_at_once = 0
        self._script = script
        self._lock = threading.Lock()
        self._busy = 0
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                owner._serve(self)

            do_GET = do_PUT = do_DELETE = do_POST  # noqa: N815 - names of http.server

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def serve_forever(self) -> None:
        self._server.serve_forever(poll_interval=0.05)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _next(self, request: Request) -> Act:
        """The next act; the last one of the script goes on for ever."""
        with self._lock:
            self.requests.append(request)
            reaction = self._script[min(len(self.requests), len(self._script)) - 1]
        return reaction if isinstance(reaction, Act) else reaction(request)

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        with self._lock:
            self._busy += 1
            self.most_at_once = max(self.most_at_once, self._busy)
        try:
            self._play(handler, self._next(Request(handler.command, handler.path, headers, body)))
        finally:
            with self._lock:
                self._busy -= 1

    def _play(self, handler: BaseHTTPRequestHandler, act: Act) -> None:
        if act.trouble == "hang":
            time.sleep(act.hang_s)
        if act.trouble in ("hang", "drop"):
            handler.close_connection = True
            linger = struct.pack("ii", 1, 0)  # close with a reset
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            return
        is_json = isinstance(act.body, dict)
        body = json.dumps(act.body).encode() if is_json else act.body
        body = body.encode() if isinstance(body, str) else body
        handler.send_response(act.status)
        headers = {"content-type": "application/json" if is_json else "text/html", **act.headers}
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        assert isinstance(body, bytes)
        handler.wfile.write(body[: len(body) // 2] if act.trouble == "half" else body)
        handler.close_connection = act.trouble == "half"


@contextmanager
def serving(*script: Reaction) -> Iterator[Loopback]:
    """A server on a free port in a thread of its own."""
    server = Loopback(list(script))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join()
