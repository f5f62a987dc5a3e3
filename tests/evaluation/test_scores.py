"""Scores of clips with reasons, and tables with intervals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from spa2v.core.errors import MetricError
from spa2v.core.types import Box, KeyFrame, MetricInfo, SceneObject, VideoSceneLayout, keyframe_times
from spa2v.core.types.scores import frames_of
from spa2v.evaluation.aggregate import Bootstrap, ClipInfo, difference, mean_interval, summarize
from spa2v.evaluation.catalog import metric_info
from spa2v.evaluation.chosen import Chosen
from spa2v.evaluation.engine.scoring import LAYOUT_METRICS, score_batch
from spa2v.evaluation.scores import ClipScore
from spa2v.plugins.metrics.lt_sim import WORST, LTSim
from spa2v.plugins.metrics.max_iou import MaxIoU
from tests.kit.scored_clips import score_frames, score_pairs, stage_of, write_pairs


def _layout(*names: str, shift: float = 0.0, duration_s: float = 1.6, count: int = 16) -> VideoSceneLayout:
    boxes = [Box(0.1 + 0.25 * i + shift, 0.4, 0.3 + 0.25 * i + shift, 0.6) for i in range(len(names))]
    things = tuple(SceneObject(f"t{i}", name, box) for i, (name, box) in enumerate(zip(names, boxes, strict=True)))
    frames = tuple(KeyFrame(float(t), "", things) for t in keyframe_times(duration_s, count))
    return VideoSceneLayout(duration_s, "", frames, scenario="stationary")


def test_identical_layouts_score_the_maximum_and_give_no_reasons(tmp_path: Path) -> None:
    (scores,) = score_pairs(tmp_path, [(_layout("car", "bus"), _layout("car", "bus"))])
    assert {name: score.value for name, score in scores.items()} == {
        "max_iou": 1.0,
        "lt_sim": 1.0,
        "doc_sim": pytest.approx(0.2),
        "track_iou": 1.0,
    }
    assert all(score.reasons == () == score.flags for score in scores.values())
    assert scores["doc_sim"].details["truth_with_itself"] == pytest.approx(0.2)
    assert scores["max_iou"].details["frames"] == [1.0] * 16


SETS = ("max_iou", {"set_level": True})


def test_a_batch_gives_what_each_clip_gives_alone(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    names = ("car", "bus", "dog", "man")
    pairs = []
    for _ in range(40):
        truth, guess = (rng.choice(names, rng.integers(1, 4)).tolist() for _ in range(2))
        guess = truth if rng.random() < 0.6 else guess
        pairs.append((_layout(*truth), _layout(*guess, shift=float(rng.uniform(0, 0.1)))))
    stage = stage_of(*((name, {}) for name in LAYOUT_METRICS), SETS)
    items = write_pairs(tmp_path, pairs)
    together = score_batch(stage, items)
    assert len(together["c0"]["scores"]) == 5
    for item in items:
        alone = score_batch(stage, [item])
        assert together[item.files.clip.id] == alone[item.files.clip.id]


def test_a_missing_layout_is_scored_as_empty_and_says_so(tmp_path: Path) -> None:
    (scores,) = score_pairs(tmp_path, [(_layout("car"), None)])
    assert scores["max_iou"].value == scores["doc_sim"].value == scores["track_iou"].value == 0.0
    assert scores["lt_sim"].value == pytest.approx(WORST)
    assert scores["lt_sim"].flags == ("no_layout",)
    assert scores["lt_sim"].reasons == ("There is no layout for this clip; it is scored as empty frames.",)
    (other,) = score_pairs(tmp_path, [(_layout("car"), None)], stage_of(("lt_sim", {"one_empty": 0.0})))
    assert other["lt_sim[one_empty=0]"].value == 0


def test_reasons_name_the_labels_the_durations_and_the_empty_frames(tmp_path: Path) -> None:
    pairs = [(_layout("car", "bus"), _layout("automobile", "bus", duration_s=3.2)), (_layout(), _layout())]
    differ, nothing = score_pairs(tmp_path, pairs)
    assert differ["max_iou"].value == 0.0
    assert differ["max_iou"].flags == ("duration_differs", "labels_differ")
    assert differ["max_iou"].reasons == (
        "The layout lasts 3.2 s, the ground truth 1.6 s.",
        "The labels differ in 16 of 16 frames: missing 'car' in 16 frames, extra 'automobile' in 16 frames.",
    )
    assert nothing["max_iou"].value == nothing["lt_sim"].value == nothing["track_iou"].value == 1.0
    assert nothing["max_iou"].flags == ("both_empty",)
    (other,) = score_pairs(tmp_path, pairs[1:], stage_of(("max_iou", {"both_empty": 0.0})))
    assert other["max_iou[both_empty=0]"].value == 0


def test_frames_are_sampled_over_each_layout_and_taken_where_they_are(tmp_path: Path) -> None:
    layout = _layout("car")
    assert frames_of(layout) is layout.keyframes
    late = VideoSceneLayout(3.2, "", layout.keyframes)  # 16 key frames, all in the first half
    assert [frame.time_s for frame in frames_of(late)] == [0.2 * i for i in range(16)]
    few = _layout("car", count=4)
    assert len(frames_of(few)) == 16
    assert score_pairs(tmp_path, [(layout, few)])[0]["max_iou"].value == pytest.approx(1.0)


def test_boxes_whose_area_vanishes_are_grown() -> None:
    tiny = (KeyFrame(0.0, "", (SceneObject("a", "car", Box(0.0, 0.0, 1e-200, 1e-200)),)),)
    assert score_frames(MaxIoU(), tiny).value == score_frames(LTSim(), tiny).value == 1.0


def test_set_level_max_iou_ignores_the_order_of_frames() -> None:
    frames = tuple(
        KeyFrame(i / 10, "", (SceneObject("a", "car", Box(0.05 * i, 0.4, 0.05 * i + 0.2, 0.6)),)) for i in range(8)
    )
    backwards = tuple(KeyFrame(i / 10, "", frames[7 - i].objects) for i in range(8))
    assert score_frames(MaxIoU(set_level=True), backwards, frames, 0.8).value == 1.0
    assert score_frames(MaxIoU(), backwards, frames, 0.8).value < 0.5  # type: ignore[operator]


def test_labels_that_differ_in_words_count_only_when_mapped(tmp_path: Path) -> None:
    (tmp_path / "words.json").write_text('{"automobile": "car"}')
    pair = (_layout("car", "bus"), _layout("the Automobile", " Bus"))
    values = {}
    for name, options in (("exact", {}), ("normalized", {}), ("table", {"path": str(tmp_path / "words.json")})):
        stage = stage_of(("max_iou", {}), labels=Chosen("label_maps", name, options))
        ((title, score),) = score_pairs(tmp_path, [pair], stage)[0].items()
        values[name] = score.value
        assert ("labels_mapped" in score.flags) == (name != "exact")
    assert values == {"exact": 0.0, "normalized": 0.0, "table": 1.0}
    assert score.reasons == ("Labels were mapped: ' Bus' to 'bus', 'the Automobile' to 'car'.",)
    assert title == score.metric == "max_iou[labels=table words.json]"
    assert stage.describe()["labels"] == "table words.json"


def test_variants_stand_beside_each_other_in_one_table(tmp_path: Path) -> None:
    pair = (_layout("car", "bus", "dog"), _layout("Car", "bus"))
    plain = tuple((name, {}) for name in LAYOUT_METRICS)
    variants = (
        ("max_iou", {}),
        ("lt_sim", {"one_empty": 0.0}),
        ("doc_sim", {"orientation": "reference"}),
        ("track_iou", {}),
        ("max_iou", {"set_level": True, "orientation": "reference"}),
    )
    stages = (stage_of(*plain), stage_of(*variants, labels=Chosen("label_maps", "normalized")))
    scores = {name: score for stage in stages for name, score in score_pairs(tmp_path, [pair], stage)[0].items()}
    assert sorted(scores) == [
        "doc_sim",
        "doc_sim[labels=normalized, orientation=reference]",
        "lt_sim",
        "lt_sim[labels=normalized, one_empty=0]",
        "max_iou",
        "max_iou[labels=normalized]",
        "max_iou_set[labels=normalized, orientation=reference]",
        "track_iou",
        "track_iou[labels=normalized]",
    ]
    tables = summarize(scores.values(), {"c0": ClipInfo("c0", "stationary", 3)})
    assert tables["track_iou[labels=normalized]"]["all"]["M"].value == pytest.approx(2 / 3)
    assert tables["track_iou"]["all"]["M"].value == pytest.approx(1 / 3)


def _scored(count: int = 60, seed: int = 0) -> tuple[list[ClipScore], dict[str, ClipInfo]]:
    rng = np.random.default_rng(seed)
    infos, scores = {}, []
    for i in range(count):
        scenario = ("stationary", "translational")[i % 2]
        infos[f"c{i}"] = ClipInfo(f"c{i}", scenario, 1 + (i % 5 == 0), f"s{i // 2}")
        scores.append(ClipScore(f"c{i}", "lt_sim", float(rng.uniform(0.4, 1.0)), ("labels_differ",) * (i % 3 == 0)))
    return scores, infos


def test_c_is_the_mean_of_s_and_m_weighted_by_their_clips() -> None:
    scores, infos = _scored()
    table = summarize(scores, infos, Bootstrap(100))["lt_sim"]
    assert sorted(table) == ["all", "stationary", "translational"]
    for row in table.values():
        s, m, c = row["S"], row["M"], row["C"]
        assert c.count == s.count + m.count
        assert c.value == pytest.approx((s.value * s.count + m.value * m.count) / c.count)  # type: ignore[operator]
        assert all(cell.low < cell.value < cell.high for cell in (s, m, c))  # type: ignore[operator]
    assert table["all"]["C"].flags == {"labels_differ": 20}


def test_the_order_of_scores_changes_nothing() -> None:
    scores, infos = _scored()
    assert summarize(scores[::-1], infos, Bootstrap(50)) == summarize(scores, infos, Bootstrap(50))
    assert summarize(scores, infos, Bootstrap(50, seed=1)) != summarize(scores, infos, Bootstrap(50))


def test_undefined_scores_are_counted_and_left_out() -> None:
    infos = {name: ClipInfo(name, "stationary", 1) for name in ("a", "b", "c")}
    scores = [ClipScore("a", "m", 0.5), ClipScore("b", "m", float("nan")), ClipScore("c", "m", None, ("silent",))]
    cell = summarize(scores, infos)["m"]["stationary"]["S"]
    assert (cell.value, cell.count, cell.undefined, cell.flags) == (0.5, 1, 2, {"silent": 1})
    assert cell.low is cell.high is None
    empty = summarize([scores[2]], infos)["m"]["all"]["C"]
    assert (empty.value, empty.count, empty.undefined) == (None, 0, 1)


def test_unknown_and_repeated_clips_are_refused() -> None:
    infos = {"a": ClipInfo("a", "stationary", 1)}
    with pytest.raises(MetricError, match=r"^m: 'b' is not a clip of this benchmark$"):
        summarize([ClipScore("b", "m", 1.0)], infos)
    with pytest.raises(MetricError, match=r"^m: 'a' is scored twice$"):
        summarize([ClipScore("a", "m", 1.0), ClipScore("a", "m", 1.0)], infos)


def test_intervals_cover_the_mean_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(0)
    bootstrap = Bootstrap(300)
    hits = 0
    for trial in range(200):
        found = mean_interval(rng.normal(size=40), [str(i) for i in range(40)], bootstrap, bootstrap.rng(str(trial)))
        hits += found is not None and found[0] <= 0.0 <= found[1]
    assert 0.88 <= hits / 200 <= 0.99


def test_clips_of_one_source_are_drawn_together() -> None:
    values = np.repeat(np.random.default_rng(1).normal(size=20), 10)
    own, shared = [str(i) for i in range(200)], [str(i // 10) for i in range(200)]
    widths = [np.ptp(mean_interval(values, names, Bootstrap(), Bootstrap().rng("w")) or ()) for names in (own, shared)]
    assert widths[1] > 2 * widths[0]
    assert mean_interval(values, ["one"] * 200, Bootstrap(), Bootstrap().rng("w")) is None


def test_paired_differences() -> None:
    _, infos = _scored()
    rng = np.random.default_rng(3)
    base = {clip: float(rng.uniform()) for clip in infos}
    better = {clip: value + 0.1 + float(rng.normal(0, 0.01)) for clip, value in base.items()}
    del better["c0"]
    cell = difference(better, base, infos, Bootstrap(200))
    assert cell.value == pytest.approx(0.1, abs=0.01)
    assert cell.low > 0.09  # type: ignore[operator]
    assert (cell.count, cell.undefined) == (59, 1)
    with pytest.raises(MetricError, match=r"^the two sets of scores share no clip$"):
        difference({}, base, infos, Bootstrap())


def test_clips_without_objects_stand_in_c_alone() -> None:
    assert ClipInfo.of("a", _layout()).columns == ("C",)
    assert ClipInfo.of("a", _layout("car")).columns == ("S", "C")
    info = ClipInfo.of("a", _layout("car", "bus"), "src")
    assert (info.columns, info.scenario, info.source) == (("M", "C"), "stationary", "src")


def test_the_catalog_knows_every_metric_and_its_variants() -> None:
    assert metric_info("lt_sim[labels=normalized, one_empty=0]").title == "LTSim [labels=normalized, one_empty=0]"
    names = ("max_iou", "lt_sim", "doc_sim", "track_iou", "max_iou_set")
    assert [metric_info(name).text(0.20156) for name in names] == ["20.16"] * 5
    assert metric_info("fvd").text(776.634) == "776.63"
    assert metric_info("av_align[2023]").text(None) == "-"
    assert not metric_info("fvd").higher
    with pytest.raises(MetricError, match=r"^there is no metric 'iou'\n  did you mean 'max_iou'"):
        metric_info("iou")
    assert metric_info("iou[x]", {"iou[x]": MetricInfo("IoU", digits=1)}) == MetricInfo("IoU [x]", digits=1)


def test_scores_survive_json(tmp_path: Path) -> None:
    (scores,) = score_pairs(tmp_path, [(_layout("car"), _layout("bus"))])
    score = scores["doc_sim"]
    assert ClipScore.from_json(json.loads(json.dumps(score.to_json()))) == score
    assert json.dumps(summarize([score], {"c0": ClipInfo("c0", "stationary", 1)})["doc_sim"]["all"]["S"].to_json())
