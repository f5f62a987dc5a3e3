"""The contract of detectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from spa2v.core.types import Detection
from spa2v.core.types.scores import Detections
from spa2v.testing.common import COMMON, RUN_MEND, RUN_SAYS, SEED_MEND, state, untouched
from spa2v.testing.rules import Rule, Subject, demand, trying
from spa2v.testing.same import difference
from spa2v.testing.toys import toy_run, toy_video

LABELS = ("car", "piano", "A Man")


def inputs() -> dict[str, tuple[np.ndarray, tuple[str, ...]]]:
    """The frames, each with labels, that every detector must take."""
    frames = toy_video(9).frames  # more than a batch of four or eight, and no multiple of it
    noise = np.random.default_rng(0).integers(0, 256, (2, 40, 72, 3), dtype=np.uint8)
    return {
        "a moving square": (frames, LABELS),
        "one frame": (frames[:1], LABELS),
        "one label": (frames[:2], ("car",)),
        "no label": (frames, ()),
        "noise of 72 x 40 pixels": (noise, LABELS),
    }


def _detect(subject: Subject, what: str, detector: Any = None) -> Detections:
    frames, labels = inputs()[what]
    with trying(f"on {what}"):
        return (detector or subject.make()).detect(frames, labels, toy_run())


def _all(subject: Subject) -> dict[str, Detections]:
    def detect() -> dict[str, Detections]:
        detector = subject.make()
        return {what: _detect(subject, what, detector) for what in inputs()}

    return subject.remember("detections", detect)


def _name(subject: Subject) -> None:
    with trying("reading `name`"):
        name = subject.make().name
    demand(isinstance(name, str) and name.strip(), f"`name` is {name!r}")


def _frames(subject: Subject) -> None:
    for what, found in _all(subject).items():
        frames, labels = inputs()[what]
        demand(len(found) == len(frames), f"on {what}: {len(found)} results for {len(frames)} frames")
        for item in (item for frame in found for item in frame):
            demand(isinstance(item, Detection), f"on {what}: a {type(item).__name__}, expected a Detection")
            demand(item.label in labels, f"on {what}: the label {item.label!r} was not requested")
            demand(0.0 <= item.score <= 1.0, f"on {what}: a score of {item.score}")
            x1, y1, x2, y2 = item.box
            demand(0 <= x1 < x2 <= 1 and 0 <= y1 < y2 <= 1, f"on {what}: the box {tuple(item.box)}")


def _sorted(subject: Subject) -> None:
    for what, found in _all(subject).items():
        scores = [[item.score for item in frame] for frame in found]
        demand(scores == [sorted(row, reverse=True) for row in scores], f"on {what}: scores {scores}")


def _same(subject: Subject) -> None:
    found, used = _all(subject), subject.make()
    for what in ("a moving square", "noise of 72 x 40 pixels", "a moving square"):
        differs = difference(
            [list(f) for f in found[what]], [list(f) for f in _detect(subject, what, used)], "the list"
        )
        demand(differs is None, f"on {what}, again: {differs}")


def _run(subject: Subject) -> None:
    run = toy_run()
    before = state(run)
    with trying("on one frame"):
        subject.make().detect(*inputs()["one frame"], run)
    untouched(run, before)


RULES = (
    *COMMON,
    Rule(
        "name",
        "`name` is the detector with all that changes its boxes.",
        "put the model and the thresholds into it; results are kept and printed under this name",
        _name,
    ),
    Rule(
        "frames",
        "detect returns the detections of each frame: requested labels alone, scores in 0..1, boxes inside the frame; "
        "none for no label.",
        "give boxes in parts of the frame, x1 < x2 and y1 < y2, cut to 0..1",
        _frames,
    ),
    Rule(
        "sorted",
        "The detections of a frame are sorted by score, the highest first.",
        "sort them with key=lambda item: -item.score",
        _sorted,
    ),
    Rule("same", "The same frames give the same boxes, from a new detector and from a used one.", SEED_MEND, _same),
    Rule("run", RUN_SAYS, RUN_MEND, _run),
)
