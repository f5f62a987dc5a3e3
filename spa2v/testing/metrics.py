"""The contract of metrics."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from spa2v.core.protocols import SetMetric, capability
from spa2v.core.types import GeneratedVideo, KeyFrame, MetricInfo, Score, ScoredClip, VideoSceneLayout
from spa2v.core.types.scores import INPUTS
from spa2v.testing.common import COMMON, RUN_MEND, RUN_SAYS, SEED_MEND, close, state, untouched
from spa2v.testing.rules import Rule, Subject, Unchecked, demand, trying
from spa2v.testing.same import difference
from spa2v.testing.toys import toy_audio, toy_layout, toy_run, toy_video

Scores = Mapping[str, Score]


def _clip(name: str, kind: str, truth: VideoSceneLayout, layout: VideoSceneLayout, video: GeneratedVideo) -> ScoredClip:
    """A clip with every input that a metric can read; features of 8 numbers."""
    rng = np.random.default_rng(len(name))
    return ScoredClip(
        name,
        stage=2,
        sounding=set(truth.names.values()),
        truth=truth,
        layout=layout,
        audio=toy_audio(kind, truth.duration_s),
        video=video,
        real_video=toy_video(duration_s=truth.duration_s),
        features=rng.normal(size=8),
        real_features=rng.normal(size=8),
    )


def clips() -> dict[str, ScoredClip]:
    """The clips that every metric must take."""
    one, many = toy_layout(1), toy_layout(12)
    empty = VideoSceneLayout(2.0, "", (KeyFrame(0.0),))
    renamed = tuple(
        replace(frame, objects=tuple(replace(item, name="dog") for item in frame.objects)) for frame in one.keyframes
    )
    moving, still = toy_video(), GeneratedVideo(np.full((1, 24, 32, 3), 128, np.uint8), 0.5)
    made = {
        "the ground truth itself": ("pass", one, one, moving),
        "other labels": ("pass", one, replace(one, keyframes=renamed), moving),
        "twelve objects for one": ("left", one, many, moving),
        "one object for twelve": ("right", many, one, moving),
        "no predicted object": ("pass", one, empty, moving),
        "no object at all": ("silence", empty, empty, moving),
        "one channel and one frame": ("mono", one, one, still),
    }
    return {name: _clip(name, *parts) for name, parts in made.items()}


def _score(subject: Subject, what: str, batch: Sequence[ScoredClip], metric: Any = None) -> list[Scores]:
    metric = metric or subject.make()
    with trying(f"on {what}"):
        found = metric.score(batch, toy_run())
    demand(isinstance(found, Sequence), f"on {what}: a {type(found).__name__} came back, expected a list")
    demand(len(found) == len(batch), f"on {what}: {len(found)} results for {len(batch)} clips")
    for values in found:
        demand(isinstance(values, Mapping), f"on {what}: a {type(values).__name__} came back, expected a mapping")
        demand(
            set(values) == set(metric.values), f"on {what}: values {sorted(values)}, expected {sorted(metric.values)}"
        )
        for name, value in values.items():
            is_score = value is None or (isinstance(value, (Score, int, float)) and not isinstance(value, bool))
            demand(is_score, f"on {what}: {name} is a {type(value).__name__}")
    return [{name: v if isinstance(v, Score) else Score(v) for name, v in values.items()} for values in found]


def _all(subject: Subject) -> dict[str, Scores]:
    """Every clip's scores, one clip at a time, by one and the same metric."""

    def score() -> dict[str, Scores]:
        metric = subject.make()
        return {what: _score(subject, what, [clip], metric)[0] for what, clip in clips().items()}

    return subject.remember("scores", score)


def _declares(subject: Subject) -> None:
    metric = subject.make()
    with trying("reading `values` and `reads`"):
        values, reads = dict(metric.values), tuple(metric.reads)
    demand(values, "`values` is empty")
    for name, info in values.items():
        demand(isinstance(name, str) and isinstance(info, MetricInfo), f"values[{name!r}] is a {type(info).__name__}")
    unknown = [name for name in reads if name not in INPUTS]
    demand(reads and not unknown, f"`reads` is {reads!r}, expected some of: {', '.join(INPUTS)}")


