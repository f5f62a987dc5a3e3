"""CPU time of light commands, as multiples of what cannot be avoided: `python -m benchmarks.start_up [--rounds 9]`.

`--help` and `components` are compared with importing typer, rich, omegaconf and pluggy; `plan` of ten seconds with
importing all modules that it has imported at its end. Commands and imports take turns, each in a process by itself; of
each the least user CPU time of all rounds counts, which other work on the machine hardly changes. The last line is
`N passed, N failed` for ratios up to 1.5; exit 0 when all pass.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from spa2v.core.media.audio import write_audio
from spa2v.world.acoustics.mix import record
from spa2v.world.sampling import Choice, sample_scene

MOST = 1.5
BARE = "import typer, rich, omegaconf, pluggy"
LIST = """
import sys
sys.argv = ["spa2v", *sys.argv[1:]]
from spa2v.cli import main
try:
    main()
finally:
    print(*(name for name, module in sys.modules.items() if getattr(module, "__spec__", None)), file=sys.stderr)
"""
IMPORT = """
import importlib, sys
for name in sys.argv[1].split():
    try:
        importlib.import_module(name)
    except ImportError:  # a name that a package gave a module of another name
        pass
"""


def user_seconds(words: tuple[str, ...]) -> float:
    """User CPU time of Python with these arguments.

    Raises:
        CalledProcessError: it fails.
    """
    process = subprocess.Popen([sys.executable, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, words)
    return usage.ru_utime


def pairs(folder: Path) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Commands and what each is compared with, as arguments of Python."""
    recording = folder / "ten_seconds.flac"
    write_audio(recording, record(sample_scene(7, Choice(duration_s=10.0))).audio)
    plan = ("plan", str(recording), "-q", "-o", str(folder / "plan.json"))
    done = subprocess.run([sys.executable, "-c", LIST, *plan], capture_output=True, text=True, check=True)
    bare = ("-c", BARE)
    light = {" ".join(words): ("-m", "spa2v", *words) for words in (["--help"], ["components"], ["plan", "--help"])}
    found = {name: (words, bare) for name, words in light.items()}
    return found | {"plan of 10 s": (("-m", "spa2v", *plan), ("-c", IMPORT, done.stderr.splitlines()[-1]))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    least: dict[tuple[str, ...], float] = {}
    with tempfile.TemporaryDirectory() as folder:
        found = pairs(Path(folder))
        for _ in range(rounds):
            for words in dict.fromkeys(words for pair in found.values() for words in pair):
                least[words] = min(least.get(words, float("inf")), user_seconds(words))
    print("command         user CPU (s)  imports (s)  ratio")
    failed = 0
    for name, (words, base) in found.items():
        ratio = least[words] / least[base]
        failed += ratio > MOST
        print(f"{name:14}  {least[words]:12.3f}  {least[base]:11.3f}  {ratio:5.2f}")
    print(f"{len(found) - failed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
