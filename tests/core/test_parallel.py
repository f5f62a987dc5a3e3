"""Work spread over processes: the same results in any number of them, and processes only where they pay."""

from __future__ import annotations

import os
import time

import pytest

from spa2v.core.parallel import cores, pays, spread


def square(value: int) -> int:
    return value * value


def wait_and_sign(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


@pytest.mark.parametrize("workers", [None, 1, 2])
def test_the_results_do_not_depend_on_the_number_of_processes(workers: int | None) -> None:
    assert sorted(spread(square, range(7), workers)) == [0, 1, 4, 9, 16, 25, 36]
    assert list(spread(square, [], workers)) == []


def test_short_work_stays_in_this_process() -> None:
    assert set(spread(wait_and_sign, [0.001] * 40)) == {os.getpid()}


@pytest.mark.skipif(cores() < 2, reason="one core")
def test_long_work_is_shared() -> None:
    done = list(spread(wait_and_sign, [0.5] * 14))
    assert done.count(os.getpid()) >= 2, "the first ones are timed here"
    assert len({*done}) > 1


def threads(item: int) -> int:
    import torch

    return torch.get_num_threads()


def test_an_item_has_one_thread_wherever_it_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert list(spread(threads, range(3))) == [1, 1, 1]
        assert set(spread(threads, range(2), 2)) == {1}
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_processes_pay_where_they_end_earlier() -> None:
    assert not pays([0.1], [0.1], 1.0, 6, 2), "they would start for longer than the rest takes"
    assert pays([0.1], [0.1], 1.0, 600, 2)
    assert not pays([0.1], [0.1], 1.0, 600, 1), "there is one core"
    assert pays([2.0], [2.0], 1.0, 4, 2), "a service is waited for"
    assert not pays([2.0], [4.0], 1.0, 100, 2), "the work has threads that use both cores already"
