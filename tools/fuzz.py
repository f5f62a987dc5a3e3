"""Coverage-guided fuzzing of everything that is read from outside, with atheris.

    .venv/bin/pip install atheris                         # Linux and macOS
    python -m tools.fuzz layout --seconds 300 --work out/fuzz
    python -m tools.fuzz all --seconds 120 --work out/fuzz --keep

The targets are in `tools.fuzz_targets`: each gets bytes as a file or a text. Half of the changes are libFuzzer's, of
bytes; half change, remove, double or move a value of the JSON or YAML that the bytes hold. An exception other than the
errors that the reader documents, a broken promise, 20 seconds or 2 GiB is a finding: its input is written to
WORK/TARGET/findings, and the command ends with 1. What widens the coverage of the Python code stays in
WORK/TARGET/corpus. `--keep` adds the smallest set of inputs with the same coverage, each of at most 4 kB, to
`tests/corpus/TARGET`, which `tests/core/test_fuzz_corpus.py` gives to the same targets in every test run.

Decoders written in C (sound, safetensors) are run, but not measured, so what is reached in them is up to chance.
"""

from __future__ import annotations

import argparse
import copy
import dis
import importlib
import json
import random
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CORPUS = Path(__file__).resolve().parents[1] / "tests" / "corpus"
MEASURED = ["spa2v", "tools", "json", "yaml", "omegaconf"]
MEMORY = Path("/dev/shm")
KEPT_BYTES = 4_096
MAX_BYTES = {"audio": 20_000, "video": 20_000, "checkpoint": 8_192}


@dataclass(frozen=True)
class Campaign:
    """One target, its folders, and how long."""

    name: str
    work: Path
    seconds: int

    @property
    def corpus(self) -> Path:
        return self.work / self.name / "corpus"

    @property
    def findings(self) -> Path:
        return self.work / self.name / "findings"

    def words(self, *extra: str) -> list[str]:
        """Words for libFuzzer."""
        limits = ["-timeout=20", "-rss_limit_mb=2048", f"-max_len={MAX_BYTES.get(self.name, KEPT_BYTES)}"]
        return [*limits, f"-artifact_prefix={self.findings}/", *extra]

    def start(self, *words: str) -> int:
        with tempfile.TemporaryDirectory(prefix="fuzz-", dir=MEMORY if MEMORY.is_dir() else None) as folder:
            command = [sys.executable, "-m", "tools.fuzz", self.name, "--inside", folder, *self.words(*words)]
            return subprocess.run(command, check=False).returncode

    def run(self) -> str:
        """What to tell; empty where the time ran out and nothing was found."""
        for folder in (self.corpus, self.findings, CORPUS / self.name):
            folder.mkdir(parents=True, exist_ok=True)
        seeds = [str(self.corpus), str(CORPUS / self.name)]
        code = self.start(f"-max_total_time={self.seconds}", "-print_final_stats=1", "-verbosity=0", *seeds)
        return f"ended with {code}, see {self.findings}" if code else ""

    def keep(self) -> int:
        """Adds to the kept corpus what its coverage lacks; gives its number of files."""
        kept = CORPUS / self.name
        with tempfile.TemporaryDirectory() as name:
            small = Path(name)
            for path in self.corpus.iterdir():
                if path.stat().st_size <= KEPT_BYTES:
                    shutil.copy(path, small / path.name)
            code = self.start("-set_cover_merge=1", "-verbosity=0", str(kept), str(small))
            if code:
                raise SystemExit(f"{self.name}: merging ended with {code}")
        return sum(1 for _ in kept.iterdir())


ODD = (
    None, True, 0, -1, 0.5, 1e308, float("inf"), float("nan"), 10**400, 2**63, "", "a", "../x", "\0", "\ud800",
    "<fuzz>", "${x}", "${oc.env:HOME}", "???", "x" * 3000, [], {}, [[]], {"a": None},
)  # fmt: skip


