"""Server-sent events: what happens in threads, for every open page."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

HEARTBEAT_S = 15.0
MAX_WAITING = 256


class Events:
    """Passes events from any thread to the pages that listen."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listeners: set[asyncio.Queue[str | None]] = set()
        self._closed = False

    def publish(self, event: Mapping[str, Any]) -> None:
        """Sends an event, from any thread; nothing happens where no page listens."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._put, json.dumps(event, ensure_ascii=False))

    def _put(self, text: str | None) -> None:
        for queue in self._listeners:
            if text is None or queue.qsize() < MAX_WAITING:  # a page that sleeps misses progress, and asks again
                queue.put_nowait(text)

    def close(self) -> None:
        """Ends the streams."""
        self._closed = True
        self._put(None)

    async def stream(self) -> AsyncIterator[str]:
        """The events for one page, in the form of `text/event-stream`."""
        self._loop = asyncio.get_running_loop()
        queue: asyncio.Queue[str | None] = asyncio.Queue()
        self._listeners.add(queue)
        try:
            yield ": open\n\n"
            while not self._closed:
                try:
                    text = await asyncio.wait_for(queue.get(), HEARTBEAT_S)
                except TimeoutError:
                    yield ": still here\n\n"
                    continue
                if text is None:
                    return
                yield f"data: {text}\n\n"
        finally:
            self._listeners.discard(queue)
