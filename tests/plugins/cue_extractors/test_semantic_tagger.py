"""semantic_tagger on synthesized sounds; what does not matter to the ear changes nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spa2v.core.errors import WeightsError
from spa2v.core.runtime import Run
from spa2v.core.types import AudioClip
from spa2v.plugins.cue_extractors.semantic_tagger import SemanticTagger
from spa2v.plugins.cue_extractors.tagging import tags_of
from spa2v.vocabulary import vocabulary
from spa2v.world.synth import synthesize

RATE = 32_000


def _clip(name: str, seed: int = 1) -> AudioClip:
    return AudioClip(0.2 * np.stack([synthesize(name, seed, 4 * RATE, RATE)] * 2), RATE)


def test_silence_has_no_tags() -> None:
    assert SemanticTagger().extract(AudioClip(np.zeros((2, RATE)), RATE), Run()).tags == ()


@pytest.mark.parametrize("name", ["piano", "guitar", "violin", "harp", "drum", "train"])
def test_toyworlds_sounds_are_named(name: str) -> None:
    first = [SemanticTagger().extract(_clip(name, seed), Run()).tags[0].label for seed in (11, 12, 13)]
    assert first.count(name) >= 2


def test_gain_and_silence_around_change_no_confidence() -> None:
    audio = _clip("piano")
    still = np.zeros((2, RATE // 10), dtype=np.float32)
    quiet = AudioClip(np.concatenate([still, audio.samples * 0.01, still], axis=1), RATE)
    one, other = (SemanticTagger().extract(each, Run()).tags for each in (audio, quiet))
    assert [tag.label for tag in one] == [tag.label for tag in other]
    assert [tag.confidence for tag in one] == pytest.approx([tag.confidence for tag in other], abs=0.05)


def test_a_source_is_tagged_alone_with_every_class_of_the_vocabulary() -> None:
    scores = SemanticTagger().scores(synthesize("guitar", 3, 2 * RATE, RATE), RATE)
    assert list(scores) == list(vocabulary().classes)
    assert all(0.0 <= value <= 1.0 for value in scores.values())


def test_classes_of_one_noun_count_together() -> None:
    best = tags_of({"man": 0.3, "man singing": 0.35, "bird": 0.4}, "test")[0]
    assert best.label == "man singing"
    assert best.confidence == pytest.approx(1 - 0.7 * 0.65)


def test_a_doubtful_person_is_a_person() -> None:
    assert tags_of({"man": 0.25, "woman": 0.28, "child": 0.1}, "test")[0].label == "person"
    assert tags_of({"man": 0.6, "woman": 0.28, "child": 0.1}, "test")[0].label == "man"


def test_two_names_about_as_likely_are_both_doubtful() -> None:
    assert tags_of({"dog": 0.6, "flute": 0.1}, "test", margin=1.0)[0].confidence == pytest.approx(0.5)
    doubtful = tags_of({"dog": 0.6, "flute": 0.5}, "test", margin=1.0)
    assert [tag.label for tag in doubtful] == ["dog", "flute"]
    assert [tag.confidence for tag in doubtful] == pytest.approx([0.1, 0.5 / 6])


def test_what_may_be_two_kinds_of_one_group_is_the_group() -> None:
    assert tags_of({"car": 0.5, "truck": 0.4, "flute": 0.05}, "test", margin=1.0)[0].label == "vehicle"
    assert tags_of({"car": 0.5, "truck": 0.1, "flute": 0.05}, "test", margin=1.0)[0].label == "car"


def test_a_background_makes_no_object_doubtful() -> None:
    assert tags_of({"car": 0.5, "rain": 0.5}, "test", margin=1.0)[0].confidence == pytest.approx(0.5)


def test_what_is_no_archive_of_weights_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "weights.npz"
    file.write_bytes(b"nothing")
    with pytest.raises(WeightsError, match="cannot be read"):
        SemanticTagger(str(file)).scores(np.ones(RATE), RATE)
    np.savez(file, kernel_0=np.zeros((9, 4)))
    with pytest.raises(WeightsError, match="lack"):
        SemanticTagger(str(file)).scores(np.ones(RATE), RATE)
