"""Tags by YAMNet (Plakal and Ellis 2019), Google's tagger of AudioSet's 521 classes, through LiteRT."""

from __future__ import annotations

import threading
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spa2v.core.errors import MissingDependency, WeightsError
from spa2v.core.runtime import Run
from spa2v.core.types import AudioClip, SpatialCues, Tag
from spa2v.core.types.audio import MIN_DURATION_S
from spa2v.core.weights import Weights, locate
from spa2v.dsp.log_mel import resampled, sounding
from spa2v.dsp.pitch import median_pitch
from spa2v.dsp.stft import stereo_stft
from spa2v.plugins.cue_extractors.tagging import tags_of
from spa2v.vocabulary import vocabulary

HUB_ID, FILE = "thelou1s/yamnet", "yamnet.tflite"
SHA256 = "10c95ea3eb9a7bb4cb8bddf6feb023250381008177ac162ce169694d05c317de"
LABELS_FILE, CLASSES = "yamnet_label_list.txt", 521
WINDOW, HOP = 15_600, 7_680  # samples: 0.975 s, every 0.48 s
MOST_WINDOWS = 64
ACTIVE_DB = 30.0  # a window further below the loudest one is a pause
PEAK = 0.5  # of the loudest sample that the model hears; its scores depend on the level
MEAN_SHARE = 0.8  # of a clip's score: the mean over its windows; the rest is the highest window
ODDS_GAIN = 4.0  # the model's scores are low: half of the right classes lie below 0.4
SPECIFIC = 0.15  # a class this far of the generic class above it takes its whole score
WOMAN_HZ, VOICED = 165.0, 0.1  # between low and high speaking voices; part of the frames that have a pitch


class SemanticYamnet:
    """Names what sounds by a published model.

    Args:
        weights: a file in the format of LiteRT with the list of labels in it, a hub id, or a file of a hub repository.
        top: how many tags are kept.
        min_confidence: tags below are left out.

    The label of a tag is a class or a group of `spa2v.vocabulary`, whose table says which AudioSet classes mean it. A
    specific class (train) goes before the generic one above it (vehicle). Of voices that speak or sing the pitch says
    whether it is a man's or a woman's.
    """

    def __init__(self, weights: str = f"{HUB_ID}/{FILE}", top: int = 5, min_confidence: float = 0.05) -> None:
        self.source, self.top, self.min_confidence = weights, top, min_confidence
        self._model: tuple[Any, tuple[str, ...]] | None = None
        self._lock = threading.Lock()  # an interpreter serves one call at a time

    def weights(self) -> tuple[Weights, ...]:
        """What it needs."""
        return (
            Weights(
                "YAMNet model",
                self.source,
                "weights",
                size_mb=4,
                license="Apache-2.0",
                patterns=(FILE,),
                hint=f"sha256 of the known file: {SHA256}",
            ),
        )

    def extract(self, audio: AudioClip, run: Run) -> SpatialCues:
        """The best tags.

        Raises:
            MissingDependency: LiteRT is not installed.
            WeightsError: the model cannot be found or read.
        """
        return SpatialCues(audio.duration_s, tags=self.tag(audio.mono, audio.sample_rate))

    def tag(self, samples: NDArray[np.floating], rate_hz: int) -> tuple[Tag, ...]:
        """The best tags of mono samples (n,), best first; none for silence."""
        if len(samples) < MIN_DURATION_S * rate_hz:
            return ()
        audio = AudioClip(np.asarray(samples)[None], rate_hz)
        if stereo_stft(audio).silent:
            return ()
        scores = class_scores(self.audioset_scores(audio.mono, rate_hz))
        return tags_of(_with_gender(scores, audio), "heard by YAMNet", self.top, self.min_confidence)

    def audioset_scores(self, samples: NDArray[np.floating], rate: int) -> dict[str, float]:
        """Scores 0..1 of AudioSet's classes for mono samples (n,)."""
        windows = active_windows(resampled(sounding(samples), rate))
        if not len(windows):
            return {}
        with self._lock:
            interpreter, labels = self._load()
            scores = np.stack([_run(interpreter, window) for window in windows])
        pooled = MEAN_SHARE * scores.mean(axis=0) + (1 - MEAN_SHARE) * scores.max(axis=0)
        return dict(zip(labels, pooled.tolist(), strict=True))

    def _load(self) -> tuple[Any, tuple[str, ...]]:
        if self._model is None:
            self._model = _read(locate(self.weights()[0]))
        return self._model


