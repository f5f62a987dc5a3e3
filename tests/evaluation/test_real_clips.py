"""The scoring of annotated recordings: on small ones made here, and on the reference ones where they are present."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks.real_clips import main
from tests.kit.cue_sounds import RATE, guitar, level_panned, road, sweep, with_noise

REFERENCE = os.environ.get("SPA2V_REFERENCE")


def _write(folder: Path, name: str, samples: np.ndarray) -> None:
    soundfile.write(folder / name, samples.T, RATE, subtype="PCM_16")


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    mono = road(2.0, seed=1)
    _write(tmp_path, "car.flac", with_noise(level_panned(mono, sweep(-30, 30, len(mono))), 15))
    _write(tmp_path, "guitar.flac", np.stack([guitar(2.0, seed=1)] * 2))
    return tmp_path


def _annotate(folder: Path, *clips: dict[str, object]) -> str:
    path = folder / "annotations.json"
    path.write_text(json.dumps({"about": {}, "clips": list(clips)}))
    return str(path)


CAR = {
    "id": "car",
    "audio_file": "car.flac",
    "scenario": "translational",
    "lateral_information": True,
    "objects": [
        {"id": "far", "attribute": "right_to_left", "boxes": [[0, 0, 0.1, 0.1], None]},
        {"id": "near", "attribute": "left_to_right", "boxes": [[0, 0, 0.5, 0.5], None]},
    ],
    "audio_evidence": {"supports_attribute": "yes"},
}
GUITAR = {"id": "guitar", "audio_file": "guitar.flac", "scenario": "stationary", "lateral_information": False}


def test_right_plans_pass(clips: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([_annotate(clips, CAR, GUITAR, {"id": "bare", "audio_file": "car.flac"}), str(clips)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert lines[-1] == "3 passed, 0 failed"
    assert sorted(path.name for path in clips.iterdir()) == ["annotations.json", "car.flac", "guitar.flac"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scenario": "stationary"}, "FAIL: scenario"),
        ({"objects": [{"attribute": "approaching", "boxes": None}]}, "FAIL: movement"),
        ({"lateral_information": False}, "FAIL: claims a side without lateral information"),
        ({"audio_file": "missing.flac"}, "FAIL: "),
    ],
)
def test_wrong_plans_fail(
    clips: Path, capsys: pytest.CaptureFixture[str], change: dict[str, object], message: str
) -> None:
    assert main([_annotate(clips, CAR | change), str(clips)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert message in lines[0]
    assert lines[-1] == "0 passed, 1 failed"


def test_an_unsupported_movement_is_not_asked(clips: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weak = {"objects": [{"attribute": "receding"}], "audio_evidence": {"supports_attribute": "ambiguous"}}
    assert main([_annotate(clips, CAR | weak), str(clips)]) == 0


@pytest.mark.skipif(not REFERENCE, reason="SPA2V_REFERENCE does not name the folder of the reference clips")
def test_the_reference_clips_pass(capsys: pytest.CaptureFixture[str]) -> None:
    folder = Path(str(REFERENCE)) / "real_clips"
    assert main([str(folder / "annotations.json"), str(folder)]) == 0, capsys.readouterr().out
