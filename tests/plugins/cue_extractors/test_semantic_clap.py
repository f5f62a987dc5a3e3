"""semantic_clap on a small CLAP that the test makes from a config and saves to disk: real files, real loading."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from spa2v.core.errors import ConfigError, WeightsError
from spa2v.core.runtime import Run
from spa2v.core.types import AudioClip, SpatialCues
from spa2v.dsp.log_mel import resampled
from spa2v.plugins.cue_extractors.semantic_clap import SemanticClap
from spa2v.vocabulary import caption_of, vocabulary
from tests.kit.cue_sounds import RATE, clip, guitar, road
from tests.kit.tiny_clap import clap

LABELS = tuple(vocabulary().classes)
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clap(tmp_path_factory.mktemp("clap"))


def _tags(folder: Path, audio: AudioClip, **options: object) -> SpatialCues:
    return SemanticClap(str(folder), local_files_only=True, **options).extract(audio, Run(device="cpu"))  # type: ignore[arg-type]


def test_tags_are_the_models_own_likeness(folder: Path) -> None:
    audio = clip(np.stack([guitar(1.5, seed=1)] * 2))
    cues = _tags(folder, audio, top=len(LABELS), min_confidence=0.0)
    assert sum(tag.confidence for tag in cues.tags) == pytest.approx(1.0, abs=1e-4)
    assert {tag.label for tag in cues.tags} == set(LABELS)
    processor = transformers.ClapProcessor.from_pretrained(folder)
    model = transformers.ClapModel.from_pretrained(folder).eval()
    inputs = processor(
        text=[f"the sound of {caption_of(label)}" for label in LABELS],
        audio=resampled(audio.mono, audio.sample_rate, 48_000),
        sampling_rate=48_000,
        padding=True,
        return_tensors="pt",
    )
    with torch.inference_mode():
        wanted = model(**inputs).logits_per_audio.softmax(-1)[0].numpy()
    said = {tag.label: tag.confidence for tag in cues.tags}
    assert [said[label] for label in LABELS] == pytest.approx(wanted.tolist(), abs=1e-5)


def test_a_long_clip_gives_the_same_tags_every_time(folder: Path) -> None:
    audio = clip(np.stack([road(9.0, seed=1)] * 2))
    one, other = (_tags(folder, audio, top=3, min_confidence=0.0) for _ in range(2))
    assert len(one.tags) == 3
    assert one.to_json() == other.to_json()


def test_labels_and_their_number_are_options(folder: Path) -> None:
    cues = _tags(folder, clip(road(1.0)[None]), labels=["tram", "owl"], top=1)
    assert next(tag.label for tag in cues.tags) in ("tram", "owl")
    assert len(cues.tags) == 1


def test_silence_is_not_tagged(folder: Path) -> None:
    assert _tags(folder, AudioClip(np.zeros((2, RATE)), RATE)).tags == ()


def test_sound_is_resampled_to_48_khz() -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    found = resampled(tone, RATE, 48_000)
    assert len(found) == 48_000
    wanted = np.sin(2 * np.pi * 440 * np.arange(48_000) / 48_000)
    assert np.abs(found - wanted)[100:-100].max() < 1e-2


def test_a_missing_model_is_named_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        _tags(tmp_path / "none", clip(road(0.5)[None]))
    text = str(caught.value)
    assert text.startswith(f"the CLAP model {str(tmp_path / 'none')!r} cannot be loaded\n")
    assert "give a folder or another hub id as the option model of semantic_clap" in text
    assert "`hf download" in text


def test_a_model_without_some_weights_is_refused(folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    for name in folder.iterdir():
        (tmp_path / name.name).write_bytes(name.read_bytes())
    weights = load_file(tmp_path / "model.safetensors")
    weights.pop("logit_scale_a")
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(WeightsError, match="lacks 1 weights\n  first: logit_scale_a"):
        _tags(tmp_path, clip(road(0.5)[None]))


def test_a_folder_of_another_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(WeightsError, match="cannot be loaded"):
        _tags(tmp_path, clip(road(0.5)[None]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"labels": []}, "semantic_clap: 0 labels\n  expected 1 to 500 short nouns"),
        ({"prompt": "a sound"}, "semantic_clap: prompt is 'a sound'\n  expected {} where the label goes"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        SemanticClap(**options)  # type: ignore[arg-type]
    assert str(caught.value) == message