def active_windows(sound: NDArray[np.float32]) -> NDArray[np.float32]:
    """The windows of sound at 16 kHz that are not pauses, (N, 15600), at the level that the model expects."""
    if not len(sound):
        return np.zeros((0, WINDOW), dtype=np.float32)
    inside = np.asarray(sound * (PEAK / np.abs(sound).max()), dtype=np.float32)
    inside = np.pad(inside, (0, max(0, WINDOW - len(inside))))
    starts = np.arange(0, len(inside) - WINDOW + 1, HOP)
    if len(starts) > MOST_WINDOWS:
        starts = starts[np.linspace(0, len(starts) - 1, MOST_WINDOWS).astype(int)]
    windows = np.stack([inside[start : start + WINDOW] for start in starts])
    loudness = np.sqrt(np.mean(np.square(windows), axis=1))
    return windows[loudness > 10 ** (-ACTIVE_DB / 20) * loudness.max()]


def class_scores(audioset: dict[str, float]) -> dict[str, float]:
    """Scores of the vocabulary's classes and groups from those of AudioSet's classes.

    A class has the score of the strongest AudioSet class that means it, times its gain. Where the generic class above
    is stronger, the strongest class under it that is heard at all takes its score over: AudioSet's generic classes are
    the sum of what lies below them.
    """
    known = vocabulary()
    scores = {name: min(0.99, each.gain * _best(audioset, each.audioset)) for name, each in known.classes.items()}
    groups = {name: _best(audioset, each.audioset) for name, each in known.groups.items()}
    for name in reversed(groups):  # those below others come last in the table
        first = max(known.under(name), key=lambda member: scores[member], default=None)
        if first and groups[name] > scores[first] >= SPECIFIC * groups[name]:
            scores[first] = groups[name]
    return {name: ODDS_GAIN * value / (1 + (ODDS_GAIN - 1) * value) for name, value in {**scores, **groups}.items()}


def _best(audioset: dict[str, float], names: tuple[str, ...]) -> float:
    return max((audioset.get(name, 0.0) for name in names), default=0.0)


def _with_gender(scores: dict[str, float], audio: AudioClip) -> dict[str, float]:
    """Gives a voice's score to man or woman by its pitch; AudioSet's classes of YAMNet do not have them."""
    pitch, heard = median_pitch(stereo_stft(audio))
    if heard < VOICED or pitch <= 0:
        return scores
    return scores | {"woman" if pitch >= WOMAN_HZ else "man": scores["person"]}


def _run(interpreter: Any, window: NDArray[np.float32]) -> NDArray[np.float32]:
    entry = interpreter.get_input_details()[0]
    interpreter.set_tensor(entry["index"], window.reshape(entry["shape"]))
    interpreter.invoke()
    return np.asarray(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]), dtype=np.float32).reshape(
        -1
    )


@cache
def _interpreter_class() -> Any:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise MissingDependency("semantic_yamnet needs LiteRT", "pip install 'spa2v[yamnet]'") from error
    return Interpreter


def _read(path: Path) -> tuple[Any, tuple[str, ...]]:
    file = path / FILE if path.is_dir() else path
    interpreter_class = _interpreter_class()
    try:
        with zipfile.ZipFile(file) as inside:
            labels = tuple(inside.read(LABELS_FILE).decode("utf-8").split("\n")[:CLASSES])
        interpreter = interpreter_class(str(file), num_threads=1)
        interpreter.allocate_tensors()
    except (OSError, ValueError, KeyError, RuntimeError, zipfile.BadZipFile) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise WeightsError(f"the YAMNet model {str(file)!r} cannot be read", reason) from error
    entry, result = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    if int(np.prod(entry["shape"])) != WINDOW or int(np.prod(result["shape"])) != len(labels):
        raise WeightsError(
            f"the model {str(file)!r} takes {tuple(entry['shape'])} and gives {tuple(result['shape'])}",
            f"expected {WINDOW} samples and {CLASSES} scores",
        )
    return interpreter, labels
