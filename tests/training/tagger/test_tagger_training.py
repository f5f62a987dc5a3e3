"""The tagger learns from a folder of sounds; its weights give the same scores in numpy as in torch."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from spa2v.core.errors import ConfigError
from spa2v.core.runtime import Run
from spa2v.plugins.cue_extractors.tagging import Tagger
from spa2v.plugins.cue_extractors.tagging.network import CENTER, FLOOR, SCALE, Network
from spa2v.training.tagger.command import make_index, train_tagger
from spa2v.training.tagger.index import index_folder, read_index, recording_of
from spa2v.vocabulary import vocabulary

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")

RATE = 16_000


def _tone(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.asarray(0.5 * np.sin(2 * np.pi * rng.uniform(400, 900) * np.arange(2 * RATE) / RATE))


def _noise(seed: int) -> np.ndarray:
    return np.asarray(np.random.default_rng(seed).normal(size=2 * RATE) * 0.1)


@pytest.fixture
def sounds(tmp_path: Path) -> Path:
    for name, make in (("flute", _tone), ("rain", _noise)):
        folder = tmp_path / "sounds" / name
        folder.mkdir(parents=True)
        for index in range(12):
            word = "abcdefghijkl"[index] * 3
            soundfile.write(folder / f"{word}.wav", make(index), RATE)
    return tmp_path / "sounds"


def test_folders_give_the_labels_and_takes_are_one_recording(sounds: Path, tmp_path: Path) -> None:
    make_index(sounds, tmp_path / "index.tsv", "own", "CC0-1.0")
    read = read_index(tmp_path / "index.tsv")
    assert read == index_folder(sounds, "own", "CC0-1.0")
    assert {sound.labels for sound in read} == {("flute",), ("rain",)}
    assert recording_of(Path("bark_2a.wav")) == recording_of(Path("bark1.wav")) == "bark"


def test_a_label_that_is_not_in_the_vocabulary_is_refused(tmp_path: Path) -> None:
    index = tmp_path / "index.tsv"
    index.write_text("path\tlabels\tsource\tlicense\trecording\na.wav\tunicorn\tx\tCC0\ta\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="unicorn"):
        read_index(index)


@pytest.mark.slow
def test_it_learns_two_classes_and_resumes_exactly(sounds: Path, tmp_path: Path) -> None:
    make_index(sounds, tmp_path / "index.tsv", "own", "CC0-1.0")
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train_tagger(tmp_path / "index.tsv", whole, steps=40, batch=16, device="cpu", quiet=True)
    _train_in_two(tmp_path / "index.tsv", parts, 40)
    one, other = ((folder / "weights" / "tagger.npz").read_bytes() for folder in (whole, parts))
    assert one == other
    tagger = Tagger.read(whole / "weights" / "tagger.npz")
    tone, noise = tagger.tag(_tone(99), RATE), tagger.tag(_noise(99), RATE)
    assert tone["flute"] > tone["rain"]
    assert noise["rain"] > noise["flute"]
    facts = json.loads((whole / "weights" / "training.json").read_text(encoding="utf-8"))
    assert facts["steps"] == 40
    assert "| own | CC0-1.0 | 24 |" in (whole / "weights" / "MODEL_CARD.md").read_text(encoding="utf-8")


def _train_in_two(index: Path, out: Path, steps: int) -> None:
    """Stops halfway, as Ctrl-C does, and goes on in a new trainer."""
    from dataclasses import replace

    from spa2v.training.loop import Trainer
    from spa2v.training.tagger.pool import make_pool
    from spa2v.training.tagger.stage import RECIPE, TaggerStage

    read = read_index(index)
    torch.manual_seed(6)
    run = Run(seed=6, device="cpu", dtype="float32", quiet=True)
    stage = TaggerStage(read, make_pool(read, out / "pool", run), ())
    Trainer(stage, replace(RECIPE, steps=steps, batch=16), out / "tagger", run).train(until=steps // 2)
    train_tagger(index, out, steps=steps, batch=16, device="cpu", quiet=True)


def test_numpy_and_torch_give_the_same_scores() -> None:
    from spa2v.training.tagger.model import TaggerNet, arrays

    torch.manual_seed(0)
    net = TaggerNet(len(vocabulary().classes))
    rng = np.random.default_rng(0)
    with torch.no_grad():
        for norm in net.norms:
            norm.running_mean.normal_()
            norm.running_var.uniform_(0.5, 2.0)
    net.eval()
    patches = rng.exponential(size=(3, 96, 64)).astype(np.float32)
    network = Network.of(
        {k: v.astype(np.float32) for k, v in arrays(net.state_dict()).items()}, len(vocabulary().classes)
    )
    peak = patches.max(axis=(1, 2), keepdims=True)
    with torch.inference_mode():
        logits, _ = net(torch.from_numpy((np.log(patches / peak + FLOOR) + CENTER) / SCALE))
    np.testing.assert_allclose(network.scores(patches), torch.sigmoid(logits).numpy(), atol=5e-3)
