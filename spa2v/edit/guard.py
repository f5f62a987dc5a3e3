"""Who may talk to the server: pages that it served itself, to whoever knows the address with its token."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

MAX_BODY_BYTES = 16 * 1024**2
POLICY = (
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'; "
    "img-src 'self' data:"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
LOOPBACK = ("127.0.0.1", "localhost", "::1")
Scope = dict[str, Any]
App = Callable[[Scope, Any, Any], Any]


class Guard:
    """Refuses, before the application sees it, every request that

    - names another host than this server (a page elsewhere whose name was pointed here),
    - comes from another origin, or changes something and names no origin,
    - does not carry the token in its path, or
    - has a body over `MAX_BODY_BYTES`.

    Args:
        app: the application; it sees paths without the token.
        token: the secret part of the address.
        host: what the server listens on.
    """

    def __init__(self, app: App, token: str, host: str) -> None:
        self._app, self._token, self._host = app, token, host

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await _refuse(send, *refusal)
            return
        path = scope["path"][len(self._token) + 1 :]
        inner = scope | {"path": path, "raw_path": path.encode(), "root_path": ""}
        await self._app(inner, _bounded(receive), _with_headers(send))

    def _refusal(self, scope: Scope, headers: dict[str, str]) -> tuple[int, str] | None:
        """Status and reason; None where the request may pass."""
        if not self._known_host(headers.get("host", "")):
            return 421, "this server is not the host that the request names"
        origin = headers.get("origin")
        own = f"{scope.get('scheme', 'http')}://{headers['host']}"
        if origin is not None and origin != own:
            return 403, "requests from other origins are refused"
        if origin is None and scope["method"] not in ("GET", "HEAD"):
            return 403, "requests that change something must come from the page"
        if headers.get("sec-fetch-site") in ("cross-site", "same-site"):
            return 403, "requests from other sites are refused"
        first = scope["path"].split("/", 2)[1] if scope["path"].startswith("/") else ""
        if not secrets.compare_digest(first.encode(), self._token.encode()):
            return 403, "open the whole address that spa2v edit printed; its token is missing or wrong"
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length[:20]) > MAX_BODY_BYTES:
            return 413, f"a request may hold {MAX_BODY_BYTES >> 20} MiB"
        return None

    def _known_host(self, header: str) -> bool:
        """Whether the `Host` of a request is this server: its name, or, where it listens everywhere, any address."""
        try:
            name = urlsplit(f"//{header}").hostname or ""
        except ValueError:
            return False
        if self._host in LOOPBACK:
            return name in LOOPBACK
        if name == self._host:
            return True
        try:
            ipaddress.ip_address(name)  # only a name can be pointed elsewhere
        except ValueError:
            return False
        return self._host in ("0.0.0.0", "::")


class BodyTooLarge(Exception):
    """A body without a stated length grew past the limit."""


def _bounded(receive: Any) -> Any:
    got = 0

    async def limited() -> Any:
        nonlocal got
        message = await receive()
        got += len(message.get("body", b""))
        if got > MAX_BODY_BYTES:
            raise BodyTooLarge
        return message

    return limited


def _with_headers(send: Any) -> Any:
    async def sender(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            given = {name.lower() for name, _ in message.get("headers", [])}
            more = [(k.lower().encode(), v.encode()) for k, v in HEADERS.items() if k.lower().encode() not in given]
            message = message | {"headers": [*message.get("headers", []), *more]}
        await send(message)

    return sender


async def _refuse(send: Any, status: int, reason: str) -> None:
    body = f"{reason}\n".encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    sender = _with_headers(send)
    await sender({"type": "http.response.start", "status": status, "headers": headers})
    await sender({"type": "http.response.body", "body": body})
