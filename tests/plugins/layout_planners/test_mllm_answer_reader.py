"""The tolerant reader of MLLM answers: what it repairs, what it refuses, and that nothing else comes out."""

from __future__ import annotations

import json
from collections import Counter

import jsonschema
import numpy as np
import pytest

from spa2v import LayoutError, VideoSceneLayout
from spa2v.plugins.layout_planners.mllm.answer.reader import ReadAnswer, read_answer
from spa2v.plugins.layout_planners.mllm.answer.schema import AnswerForm, answer_of_layout, answer_schema
from tests.kit.mllm_answers import HOSTILE, REPAIRABLE, Answer, make_answer, truth

FORM = AnswerForm(duration_s=2.56)
ROUNDS = 12


def error_against(answer: Answer, layout: VideoSceneLayout) -> float:
    """The largest error of a coordinate; infinite where a thing is missing, extra, or has not one id."""
    wanted = truth(answer)
    worst = 0.0
    ids: dict[str, set[str]] = {}
    for frame, boxes in zip(layout.keyframes, wanted, strict=True):
        found = {item.name: item for item in frame.objects if not item.name.startswith("leaf")}
        if set(found) != set(boxes):
            return float("inf")
        for name, box in boxes.items():
            ids.setdefault(name, set()).add(found[name].id)
            worst = max(worst, float(np.abs(np.array(found[name].box) - box).max()))
    return worst if all(len(seen) == 1 for seen in ids.values()) else float("inf")


@pytest.mark.parametrize("kind", REPAIRABLE)
def test_a_broken_answer_is_repaired_to_the_truth(kind: str) -> None:
    rng = np.random.default_rng(sum(map(ord, kind)))
    errors = []
    for _ in range(ROUNDS):
        answer = make_answer(rng)
        errors.append(error_against(answer, read_answer(REPAIRABLE[kind](answer, rng), FORM).layout))
    good = np.mean(np.array(errors) <= 0.01)
    assert good >= 0.95, f"{kind}: {good:.0%} within 0.01, errors {np.round(errors, 4)}"


def test_at_least_95_percent_of_all_repairable_answers_are_within_a_hundredth() -> None:
    rng = np.random.default_rng(20)
    outcome: Counter[str] = Counter()
    for _ in range(10):
        for name, mutate in REPAIRABLE.items():
            answer = make_answer(rng)
            close = error_against(answer, read_answer(mutate(answer, rng), FORM).layout) <= 0.01
            outcome["good" if close else name] += 1
    total = sum(outcome.values())
    assert total >= 300
    assert outcome["good"] / total >= 0.95, outcome


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_answer_gives_a_layout_or_a_layout_error(kind: str) -> None:
    rng = np.random.default_rng(sum(map(ord, kind)))
    for _ in range(ROUNDS):
        text = HOSTILE[kind](make_answer(rng), rng)
        refusal = ""
        try:
            read = read_answer(text, FORM)
        except LayoutError as error:
            refusal = str(error)
        else:
            assert VideoSceneLayout.loads(read.layout.dumps()).dumps() == read.layout.dumps()
        assert len(refusal) < 600, "a message must stay readable"


def test_a_valid_answer_is_left_as_it_is() -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        answer = make_answer(rng)
        for index, frame in enumerate(answer["frames"]):
            frame["frame"] = index + 1
        jsonschema.validate(answer, answer_schema(FORM))
        read = read_answer(json.dumps(answer), FORM)
        assert read.repairs == ()
        assert error_against(answer, read.layout) == 0.0
        assert read.layout.reasoning == answer["reasoning"]
        assert [frame.caption for frame in read.layout.keyframes] == [f["caption"] for f in answer["frames"]]


@pytest.mark.parametrize("units", ["fraction", "permille", "pixels"])
def test_a_layout_written_as_an_answer_reads_back(units: str) -> None:
    form = AnswerForm(duration_s=4.0, keyframes=5, box_units=units)
    layout = read_answer(json.dumps(make_answer(np.random.default_rng(5), 2)), FORM).layout
    answer = answer_of_layout(layout, form)
    jsonschema.validate(answer, answer_schema(form))
    again = read_answer(json.dumps(answer), form)
    assert again.repairs == ()
    for frame, time_s in zip(again.layout.keyframes, np.linspace(0, 2.4, 5), strict=True):
        for item in frame.objects:
            wanted = layout.at(float(time_s)).get(item.id)
            assert wanted is not None
            assert np.allclose(item.box, wanted.box, atol=0.002)


