"""Checks the metrics against files of golden values: `python -m benchmarks.golden_metrics FILE.json ...`.

One row a case, a last line `N passed, N failed`, exit 0 when all pass. What a case is about is told from its fields.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from spa2v.core.errors import Spa2vError
from spa2v.core.types import AudioClip
from spa2v.plugins.metrics.av_align import Rule, av_align, video_peaks
from spa2v.plugins.metrics.doc_sim import doc_sim
from spa2v.plugins.metrics.flat import FlatLayouts
from spa2v.plugins.metrics.flow import motion
from spa2v.plugins.metrics.frechet import Covariance, frechet_distance
from spa2v.plugins.metrics.lt_sim import lt_sim, lt_sim_cost
from spa2v.plugins.metrics.max_iou import max_iou, max_iou_of_sets
from spa2v.plugins.metrics.onsets import audio_peaks

Case = Mapping[str, Any]
EXACT, FLOW, ONSET = 1e-9, 2e-3, 1e-6


class Check(NamedTuple):
    """One comparison: the field, what the file says, what we compute, the absolute tolerance."""

    field: str
    expected: Any
    found: Any
    tolerance: float

    def error(self) -> float:
        """The largest absolute difference; infinite where the shapes differ or only one side has a value.

        The files give ten significant digits: half a unit of the last one is not counted.
        """
        expected, found = _numbers(self.expected), _numbers(self.found)
        if expected.shape != found.shape or not np.array_equal(np.isnan(expected), np.isnan(found)):
            return math.inf
        beyond = np.maximum(np.abs(expected - found) - 5e-10 * np.abs(expected), 0.0)
        return float(np.nanmax(beyond, initial=0.0))


def _numbers(value: Any) -> np.ndarray:
    """Numbers, with NaN for "nan", for null and for the name of an exception: no value."""
    items = value if isinstance(value, (list, tuple, np.ndarray)) else [value]
    return np.array([math.nan if item is None or isinstance(item, str) else float(item) for item in items])


def _or_none(compute: Callable[[], float]) -> float | None:
    try:
        return compute()
    except Spa2vError:
        return None


def _layouts(case: Case) -> tuple[FlatLayouts, FlatLayouts]:
    return FlatLayouts.of_centers(case["layouts_1"]), FlatLayouts.of_centers(case["layouts_2"])


def check_max_iou(case: Case) -> Iterator[Check]:
    """The set score in both orientations and with both conventions for "no partner", and the pair scores."""
    a, b = _layouts(case)
    intended = case.get("score_intended", case["score"])
    yield Check("score_intended", intended, _or_none(lambda: max_iou_of_sets(a, b)), EXACT)
    yield Check("score", case["score"], _or_none(lambda: max_iou_of_sets(a, b, "reference")), EXACT)
    if "score_ltsim_repo" in case:
        copy = _or_none(lambda: max_iou_of_sets(a, b, "reference", no_partner=math.nan))
        yield Check("score_ltsim_repo", case["score_ltsim_repo"], copy, EXACT)
    if "pair_scores" in case:
        yield Check("pair_scores", case["pair_scores"], max_iou(a, b, both_empty=math.nan), EXACT)
    if "pair_scores_ltsim_repo" in case:
        found = max_iou(a, b, both_empty=math.nan, different=math.nan)
        yield Check("pair_scores_ltsim_repo", case["pair_scores_ltsim_repo"], found, EXACT)


def check_lt_sim(case: Case) -> Iterator[Check]:
    """Costs, scores and their mean."""
    a, b = _layouts(case)
    scores = lt_sim(a, b)
    yield Check("pair_costs", case["pair_costs"], lt_sim_cost(a, b), EXACT)
    yield Check("pair_scores", case["pair_scores"], scores, EXACT)
    yield Check("score", case["score"], scores.mean(), EXACT)


def check_doc_sim(case: Case) -> Iterator[Check]:
    """Both orientations, and the reference one with the sides exchanged."""
    a, b = _layouts(case)
    intended, reference = doc_sim(a, b), doc_sim(a, b, "reference")
    yield Check("pair_scores_intended", case["pair_scores_intended"], intended, EXACT)
    yield Check("score_intended", case["score_intended"], intended.mean(), EXACT)
    yield Check("pair_scores", case["pair_scores"], reference, EXACT)
    yield Check("score", case["score"], reference.mean(), EXACT)
    swapped = doc_sim(b, a, "reference")
    yield Check("pair_scores_swapped_arguments", case["pair_scores_swapped_arguments"], swapped, EXACT)


def _check_alignment(case: Case, flow: Sequence[float], onsets: Sequence[float], fps: float) -> Iterator[Check]:
    rules: tuple[tuple[Rule, str], ...] = (("current", ""), ("2023", "_2023"))
    for rule, suffix in rules:
        peaks = video_peaks(np.array(flow), fps, rule)
        score = av_align(np.array(onsets), peaks, fps, rule, nothing=math.nan)
        yield Check(f"video_peaks{suffix}", case[f"video_peaks{suffix}"], peaks, EXACT)
        if case[f"iou{suffix}"] is not None or not len(onsets) + len(peaks):  # else they raise for too few frames
            yield Check(f"iou{suffix}", case[f"iou{suffix}"], score, EXACT)


def check_av_align(case: Case) -> Iterator[Check]:
    """Peaks of the given motion and their agreement with the given onsets, under both rules."""
    yield from _check_alignment(case, case["flow"], case["audio_peaks"], case["fps"])


def check_media(case: Case) -> Iterator[Check]:
    """The whole way from frames and sound, both made from the recipe of the case."""
    frames, (clip, pcm) = _frames(case["video"]), _sound(case["audio"])
    yield Check("frame_checksum", case["frame_checksum"], int(frames[..., 0].astype(np.int64).sum()), 0)
    yield Check("pcm_checksum", case["pcm_checksum"], int(np.abs(pcm.astype(np.int64)).sum()), 0)
    flow, onsets = motion(frames), audio_peaks(clip)
    yield Check("expected_flow", case["expected_flow"], flow, FLOW)
    yield Check("expected_audio_peaks", case["expected_audio_peaks"], onsets, ONSET)
    yield from _check_alignment(case, flow, onsets, case["video"]["fps"])


def _frames(recipe: Mapping[str, Any]) -> np.ndarray:
    x, y = np.arange(recipe["width"])[None, :], np.arange(recipe["height"])[:, None]
    turn = 2 * np.pi
    made = []
    for shift in np.cumsum(recipe["shift_per_frame"]):
        wave = 50 * np.sin(turn * (x - shift) / recipe["period_x"]) + 40 * np.cos(turn * y / recipe["period_y"])
        wave = 128 + wave + 20 * np.sin(turn * ((x - shift) + y) / recipe["period_diag"])
        made.append(np.clip(np.rint(wave), 0, 255).astype(np.uint8))
    return np.repeat(np.stack(made)[..., None], 3, axis=3)


def _sound(recipe: Mapping[str, Any]) -> tuple[AudioClip, np.ndarray]:
    rate = recipe["sample_rate"]
    t = np.arange(round(recipe["duration"] * rate)) / rate
    mono = np.zeros_like(t)
    for start, gain, hertz in recipe["events"]:
        since = np.maximum(t - start, 0.0)
        mono += np.where(t >= start, gain * np.exp(-since / 0.03) * np.sin(2 * np.pi * hertz * since), 0.0)
    pcm = np.rint(32767 * np.clip(np.array(recipe["channel_gains"])[:, None] * mono, -1, 1)).astype(np.int16)
    return AudioClip(pcm.astype(np.float32) / 32768, rate), pcm


def check_frechet(case: Case) -> Iterator[Check]:
    """Both covariances, against the stable values and against the authors' routes."""
    x, y = _features(case)
    for field, value in case["check"].items():
        places = {"features_1[0][0]": x[0, 0], "features_1[-1][-1]": x[-1, -1], "features_2[0][-1]": y[0, -1]}
        yield Check(field, value, places.get(field, float(y.astype(np.float64).mean())), 1e-7 * max(1, abs(value)))
    kinds: tuple[tuple[Covariance, str], ...] = (("biased", "sqrtm"), ("unbiased", "svd"))
    for covariance, route in kinds:
        found = _or_none(lambda kind=covariance: frechet_distance(x, y, kind))  # type: ignore[misc]
        exact = case[f"fd_{covariance}_exact"]
        yield Check(f"fd_{covariance}_exact", exact, found, 1e-8 + 1e-6 * abs(exact or 0.0))
        theirs = case[f"fd_{covariance}_{route}"]
        if theirs is not None:  # their routes break for one dimension
            yield Check(f"fd_{covariance}_{route}", theirs, found, case["abs_tolerance"])


