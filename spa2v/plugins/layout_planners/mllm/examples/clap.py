"""CLAP's embedding of a recording, as an optional part of the retrieval key. It hears in mono."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from math import gcd
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spa2v.core import hub
from spa2v.core.errors import MissingDependency, WeightsError
from spa2v.core.runtime import Run
from spa2v.core.types import AudioClip


@dataclass(eq=False)
class ClapEmbedder:
    """A CLAP model, loaded on first use.

    Args:
        model: hub id ("laion/clap-htsat-unfused") or folder.
    """

    model: str
    _loaded: tuple[Any, Any] | None = field(default=None, init=False, repr=False)
    _lock: Any = field(default_factory=threading.Lock, init=False, repr=False)

    def embed(self, audio: AudioClip, run: Run) -> NDArray[np.float32]:
        """The embedding of the mixed channels with length 1, shape (D,).

        Raises:
            MissingDependency: torch or transformers is not installed.
            WeightsError: the model cannot be loaded.
        """
        import torch

        processor, model = self._load(run)
        rate = processor.feature_extractor.sampling_rate
        inputs = processor.feature_extractor(_resampled(audio, rate), sampling_rate=rate, return_tensors="pt")
        with torch.inference_mode():
            found = model.get_audio_features(**{name: value.to(run.device) for name, value in inputs.items()})
        found = getattr(found, "pooler_output", found)  # newer transformers wrap the embedding
        vector: NDArray[np.float32] = found[0].float().cpu().numpy()
        return vector / max(float(np.linalg.norm(vector)), 1e-9)

    def _load(self, run: Run) -> tuple[Any, Any]:
        with self._lock:
            if self._loaded is None:
                try:
                    from transformers import ClapModel, ClapProcessor
                except ImportError as error:
                    raise MissingDependency(
                        "the CLAP embedding needs torch and transformers", "pip install 'spa2v[clap]'"
                    ) from error
                try:
                    with hub.without_waiting():
                        processor = ClapProcessor.from_pretrained(self.model)
                        model = ClapModel.from_pretrained(self.model).to(run.device).eval()
                except (OSError, ValueError) as error:
                    reason = str(error).splitlines()[0][:300]
                    raise WeightsError(f"cannot load the CLAP model {self.model!r}", reason) from error
                self._loaded = (processor, model)
            return self._loaded


def _resampled(audio: AudioClip, rate: int) -> NDArray[np.float32]:
    if audio.sample_rate == rate:
        return audio.mono
    from scipy.signal import resample_poly

    common = gcd(rate, audio.sample_rate)
    return np.asarray(resample_poly(audio.mono, rate // common, audio.sample_rate // common), dtype=np.float32)
