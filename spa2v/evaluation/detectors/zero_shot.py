"""OWLv2 (Minderer et al. 2023) and GroundingDINO (Liu et al. 2023) through transformers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spa2v.core.errors import MissingDependency, WeightsError
from spa2v.evaluation.detectors.base import Detection, Detections, tidy
from spa2v.evaluation.errors import MetricError

if TYPE_CHECKING:
    import torch

    from spa2v.core.runtime import Run

Raw = list[tuple[str, float, Sequence[float]]]


class _ZeroShotDetector(ABC):
    """What both share. Weights load on first use, from safetensors only; no code of the repository is run.

    Args:
        model: a folder or a hub id.
        threshold: detections below this are dropped.
        overlap: of two boxes of one label with a larger IoU the less sure one is dropped.
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
        try:
            from transformers import AutoConfig

            processor_class, model_class = self._classes()
        except ImportError as error:
            raise MissingDependency(
                f"{self.kind} needs the packages 'torch' and 'transformers'", "pip install 'spa2v[diffusion]'"
            ) from error
        where = {"pretrained_model_name_or_path": self.model, "revision": self.revision}
        try:
            kind = AutoConfig.from_pretrained(**where).model_type
            if kind != self.kind:
                raise WeightsError(f"{self.model!r} is a {kind} model, not {self.kind}")
            processor = processor_class.from_pretrained(**where)
            model, told = model_class.from_pretrained(**where, use_safetensors=True, output_loading_info=True)
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            raise WeightsError(f"{self.model!r} is not a usable {self.kind} model", str(error)[:300]) from error
        refuse_missing(self.model, told)
        return processor, model.to(run.device).eval()

    @abstractmethod
    def _classes(self) -> tuple[Any, Any]: ...

    @abstractmethod
    def _raw(self, processor: Any, model: Any, frames: list[NDArray[np.uint8]], labels: Sequence[str]) -> list[Raw]: ...


def refuse_missing(model: str, told: Mapping[str, Any], optional: str = "") -> None:
    """Refuses a model that would compute with weights drawn at random.

    Raises:
        WeightsError: names the first weights that the files lack or that have another shape.
    """
    keys = [str(key) for field in ("missing_keys", "mismatched_keys") for key in told.get(field, ())]
    lacking = sorted(key for key in keys if not optional or optional not in key)
    if lacking:
        raise WeightsError(f"{model!r} lacks {len(lacking)} of its weights", f"the first is {lacking[0]}")


class Owlv2Detector(_ZeroShotDetector):
    """OWLv2; each label is asked as "a photo of a {label}"."""

    kind = "owlv2"

    def __init__(
        self,
        model: str = "google/owlv2-base-patch16-ensemble",
        threshold: float = 0.2,
        prompt: str = "a photo of a {}",
        **options: Any,
    ) -> None:
        super().__init__(model, threshold, **options)
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


class GroundingDinoDetector(_ZeroShotDetector):
    """GroundingDINO; the labels form one text, "car. piano.", and a box takes the label whose words answer most."""

    kind = "grounding-dino"

    def __init__(
        self, model: str = "IDEA-Research/grounding-dino-tiny", threshold: float = 0.3, **options: Any
    ) -> None:
        super().__init__(model, threshold, **options)

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
            raise MetricError(f"{len(labels)} labels are too many words for one question", "ask for fewer labels")
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
    """The places of each label's tokens: what stands between the full stops."""
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
