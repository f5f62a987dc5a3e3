"""`spa2v study`: a page that tells nothing of the methods, and results that are unblinded right."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from spa2v.cli.study import app
from spa2v.core.errors import ConfigError
from spa2v.core.media.video import write_video
from spa2v.evaluation.study.making import CRITERIA
from spa2v.evaluation.study.results import Rank, mean_ranks, read_key, read_ranks
from tests.cli.test_cli import run as run_command
from tests.cli.test_report import Page, check_sealed
from tests.kit.browsers import dom_of, needs_chromium
from tests.kit.evaluation_data import KINDS, sound, video

METHODS = ("ours", "theirs", "baseline")


@pytest.fixture
def spa2v(capsys, monkeypatch):
    return lambda *words: run_command(capsys, monkeypatch, *words)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three methods; one lacks a clip."""
    folder = tmp_path_factory.mktemp("study")
    words: list[object] = ["make", "-o", folder / "study"]
    for number, name in enumerate(METHODS):
        (folder / name).mkdir()
        words += ["-m", f"{name}={folder / name}"]
        for clip, kind in enumerate(KINDS[: 4 - (number == 2)]):
            write_video(folder / name / f"clip_{clip}.mp4", video(KINDS[(clip + number) % 4]), sound(kind, clip))
    made = CliRunner().invoke(app, list(map(str, words)))
    assert made.exit_code == 0
    assert "left out: clip_3: without a video of: baseline" in made.stderr
    assert "3 clips of 3 methods" in made.stderr
    return folder / "study"


def answer(key: dict, order: tuple[str, ...], rater: str) -> dict:
    """Ranks every clip by a fixed order of the methods."""
    answers = [
        {"item": token, "criterion": criterion, "ranks": {k: order.index(v) + 1 for k, v in item["methods"].items()}}
        for token, item in key["items"].items()
        for criterion in CRITERIA
    ]
    return {"study": key["study"], "version": 1, "rater": rater, "answers": answers}


def test_the_page_is_sealed_and_blind(study: Path) -> None:
    page = Page(study / "study.html")
    check_sealed(page)
    assert page.count("video") == 9
    assert page.count("select") == 3 * 3 * 2
    without_media = re.sub(r"data:video/mp4;base64,[A-Za-z0-9+/=]+", "", page.source)
    assert not [word for word in (*METHODS, "clip_") if word in without_media]


def test_the_order_differs_from_clip_to_clip(study: Path) -> None:
    key = read_key(study)
    orders = {tuple(item["methods"].values()) for item in key["items"].values()}
    assert len(orders) > 1
    assert all(set(order) == set(METHODS) for order in orders)


def test_ranks_are_unblinded(spa2v, study: Path, tmp_path: Path) -> None:
    key = read_key(study)
    files = []
    for rater, order in (("ann", METHODS), ("ben", METHODS), ("cem", ("theirs", "ours", "baseline"))):
        files.append(tmp_path / f"{rater}.json")
        files[-1].write_text(json.dumps(answer(key, order, rater)))
    code, out, _ = spa2v("study", "results", study, *files, "--json", "--markdown", tmp_path / "t.md")
    means = json.loads(out)
    assert code == 0
    for criterion in CRITERIA:
        assert means["ours"][criterion]["value"] == pytest.approx(4 / 3)
        assert means["theirs"][criterion]["value"] == pytest.approx(5 / 3)
        assert (means["baseline"][criterion]["low"], means["baseline"][criterion]["high"]) == (3.0, 3.0)
        assert 1.0 <= means["ours"][criterion]["low"] <= 4 / 3 <= means["ours"][criterion]["high"] <= 2.0
    text = (tmp_path / "t.md").read_text()
    assert "| *paper: SpA2V* | *1.97* | *1.95* |" in text
    assert text.index("| ours ") < text.index("| theirs ")
    assert "3 raters, 3 clips" in text


def test_one_rater_has_intervals_over_clips() -> None:
    ranks = [Rank("ann", f"clip_{n}", "visual_quality", "ours", 1 + n % 3) for n in range(12)]
    cell = mean_ranks(ranks)["ours"]["visual_quality"]
    assert (cell.value, cell.count) == (2.0, 12)
    assert cell.low is not None
    assert 1.3 < cell.low < 2.0


@pytest.mark.parametrize(
    ("change", "fact"),
    [
        ({"study": "other"}, "is of another study"),
        ({"answers": 3}, "holds no answers"),
        ({"answers": [{"item": "gone", "criterion": "visual_quality", "ranks": {}}]}, "no answer to this study"),
        ({"answers": ["x"]}, "no answer to this study"),
    ],
    ids=str,
)
def test_files_of_raters_are_checked(study: Path, tmp_path: Path, change: dict, fact: str) -> None:
    key = read_key(study)
    (tmp_path / "r.json").write_text(json.dumps(answer(key, METHODS, "ann") | change))
    with pytest.raises(ConfigError, match=fact):
        read_ranks(tmp_path / "r.json", key)


def test_what_is_no_ranking_is_refused(spa2v, study: Path, tmp_path: Path) -> None:
    key = read_key(study)
    data = answer(key, METHODS, "ann")

    def refused(fact: str) -> None:
        (tmp_path / "r.json").write_text(json.dumps(data))
        with pytest.raises(ConfigError, match=fact):
            read_ranks(tmp_path / "r.json", key)

    good = dict(data["answers"][0])
    data["answers"][0] = good | {"ranks": {"A": 1, "B": 1, "C": 2}}
    refused("is no ranking of A, B, C")
    data["answers"][0] = good | {"criterion": "beauty"}
    refused("unknown criterion 'beauty'")
    data["answers"][0] = data["answers"][1]
    refused("answers a question twice")
    (tmp_path / "a.json").write_text(json.dumps(answer(key, METHODS, "ann")))
    (tmp_path / "b.json").write_text(json.dumps(answer(key, METHODS, "ann")))
    code, _, err = spa2v("study", "results", study, tmp_path / "a.json", tmp_path / "b.json")
    assert (code, err.startswith("error: two files are of the same rater")) == (1, True)


def test_refusals_of_making(spa2v, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    words = ("study", "make", "-o", tmp_path / "s")
    assert "1 methods cannot be ranked" in spa2v(*words, "-m", f"a={tmp_path / 'a'}")[2]
    assert "is not of the form NAME=DIR" in spa2v(*words, "-m", "a")[2]
    both = ("-m", f"a={tmp_path / 'a'}", "-m", f"b={tmp_path / 'b'}")
    assert "error: no clip has a video of every method\n  a: 0 videos\n" in spa2v(*words, *both)[2]
    for name in ("a", "b"):
        write_video(tmp_path / name / "clip.mp4", video("left"))
    assert "error: the video of 'clip' by" in spa2v(*words, *both)[2]
    assert "is no key of a study" in _refused_key(spa2v, tmp_path)


def _refused_key(spa2v, folder: Path) -> str:
    (folder / "key.json").write_text("{}")
    (folder / "r.json").write_text("{}")
    return spa2v("study", "results", folder, folder / "r.json")[2]


@needs_chromium
def test_in_a_browser_the_page_counts_rankings(study: Path, tmp_path: Path) -> None:
    dom, log = dom_of(study / "study.html", tmp_path / "profile")
    assert "0 of 6 rankings done" in dom
    assert "Content Security Policy" not in log
