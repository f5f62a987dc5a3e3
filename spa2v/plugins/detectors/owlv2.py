"""OWLv2 (Minderer et al. 2023) through transformers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spa2v.plugins.detectors.zero_shot import Raw, ZeroShotDetector


class Owlv2Detector(ZeroShotDetector):
    """OWLv2; options as in `ZeroShotDetector`. `prompt` is what each label is put into."""

    kind = "owlv2"

    def __init__(
        self,
        model: str = "google/owlv2-base-patch16-ensemble",
        threshold: float = 0.2,
        prompt: str = "a photo of a {}",
        overlap: float = 0.5,
        most: int | None = None,
        batch_size: int = 4,
        revision: str | None = None,
    ) -> None:
        super().__init__(model, threshold, overlap, most, batch_size, revision)
        self.prompt = prompt

    def _classes(self) -> tuple[Any, Any]:
        from transformers import Owlv2ForObjectDetection, Owlv2Processor

        return Owlv2Processor, Owlv2ForObjectDetection

    def _raw(self, processor: Any, model: Any, frames: list[NDArray[np.uint8]], labels: Sequence[str]) -> list[Raw]:
        import torch

        prompts = [[self.prompt.format(label) for label in labels]] * len(frames)
        inputs = processor(text=prompts, images=frames, return_tensors="pt", truncation=True).to(model.device)
        with torch.inference_mode():
            outputs = model(**inputs)
        sizes = [frame.shape[:2] for frame in frames]
        results = processor.post_process_grounded_object_detection(outputs, self.threshold, sizes)
        return [
            [(labels[int(k)], float(s), _parts(b, size)) for k, s, b in _rows(result)]
            for result, size in zip(results, sizes, strict=True)
        ]


def _rows(result: dict[str, Any]) -> Any:
    parts = (result[key].float().cpu().tolist() for key in ("labels", "scores", "boxes"))
    return zip(*parts, strict=True)


def _parts(box: Sequence[float], size: tuple[int, int]) -> list[float]:
    height, width = size
    return [box[0] / width, box[1] / height, box[2] / width, box[3] / height]
