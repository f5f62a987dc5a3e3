"""Ctrl-C in long work: once to finish what was begun, twice to stop at once; SIGTERM stops at once."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class Interrupts:
    """Whether the user, or the system, wants the work to stop.

    Args:
        finishing: what the first Ctrl-C finishes, in words.
    """

    def __init__(self, finishing: str = "the clips that were begun") -> None:
        self.finishing = finishing
        self.asked = False
        self.exit_code = 130

    @contextmanager
    def handled(self) -> Iterator[None]:
        """Takes over SIGINT and SIGTERM; Python delivers them to the main thread alone."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = [
            (number, signal.signal(number, handler))
            for number, handler in ((signal.SIGINT, self._interrupt), (signal.SIGTERM, self._terminate))
        ]
        try:
            yield
        finally:
            _restore(before)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        os.write(2, f"finishing {self.finishing}; Ctrl-C again stops at once\n".encode())  # print is not reentrant

    def _terminate(self, number: int, frame: FrameType | None) -> None:
        self.asked, self.exit_code = True, 143
        raise KeyboardInterrupt


def _restore(before: list[tuple[signal.Signals, Callable[..., Any] | int | None]]) -> None:
    for number, handler in before:
        signal.signal(number, handler)
