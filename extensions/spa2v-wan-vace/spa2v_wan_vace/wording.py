"""The one prompt of a video, and its features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from spa2v import Run, VideoSceneLayout

if TYPE_CHECKING:
    from torch import Tensor

CAPTIONS = ("mix", "global", "local")
TOKENS = 512
"""How many tokens of text Wan was trained with."""


def prompt(layout: VideoSceneLayout, captions: str, prefix: str = "") -> str:
    """The text of a video.

    Args:
        layout: the plan.
        captions: "global" takes the caption of the video, "local" those of the key frames in their order, each once,
            "mix" the one and then the others. Where the chosen one is empty, the names of the things stand in.
        prefix: put before it.
    """
    local = [frame.caption for frame in layout.keyframes]
    chosen = {"global": [layout.caption], "local": local, "mix": [layout.caption, *local]}[captions]
    said = list(dict.fromkeys(" ".join(text.split()).rstrip(".") for text in (prefix, *chosen) if text.strip()))
    return ". ".join(said or [", ".join(dict.fromkeys(layout.names.values()))])


def encode(texts: Sequence[str], tokenizer: Any, encoder: Any, run: Run) -> Tensor:
    """Features of each text, zero behind its end, (texts, tokens, width).

    The pipeline's own way needs the package ftfy, which repairs text that was decoded wrongly; layouts hold none.
    """
    import torch

    for text in texts:
        if len(tokenizer(text, verbose=False).input_ids) > TOKENS:
            run.notice(f"the prompt is longer than {TOKENS} tokens, so its end is not seen: {text[:60]!r}...")
    given = tokenizer(
        list(texts),
        padding="max_length",
        max_length=TOKENS,
        truncation=True,
        return_attention_mask=True,
        return_tensors="pt",
    ).to(run.device)
    with torch.no_grad():
        states = encoder(given.input_ids, given.attention_mask).last_hidden_state
    return states * given.attention_mask[..., None].to(states)