def _features(case: Case) -> tuple[np.ndarray, np.ndarray]:
    rng, d, mix = np.random.default_rng(case["seed"]), case["d"], case["mix"]
    z1, z2 = rng.standard_normal((case["n1"], d)), rng.standard_normal((case["n2"], d))
    a1, a2 = (np.eye(d) + mix * rng.standard_normal((d, d)) / np.sqrt(d) for _ in range(2))
    u = rng.standard_normal(d)
    offset, scale, shift = case["offset"], case["scale"], case["shift"]
    x = offset + scale * (z1 @ a1)
    y = {
        "independent": lambda: offset + scale * (z2 @ a2) + shift * u,
        "same_transform": lambda: offset + scale * (z2 @ a1) + shift * u,
        "shifted_copy": lambda: x + shift * u,
        "identical": lambda: x,
        "reversed_rows": lambda: x[::-1],
    }[case["relation"]]()
    return x.astype(np.float32), y.astype(np.float32)


# A field that only cases of this kind have, and the check; the first that fits is taken.
KINDS: tuple[tuple[str, str, Callable[[Case], Iterator[Check]]], ...] = (
    ("expected_flow", "av_align media", check_media),
    ("flow", "av_align", check_av_align),
    ("relation", "frechet", check_frechet),
    ("pair_costs", "lt_sim", check_lt_sim),
    ("pair_scores_swapped_arguments", "doc_sim", check_doc_sim),
    ("layouts_1", "max_iou", check_max_iou),
)


