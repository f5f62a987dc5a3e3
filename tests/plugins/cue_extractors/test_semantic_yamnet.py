"""semantic_yamnet's table from AudioSet's classes to the vocabulary; with the model itself where it is at hand."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from spa2v.core.errors import WeightsError
from spa2v.core.runtime import Run
from spa2v.core.types import AudioClip
from spa2v.dsp.log_mel import sounding
from spa2v.plugins.cue_extractors.semantic_yamnet import SemanticYamnet, active_windows, class_scores
from spa2v.plugins.cue_extractors.tagging import tags_of
from spa2v.world.synth import synthesize

MODEL = Path(os.environ.get("SPA2V_REFERENCE", "")) / "reference" / "yamnet" / "yamnet.tflite"


def test_a_specific_class_goes_before_the_generic_one_above_it() -> None:
    assert tags_of(class_scores({"Vehicle": 0.6, "Train": 0.3, "Car": 0.1}), "test")[0].label == "train"
    assert tags_of(class_scores({"Vehicle": 0.6}), "test")[0].label == "vehicle"


def test_a_generic_class_covers_the_groups_below_its_own() -> None:
    assert tags_of(class_scores({"Vehicle": 0.6, "Helicopter": 0.2, "Car": 0.15}), "test")[0].label == "helicopter"
    assert tags_of(class_scores({"Music": 0.8, "Piano": 0.2}), "test")[0].label == "piano"
    assert tags_of(class_scores({"Vehicle": 0.6, "Helicopter": 0.02}), "test")[0].label == "vehicle"


def test_windows_leave_silence_out_and_have_one_level() -> None:
    rng = np.random.default_rng(0)
    sound = np.concatenate([np.zeros(16_000), rng.normal(size=16_000) * 1e-3, np.zeros(16_000)]).astype(np.float32)
    windows = active_windows(sounding(sound))
    assert len(windows) == 1
    assert np.abs(windows).max() > 0.4
    assert len(active_windows(sounding(np.zeros(16_000, dtype=np.float32)))) == 0


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_litert")
    (tmp_path / "yamnet.tflite").write_bytes(b"nothing")
    audio = AudioClip(np.random.default_rng(0).normal(size=(1, 16_000)) * 0.1, 16_000)
    with pytest.raises(WeightsError, match="cannot be read"):
        SemanticYamnet(str(tmp_path / "yamnet.tflite")).extract(audio, Run())


@pytest.mark.skipif(not MODEL.is_file(), reason="needs SPA2V_REFERENCE with the published model")
def test_the_published_model_names_a_piano() -> None:
    pytest.importorskip("ai_edge_litert")
    audio = AudioClip(0.2 * synthesize("piano", 4, 96_000, 32_000)[None], 32_000)
    assert SemanticYamnet(str(MODEL)).extract(audio, Run()).tags[0].label in ("piano", "guitar", "harp")
