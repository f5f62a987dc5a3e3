"""The text of each frame, and its features."""

from __future__ import annotations

import re
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
    length = text_length(tokenizer, encoder)
    _warn_of_cuts(distinct, tokenizer, length, run)
    tokens = tokenizer(distinct, padding="max_length", max_length=length, truncation=True, return_tensors="pt")
    with torch.no_grad():
        features = encoder(tokens.input_ids.to(device))
    order = torch.tensor([distinct.index(text) for text in texts], device=features.last_hidden_state.device)
    return EncodedText(features.last_hidden_state[order], features.pooler_output[order])


def text_length(tokenizer: Any, encoder: Any) -> int:
    """Tokens of an encoded text."""
    return min(tokenizer.model_max_length, encoder.config.max_position_embeddings)


def find_tokens(text: str, phrases: Sequence[str], tokenizer: Any, length: int) -> tuple[tuple[int, ...], ...]:
    """For each phrase, the positions of the tokens that it covers wherever it stands in the text, in whole words.

    Capitals do not matter, and an "s" may follow. What lies beyond `length` tokens is not seen and not found.
    """
    spans = tokenizer(text, truncation=True, max_length=length, return_offsets_mapping=True).offset_mapping
    return tuple(_covered(text, phrase, spans) for phrase in phrases)


def _covered(text: str, phrase: str, spans: Sequence[tuple[int, int]]) -> tuple[int, ...]:
    words = r"\s+".join(map(re.escape, phrase.split()))
    places = [match.span() for match in re.finditer(rf"(?<!\w){words}s?(?!\w)", text, re.IGNORECASE)] if words else []
    return tuple(
        index
        for index, (start, end) in enumerate(spans)
        if start < end and any(start < stop and begin < end for begin, stop in places)
    )


def _warn_of_cuts(texts: Sequence[str], tokenizer: Any, length: int, run: Run) -> None:
    for text in texts:
        if len(tokenizer(text, verbose=False).input_ids) > length:
            run.notice(f"A prompt is longer than {length} tokens, so its end is not seen: {text[:60]!r}...")


def rows_of(states: Tensor, negative: Tensor | None) -> Tensor:
    """The denoiser's text rows: the negative prompt for each row first, if there is one; then the rows themselves."""
    return states if negative is None else torch.cat([negative.expand_as(states), states])
