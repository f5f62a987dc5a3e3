"""No command prints a number that an edit, an upgrade or another file has made stale."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from spa2v.core.host import Host
from spa2v.jobs import code_marks
from spa2v.jobs.code_marks import code_mark, content_marks, file_mark
from tests.cli.test_cli import run as run_command
from tests.kit.evaluation_data import make_bench


@pytest.fixture
def spa2v(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    def run(*words: object) -> str:
        code, out, err = run_command(capsys, monkeypatch, *words)
        assert code == 0, err
        return out + err

    return run


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    return make_bench(tmp_path / "bench", 3)


def edit(toy: Path) -> None:
    """The author makes the box of the planner twice as high."""
    path = toy.parent / "toy.py"
    path.write_text(path.read_text().replace("Box(low, low, high, high)", "Box(low, 0.0, high, 1.0)"))


def boxes(folder: Path) -> set[tuple[float, ...]]:
    layouts = [json.loads(path.read_text()) for path in folder.rglob("*.json") if path.parent.name == "layouts"]
    layouts += [json.loads(path.read_text()) for path in folder.rglob("layout.json")]
    return {tuple(item["box"]) for layout in layouts for frame in layout["keyframes"] for item in frame["objects"]}


def words_of(command: str, toy: Path, bench: Path, out: Path) -> list[object]:
    if command == "batch":
        return ["batch", bench, "-c", toy, "--stage", "plan", "-o", out]
    if command == "evaluate":
        return ["evaluate", "-d", bench, "-c", toy, "-o", out, "--workers", 1, "--split", "all", "-q"]
    file = toy.parent / "row.yaml"
    file.write_text(yaml.safe_dump({"title": "T", "base": {"config": [toy.name]}, "rows": [{"name": "mine"}]}))
    return ["ablate", file, "-d", bench, "-o", out, "--workers", 1, "--split", "all", "-q"]


@pytest.mark.parametrize("command", ["ablate", "evaluate", "batch"])
def test_an_edited_planner_of_a_file_plans_again(
    command: str, spa2v: Callable[..., str], toy: Path, bench: Path, tmp_path: Path
) -> None:
    words = words_of(command, toy, bench, tmp_path / "out")
    reused = "3 skipped" if command == "batch" else "reused outputs of 3 of 3 clips"
    assert reused not in spa2v(*words)
    assert boxes(tmp_path / "out") == {(0.25, 0.25, 0.75, 0.75)}
    assert reused in spa2v(*words)
    edit(toy)
    assert reused not in spa2v(*words)
    assert boxes(tmp_path / "out") == {(0.25, 0.0, 0.75, 1.0)}


@pytest.mark.parametrize("command", ["ablate", "evaluate", "batch"])
def test_fresh_does_everything_again(
    command: str, spa2v: Callable[..., str], toy: Path, bench: Path, tmp_path: Path
) -> None:
    words = words_of(command, toy, bench, tmp_path / "out")
    spa2v(*words)
    marks = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.json") if "layout" in str(path)}
    said = spa2v(*words, "--fresh")
    assert "reused" not in said
    assert "skipped: made before" not in said
    assert marks
    assert all(path.stat().st_mtime_ns > mark for path, mark in marks.items())


def test_an_edited_metric_of_a_file_scores_again(toy: Path) -> None:
    toy.with_name("metric.py").write_text("class Mine: ...\n")
    toy.with_name("metric.yaml").write_text("metrics: {mine: 'metric.py:Mine'}\n")
    registry = Host([toy.with_name("metric.yaml")], []).registry
    before = code_mark(registry.find("metrics", "mine"), registry)
    toy.with_name("metric.py").write_text("class Mine: pass\n")
    assert code_mark(registry.find("metrics", "mine"), registry) != before


def marks(toy: Path, name: str = "middle") -> object:
    code_marks.package_mark.cache_clear()
    registry = Host([toy.with_name("toy.yaml")], []).registry
    return code_mark(registry.find("layout_planners", name), registry)


def test_a_helper_beside_the_file_counts(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(toy.parent)
    toy.with_name("helper_of_ours.py").write_text("SIZE = 1\n")
    toy.with_name("toy.py").write_text("import helper_of_ours\n" + toy.with_name("toy.py").read_text())
    before = marks(toy)
    toy.with_name("helper_of_ours.py").write_text("SIZE = 2\n")
    assert marks(toy) != before


def test_another_file_counts_where_the_planner_asks_for_components(toy: Path) -> None:
    toy.with_name("other.py").write_text("class Other: ...\n")
    with toy.with_name("toy.yaml").open("a") as file:
        file.write("detectors: {other: 'other.py:Other'}\n")
    plain = marks(toy)
    toy.with_name("other.py").write_text("class Other: pass\n")
    assert marks(toy) == plain
    toy.with_name("toy.py").write_text(toy.with_name("toy.py").read_text() + "# run.component(...)\n")
    asking = marks(toy)
    toy.with_name("other.py").write_text("class Other: ...\n")
    assert marks(toy) != asking


def test_installed_packages_count_by_version_and_source_trees_by_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert code_marks.package_mark("numpy") == f"numpy {__import__('numpy').__version__}"
    assert code_marks.package_mark("json") is None
    assert code_marks.package_mark("no_such_package_of_ours") is None
    package = tmp_path / "edited_package_of_ours"
    package.mkdir()
    (package / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    before = code_marks.package_mark(package.name)
    (package / "prompt.txt").write_text("Where is it?")
    code_marks.package_mark.cache_clear()
    assert None is not before != code_marks.package_mark(package.name)


def test_files_that_options_name_count_by_content(tmp_path: Path) -> None:
    weights, index = tmp_path / "w.safetensors", tmp_path / "examples" / "index.json"
    weights.write_bytes(b"\0" * (code_marks.WHOLE_BYTES + 10))
    index.parent.mkdir()
    index.write_text("{}")
    options = [str(weights), str(index.parent), "plain", "", "a\0b"]
    before = content_marks(options)
    assert list(before) == options[:2]
    (index.parent / "cues.json").write_text("{}")  # named by the index
    assert content_marks(options) == before
    index.write_text("[]")
    assert content_marks(options)[str(index.parent)] != before[str(index.parent)]
    with weights.open("r+b") as file:  # trained again: the same header and size
        file.seek(code_marks.WHOLE_BYTES // 2)
        file.write(b"\1" * code_marks.WHOLE_BYTES)
        file.truncate(code_marks.WHOLE_BYTES + 10)
    assert file_mark(weights) != before[str(weights)]
