"""`spa2v layout`: what a user sees of formats."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_cli import run as run_command
from tests.layouts.test_formats import crossing


@pytest.fixture
def spa2v(capsys, monkeypatch):
    return lambda *words: run_command(capsys, monkeypatch, "layout", *words)


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "plan.json"
    path.write_text(crossing().dumps())
    return path


def test_convert_says_on_stderr_what_is_lost(spa2v, plan: Path, tmp_path: Path) -> None:
    code, out, err = spa2v("convert", plan, tmp_path / "a.xml", "--size", "640x360", "--frames", 8)
    assert (code, out) == (0, "")
    assert err.startswith("not kept: the caption; 8 captions of key frames; the reasoning; ")
    assert "<width>640</width>" in (tmp_path / "a.xml").read_text()
    code, _, err = spa2v("convert", tmp_path / "a.xml", tmp_path / "b.json", "--duration", 4)
    assert code == 0
    assert json.loads((tmp_path / "b.json").read_text())["duration_s"] == 4.0


def test_a_rate_that_is_missing_is_asked_for(spa2v, plan: Path, tmp_path: Path) -> None:
    spa2v("convert", plan, tmp_path / "a.xml")
    code, _, err = spa2v("convert", tmp_path / "a.xml", tmp_path / "b.json")
    assert code == 1
    assert "give --duration SECONDS or --fps RATE" in err


def test_the_whole_layout_survives_its_own_format(spa2v, plan: Path, tmp_path: Path) -> None:
    code, _, err = spa2v("convert", plan, tmp_path / "b.json")
    assert (code, err) == (0, f"wrote {tmp_path / 'b.json'}\n")
    assert (tmp_path / "b.json").read_text() == plan.read_text()


def test_check_names_the_field_and_goes_on(spa2v, plan: Path, tmp_path: Path) -> None:
    data = json.loads(plan.read_text())
    data["keyframes"][3]["objects"][0]["box"][0] = 0.99
    bad = tmp_path / "bad.json"
    bad.write_text(json.dumps(data))
    code, out, _ = spa2v("check", bad, plan)
    assert code == 1
    first, second = out.splitlines()
    assert first.startswith(f"{bad}: keyframes[3].objects[0].box: x1=0.99")
    assert second == f"{plan}: valid, 2 objects, 8 key frames"


def test_show_prints_objects_or_json(spa2v, plan: Path, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    code, out, _ = spa2v("show", plan)
    assert code == 0
    assert "A car passes a man." in out
    assert "man_0" in out
    assert "1.75-4.00" in out  # it comes halfway between the key frames at 1.5 and 2 s
    code, out, _ = spa2v("show", plan, "--json")
    assert out == plan.read_text()


def test_diff_prints_iou_and_exits_with_one_where_layouts_differ(
    spa2v, plan: Path, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    assert spa2v("diff", plan, plan)[0] == 0
    data = json.loads(plan.read_text())
    data["caption"] = "Another."
    other = tmp_path / "other.json"
    other.write_text(json.dumps(data))
    code, out, _ = spa2v("diff", plan, other)
    assert code == 1
    assert "differ: caption" in out
    code, out, _ = spa2v("diff", plan, other, "--json")
    assert [item["iou"] for item in json.loads(out)["objects"]] == [1.0, 1.0]


def test_formats_lists_every_format(spa2v, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    code, out, _ = spa2v("formats")
    assert code == 0
    for name in ("cvat", "mot", "coco", "lvd", "masks", "vace", "points", "comfyui"):
        assert f"\n{name} " in out


@pytest.mark.parametrize("size", ["640", "axb", "0x5", "99999x1"])
def test_sizes_that_are_none(spa2v, plan: Path, tmp_path: Path, size: str) -> None:
    assert spa2v("convert", plan, tmp_path / "a.xml", "--size", size)[0] in (1, 2)