def _reads(subject: Subject) -> None:
    metric = subject.make()
    whole = clips()["the ground truth itself"]
    names = ("truth", "layout", "audio", "video", "real_video", "features", "real_features")
    given = {name: getattr(whole, name) for name in names if name in metric.reads}
    _score(subject, "a clip with nothing but what `reads` names", [ScoredClip("bare", stage=2, **given)], metric)


def _alone(subject: Subject) -> None:
    found = _all(subject)
    together = _score(subject, "all clips at once", list(clips().values()))
    for (what, alone), other in zip(found.items(), together, strict=True):
        for name, score in alone.items():
            same = score.value == other[name].value or (
                None not in (score.value, other[name].value) and close(score.value or 0, other[name].value or 0, 1e-9)
            )
            demand(same, f"{name} of {what!r} is {score.value} alone and {other[name].value} in a batch")


def _json(subject: Subject) -> None:
    for what, scores in _all(subject).items():
        for name, score in scores.items():
            with trying(f"writing {name} of {what!r} as JSON"):
                json.dumps([score.value, score.flags, score.reasons, dict(score.details)], allow_nan=False)


def _same(subject: Subject) -> None:
    found, used = _all(subject), subject.make()
    for what in ("the ground truth itself", "no object at all", "the ground truth itself"):
        again = _score(subject, what, [clips()[what]], used)[0]
        differs = difference(dict(found[what]), dict(again), "the scores")
        demand(differs is None, f"on {what}, again: {differs}")


def _sets(subject: Subject) -> None:
    metric = subject.make()
    if capability(metric, SetMetric) is None:
        raise Unchecked("it has no `combine`: a metric of clips")
    demand(len(metric.values) == 1, f"a set metric has one value, this one has {len(metric.values)}")
    (name,) = metric.values
    rows = [score.vector for scores in _all(subject).values() if (score := scores[name]).vector is not None]
    demand(rows, "no clip has a vector")
    demand(len({np.shape(row) for row in rows}) == 1, "the vectors of clips differ in length")
    vectors = np.array(rows, dtype=np.float64)
    with trying("combining the clips"):
        one, other = metric.combine(vectors), metric.combine(vectors[::-1])
    first, second = (item.value if isinstance(item, Score) else item for item in (one, other))
    demand(first is not None and second is not None, "a set of seven clips has no value")
    demand(close(first or 0.0, second or 0.0), f"the set has {first}, in another order {second}")


def _run(subject: Subject) -> None:
    run = toy_run()
    before = state(run)
    with trying("on the ground truth itself"):
        subject.make().score([clips()["the ground truth itself"]], run)
    untouched(run, before)


RULES = (
    *COMMON,
    Rule(
        "declares",
        "`values` names every value with a MetricInfo, and `reads` names inputs of a ScoredClip.",
        'as in values = {"my_score": spa2v.MetricInfo("My score")} and reads = ("layout", "truth")',
        _declares,
    ),
    Rule(
        "reads",
        "score reads nothing of a clip beyond what `reads` names.",
        "add the input to `reads`, or ask clip.has(name) first",
        _reads,
    ),
    Rule(
        "alone",
        "score returns every value of every clip, in order: for equal and different layouts, no objects, silence, one "
        "frame; and a clip's score does not depend on the other clips of its batch.",
        "return one mapping a clip, with None where a value is not defined",
        _alone,
    ),
    Rule(
        "json",
        "Values, flags, reasons and details of a score can be written as JSON.",
        "convert numpy values with float() and tolist(); give None for NaN",
        _json,
    ),
    Rule("same", "The same clip has the same scores, from a new metric and from a used one.", SEED_MEND, _same),
    Rule(
        "sets",
        "Where `combine` is offered: the metric has one value, clips have vectors of one length, and the order of a "
        "set does not matter.",
        "put what `combine` needs of a clip into Score.vector",
        _sets,
    ),
    Rule("run", RUN_SAYS, RUN_MEND, _run),
)