def run_case(case: Case) -> tuple[bool, str]:
    """Whether a case passes, and its row."""
    name = case.get("name", "unnamed")
    found = next(((kind, check) for field, kind, check in KINDS if field in case), None)
    if found is None:
        return False, f"FAIL  {name}: none of the known kinds of case; it has {sorted(case)}"
    try:
        checks = list(found[1](case))
    except KeyError as error:
        return False, f"FAIL  {name}: the case has no field {error}"
    bad = [check for check in checks if not check.error() <= check.tolerance]
    worst = max((check.error() for check in checks if math.isfinite(check.error())), default=0.0)
    row = f"{'FAIL' if bad else 'ok  '}  {found[0]:<15} {name:<40} {len(checks)} values, largest error {worst:.1e}"
    lines = [f"      {c.field}: expected {c.expected}, found {c.found}, tolerance {c.tolerance}" for c in bad]
    return not bad, "\n".join([row, *lines])


def main(paths: Sequence[str]) -> int:
    """Runs all cases of all files; 0 when all pass, 1 when some fail, 2 without files."""
    if not paths:
        print("usage: python -m benchmarks.golden_metrics FILE.json ...", file=sys.stderr)
        return 2
    results = []
    for path in paths:
        cases = json.loads(Path(path).read_text(encoding="utf-8"))["cases"]
        for case in cases:
            passed, row = run_case(case)
            results.append(passed)
            print(row)
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
