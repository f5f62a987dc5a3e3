"""The text of each frame, and its features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from spa2v.core.protocols import EncodedText
from spa2v.core.runtime import Run
from spa2v.core.types import VideoSceneLayout

CAPTIONS = ("mix", "global", "local")


def frame_prompts(layout: VideoSceneLayout, frames: int, captions: str, prefix: str = "") -> list[str]:
    """One prompt for each frame.

    Args:
        layout: the plan.
        frames: how many, spread over the clip.
        captions: "global" takes the caption of the video, "local" that of the nearest key frame, "mix" both, in that
            order. Where the chosen one is empty, the other stands in.
        prefix: put before each prompt.
    """
    return [_joined(prefix, *_chosen(layout.caption, frame.caption, captions)) for frame in layout.frames(frames)]


def _chosen(whole: str, local: str, captions: str) -> tuple[str, ...]:
    if captions == "mix":
        return (whole, local) if local.strip() != whole.strip() else (whole,)
    first, second = (whole, local) if captions == "global" else (local, whole)
    return (first if first.strip() else second,)


def _joined(*parts: str) -> str:
    return ", ".join(part.strip().rstrip(".,;") for part in parts if part.strip())


def encode(texts: Sequence[str], tokenizer: Any, encoder: Any, device: torch.device, run: Run) -> EncodedText:
    """Features of each text, padded to the encoder's full length; a text that stands several times is encoded once.

    A text beyond the encoder's length is cut, and the run says so.
    """
    distinct = list(dict.fromkeys(texts))
    length = min(tokenizer.model_max_length, encoder.config.max_position_embeddings)
    _warn_of_cuts(distinct, tokenizer, length, run)
    tokens = tokenizer(distinct, padding="max_length", max_length=length, truncation=True, return_tensors="pt")
    with torch.no_grad():
        features = encoder(tokens.input_ids.to(device))
    order = torch.tensor([distinct.index(text) for text in texts], device=features.last_hidden_state.device)
    return EncodedText(features.last_hidden_state[order], features.pooler_output[order])


def _warn_of_cuts(texts: Sequence[str], tokenizer: Any, length: int, run: Run) -> None:
    for text in texts:
        if len(tokenizer(text, verbose=False).input_ids) > length:
            run.notice(f"A prompt is longer than {length} tokens, so its end is not seen: {text[:60]!r}...")


def rows_of(states: Tensor, negative: Tensor | None) -> Tensor:
    """The denoiser's text rows: the negative prompt for each row first, if there is one; then the rows themselves."""
    return states if negative is None else torch.cat([negative.expand_as(states), states])
