"""Text embeddings through transformers, for `EmbeddingLabels`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spa2v.core.errors import MissingDependency, WeightsError
from spa2v.evaluation.detectors.zero_shot import refuse_missing

if TYPE_CHECKING:
    from spa2v.core.runtime import Run


class TextEmbeddings:
    """CLIP's projected text features, or the mean of the last hidden states of another encoder.

    Args:
        model: a folder or a hub id; safetensors only.
        run: gives the device.
        prompt: what each text is put into.
        revision: of the hub repository.
    """

    def __init__(self, model: str, run: Run, prompt: str = "{}", revision: str | None = None) -> None:
        self.model, self.run, self.prompt, self.revision = model, run, prompt, revision
        self._loaded: tuple[Any, Any] | None = None

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, d) vectors of n texts.

        Raises:
            WeightsError: the model cannot be loaded.
        """
        import torch

        tokenizer, model = self._load()
        prompts = [self.prompt.format(text) for text in texts]
        inputs = tokenizer(prompts, padding=True, truncation=True, return_tensors="pt").to(model.device)
        with torch.inference_mode():
            found = model(**inputs)
        if hasattr(found, "text_embeds"):
            return found.text_embeds.float().cpu().numpy()
        mask = inputs["attention_mask"][..., None]
        mean = (found.last_hidden_state * mask).sum(dim=1) / mask.sum(dim=1)
        return mean.float().cpu().numpy()

    def _load(self) -> tuple[Any, Any]:
        if self._loaded is None:
            self._loaded = self._read()
        return self._loaded

    def _read(self) -> tuple[Any, Any]:
        try:
            from transformers import AutoConfig, AutoModel, AutoTokenizer, CLIPTextModelWithProjection
        except ImportError as error:
            raise MissingDependency(
                "text embeddings need the packages 'torch' and 'transformers'", "pip install 'spa2v[diffusion]'"
            ) from error
        try:
            config = AutoConfig.from_pretrained(self.model, revision=self.revision)
            clip = config.model_type.startswith("clip")
            kind = CLIPTextModelWithProjection if clip else AutoModel
            tokenizer = AutoTokenizer.from_pretrained(self.model, revision=self.revision)
            where = {"pretrained_model_name_or_path": self.model, "revision": self.revision}
            model, told = kind.from_pretrained(**where, use_safetensors=True, output_loading_info=True)
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            raise WeightsError(f"{self.model!r} is not a usable text model", str(error)[:300]) from error
        refuse_missing(self.model, told, optional="pooler")  # the pooler is not used here
        return tokenizer, model.to(self.run.device).eval()
