"""The text of each frame, its embeddings, and the tokens of phrases in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import torch

from spa2v.core.protocols import EncodedText
from spa2v.core.runtime import Run
from spa2v.core.types import VideoSceneLayout


def frame_prompts(layout: VideoSceneLayout, frames: int, captions: str, prefix: str = "") -> list[str]:
    """One prompt for each frame.

    Args:
        layout: the plan.
        frames: number of frames, spread over the clip.
        captions: "global" takes the caption of the video, "local" that of the nearest key frame, "mix" both, in that
            order. An empty caption is replaced by the other one.
        prefix: text before each prompt.
    """
    prompts = []
    for frame in layout.frames(frames):
        video, local = layout.caption, frame.caption
        if captions == "mix":
            parts = [video] if local.strip() == video.strip() else [video, local]
        else:
            first, second = (video, local) if captions == "global" else (local, video)
            parts = [first if first.strip() else second]
        prompts.append(", ".join(part.strip().rstrip(".,;") for part in (prefix, *parts) if part.strip()))
    return prompts


def encode(texts: Sequence[str], tokenizer: Any, encoder: Any, device: torch.device, run: Run) -> EncodedText:
    """Embeddings of each text, padded to the encoder's full length; equal texts are encoded once.

    A text beyond the encoder's length is cut, with a notice.
    """
    distinct = list(dict.fromkeys(texts))
    length = text_length(tokenizer, encoder)
    for text in distinct:
        if len(tokenizer(text, verbose=False).input_ids) > length:
            run.notice(f"A prompt is longer than {length} tokens, so its end is ignored: {text[:60]!r}...")
    tokens = tokenizer(distinct, padding="max_length", max_length=length, truncation=True, return_tensors="pt")
    with torch.no_grad():
        features = encoder(tokens.input_ids.to(device))
    order = torch.tensor([distinct.index(text) for text in texts], device=features.last_hidden_state.device)
    return EncodedText(features.last_hidden_state[order], features.pooler_output[order])


def text_length(tokenizer: Any, encoder: Any) -> int:
    """Tokens of an encoded text."""
    return min(tokenizer.model_max_length, encoder.config.max_position_embeddings)


def find_tokens(text: str, phrases: Sequence[str], tokenizer: Any, length: int) -> tuple[tuple[int, ...], ...]:
    """For each phrase, the positions of its tokens in the text, wherever the phrase occurs in whole words.

    Case is ignored, and an "s" may follow. Tokens beyond `length` are not found.
    """
    offsets = tokenizer(text, truncation=True, max_length=length, return_offsets_mapping=True).offset_mapping
    found = []
    for phrase in phrases:
        words = r"\s+".join(map(re.escape, phrase.split()))
        pattern = rf"(?<!\w){words}s?(?!\w)"
        spans = [match.span() for match in re.finditer(pattern, text, re.IGNORECASE)] if words else []
        covered = (start < end and any(start < stop and begin < end for begin, stop in spans) for start, end in offsets)
        found.append(tuple(index for index, inside in enumerate(covered) if inside))
    return tuple(found)
