"""The contract of cue extractors."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from spa2v.core.protocols import TagsSound
from spa2v.core.types import AudioClip, SpatialCues, Tag, Track
from spa2v.testing.common import COMMON, RUN_MEND, RUN_SAYS, SEED_MEND, close, having, state, untouched
from spa2v.testing.rules import Broken, Rule, Subject, demand, trying, typed
from spa2v.testing.same import difference
from spa2v.testing.toys import toy_audio, toy_run

UNITS = {
    "level": "dBFS",
    "level_difference": "dB",
    "delay": "us",
    "coherence": "1",
    "azimuth": "deg",
    "centroid": "Hz",
    "pitch": "Hz",
}
"""Units of the well-known tracks."""
RANGES = {"coherence": (0.0, 1.0), "azimuth": (-90.0, 90.0), "centroid": (0.0, np.inf), "pitch": (0.0, np.inf)}
SIGNED = {"level_difference": 0.5, "azimuth": 1.0}
"""Tracks that are positive at the right, and the least size of their mean for the toy sounds at one side."""
CONFIDENT = 0.1


def clips() -> dict[str, AudioClip]:
    """The clips that every extractor must take."""
    made = {kind: toy_audio(kind) for kind in ("pass", "left", "right", "mono", "silence")}
    made["pass of 0.05 s"] = toy_audio("pass", 0.05)
    made["pass of 30 s at 8 kHz"] = toy_audio("pass", 30.0, 8_000)
    made["pass at 48 kHz"] = toy_audio("pass", 0.5, 48_000)
    return made


def _extract(subject: Subject, what: str, audio: AudioClip, extractor: Any = None) -> SpatialCues:
    with trying(f"on {what}"):
        found = (extractor or subject.make()).extract(audio, toy_run())
    return typed(found, SpatialCues, f"on {what}")


def _all(subject: Subject) -> dict[str, tuple[AudioClip, SpatialCues]]:
    """Every clip and what is measured in it, by one and the same extractor."""

    def measure() -> dict[str, tuple[AudioClip, SpatialCues]]:
        extractor = subject.make()
        return {what: (audio, _extract(subject, what, audio, extractor)) for what, audio in clips().items()}

    return subject.remember("cues", measure)


def _tracks(cues: SpatialCues) -> list[tuple[str, Track]]:
    return [*cues.tracks.items(), *(pair for source in cues.sources for pair in source.tracks.items())]


def _clips(subject: Subject) -> None:
    for what, (audio, cues) in _all(subject).items():
        seen = f"on {what}: duration_s is {cues.duration_s!r}, the clip lasts {audio.duration_s!r}"
        demand(close(cues.duration_s, audio.duration_s), seen)


def _times(subject: Subject) -> None:
    for what, (audio, cues) in _all(subject).items():
        for name, track in _tracks(cues):
            first, last = float(track.times_s[0]), float(track.times_s[-1])
            inside = first >= 0 and last <= audio.duration_s * (1 + 1e-6)
            demand(inside, f"on {what}: {name!r} runs from {first:.4g} to {last:.4g} s of {audio.duration_s:.4g}")


def _units(subject: Subject) -> None:
    for what, (_, cues) in _all(subject).items():
        for name, track in _tracks(cues):
            unit = UNITS.get(name, track.unit)
            demand(track.unit == unit, f"on {what}: {name!r} is in {track.unit!r}, expected {unit!r}")
            low, high = RANGES.get(name, (-np.inf, np.inf))
            smallest, largest = float(track.values.min()), float(track.values.max())
            seen = f"on {what}: {name!r} goes from {smallest:.4g} to {largest:.4g}, expected {low:g} to {high:g}"
            demand(low <= smallest and largest <= high, seen)
        evidence = cues.measures.get("lateral_evidence", 0.0)
        demand(0 <= evidence <= 1, f"on {what}: measures['lateral_evidence'] is {evidence!r}, expected 0 to 1")


def _mean(cues: SpatialCues, name: str) -> float | None:
    """The mean of a track, weighted by its confidence; None where it is absent or knows nothing."""
    track = cues.tracks.get(name)
    if track is None or track.weights.max() < CONFIDENT:
        return None
    return float(np.average(track.values, weights=track.weights))


def _sides(subject: Subject) -> None:
    found = _all(subject)
    for name, least in SIGNED.items():
        for side, sign in (("left", -1), ("right", 1)):
            mean = _mean(found[side][1], name)
            want = "at least" if sign > 0 else "at most"
            seen = f"on {side}: the mean of {name!r} is {mean}, expected {want} {sign * least}"
            demand(mean is None or sign * mean >= least, seen)


def _mono(subject: Subject) -> None:
    found = _all(subject)
    for what in ("mono", "silence"):
        cues = found[what][1]
        evidence = cues.measures.get("lateral_evidence", 0.0)
        demand(evidence == 0, f"on {what}: measures['lateral_evidence'] is {evidence!r}")
        for name in SIGNED:
            mean = _mean(cues, name)
            demand(mean is None or abs(mean) < SIGNED[name], f"on {what}: the mean of {name!r} is {mean}")


def _json(subject: Subject) -> None:
    for what, (_, cues) in _all(subject).items():
        try:
            json.dumps(cues.to_json(), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise Broken(f"on {what}: {error}") from error


def _same(subject: Subject) -> None:
    found = _all(subject)
    used = subject.make()
    for what in ("pass", "silence", "pass"):
        audio, before = found[what]
        differs = difference(before, _extract(subject, what, audio, used), "the cues")
        demand(differs is None, f"on {what}, again: {differs}")


def _run(subject: Subject) -> None:
    run = toy_run()
    run.audio = toy_audio("pass")
    before = state(run)
    with trying("on pass"):
        subject.make().extract(run.audio, run)
    untouched(run, before)


def _tag(subject: Subject) -> None:
    extractor, rate = having(subject, TagsSound), 16_000
    for what, samples in (("a hum", toy_audio("mono", 1.0, rate).samples[0]), ("silence", np.zeros(rate, np.float32))):
        with trying(f"tagging {what}"):
            found = typed(extractor.tag(samples, rate), tuple, f"tagging {what}")
        scores = [typed(tag, Tag, f"tagging {what}").confidence for tag in found]
        demand(scores == sorted(scores, reverse=True), f"tagging {what}: the scores {scores} are not in order")
    demand(not found, f"tagging silence: {[tag.label for tag in found]}")


RULES = (
    *COMMON,
    Rule(
        "clips",
        "extract returns the SpatialCues of the whole clip for every clip of 0.05 s or more, of one or two channels, "
        "silence and long ones included.",
        "return SpatialCues(audio.duration_s, ...); pad short clips; for silence give neutral values with confidence 0",
        _clips,
    ),
    Rule(
        "times",
        "All times of tracks lie in the clip, from 0 to duration_s.",
        "give the time of the middle of each window, in seconds from the start of the clip",
        _times,
    ),
    Rule(
        "units",
        "The well-known tracks have their unit and stay in their range, as does measures['lateral_evidence'] (0..1).",
        "see the table of tracks in spa2v.core.types.cues; give a track with another meaning another name",
        _units,
    ),
    Rule(
        "sides",
        "level_difference and azimuth are positive at the right and negative at the left.",
        "take right minus left; audio.left is channel 0",
        _sides,
    ),
    Rule(
        "mono",
        "Identical channels give no lateral evidence: lateral_evidence 0, no level difference, no azimuth.",
        "compare audio.stereo[0] with audio.stereo[1] first; set the confidence to 0 where nothing can be known",
        _mono,
    ),
    Rule(
        "json",
        "The cues can be written as JSON.",
        "put plain floats into measures and text into notes, tags and ids",
        _json,
    ),
    Rule("same", "The same clip gives the same cues, from a new extractor and from a used one.", SEED_MEND, _same),
    Rule("run", RUN_SAYS, RUN_MEND, _run),
    Rule(
        "tag",
        "Where a piece of sound can be tagged: tag(samples, rate_hz) returns a tuple of Tag, the best first, and none "
        "for silence.",
        "sort by confidence, and return () where the samples are all but zero",
        _tag,
    ),
)
