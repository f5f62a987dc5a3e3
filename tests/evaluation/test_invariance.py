"""Gain, silence, bit depth and coding change no name, movement or side."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks.invariance import TRANSFORMS, plans
from spa2v.core.pipeline import Pipeline
from spa2v.demo import demo_recording

REFERENCE = os.environ.get("SPA2V_REFERENCE")
EXACT = tuple(
    name for name in TRANSFORMS if "silence" in name or "bits" in name or name in ("gain -6 dB", "gain -20 dB")
)


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline.from_preset("default", quiet=True)


def test_no_transform_changes_the_plan_of_the_demo(pipeline: Pipeline) -> None:
    for name, as_is, changed in plans(pipeline, demo_recording()):
        assert as_is, "something is planned"
        assert changed == as_is, name


@pytest.mark.skipif(REFERENCE is None, reason="the real clips are not here: set SPA2V_REFERENCE")
def test_gain_silence_and_depth_change_no_plan_of_a_real_clip(pipeline: Pipeline) -> None:
    clips = sorted((Path(str(REFERENCE)) / "real_clips").glob("*.flac"))
    assert clips
    for path in clips:
        for name, as_is, changed in plans(pipeline, path, EXACT):
            assert changed == as_is, (path.name, name)
