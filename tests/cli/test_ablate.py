"""`spa2v ablate`: files, rows, failures, the paper's numbers."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from spa2v.core.config import nested, read_overrides
from spa2v.core.errors import ConfigError
from spa2v.core.host import Host
from spa2v.evaluation.ablation.cells import row_config
from spa2v.evaluation.ablation.paper import METRICS_OF, paper_rows, user_study
from spa2v.evaluation.ablation.spec import read_ablation
from tests.cli.test_cli import run as run_command
from tests.cli.test_evaluate import OWN, OWN_REGISTRY
from tests.kit.evaluation_data import make_bench

CATALOG = Host(extensions=[]).configs
ABLATIONS = CATALOG.names("ablation")


@pytest.fixture
def spa2v(capsys, monkeypatch):
    return lambda *words: run_command(capsys, monkeypatch, *words)


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    return make_bench(tmp_path / "bench", 4)


@pytest.fixture
def ablation(toy: Path) -> Path:
    """An ablation over the toy components: one row fails in its config, one in every clip."""
    data = {
        "title": "Toys",
        "base": {"config": [toy.name], "set": {"layout_planner.options.name": "car"}},
        "rows": [
            {"name": "truth", "set": {"layout_planner": {"name": "layout_file", "options": {"path": "{layout}"}}}},
            {"name": "misspelt", "set": {"layout_planner.options.sise": 0.5}},
            {"name": "dict", "set": {"layout_planner": "wrong_result"}},
            {"paper": "ac_lvd", "measured": False},
        ],
        "grid": {"layout_planner.options.size": [0.2, 0.3]},
        "grid_paper": {"size 0.2": "full"},
    }
    path = toy.parent / "toys.yaml"
    path.write_text(yaml.safe_dump(data, sort_keys=False))
    return path


def test_rows_fail_alone_and_the_paper_stands_beside(spa2v, ablation: Path, bench: Path, tmp_path: Path) -> None:
    words = ("ablate", ablation, "-d", bench, "-o", tmp_path / "out", "-q", "--workers", 1)
    code, out, err = spa2v(*words, "--markdown", tmp_path / "t.md", "--csv", tmp_path / "t.csv")
    assert code == 0
    rows = {row["name"]: row for row in json.loads((tmp_path / "out" / "ablation.json").read_text())["rows"]}
    assert {name: row["status"] for name, row in rows.items()} == {
        "truth": "done",
        "misspelt": "failed",
        "dict": "failed",
        "AC+LVD (GPT-4, 3-shot default examples)": "paper",
        "size 0.2": "done",
        "size 0.3": "done",
    }
    assert "unknown option 'sise'" in rows["misspelt"]["error"]
    assert rows["dict"]["error"].startswith("no clip worked: layout planner 'wrong_result' returned a dict")
    lines = (tmp_path / "t.md").read_text().splitlines()
    by_name = {line.split("|")[1].strip(" *"): line for line in lines if line.startswith("|")}
    assert "100.00/-/100.00" in by_name["truth"]
    assert "failed" in by_name["misspelt"]
    assert "20.16/18.55/19.45" in by_name["paper: Full (3-shot, kNN, Gemini 2.0 Flash, tau 0.5)"]
    assert lines.index(by_name["size 0.2"]) + 1 == lines.index(
        by_name["paper: Full (3-shot, kNN, Gemini 2.0 Flash, tau 0.5)"]
    )
    assert err == "", "no line for each row where it is to be quiet"
    assert "paper: AC+LVD" in out
    (config_file,) = (tmp_path / "out").glob("size-0.2*/config.yaml")
    config = yaml.safe_load(config_file.read_text())
    assert config["layout_planner"] == {"name": "middle", "options": {"name": "car", "size": 0.2}}


def test_started_again_it_makes_nothing_twice(spa2v, ablation: Path, bench: Path, tmp_path: Path) -> None:
    words = ("ablate", ablation, "-d", bench, "-o", tmp_path / "out", "-q", "--workers", 1, "--json")
    first = spa2v(*words)[1]
    made = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("layouts/*.json")}
    journals = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.jsonl")}
    assert len(made) == 12
    assert spa2v(*words)[1] == first
    assert {path: path.stat().st_mtime_ns for path in made} == made
    assert {path: path.read_bytes() for path in journals} == journals


def test_when_every_row_fails_so_does_the_command(spa2v, ablation: Path, bench: Path, tmp_path: Path) -> None:
    code, _, err = spa2v("ablate", ablation, "-d", bench, "-o", tmp_path / "out", "-q", "motion_backbone=gone")
    assert code == 1
    assert "error: every row failed\n  truth: unknown component 'gone'" in err


@pytest.mark.parametrize(
    ("change", "fact"),
    [
        ({"color": 1}, "unknown key 'color'"),
        ({"table": "stage3"}, "table: 'stage3'"),
        ({"stages": [3]}, "stages: [3]"),
        ({"rows": [{"name": "a"}, {"name": "a"}]}, "the row 'a' appears twice"),
        ({"rows": [{"sett": {}}]}, "rows[0]: unknown key 'sett'"),
        ({"rows": [{"paper": "ful"}]}, "rows[0]: the paper's stage1 has no row 'ful'"),
        ({"rows": ["a"]}, "rows[0]: 'a' is not a mapping"),
        ({"rows": []}, "there are 0 rows"),
        ({"grid": [1]}, "grid: [1] is not a mapping"),
        ({"grid": {"a.b": [1]}, "grid_paper": {"b 2": "full"}}, "grid_paper: no cell is called 'b 2'"),
        ({"base": {"sets": {}}}, "base: unknown key 'sets'"),
        ({"base": {"config": ["gone"]}, "rows": [{"name": "a"}]}, "unknown preset 'gone'"),
    ],
    ids=str,
)
def test_what_is_wrong_with_a_file_is_named(change: dict, fact: str, tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(yaml.safe_dump({"rows": [{"name": "a"}]} | change))
    with pytest.raises(ConfigError, match=re.escape(fact)):
        read_ablation(path, tmp_path)


def test_a_metric_of_a_third_party_has_columns(spa2v, ablation: Path, bench: Path, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN)
    (tmp_path / "own.yaml").write_text(OWN_REGISTRY)
    words = ("ablate", ablation, "-d", bench, "-o", tmp_path / "out", "-q", "--workers", 1)
    more = ("--registry", tmp_path / "own.yaml", "--metric", "width", "--markdown", tmp_path / "t.md")
    assert spa2v(*words, *more)[0] == 0
    head, _, *rows = [line for line in (tmp_path / "t.md").read_text().splitlines() if line.startswith("|")]
    cells = [cell.strip() for cell in head.split("|")]
    assert "Stat. Box width [layout] S/M/C" in cells
    (truth,) = [row.split("|") for row in rows if row.startswith("| truth")]
    assert truth[cells.index("Stat. Box width [layout] S/M/C")].strip() == "0.2/-/0.2"


def test_an_unknown_ablation_names_near_ones(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="unknown ablation 'promting'\n  did you mean 'prompting'"):
        read_ablation("promting", tmp_path)
    with pytest.raises(ConfigError, match=r"there is no file 'gone\.yaml'"):
        read_ablation("gone.yaml", tmp_path)


def test_another_base_takes_the_place_of_the_files(tmp_path: Path) -> None:
    """The presets under it go, its single settings stay, and the command line wins over both."""
    spec = read_ablation("captions", tmp_path, ["gemini", "toyworld"])
    row = next(row for row in spec.rows if row.name == "captions local")
    config = row_config(row, spec)
    assert config.motion_backbone.options["base"] == "spa2v:weights/toyworld/stable-diffusion"
    assert config.motion_backbone.options["captions"] == "local"
    assert config.motion_backbone.options["scheduler"] == {"name": "DPMSolverMultistepScheduler"}
    assert config.layout_planner.options["examples"] == str(tmp_path)
    offline = row_config(row, spec, read_overrides(["layout_planner=stereo_rules"]))
    assert (offline.layout_planner.name, dict(offline.layout_planner.options)) == ("stereo_rules", {})


def test_keys_nest() -> None:
    roles = ("layout_planner", "layout_planner.options.shots")
    assert nested(dict(zip(roles, ("gemini", 3), strict=True))) == {
        "layout_planner": {"name": "gemini", "options": {"shots": 3}}
    }
    assert nested(dict(zip(roles[::-1], (3, "gemini"), strict=True))) == {
        "layout_planner": {"name": "gemini", "options": {"shots": 3}}
    }
    assert nested({"a.b": 1, "a.c": [2], "d": 3}) == {"a": {"b": 1, "c": [2]}, "d": 3}
    with pytest.raises(ConfigError, match="exclude each other"):
        nested({"a": 1, "a.b": 2})


def test_ablations_are_no_presets() -> None:
    assert len(ABLATIONS) >= 11
    assert not [name for name in CATALOG.names() if name.startswith("ablations")]


@pytest.mark.parametrize("name", ABLATIONS)
def test_every_shipped_ablation_resolves(name: str, tmp_path: Path) -> None:
    """Each row is a config whose components load and whose options they know."""
    spec = read_ablation(name, tmp_path)
    for row in spec.rows:
        if row.measured:
            row_config(row, spec)


def test_the_shipped_ablations_cover_those_of_the_paper() -> None:
    beside = {row.paper for name in ABLATIONS for row in read_ablation(name, Path()).rows}
    assert set(paper_rows("stage1")) | set(paper_rows("stage2")) <= beside


def test_the_papers_numbers(reference: Path) -> None:
    """Every number of the data file stands in the transcript of the paper, and none of the transcript is left out."""
    text = (reference / "reference" / "paper.md").read_text()
    for table, metrics in METRICS_OF.items():
        for key, row in paper_rows(table).items():
            printed = [
                "/".join(_number(value, metric) for value in row.numbers[scenario][metric])
                for scenario in ("stationary", "translational")
                for metric in metrics
            ]
            assert "| " + " | ".join(printed) + " |" in text, key
    assert f"SpA2V {user_study()['SpA2V']['visual_quality']}" in text


def _number(value: float, metric: str) -> str:
    return f"{value:.3f}".removeprefix("0") if metric == "av_align" else f"{value:.2f}"


def test_c_lies_between_s_and_m_in_the_printed_means() -> None:
    """Guards against exchanged columns; FVD is no mean and may lie outside."""
    for row in paper_rows("stage1").values():
        for metrics in row.numbers.values():
            for single, many, both in metrics.values():
                assert min(single, many) - 0.5 <= both <= max(single, many) + 0.5


NOISY = """
from spa2v import Box, KeyFrame, SceneObject, VideoSceneLayout


