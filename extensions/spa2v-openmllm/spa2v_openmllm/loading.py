"""Loads an audio-language model and what prepares its input, from a folder in the format of transformers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import transformers
from safetensors import SafetensorError
from spa2v import ConfigError, Run, WeightsError, shorten
from transformers.processing_utils import ProcessorMixin
from transformers.utils import logging

from spa2v_openmllm.memory import is_out_of_memory


@dataclass(frozen=True)
class Kind:
    """A kind of model that hears and writes.

    Args:
        model: class that holds what writes text; of an omni model the thinker, without what speaks.
        processor: class that prepares texts and sounds.
        unused: beginnings of the names of weights that a folder holds for what is not loaded.
    """

    model: str
    processor: str
    unused: tuple[str, ...] = ()


KINDS = {
    "qwen2_5_omni": Kind(
        "Qwen2_5OmniThinkerForConditionalGeneration", "Qwen2_5OmniProcessor", ("talker.", "token2wav.")
    ),
    "qwen3_omni_moe": Kind(
        "Qwen3OmniMoeThinkerForConditionalGeneration", "Qwen3OmniMoeProcessor", ("talker.", "code2wav.")
    ),
    "qwen2_audio": Kind("Qwen2AudioForConditionalGeneration", "Qwen2AudioProcessor"),
}
"""By the `model_type` of config.json."""
FAILURES = (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError, SafetensorError)


@dataclass(frozen=True)
class Loaded:
    """A model ready to answer, and its processor."""

    model: Any
    processor: Any

    @property
    def context(self) -> int:
        """How many tokens the model takes, those of its answer included."""
        return int(self.model.config.get_text_config().max_position_embeddings)

    @property
    def ends(self) -> list[int]:
        """The tokens that end an answer; an omni model's own list may be missing for its thinker."""
        own = self.model.generation_config.eos_token_id
        ends = own if isinstance(own, list) else [own]
        return sorted({end for end in (*ends, self.processor.tokenizer.eos_token_id) if end is not None})

    @property
    def longest_s(self) -> float:
        """How much of a sound it hears, in seconds; infinite where its processor cuts nothing."""
        if not getattr(self.processor, "audio_kwargs", {}).get("truncation", True):
            return math.inf
        ears = self.processor.feature_extractor
        return float(ears.n_samples / ears.sampling_rate)


def load(folder: Path, run: Run, offload: str) -> Loaded:
    """The model of a folder, in the run's dtype, on its device or spread by accelerate.

    Raises:
        WeightsError: the folder lacks something, is damaged or does not fit.
        ConfigError: the model is of a kind that hears nothing, or is not known here.
    """
    kind = _kind(folder)
    options = {"device_map": "auto"} if offload == "auto" else {}
    try:
        processor = _processor(getattr(transformers, kind.processor), folder)
        with _bars(not run.quiet):
            model, info = getattr(transformers, kind.model).from_pretrained(
                folder,
                dtype=run.dtype,
                local_files_only=True,
                use_safetensors=True,  # data, never code
                output_loading_info=True,
                **options,
            )
    except FAILURES as error:
        if is_out_of_memory(error):
            raise
        reason = " ".join(str(error).split())[:500] or type(error).__name__
        raise WeightsError(f"the audio-language model in {str(folder)!r} cannot be loaded", reason) from error
    _check(folder, info, kind)
    model.requires_grad_(False).eval()
    return Loaded(model if offload == "auto" else model.to(run.device), processor)


@contextmanager
def _bars(shown: bool) -> Iterator[None]:
    """The bars of transformers, as the run wants them."""
    before = logging.is_progress_bar_enabled()
    try:
        logging.enable_progress_bar() if shown else logging.disable_progress_bar()
        yield
    finally:
        logging.enable_progress_bar() if before else logging.disable_progress_bar()


def _kind(folder: Path) -> Kind:
    try:
        name = transformers.AutoConfig.from_pretrained(folder, local_files_only=True).model_type
    except FAILURES as error:
        reason = " ".join(str(error).split())[:300]
        raise WeightsError(f"{str(folder)!r} is no folder of a transformers model", reason) from error
    if name not in KINDS:
        raise ConfigError(
            f"model: {str(folder)!r} holds a {name!r}, not a model that is known to hear",
            f"known here: {', '.join(KINDS)}",
            "for a model that only reads, serve it and use the planner gpt4o with base_url and send_audio=false",
        )
    return KINDS[name]


def _processor(whole: type[Any], folder: Path) -> Any:
    """The processor without what prepares pictures and videos, which would need torchvision."""
    if set(whole.get_attributes()) == {"feature_extractor", "tokenizer"}:
        return whole.from_pretrained(folder, local_files_only=True)

    class Ears(whole):  # type: ignore[misc]  # its base is known when the model is
        def __init__(self, feature_extractor: Any = None, tokenizer: Any = None, chat_template: Any = None) -> None:
            ProcessorMixin.__init__(self, feature_extractor, tokenizer, chat_template=chat_template)
            self.audio_token, self.audio_token_id = tokenizer.audio_token, tokenizer.audio_token_id

    return Ears.from_pretrained(folder, local_files_only=True)


def _check(folder: Path, info: dict[str, Any], kind: Kind) -> None:
    """Raises `WeightsError` where weights lack a place or a place lacks weights."""
    unknown = [key for key in info["unexpected_keys"] if not key.startswith(kind.unused or ("\0",))]
    lines = [
        f"{word}: {shorten(keys)}" for word, keys in (("missing", info["missing_keys"]), ("not known", unknown)) if keys
    ]
    if lines:
        raise WeightsError(f"the weights in {str(folder)!r} do not fit its config.json", *lines)
