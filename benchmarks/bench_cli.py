"""How long the light commands take, as multiples of a bare `python -c "import typer"`."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

import pytest

ROUNDS = 7


def seconds(*words: str) -> float:
    """The median wall time of a command in a process of its own."""
    taken = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        subprocess.run([sys.executable, *words], check=True, capture_output=True)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


@pytest.mark.parametrize("words", [("--help",), ("components",), ("components", "--json")], ids=" ".join)
def test_start_up(benchmark, words: tuple[str, ...]) -> None:
    bare = seconds("-c", "import typer")
    command = [sys.executable, "-m", "spa2v", *words]
    benchmark.pedantic(lambda: subprocess.run(command, check=True, capture_output=True), rounds=ROUNDS)
    benchmark.extra_info["times_bare_typer"] = round(benchmark.stats.stats.median / bare, 2)
    print(f"\nspa2v {' '.join(words)}: {benchmark.extra_info['times_bare_typer']} times a bare import of typer")
