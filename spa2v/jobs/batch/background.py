"""Threads that work through calls; unlike those of an executor they do not hold up the end of the process for long."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

NAME = "spa2v-plan-"


class Background:
    """Calls are begun in the order in which they were given.

    Args:
        threads: how many calls run at once.
    """

    def __init__(self, threads: int) -> None:
        self._calls: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, name=f"{NAME}{index}", daemon=True) for index in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """The result of a call, once there is one."""
        future: Future[Any] = Future()
        self._calls.put((future, function, arguments))
        return future

    def close(self, patience_s: float) -> None:
        """Lets the threads end after their last call, and waits for that as long as the patience lasts.

        A thread that lives on while the interpreter shuts down may be the last to hold tensors, and freeing them then
        aborts the process. So a command that is left with one must end by `os._exit` (`spa2v.cli.main` does).
        """
        for _ in self._threads:
            self._calls.put(None)
        deadline = time.monotonic() + patience_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            future, function, arguments = call
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(function(*arguments))
            except BaseException as error:  # noqa: BLE001 - goes to whoever asks for the result
                future.set_exception(error)
            del future, function, arguments, call  # not held while it waits for the next one
