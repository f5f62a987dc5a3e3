"""Labels by text embeddings: every label takes the nearest word of the ground truth."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spa2v.core import hub
from spa2v.core.errors import WeightsError
from spa2v.core.runtime import Run
from spa2v.core.weights import refuse_missing
from spa2v.plugins.label_maps.normalized import normalized


class EmbeddingLabels:
    """A label that the ground truth does not have becomes its nearest word by cosine, if it is near enough.

    The embedding is CLIP's projected text features, or the mean of the last hidden states of another encoder.

    Args:
        model: a folder or a hub id; safetensors only.
        least: the smallest cosine at which a label is replaced.
        prompt: what each text is put into.
        revision: of the hub repository.
    """

    def __init__(self, model: str, least: float = 0.8, prompt: str = "{}", revision: str | None = None) -> None:
        self.model, self.least, self.prompt, self.revision = model, least, prompt, revision
        self.name = f"embeddings {model}, cosine >= {least:g}"
        self._loaded: tuple[Any, Any] | None = None

    def table(self, labels: Collection[str], vocabulary: Collection[str], run: Run) -> dict[str, str]:
        """What each label becomes, `normalized` in any case.

        Raises:
            WeightsError: the model cannot be loaded.
        """
        words = sorted({normalized(word) for word in vocabulary})
        found = {label: normalized(label) for label in labels}
        unknown = sorted(set(found.values()) - set(words))
        if unknown and words:
            nearest = self._nearest(unknown, words, run)
            found = {label: nearest.get(word, word) for label, word in found.items()}
        return found

    def _nearest(self, unknown: Sequence[str], words: Sequence[str], run: Run) -> dict[str, str]:
        cosines = _unit(self.embed(unknown, run)) @ _unit(self.embed(words, run)).T
        best = cosines.argmax(axis=1)
        near = cosines.max(axis=1) >= self.least
        return {label: words[best[i]] for i, label in enumerate(unknown) if near[i]}

    def embed(self, texts: Sequence[str], run: Run) -> NDArray[np.float32]:
        """(n, d) vectors of n texts.

        Raises:
            WeightsError: the model cannot be loaded.
        """
        import torch

        if self._loaded is None:
            self._loaded = self._load(run)
        tokenizer, model = self._loaded
        prompts = [self.prompt.format(text) for text in texts]
        inputs = tokenizer(prompts, padding=True, truncation=True, return_tensors="pt").to(model.device)
        with torch.inference_mode():
            found = model(**inputs)
        if hasattr(found, "text_embeds"):
            return found.text_embeds.float().cpu().numpy()
        mask = inputs["attention_mask"][..., None]
        mean = (found.last_hidden_state * mask).sum(dim=1) / mask.sum(dim=1)
        return mean.float().cpu().numpy()

    def _load(self, run: Run) -> tuple[Any, Any]:
        from transformers import AutoConfig, AutoModel, AutoTokenizer, CLIPTextModelWithProjection

        try:
            with hub.without_waiting():
                config = AutoConfig.from_pretrained(self.model, revision=self.revision)
                clip = config.model_type.startswith("clip")
                kind = CLIPTextModelWithProjection if clip else AutoModel
                tokenizer = AutoTokenizer.from_pretrained(self.model, revision=self.revision)
                where = {"pretrained_model_name_or_path": self.model, "revision": self.revision}
                model, report = kind.from_pretrained(**where, use_safetensors=True, output_loading_info=True)
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            raise WeightsError(f"{self.model!r} is not a usable text model", str(error)[:300]) from error
        refuse_missing(self.model, report, optional="pooler")  # the pooler is not used here
        return tokenizer, model.to(run.device).eval()


def _unit(vectors: NDArray[Any]) -> NDArray[np.float64]:
    vectors = np.asarray(vectors, dtype=np.float64)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
