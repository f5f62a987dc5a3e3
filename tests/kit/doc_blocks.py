"""Documentation that is run: files and commands of a page, in their order, and what the commands print.

A block with a title is a file. A block of `sh` is run by a shell, in the folder that the one before ended in; a block
of `text` right after it is what it prints, where a line of `...` stands for any lines and `...` in a line for anything.
A block of `sh` that starts with `# needs: a key` (or what else of `NEEDS` it needs) is not run.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

NEEDS = (
    "a key",
    "a GPU",
    "a network",
    "the package index",
    "published weights",
    "trained weights",
    "a SLURM cluster",
    "data of your own",
)
"""What a machine of the tests lacks; besides, "about N minutes" (or hours)."""
_LONG = re.compile(r"about \d+ (minutes|hours)")
_NEEDS_LINE = re.compile(r"^# needs: (.+)$", re.MULTILINE)
_FENCE = re.compile(r"^```(\w+)(?: title=\"([^\"]+)\")?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One fenced block: language, title (or empty), text, and the line where it starts."""

    language: str
    title: str
    text: str
    line: int

    @property
    def needs(self) -> list[str]:
        """What its commands need that the tests do not have."""
        line = _NEEDS_LINE.search(self.text)
        return line[1].split(", ") if line else []

    @property
    def runs(self) -> bool:
        """Whether it is a command that the tests run."""
        return self.language == "sh" and not self.title and not self.needs


def is_known_need(need: str) -> bool:
    """Whether a mark is one that readers know from the other pages."""
    return need in NEEDS or _LONG.fullmatch(need) is not None


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page that name a language."""
    found = _FENCE.finditer(page)
    return [Block(m[1], m[2] or "", m[3], page.count("\n", 0, m.start()) + 1) for m in found]


def prints(wanted: str, got: str) -> bool:
    """Whether an output is as the page says."""
    pattern = re.escape(wanted.strip()).replace(re.escape("..."), ".*")
    return re.fullmatch(pattern, got.strip(), re.DOTALL) is not None


def run_page(page: str, folder: Path, variables: Mapping[str, str]) -> int:
    """Runs the blocks of a page in a folder; the number of blocks of commands that ran.

    Raises:
        AssertionError: a command fails where the page does not say so, or prints something else.
    """
    here, count = folder, 0
    output: str | None = None  # of the commands right before, where they ran
    for block in blocks(page):
        if block.title:
            (here / block.title).parent.mkdir(parents=True, exist_ok=True)
            (here / block.title).write_text(block.text)
        elif block.runs:
            here, output = _run(block, here, folder / ".here", variables)
            count += 1
        elif block.language == "sh":
            output = None
        elif block.language == "text" and output is not None:
            assert prints(block.text, output), f"line {block.line}: printed\n{output}"
    return count


def _run(block: Block, here: Path, note: Path, variables: Mapping[str, str]) -> tuple[Path, str]:
    may_fail = "# fails" in block.text
    script = f"{'' if may_fail else 'set -e'}\n{block.text}\n{'true' if may_fail else ''}\npwd > '{note}'"
    done = subprocess.run(["bash", "-c", script], cwd=here, env=dict(variables), capture_output=True, text=True)
    assert done.returncode == 0, f"line {block.line}: {block.text}\n{done.stdout}\n{done.stderr}"
    return Path(note.read_text().strip()), done.stdout + done.stderr
