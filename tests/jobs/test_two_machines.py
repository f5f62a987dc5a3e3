"""One launch over two machines: two network namespaces with an address each, which share a folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

import pytest

from tests.kit.batches import Bench

PORT = "29511"
PATIENCE_S = 300.0
FAREWELL_S = 300.0
"""How long torch's agent (`exit_barrier_timeout`, no option of a launch) waits for the other one when it is done."""


@dataclass(frozen=True)
class Machine:
    """A network namespace; its processes share nothing with those of another but the file system."""

    rank: int
    name: str

    @property
    def address(self) -> str:
        return f"10.213.77.{self.rank + 1}"

    def start(self, bench: Bench, main: Machine, trouble: str = "") -> subprocess.Popen[str]:
        """This machine's part of a launch over two machines, one process each."""
        options = {"num_machines": 2, "num_processes": 2, "machine_rank": self.rank, "main_process_ip": main.address}
        options |= {"main_process_port": PORT, "mixed_precision": "no", "dynamo_backend": "no"}
        words = [f"--{name}={value}" for name, value in options.items()]
        launch = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", *words]
        command = ["ip", "netns", "exec", self.name, *launch, *bench.command("run.device=cpu")[1:]]
        network = {"GLOO_SOCKET_IFNAME": self.name, "OMP_NUM_THREADS": "1"}
        environment = {**os.environ, **bench.environment(trouble), **network}
        return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)

    def die(self) -> None:
        """As without power: nobody hears of it. The cable stays, since the other machine's address is at its end."""
        ip("-netns", self.name, "link", "set", self.name, "down")
        for pid in ip("netns", "pids", self.name).split():
            os.kill(int(pid), signal.SIGKILL)


def ip(*words: str) -> str:
    return subprocess.run(["ip", *words], check=True, capture_output=True, text=True).stdout


def connect(machines: list[Machine]) -> None:
    """One cable between two machines; its ends have their names."""
    first, second = machines
    ip("link", "add", first.name, "netns", first.name, "type", "veth", "peer", second.name, "netns", second.name)
    for machine in machines:
        ip("-netns", machine.name, "address", "add", f"{machine.address}/24", "dev", machine.name)
        ip("-netns", machine.name, "link", "set", machine.name, "up")
        ip("-netns", machine.name, "link", "set", "lo", "up")


@pytest.fixture
def machines() -> Iterator[list[Machine]]:
    """Two machines and a cable, where this user may make them."""
    pytest.importorskip("accelerate")
    found = [Machine(rank, f"spa2v{os.getpid() % 100_000}{side}") for rank, side in enumerate("ab")]
    made: list[Machine] = []
    try:
        for machine in found:
            ip("netns", "add", machine.name)
            made.append(machine)
        connect(found)
    except (OSError, subprocess.CalledProcessError) as error:
        reason = getattr(error, "stderr", None) or error
        for machine in made:
            ip("netns", "delete", machine.name)
        pytest.skip(f"network namespaces cannot be made: {reason}")
    yield found
    for machine in made:
        for pid in ip("netns", "pids", machine.name).split():
            os.kill(int(pid), signal.SIGKILL)
        ip("netns", "delete", machine.name)


def wait_for(bench: Bench, note: str) -> None:
    start = monotonic()
    while note not in bench.noted(note):
        assert monotonic() - start < PATIENCE_S, f"{note!r} is not noted"
        sleep(0.1)


def drawn(bench: Bench) -> dict[str, bytes]:
    return {path.parent.name: path.read_bytes() for path in bench.out.glob("clips/*/video.mp4")}


@pytest.mark.slow
def test_a_machine_that_dies_costs_nothing_that_is_finished(machines: list[Machine], tmp_path: Path) -> None:
    """The other one takes over its clip, too: the kernel has freed the claim. Its launch ends well, by itself."""
    bench = Bench(tmp_path, 4)
    assert bench.call("run.device=cpu")[0] == 0
    alone = drawn(bench)
    bench.out.rename(tmp_path / "alone")
    bench.notes.unlink()

    first, second = machines
    survivor = first.start(bench, first, " ".join(f"until:{name}" for name in bench.names))
    victim = second.start(bench, first, " ".join(f"hang:{name}" for name in bench.names))
    wait_for(bench, "hanging")
    wait_for(bench, "drawing")
    second.die()
    assert victim.wait(PATIENCE_S) != 0
    with bench.notes.open("a") as notes:
        notes.write("go on\n")
    start = monotonic()
    while drawn(bench) != alone:
        assert survivor.poll() is None or drawn(bench), "the survivor ended"
        assert monotonic() - start < PATIENCE_S, sorted(drawn(bench))
        sleep(0.1)

    assert survivor.wait(FAREWELL_S + PATIENCE_S) == 0

    again = bench.call("run.device=cpu")
    assert again[0] == 0, again[2]
    assert "4 clips: 0 done, 4 skipped, 0 failed" in again[2]
    assert drawn(bench) == alone