def changed_value(value: Any, rng: random.Random) -> Any:
    """A copy with one to four places changed."""
    value = copy.deepcopy(value)
    for _ in range(rng.randint(1, 4)):
        places = list(_places(value))
        if not places:
            return rng.choice(ODD)
        holder, key = rng.choice(places)
        kind = rng.choice(["odd", "odd", "other", "remove", "double"])
        if kind == "remove":
            del holder[key]
        elif kind == "double" and isinstance(holder, list):
            holder.append(copy.deepcopy(holder[key]))
        elif kind == "double":
            holder[rng.choice(["", "name", "x"])] = copy.deepcopy(holder[key])
        else:
            other, place = rng.choice(places)
            holder[key] = copy.deepcopy(other[place]) if kind == "other" else copy.deepcopy(rng.choice(ODD))
    return value


def _places(value: Any) -> list[tuple[Any, Any]]:
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    return [(value, key) for key in keys] + [place for key in keys for place in _places(value[key])]


def mutator(change_bytes: Callable[[bytes, int], bytes]) -> Callable[[bytes, int, int], bytes]:
    """Changes a value where the bytes hold JSON or YAML, in half of the calls; else bytes."""
    import yaml

    languages = (
        (json.loads, json.dumps),
        (yaml.safe_load, lambda value: yaml.safe_dump(value, allow_unicode=True)),
    )

    def mutate(data: bytes, max_size: int, seed: int) -> bytes:
        rng = random.Random(seed)
        if rng.random() < 0.5:
            parts = data.split(b"\n---\n")
            place = rng.randrange(len(parts))
            is_json = parts[place].lstrip()[:1] in (b"{", b"[")  # as YAML, a thousand brackets take seconds
            for load, dump in languages[: 1 if is_json else 2]:
                try:
                    value = load(parts[place])
                    if not isinstance(value, dict | list):
                        continue
                    parts[place] = dump(changed_value(value, rng)).encode("utf-8", "replace")
                    return b"\n---\n".join(parts)[:max_size]
                except (ValueError, TypeError, RecursionError, yaml.YAMLError):
                    continue
        return change_bytes(data, max_size)

    return mutate


def inside(name: str, folder: Path, words: list[str]) -> None:
    """Runs a target in this process, under libFuzzer, which ends it; the folder is for the target's files."""
    try:
        import atheris
    except ImportError:
        sys.exit("fuzzing needs atheris: pip install atheris")

    with atheris.instrument_imports(include=MEASURED):  # what is imported before this is not measured
        from tools import fuzz_targets

        target = fuzz_targets.TARGETS[name]
        steps = dis.get_instructions(target.__code__)
        for module in [step.argval for step in steps if step.opname == "IMPORT_NAME"]:
            importlib.import_module(module)
    change = mutator(lambda data, size: atheris.Mutate(data, size))  # Fuzz puts another Mutate in place
    myself = shlex.join([sys.executable, "-m", "tools.fuzz", name, "--inside", str(folder)])  # merging runs it again
    atheris.Setup([myself, *words], lambda data: target(data, folder), custom_mutator=change)
    atheris.Fuzz()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", help="a name from tools.fuzz_targets, or all")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--work", type=Path, default=Path("out/fuzz"))
    parser.add_argument("--keep", action="store_true", help="add to tests/corpus")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    given, words = parser.parse_known_args()
    if given.inside:
        inside(given.target, given.inside, words)
        return
    if words:
        parser.error(f"unknown words: {' '.join(words)}")
    from tools.fuzz_targets import TARGETS

    if given.target not in ("all", *TARGETS):
        parser.error(f"no target {given.target!r}: all, {', '.join(TARGETS)}")
    found = []
    for name in TARGETS if given.target == "all" else [given.target]:
        campaign = Campaign(name, given.work.resolve(), given.seconds)
        told = campaign.run()
        found += [name] if told else []
        kept = f", {campaign.keep()} inputs kept" if given.keep else ""
        print(f"{name}: {told or 'nothing found'}{kept}", flush=True)
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
