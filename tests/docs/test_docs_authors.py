"""The documentation for authors: its tutorial runs, its tables are those of the code, its examples work."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from spa2v import AudioClip, Pipeline
from spa2v.testing import __all__ as helpers
from tests.kit.doc_blocks import blocks, prints, run_page
from tests.kit.doc_parts import DOCS, PAGES, everything, filled, parts
from tests.kit.environments import make_environment


def page(name: str) -> str:
    return (DOCS / name).read_text()


def test_the_tutorial_runs_as_it_is_written(tmp_path: Path) -> None:
    environment = make_environment(tmp_path / "venv")
    (tmp_path / "start").mkdir()
    assert run_page(page("extending.md"), tmp_path / "start", environment.variables) >= 8


@pytest.mark.parametrize("name", PAGES)
def test_made_parts_are_those_of_the_code(name: str) -> None:
    assert filled(page(name)) == page(name), "run: python tests/kit/doc_parts.py"


def test_everything_has_its_part() -> None:
    """Every hook, family, command, preset and example; what is gone has none."""
    found = set().union(*(parts(page(name)) for name in PAGES))
    assert everything() - found == set()
    assert {maker for maker, _ in found - everything()} <= {"offer"}


def test_the_toys_are_documented() -> None:
    told = page("extending.md") + page("contracts.md")
    missing = [name for name in helpers if name not in told and name[0].islower()]
    assert not missing


def test_the_hook_examples_work(toy: Path, noise: AudioClip, install: Callable[..., str]) -> None:
    found = {block.title.removesuffix(".py"): block.text for block in blocks(page("hooks.md")) if block.title}
    assert set(found) == {"spa2v_stopwatch", "spa2v_replay"}
    install("spa2v_replay", found["spa2v_replay"])
    first, second = (Pipeline.from_preset(toy).plan(noise) for _ in range(2))
    assert first is second
    assert Pipeline.from_preset(toy, overrides=["layout_planner.options.size=0.2"]).plan(noise) is not first
    install("spa2v_stopwatch", found["spa2v_stopwatch"])
    pipeline = Pipeline.from_preset(toy)
    run = pipeline.new_run()
    pipeline(noise, run)
    assert set(run.record["stopwatch"]) == {"extract:loudest", "plan", "generate"}


def test_a_page_that_is_wrong_is_found_out(tmp_path: Path) -> None:
    good = '```py title="a.py"\nprint(1)\n```\n```sh\ncp a.py b.py\ncat b.py\n```\n```text\nprint(...)\n```\n'
    assert run_page(good, tmp_path, {"PATH": "/usr/bin:/bin"}) == 1
    with pytest.raises(AssertionError, match=r"line 8: printed\nprint\(1\)"):
        run_page(good.replace("print(...)", "print(2)"), tmp_path, {"PATH": "/usr/bin:/bin"})
    with pytest.raises(AssertionError, match="line 4: cp c"):
        run_page(good.replace("cp a.py", "cp c.py"), tmp_path, {"PATH": "/usr/bin:/bin"})
    assert prints("a\n...\nd e...", "a\nb\nc\nd e f")
    assert not prints("a\n...\nd", "a\nb")
