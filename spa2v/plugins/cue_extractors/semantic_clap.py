"""Zero-shot tags from a list of labels with CLAP (Wu et al. 2023), through transformers."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spa2v.core import hub
from spa2v.core.errors import ConfigError, MissingDependency, WeightsError
from spa2v.core.runtime import Run
from spa2v.core.types import AudioClip, SpatialCues, Tag
from spa2v.dsp.log_mel import resampled
from spa2v.dsp.stft import stereo_stft
from spa2v.vocabulary import caption_of, vocabulary

MAX_LABELS, MAX_WINDOWS = 500, 6


class SemanticClap:
    """Tags by the likeness of the sound to texts. It hears the mixed channels, so it gives kinds, never places.

    Args:
        model: hub id or folder of a CLAP model in the layout of transformers.
        labels: short nouns, at most 500; the classes of `spa2v.vocabulary` by default.
        prompt: text for a label, with {} for it or, where the vocabulary has one, for its caption.
        top: how many tags are kept.
        min_confidence: tags below are left out.
        local_files_only: never ask the hub; the model must be in its cache or in a folder.

    Raises:
        ConfigError: no label, too many, or a prompt without {}.
    """

    def __init__(
        self,
        model: str = "laion/clap-htsat-unfused",
        labels: Sequence[str] | None = None,
        prompt: str = "the sound of {}",
        top: int = 5,
        min_confidence: float = 0.05,
        local_files_only: bool = False,
    ) -> None:
        given = vocabulary().classes if labels is None else labels
        self.labels = tuple(dict.fromkeys(str(label).strip() for label in given))
        if not 1 <= len(self.labels) <= MAX_LABELS or not all(self.labels):
            raise ConfigError(f"semantic_clap: {len(self.labels)} labels", f"expected 1 to {MAX_LABELS} short nouns")
        if "{}" not in prompt:
            raise ConfigError(f"semantic_clap: prompt is {prompt!r}", "expected {} where the label goes")
        self.model, self.prompt, self.top = model, prompt, top
        self.min_confidence, self.local_files_only = min_confidence, local_files_only
        self._loaded: tuple[Any, Any] | None = None
        self._lock = threading.Lock()

    def extract(self, audio: AudioClip, run: Run) -> SpatialCues:
        """The best tags.

        Raises:
            MissingDependency: torch or transformers is not installed.
            WeightsError: the model cannot be loaded.
        """
        if stereo_stft(audio).silent:
            return SpatialCues(audio.duration_s)
        scores = self._scores(audio, run)
        order = sorted(range(len(scores)), key=lambda index: (-scores[index], index))[: self.top]
        reason = f"likeness to text by {self.model.rsplit('/', 1)[-1]}"
        tags = tuple(
            Tag(self.labels[index], float(np.clip(scores[index], 0.0, 1.0)), reason)
            for index in order
            if scores[index] >= self.min_confidence
        )
        return SpatialCues(audio.duration_s, tags=tags)

    def _scores(self, audio: AudioClip, run: Run) -> NDArray[np.float64]:
        """Probability of each label, (labels,): the softmax over labels, averaged over windows of the clip."""
        import torch

        processor, model = self._load(run)
        extractor = processor.feature_extractor
        windows = _windows(
            resampled(audio.mono, audio.sample_rate, extractor.sampling_rate), int(extractor.nb_max_samples)
        )
        texts = [self.prompt.format(caption_of(label)) for label in self.labels]
        sound = extractor(windows, sampling_rate=extractor.sampling_rate, return_tensors="pt")
        words = processor.tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
        inputs = {name: value.to(run.device) for name, value in {**words, **sound}.items()}
        with torch.inference_mode():
            likeness = model(**inputs).logits_per_audio.float().softmax(dim=-1).mean(dim=0)
        return np.asarray(likeness.cpu().numpy(), dtype=np.float64)

    def _load(self, run: Run) -> tuple[Any, Any]:
        with self._lock:
            if self._loaded is None:
                self._loaded = self._read(run)
            return self._loaded

    def _read(self, run: Run) -> tuple[Any, Any]:
        try:
            from transformers import ClapModel, ClapProcessor
        except ImportError as error:
            raise MissingDependency(
                "semantic_clap needs torch and transformers", "pip install 'spa2v[clap]'"
            ) from error
        where = {"pretrained_model_name_or_path": self.model, "local_files_only": self.local_files_only}
        try:
            with hub.without_waiting():
                processor = ClapProcessor.from_pretrained(**where)
                model, report = ClapModel.from_pretrained(**where, output_loading_info=True)
        except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
            raise WeightsError(
                f"the CLAP model {self.model!r} cannot be loaded",
                (str(error).strip().splitlines() or ["no reason was given"])[0][:300],
                "give a folder or another hub id as the option model of semantic_clap, fetch it once with "
                f"`hf download {self.model}`, or use semantic_rules, which needs no model",
            ) from error
        if report.get("missing_keys"):
            missing = sorted(report["missing_keys"])
            raise WeightsError(f"the CLAP model {self.model!r} lacks {len(missing)} weights", f"first: {missing[0]}")
        return processor, model.to(run.device).eval()


def _windows(sound: NDArray[np.float32], length: int) -> list[NDArray[np.float32]]:
    """At most six windows spread evenly over a long sound: the extractor would cut a long one at a random place."""
    if len(sound) <= length:
        return [sound]
    count = min(MAX_WINDOWS, -(-len(sound) // length))
    starts = np.linspace(0, len(sound) - length, count).astype(int)
    return [sound[start : start + length] for start in starts]