class Noisy:
    def plan(self, audio, cues, run):
        x = 0.4 * run.rng("place").random()
        item = SceneObject("car_0", "car", Box(x, 0.3, x + 0.2, 0.6))
        return VideoSceneLayout(audio.duration_s, "a car", (KeyFrame(0.0, "now", (item,)),))
"""


def test_several_seeds_give_mean_and_deviation(spa2v, bench: Path, tmp_path: Path) -> None:
    (tmp_path / "noisy.py").write_text(NOISY)
    (tmp_path / "parts.yaml").write_text('layout_planners: {noisy: "noisy.py:Noisy"}')
    (tmp_path / "noisy.yaml").write_text("registries: [parts.yaml]\nlayout_planner: noisy\n")
    file = tmp_path / "seeds.yaml"
    file.write_text(
        "base: {config: [noisy.yaml], set: {run.seeds: [0, 1, 2]}}\n"
        "rows: [{name: three}, {name: one, set: {run.seeds: [1]}}]\n"
    )
    words = ("ablate", file, "-d", bench, "-o", tmp_path / "out", "-q", "--workers", 1)
    code, out, _ = spa2v(*words, "--markdown", tmp_path / "t.md")
    assert (code, "± over 3 seeds" in out) == (0, True)
    means = [_lt_sim(tmp_path / "out" / "three" / f"seed-{seed}") for seed in (0, 1, 2)]
    assert len(set(means)) == 3
    assert _lt_sim(tmp_path / "out" / "three") == pytest.approx(sum(means) / 3)
    assert _lt_sim(tmp_path / "out" / "one") == means[1]
    again = (tmp_path / "t.md").read_text()
    assert spa2v(*words, "--markdown", tmp_path / "t.md")[0] == 0
    assert (tmp_path / "t.md").read_text() == again
    assert spa2v("report", tmp_path / "out")[0] == 0
    assert "± over 3 seeds" in (tmp_path / "out" / "report.html").read_text()


def _lt_sim(folder: Path) -> float:
    data = json.loads((folder / "evaluation.json").read_text())
    return data["stages"]["1"]["tables"]["lt_sim"]["all"]["C"]["value"]


def test_trackers_get_the_numbers_of_the_tables_and_no_key(
    spa2v, ablation: Path, bench: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("tensorboard")
    from tests.core.test_trackers import events

    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted-key-0042")
    words = ("ablate", ablation, "-d", bench, "-o", tmp_path / "out", "-q", "--workers", 1)
    assert spa2v(*words)[0] == 0
    before = {path.name for path in (tmp_path / "out").rglob("*")}
    assert "tensorboard" not in before, "off by default"
    code, _, err = spa2v(*words, "run.trackers=[tensorboard]")
    assert code == 0
    rows = {row["name"]: row for row in json.loads((tmp_path / "out" / "ablation.json").read_text())["rows"]}
    folder = tmp_path / "out" / rows["size 0.2"]["folder"]
    table = json.loads((folder / "evaluation.json").read_text())["stages"]["1"]["tables"]["max_iou"]
    (logged,) = events(folder / "tensorboard").Scalars("stage1/max_iou/all/C")
    assert logged.value == pytest.approx(100 * table["all"]["C"]["value"])
    assert "size 0.2: reused outputs of 4 of 4 clips" in err, "a tracker changes no result"
    left = b"".join(path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert b"sk-planted-key-0042" not in left


def test_a_tracker_that_is_not_there_is_one_message(spa2v, ablation: Path, bench: Path, tmp_path: Path) -> None:
    words = ("ablate", ablation, "-d", bench, "-o", tmp_path / "out", "-q")
    code, _, err = spa2v(*words, "--tracker", "tensorbord")
    assert (code, err) == (1, "error: run.trackers: unknown tracker 'tensorbord'\n  did you mean 'tensorboard'?\n")
    layouts = ("evaluate", "--layouts", tmp_path, "-d", bench, "-o", tmp_path / "scores")
    assert spa2v(*layouts, "--tracker", "tensorbord")[2] == err
