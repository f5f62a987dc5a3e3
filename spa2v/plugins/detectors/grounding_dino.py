"""GroundingDINO (Liu et al. 2023) through transformers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spa2v.core.errors import MetricError
from spa2v.plugins.detectors.zero_shot import Raw, ZeroShotDetector

if TYPE_CHECKING:
    import torch


class GroundingDinoDetector(ZeroShotDetector):
    """GroundingDINO; the labels form one text, "car. piano.", and a box takes the label whose words score highest.

    Options as in `ZeroShotDetector`.
    """

    kind = "grounding-dino"

    def __init__(
        self,
        model: str = "IDEA-Research/grounding-dino-tiny",
        threshold: float = 0.3,
        overlap: float = 0.5,
        most: int | None = None,
        batch_size: int = 4,
        revision: str | None = None,
    ) -> None:
        super().__init__(model, threshold, overlap, most, batch_size, revision)

    def _classes(self) -> tuple[Any, Any]:
        from transformers import GroundingDinoForObjectDetection, GroundingDinoProcessor

        return GroundingDinoProcessor, GroundingDinoForObjectDetection

    def _raw(self, processor: Any, model: Any, frames: list[NDArray[np.uint8]], labels: Sequence[str]) -> list[Raw]:
        import torch

        words = [" ".join(label.lower().replace(".", " ").split()) for label in labels]
        text = [". ".join(words) + "."] * len(frames)
        inputs = processor(text=text, images=frames, return_tensors="pt").to(model.device)
        spans = _spans(inputs["input_ids"][0], processor.tokenizer, len(labels))
        if inputs["input_ids"].shape[1] > model.config.max_text_len:
            raise MetricError(f"{len(labels)} labels are too many words for one prompt", "use fewer labels")
        with torch.inference_mode():
            outputs = model(**inputs)
        chances = outputs.logits.float().sigmoid()
        of_label = torch.stack([chances[..., span].amax(dim=-1) for span in spans], dim=-1)  # (B, queries, labels)
        return [self._frame(scores, boxes, labels) for scores, boxes in zip(of_label, outputs.pred_boxes, strict=True)]

    def _frame(self, scores: torch.Tensor, boxes: torch.Tensor, labels: Sequence[str]) -> Raw:
        best, which = scores.max(dim=-1)
        center, half = boxes.float()[:, :2], boxes.float()[:, 2:] / 2
        edges = np.concatenate([(center - half).cpu().numpy(), (center + half).cpu().numpy()], axis=1)
        sure = (best > self.threshold).cpu().numpy()
        rows = zip(which.tolist(), best.tolist(), edges.tolist(), strict=True)
        return [(labels[k], s, b) for (k, s, b), keep in zip(rows, sure, strict=True) if keep]


def _spans(ids: torch.Tensor, tokenizer: Any, count: int) -> list[list[int]]:
    """The places of each label's tokens: what lies between the full stops."""
    spans: list[list[int]] = [[]]
    special = set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}
    stop = tokenizer.convert_tokens_to_ids(".")
    for place, token in enumerate(ids.tolist()):
        if token == stop:
            spans.append([])
        elif token not in special:
            spans[-1].append(place)
    if len(spans) != count + 1 or not all(spans[:count]):
        raise MetricError(f"{count} labels became {sum(map(bool, spans))} phrases for the model", "use plain words")
    return spans[:count]
