"""What detectors through transformers share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spa2v.core import hub
from spa2v.core.errors import WeightsError
from spa2v.core.runtime import Run
from spa2v.core.types import Detection
from spa2v.core.types.scores import Detections
from spa2v.core.weights import refuse_missing
from spa2v.plugins.detectors.tidying import tidy

Raw = list[tuple[str, float, Sequence[float]]]


class ZeroShotDetector(ABC):
    """A detector whose labels are texts.

    Weights load on first use, from safetensors only; no code of the repository is run.

    Args:
        model: a folder or a hub id.
        threshold: detections below this are dropped.
        overlap: of two boxes of one label with a larger IoU the one with the lower score is dropped.
        most: at most so many boxes of one label in a frame; None for all.
        batch_size: frames at once.
        revision: of the hub repository.
    """

    kind = ""

    def __init__(
        self,
        model: str,
        threshold: float,
        overlap: float = 0.5,
        most: int | None = None,
        batch_size: int = 4,
        revision: str | None = None,
    ) -> None:
        self.model, self.threshold, self.overlap, self.most = model, threshold, overlap, most
        self.batch_size, self.revision = batch_size, revision
        self._loaded: tuple[Any, Any] | None = None

    @property
    def name(self) -> str:
        """The model and the settings that change its boxes."""
        most = "" if self.most is None else f", most {self.most}"
        return f"{self.kind} {self.model}, threshold {self.threshold:g}, overlap {self.overlap:g}{most}"

    def detect(self, frames: NDArray[np.uint8], labels: Sequence[str], run: Run) -> Detections:
        """Detections of each of uint8 RGB frames (F, H, W, 3).

        Raises:
            WeightsError: the model is missing, not safetensors, or of another kind.
            MetricError: too many labels for the model's text.
        """
        if not labels:
            return ((),) * len(frames)
        processor, model = self._load(run)
        found: list[tuple[Detection, ...]] = []
        with run.progress("detection", len(frames)) as step:
            for start in range(0, len(frames), self.batch_size):
                batch = list(frames[start : start + self.batch_size])
                found += [tidy(raw, self.overlap, self.most) for raw in self._raw(processor, model, batch, labels)]
                step(len(batch))
        return tuple(found)

    def _load(self, run: Run) -> tuple[Any, Any]:
        if self._loaded is None:
            self._loaded = self._read(run)
        return self._loaded

    def _read(self, run: Run) -> tuple[Any, Any]:
        from transformers import AutoConfig

        processor_class, model_class = self._classes()
        where = {"pretrained_model_name_or_path": self.model, "revision": self.revision}
        try:
            with hub.without_waiting():
                kind = AutoConfig.from_pretrained(**where).model_type
                if kind != self.kind:
                    raise WeightsError(f"{self.model!r} is a {kind} model, not {self.kind}")
                processor = processor_class.from_pretrained(**where)
                model, report = model_class.from_pretrained(**where, use_safetensors=True, output_loading_info=True)
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            raise WeightsError(f"{self.model!r} is not a usable {self.kind} model", str(error)[:300]) from error
        refuse_missing(self.model, report)
        return processor, model.to(run.device).eval()

    @abstractmethod
    def _classes(self) -> tuple[Any, Any]: ...

    @abstractmethod
    def _raw(self, processor: Any, model: Any, frames: list[NDArray[np.uint8]], labels: Sequence[str]) -> list[Raw]: ...
