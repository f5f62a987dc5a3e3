"""Runs one batch in 1 and in several processes and compares them: `python -m benchmarks.batch_scale MANIFEST OUT ...`.

    python -m benchmarks.batch_scale world/ out/ --config storyboard --processes 1 2
    python -m benchmarks.batch_scale recordings/ out/ --stage plan --processes 1 2

Each number of processes gets a folder of its own below OUT, which must not hold results yet. The processes are started
with `accelerate launch` on the CPU (gloo). Prints a row a launch: wall time from the first clip to the last as
summary.json has it, CPU seconds of the workers, clips a minute, speed-up over the first row, resident memory of the
largest worker over the second and over the last quarter of the clips. Then whether all launches made the same bytes.
The last line is `N passed, N failed`: no clip failed, the launch ended well, the same bytes, and memory that grew by at
most 10 % between the two quarters. Resident memory is the median of what was seen each half second: a single look may
fall into a clip's own peak, which is tens of MiB above what stays.

The machine decides what the speed-up is worth: with other work on it, compare CPU seconds, which the table has, too.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import psutil

GROWTH = 1.10
POLL_S = 0.5
MADE = {"both": ("video.mp4", "layout.json"), "plan": ("layout.json",)}
"""Files of a clip by stage; the first is written last."""


@dataclass
class Watch:
    """What the workers of a launch took while they ran: (clips finished, bytes of the largest), and CPU seconds."""

    memory: list[tuple[int, int]] = field(default_factory=list)
    cpu_s: dict[int, float] = field(default_factory=dict)

    def look(self, launcher: psutil.Process, out: Path, last: str) -> None:
        sizes = []
        for process in _workers(launcher):
            try:
                times = process.cpu_times()
                self.cpu_s[process.pid] = times.user + times.system
                sizes += [size] if (size := process.memory_info().rss) else []  # nothing is left of one that ended
            except psutil.Error:
                continue
        if sizes:
            self.memory.append((sum(1 for _ in out.glob(f"clips/*/{last}")), max(sizes)))

    def resident(self, first: int, last: int) -> int:
        """Bytes of the largest worker, the median while so many clips were finished; at the end if never seen then."""
        seen = [size for done, size in self.memory if first <= done < last]
        return int(median(seen or [self.memory[-1][1]]))


def _workers(launcher: psutil.Process) -> list[psutil.Process]:
    """The processes of a launch that run the command itself."""
    try:
        family = [launcher, *launcher.children(recursive=True)]
        return [process for process in family if _is_worker(process.cmdline())]
    except psutil.Error:
        return []


def _is_worker(command: Sequence[str]) -> bool:
    return "spa2v" in command and "accelerate.commands.launch" not in command


@dataclass(frozen=True)
class Launch:
    """One row."""

    processes: int
    summary: dict[str, object]
    watch: Watch
    digests: dict[str, str]
    load: float
    code: int

    @property
    def wall_s(self) -> float:
        return float(str(self.summary["wall_s"]))

    @property
    def failed(self) -> int:
        counts = self.summary["counts"]
        return int(counts.get("failed", 0)) if isinstance(counts, dict) else 0


def launch(manifest: Path, out: Path, processes: int, stage: str, words: Sequence[str]) -> Launch:
    """Runs the command, alone or under accelerate launch, and watches its processes."""
    settings = [str(manifest), "--out", str(out), "--quiet", "--stage", stage, "run.device=cpu", *words]
    command = [sys.executable, "-m", "spa2v", "batch", *settings]
    if processes > 1:
        options = {"num_processes": processes, "num_machines": 1, "mixed_precision": "no", "dynamo_backend": "no"}
        accelerate = ["--multi_gpu", "--main_process_port=0", *(f"--{name}={value}" for name, value in options.items())]
        command = [sys.executable, "-m", "accelerate.commands.launch", *accelerate, *command[1:]]
    watch, load = Watch(), os.getloadavg()[0]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            watch.look(psutil.Process(process.pid), out, MADE[stage][0])
            time.sleep(POLL_S)
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    return Launch(processes, summary, watch, _digests(out, stage), load, process.returncode)


def _digests(out: Path, stage: str) -> dict[str, str]:
    paths = (path for name in MADE[stage] for path in out.glob(f"clips/*/{name}"))
    return {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def row(found: Launch, first: Launch) -> tuple[str, bool]:
    """The text of a row, and whether memory stayed flat."""
    clips = len({Path(name).parent for name in found.digests})
    early = found.watch.resident(clips // 4, clips // 2)
    late = found.watch.resident(clips - clips // 4, clips)
    cells = (
        f"{found.processes:>9}",
        f"{clips:>5}",
        f"{found.wall_s:>8.1f}",
        f"{sum(found.watch.cpu_s.values()):>7.1f}",
        f"{60 * clips / found.wall_s:>11.1f}",
        f"{first.wall_s / found.wall_s:>8.2f}",
        f"{early / 2**20:>17.0f}",
        f"{late / 2**20:>10.0f}",
        f"{found.load:>5.1f}",
    )
    return "  ".join(cells), late <= GROWTH * early


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--config", "-c", action="append", default=[])
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--stage", choices=MADE, default="both")
    parser.add_argument("words", nargs="*", help="further words for `spa2v batch`, as key=value")
    given = parser.parse_args()
    words = [word for name in given.config for word in ("--config", name)] + given.words
    print("processes  clips  wall (s)  cpu (s)  clips a min  speed-up  2nd quarter (MiB)  last (MiB)   load")
    found: list[Launch] = []
    passed = failed = 0
    for count in given.processes:
        found.append(launch(given.manifest, given.out / f"processes{count}", count, given.stage, words))
        text, flat = row(found[-1], found[0])
        print(text, flush=True)
        if found[-1].code:
            print(f"the launch ended with {found[-1].code}")
        checks = (flat, found[-1].failed == 0, found[-1].code == 0, found[-1].digests == found[0].digests)
        passed, failed = passed + sum(checks), failed + len(checks) - sum(checks)
    same = all(item.digests == found[0].digests for item in found)
    print("the same bytes" if same else "the bytes differ")
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
