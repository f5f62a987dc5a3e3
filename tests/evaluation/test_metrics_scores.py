"""Scores of clips with reasons, labels, and tables with intervals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from spa2v.core.errors import ConfigError, WeightsError
from spa2v.core.runtime import Run
from spa2v.core.types import Box, KeyFrame, SceneObject, VideoSceneLayout, keyframe_times
from spa2v.evaluation.aggregate import Bootstrap, ClipInfo, difference, mean_interval, summarize
from spa2v.evaluation.catalog import metric_info
from spa2v.evaluation.errors import MetricError
from spa2v.evaluation.labels import EmbeddingLabels, ExactLabels, NormalizedLabels, TableLabels, normalized
from spa2v.evaluation.metrics.layout_scores import LayoutOptions, LayoutPair, frames_of, layout_scores
from spa2v.evaluation.metrics.lt_sim import WORST
from spa2v.evaluation.scores import ClipScore
from spa2v.evaluation.text_embeddings import TextEmbeddings


def _layout(*names: str, shift: float = 0.0, duration_s: float = 1.6, count: int = 16) -> VideoSceneLayout:
    boxes = [Box(0.1 + 0.25 * i + shift, 0.4, 0.3 + 0.25 * i + shift, 0.6) for i in range(len(names))]
    things = tuple(SceneObject(f"t{i}", name, box) for i, (name, box) in enumerate(zip(names, boxes, strict=True)))
    frames = tuple(KeyFrame(float(t), "", things) for t in keyframe_times(duration_s, count))
    return VideoSceneLayout(duration_s, "", frames, scenario="stationary")


def test_identical_layouts_score_the_maximum_and_give_no_reasons() -> None:
    layout = _layout("car", "bus")
    scores = layout_scores([LayoutPair.of("c", layout, layout)])
    assert {name: found[0].value for name, found in scores.items()} == {
        "max_iou": 1.0,
        "lt_sim": 1.0,
        "doc_sim": pytest.approx(0.2),
        "track_iou": 1.0,
    }
    assert all(found[0].reasons == () == found[0].flags for found in scores.values())
    assert scores["doc_sim"][0].details["truth_with_itself"] == pytest.approx(0.2)
    assert scores["max_iou"][0].details["frames"] == [1.0] * 16


def test_a_batch_gives_what_each_clip_gives_alone() -> None:
    rng = np.random.default_rng(0)
    names = ("car", "bus", "dog", "man")
    pairs = []
    for i in range(40):
        truth, guess = (rng.choice(names, rng.integers(1, 4)).tolist() for _ in range(2))
        guess = truth if rng.random() < 0.6 else guess
        pairs.append(LayoutPair.of(f"c{i}", _layout(*truth), _layout(*guess, shift=float(rng.uniform(0, 0.1)))))
    together = layout_scores(pairs, LayoutOptions(set_level=True))
    alone = [layout_scores([pair], LayoutOptions(set_level=True)) for pair in pairs]
    for metric, scores in together.items():
        assert scores == [found[metric][0] for found in alone]


def test_a_missing_layout_is_scored_as_empty_and_says_so() -> None:
    scores = layout_scores([LayoutPair.of("c", _layout("car"), None)])
    assert scores["max_iou"][0].value == scores["doc_sim"][0].value == scores["track_iou"][0].value == 0.0
    assert scores["lt_sim"][0].value == pytest.approx(WORST)
    assert (
        layout_scores([LayoutPair.of("c", _layout("car"), None)], LayoutOptions(one_empty=0.0))["lt_sim[one_empty=0]"][
            0
        ].value
        == 0
    )
    assert scores["lt_sim"][0].flags == ("no_layout",)
    assert scores["lt_sim"][0].reasons == ("There is no layout for this clip; it is scored as empty frames.",)


def test_reasons_name_the_labels_the_durations_and_the_empty_frames() -> None:
    score = layout_scores([LayoutPair.of("c", _layout("car", "bus"), _layout("automobile", "bus", duration_s=3.2))])
    assert score["max_iou"][0].value == 0.0
    assert score["max_iou"][0].flags == ("duration_differs", "labels_differ")
    assert score["max_iou"][0].reasons == (
        "The layout lasts 3.2 s, the ground truth 1.6 s.",
        "The labels differ in 16 of 16 frames: missing 'car' in 16 frames, extra 'automobile' in 16 frames.",
    )
    nothing = layout_scores([LayoutPair.of("c", _layout(), _layout())])
    assert nothing["max_iou"][0].value == nothing["lt_sim"][0].value == nothing["track_iou"][0].value == 1.0
    assert nothing["max_iou"][0].flags == ("both_empty",)
    assert (
        layout_scores([LayoutPair.of("c", _layout(), _layout())], LayoutOptions(both_empty=0.0))[
            "max_iou[both_empty=0]"
        ][0].value
        == 0
    )


def test_frames_are_sampled_over_each_layout_and_taken_where_they_stand() -> None:
    layout = _layout("car")
    assert frames_of(layout) is layout.keyframes
    late = VideoSceneLayout(3.2, "", layout.keyframes)  # 16 key frames, all in the first half
    assert [frame.time_s for frame in frames_of(late)] == [0.2 * i for i in range(16)]
    few = _layout("car", count=4)
    assert len(frames_of(few)) == 16
    assert layout_scores([LayoutPair.of("c", layout, few)])["max_iou"][0].value == pytest.approx(1.0)


def test_boxes_whose_area_vanishes_are_grown() -> None:
    tiny = KeyFrame(0.0, "", (SceneObject("a", "car", Box(0.0, 0.0, 1e-200, 1e-200)),))
    scores = layout_scores([LayoutPair("c", (tiny,), (tiny,))])
    assert scores["max_iou"][0].value == scores["lt_sim"][0].value == 1.0


def test_unequal_numbers_of_frames_are_refused() -> None:
    frames = _layout("car").keyframes
    with pytest.raises(MetricError, match=r"^'c' has 16 and 8 frames\n  expected 16 each$"):
        layout_scores([LayoutPair("c", frames, frames[:8])])
    assert layout_scores([]) == {}


def test_set_level_max_iou_ignores_the_order_of_frames() -> None:
    frames = tuple(
        KeyFrame(i / 10, "", (SceneObject("a", "car", Box(0.05 * i, 0.4, 0.05 * i + 0.2, 0.6)),)) for i in range(8)
    )
    backwards = tuple(KeyFrame(i / 10, "", frames[7 - i].objects) for i in range(8))
    scores = layout_scores([LayoutPair("c", frames, backwards)], LayoutOptions(set_level=True))
    assert scores["max_iou_set"][0].value == 1.0
    assert scores["max_iou"][0].value < 0.5  # type: ignore[operator]


def test_labels_that_differ_in_words_count_only_when_mapped() -> None:
    pair = LayoutPair.of("c", _layout("car", "bus"), _layout("the Automobile", " Bus"))
    values = {}
    for mapping in (ExactLabels(), NormalizedLabels(), TableLabels({"automobile": "car"})):
        options = LayoutOptions(labels=mapping)
        score = layout_scores([pair], options)[options.named("max_iou")][0]
        values[mapping.name] = score.value
        assert ("labels_mapped" in score.flags) == (mapping.name != "exact")
    assert values == {"exact": 0.0, "normalized": 0.0, "table": 1.0}
    assert score.reasons == ("Labels were mapped: ' Bus' to 'bus', 'the Automobile' to 'car'.",)
    assert score.metric == "max_iou[labels=table]"
    assert LayoutOptions(labels=TableLabels({})).describe()["labels"] == "table"


def test_variants_stand_beside_each_other_in_one_table() -> None:
    pair = LayoutPair.of("c", _layout("car", "bus", "dog"), _layout("Car", "bus"))
    options = (LayoutOptions(), LayoutOptions(NormalizedLabels(), "reference", one_empty=0.0, set_level=True))
    scores = {name: found for option in options for name, found in layout_scores([pair], option).items()}
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
    infos = {"c": ClipInfo("c", "stationary", 3)}
    tables = summarize([score for found in scores.values() for score in found], infos)
    assert tables["track_iou[labels=normalized]"]["all"]["M"].value == pytest.approx(2 / 3)
    assert tables["track_iou"]["all"]["M"].value == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("label", "plain"), [("A  Car ", "car"), ("the CAR", "car"), ("an", "an"), ("theatre organ", "theatre organ")]
)
def test_normalization(label: str, plain: str) -> None:
    assert normalized(label) == plain


def test_label_tables_from_files(tmp_path: Path) -> None:
    file = tmp_path / "words.json"
    file.write_text(json.dumps({"Automobile": "a car"}))
    table = TableLabels.read(file)
    assert table.name == "table words.json"
    assert table.table(["automobile", "bus"], []) == {"automobile": "car", "bus": "bus"}
    file.write_text("[1]")
    with pytest.raises(ConfigError, match=r"is not an object of texts\n"):
        TableLabels.read(file)
    with pytest.raises(ConfigError, match="cannot be read"):
        TableLabels.read(tmp_path / "none.json")
    with pytest.raises(ConfigError, match=r"^label table: 'a' leads to a word that is itself replaced\n"):
        TableLabels({"a": "b", "b": "c"})


def test_embeddings_map_to_the_nearest_word_of_the_ground_truth() -> None:
    space = {"car": [1.0, 0.0], "automobile": [0.95, 0.3], "piano": [0.0, 1.0], "cloud": [0.7, 0.7]}
    labels = EmbeddingLabels(lambda texts: np.array([space[text] for text in texts]), "toy", least=0.9)
    found = labels.table(["Automobile", "cloud", "the car"], ["car", "piano"])
    assert found == {"Automobile": "car", "cloud": "cloud", "the car": "car"}
    assert labels.name == "embeddings toy, cosine >= 0.9"


@pytest.mark.parametrize("clip", [True, False])
def test_text_embeddings_of_real_models(clip: bool, tmp_path: Path) -> None:
    import torch

    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    (tmp_path / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "car", "red", "dog"]))
    transformers.BertTokenizer.from_pretrained(tmp_path).save_pretrained(tmp_path)
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    if clip:
        config = transformers.CLIPTextConfig(vocab_size=8, projection_dim=6, eos_token_id=3, **sizes)
        transformers.CLIPTextModelWithProjection(config).save_pretrained(tmp_path)
    else:
        transformers.BertModel(transformers.BertConfig(vocab_size=8, **sizes)).save_pretrained(tmp_path)
    embed = TextEmbeddings(str(tmp_path), Run(device="cpu"))
    together, alone = embed(["car", "red dog car"]), embed(["car"])
    assert together.shape == (2, 6 if clip else 16)
    np.testing.assert_allclose(together[0], alone[0], atol=1e-5)  # padding does not leak
    assert not np.allclose(together[0], together[1])
    mapped = EmbeddingLabels(embed, "small", least=-1.0).table(["dog"], ["car"])
    assert mapped == {"dog": "car"}


def test_text_embeddings_refuse_a_folder_without_a_model(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    with pytest.raises(WeightsError, match="is not a usable text model"):
        TextEmbeddings(str(tmp_path), Run(device="cpu"))(["car"])


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
    pair = LayoutPair.of("c", _layout("car"), _layout("car"))
    names = layout_scores([pair], LayoutOptions(NormalizedLabels(), one_empty=0.0, set_level=True))
    assert metric_info("lt_sim[labels=normalized, one_empty=0]").title == "LTSim [labels=normalized, one_empty=0]"
    assert [metric_info(name).text(0.20156) for name in names] == ["20.16"] * 5
    assert metric_info("fvd").text(776.634) == "776.63"
    assert metric_info("av_align[2023]").text(None) == "-"
    assert not metric_info("fvd").higher
    with pytest.raises(MetricError, match=r"^there is no metric 'iou'\n  known: max_iou, "):
        metric_info("iou")


def test_scores_survive_json() -> None:
    score = layout_scores([LayoutPair.of("c", _layout("car"), _layout("bus"))])["doc_sim"][0]
    assert ClipScore.from_json(json.loads(json.dumps(score.to_json()))) == score
    assert json.dumps(summarize([score], {"c": ClipInfo("c", "stationary", 1)})["doc_sim"]["all"]["S"].to_json())
