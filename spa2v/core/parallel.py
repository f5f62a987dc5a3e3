"""Work spread over processes, results as they come."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from spa2v.core.errors import WorkerError

T = TypeVar("T")
R = TypeVar("R")


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def spread(work: Callable[[T], R], items: Iterable[T], workers: int) -> Iterator[R]:
    """`work` of each item, in the order in which they finish; with one worker, here and in order.

    Raises:
        WorkerError: a worker died (out of memory, killed).
    """
    if workers == 1:
        yield from map(work, items)
        return
    context = multiprocessing.get_context("spawn")  # forked workers could inherit locks of decoder threads
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_quiet_worker)
    try:
        waiting: set[Future[R]] = set()
        for item in items:
            waiting.add(pool.submit(work, item))
            if len(waiting) >= 3 * workers:  # a bounded queue keeps memory flat
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        while waiting:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in done)
    except BrokenProcessPool as error:
        raise worker_died() from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def worker_died() -> WorkerError:
    return WorkerError("a worker process died", "was it out of memory? what is done is kept: run again, --workers 1")


def _quiet_worker() -> None:
    """Ctrl-C is for the parent, which then stops the workers; one thread a worker keeps them off each other."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
