"""Work spread over processes, results as they come."""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from statistics import median
from typing import TypeVar

from spa2v.core.errors import WorkerError

T = TypeVar("T")
R = TypeVar("R")


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


THREADS = "OMP_NUM_THREADS"
START_S = 1.0
"""CPU time of a worker before its first item (interpreter, imports of spa2v); what the first item loads is measured."""
_loaded_s = 0.0
"""The longest that the first item of this process took beyond the next ones: a worker would load the same again."""


def spread(work: Callable[[T], R], items: Iterable[T], workers: int | None = None) -> Iterator[R]:
    """`work` of each item, in the order in which they finish; with one worker, here and in order.

    Args:
        work: gives the same result in any process.
        items: what to work on.
        workers: processes. None starts them only where that ends earlier: the first items run here, and are timed.

    Raises:
        WorkerError: a worker died (out of memory, killed).
    """
    left = deque(items)
    if workers is None:
        with _one_thread():
            yield from _here(work, left)
    workers = min(workers or cores(), len(left))
    if workers < 2:
        yield from map(work, left)
        return
    context = multiprocessing.get_context("spawn")  # forked workers could inherit locks of decoder threads
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_quiet_worker)
    try:
        waiting: set[Future[R]] = set()
        for item in left:
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


@contextmanager
def _one_thread() -> Iterator[None]:
    """As many threads as a worker has, so that the last bits of a result do not depend on where it is computed."""
    if THREADS in os.environ:  # which workers take over
        yield
        return
    os.environ[THREADS] = "1"  # for a torch that is loaded inside
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else cores()
    if torch:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        del os.environ[THREADS]
        if torch := sys.modules.get("torch"):
            torch.set_num_threads(before)


def _here(work: Callable[[T], R], left: deque[T]) -> Iterator[R]:
    """Takes items from the left and works on them, until processes would be done earlier with the rest."""
    global _loaded_s
    wall: list[float] = []
    single: list[float] = []  # with one thread, as workers have it; waiting for a disk or a service counts, too
    on_device = False
    while left and not (len(wall) > 1 and not on_device and pays(wall[1:], single[1:], _loaded_s, len(left))):
        began, busy, allocated = time.perf_counter(), time.process_time(), _allocations()
        result = work(left.popleft())
        wall.append(time.perf_counter() - began)
        single.append(max(wall[-1], time.process_time() - busy))
        on_device = on_device or _allocations() > allocated  # processes would share the accelerator and its memory
        if len(wall) == 2:
            _loaded_s = max(_loaded_s, single[0] - single[1])
        yield result


def pays(wall: Sequence[float], single: Sequence[float], loading_s: float, left: int, count: int | None = None) -> bool:
    """Whether new processes are done earlier with `left` items than this one.

    Args:
        wall: seconds that items took here.
        single: seconds that they take with one thread.
        loading_s: what the first item of a process takes beyond that.
        left: items that are left.
        count: cores; None takes those of this machine.
    """
    count = cores() if count is None else count
    start = START_S + loading_s
    return count > 1 and start + median(single) * math.ceil(left / count) < median(wall) * left


def _allocations() -> int:
    """How often torch has allocated memory of a CUDA device, if it is loaded at all."""
    cuda = getattr(sys.modules.get("torch"), "cuda", None)
    if cuda is None or not cuda.is_initialized():
        return 0
    return sum(cuda.memory_stats(i).get("allocation.all.allocated", 0) for i in range(cuda.device_count()))


def worker_died() -> WorkerError:
    return WorkerError("a worker process died", "was it out of memory? what is done is kept: run again, --workers 1")


def _quiet_worker() -> None:
    """Ctrl-C is for the parent, which then stops the workers; one thread a worker keeps them off each other."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.setdefault(THREADS, "1")
