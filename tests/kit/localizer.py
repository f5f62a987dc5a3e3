"""The rule-based localizer on synthetic sounds, named by rules: the tests of geometry need no learned tagger."""

from __future__ import annotations

from functools import cache

from spa2v import AudioClip, Pipeline, Run, SpatialCues, VideoSceneLayout
from spa2v.plugins.layout_planners.stereo_rules.planner import StereoRules

EXTRACTORS = "[interaural, loudness, motion, {name: sources, options: {tagger: ''}}, semantic_rules]"


@cache
def _pipeline() -> Pipeline:
    return Pipeline.from_preset("default", overrides=[f"cue_extractors={EXTRACTORS}"], quiet=True)


def cues_of(audio: AudioClip) -> SpatialCues:
    return _pipeline().measure(audio)


def localize(audio: AudioClip) -> VideoSceneLayout:
    return StereoRules().plan(audio, cues_of(audio), Run())