def test_things_that_leave_and_come_are_not_filled_in() -> None:
    answer = make_answer(np.random.default_rng(8), 2)
    gone = answer["frames"][0]["objects"][1]["name"]
    for frame in answer["frames"][:6]:
        frame["objects"] = frame["objects"][:1]
    read = read_answer(json.dumps(answer), FORM)
    assert read.repairs == ()
    shown = [any(item.name == gone for item in frame.objects) for frame in read.layout.keyframes]
    assert shown == [False] * 6 + [True] * 10


def test_a_thing_far_outside_the_frame_is_absent_and_one_at_the_edge_is_clipped() -> None:
    answer = make_answer(np.random.default_rng(8), 1)
    answer["frames"][0]["objects"][0]["box"] = [-0.4, 0.4, -0.1, 0.6]
    answer["frames"][1]["objects"][0]["box"] = [-0.1, 0.4, 0.2, 0.6]
    read = read_answer(json.dumps(answer), FORM)
    assert read.layout.keyframes[0].objects == ()
    assert read.layout.keyframes[1].objects[0].box == pytest.approx((0.0, 0.4, 0.2, 0.6))
    assert read.repairs == ("boxes outside the frame dropped", "boxes past the frame clipped")


def test_repairs_are_listed_by_kind_and_count() -> None:
    rng = np.random.default_rng(1)
    answer = make_answer(rng, 1)
    for index in (2, 5):
        box = answer["frames"][index]["objects"][0]["box"]
        answer["frames"][index]["objects"][0]["box"] = [box[2], box[1], box[0], box[3]]
    answer["caption"] = None
    read = read_answer("```json\n" + json.dumps(answer) + "\n```", FORM)
    assert read.repairs == ("text around the JSON", "box corners swapped (2 times)", "video caption missing")
    assert read.layout.caption == answer["frames"][0]["caption"]


def test_fewer_frames_of_a_steady_motion_are_spread_over_the_clip() -> None:
    answer = make_answer(np.random.default_rng(4), 1, frames=5)
    read = read_answer(json.dumps(answer), FORM)
    assert read.repairs == ("5 frames instead of 16",)
    for index, wanted in ((0, 0), (15, 4)):
        got = read.layout.keyframes[index].objects[0].box
        assert got == pytest.approx(answer["frames"][wanted]["objects"][0]["box"])


def test_a_frame_that_was_left_out_is_found_by_the_jump() -> None:
    answer = make_answer(np.random.default_rng(9), 1)
    boxes = truth(answer)
    while abs(boxes[0][next(iter(boxes[0]))][0] - boxes[15][next(iter(boxes[0]))][0]) < 0.3:
        answer = make_answer(np.random.default_rng(len(str(boxes))), 1)
        boxes = truth(answer)
    del answer["frames"][7]
    layout: ReadAnswer = read_answer(json.dumps(answer), FORM)
    name = next(iter(boxes[7]))
    assert layout.layout.keyframes[7].objects[0].box == pytest.approx(boxes[7][name], abs=0.01)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the answer is empty"),
        ("no idea", "the answer holds no JSON\n  it begins: 'no idea'"),
        ('{"frames": []}', "the answer holds no frames that can be read"),
        ('{"reasoning": "a car that', "the answer holds no frames that can be read\n  it is cut off before the first"),
        ("x" * 200_001, "the answer has 200001 characters\n  at most 200000 are read"),
        ("{'a':" * 60, "the answer is nested 60 levels deep\n  at most 40 are read"),
    ],
)
def test_what_cannot_be_repaired_is_named(text: str, message: str) -> None:
    with pytest.raises(LayoutError) as caught:
        read_answer(text, FORM)
    assert str(caught.value).startswith(message)


def test_an_answer_cut_in_its_first_half_is_refused_with_the_frame() -> None:
    text = json.dumps(make_answer(np.random.default_rng(2), 1))
    with pytest.raises(LayoutError, match=r"the answer is cut off after frame \d of 16"):
        read_answer(text[: len(text) // 3], FORM)


def test_an_answer_cut_late_goes_on_along_its_motion() -> None:
    answer = make_answer(np.random.default_rng(2), 1)
    text = json.dumps(answer)
    read = read_answer(text[: int(len(text) * 0.8)], FORM)
    assert read.repairs[0] == "answer cut off"
    assert error_against(answer, read.layout) < 0.01


def test_nothing_in_an_answer_is_executed(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for text in ("__import__('os').mkdir('owned')", "{'frames': [__import__('os').mkdir('owned')]}"):
        with pytest.raises(LayoutError):
            read_answer(text, FORM)
    assert list(tmp_path.iterdir()) == []
