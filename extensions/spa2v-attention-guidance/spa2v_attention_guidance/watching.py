"""Hooks that look at cross-attention layers while the denoiser runs, and leave what it computes alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from spa2v import AttentionSite
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from spa2v_attention_guidance.energy import Seen, Terms, center_energy, look
from spa2v_attention_guidance.goal import Goal


class Watch:
    """Collects what the watched layers see of a goal.

    Args:
        goal: what their attention is to do.
        sites: the layers, in the order in which the denoiser runs them.
        terms: of the energy.
        chunk: rows whose attention maps are in memory at once; they are computed again for gradients.
    """

    def __init__(self, goal: Goal, sites: Sequence[AttentionSite], terms: Terms, chunk: int) -> None:
        self.goal, self.sites, self.terms, self.chunk = goal, tuple(sites), terms, chunk
        self._masks = {site.resolution: goal.masks(site.resolution) for site in sites}
        self._present, self._centers = goal.present, goal.centers
        self._seen: dict[str, Seen] = {}
        self._on = False

    @contextmanager
    def looking(self) -> Iterator[None]:
        """The time in which layers are looked at; gradients must be taken inside, since layers may run again for them."""
        self._seen, self._on = {}, True
        try:
            yield
        finally:
            self._seen, self._on = {}, False

    def energy(self) -> Tensor:
        """(R,): mean over the layers."""
        seen = list(self._seen.values())
        total = torch.stack([one.energy for one in seen]).mean(dim=0)
        if self.terms.center == 0.0:
            return total
        counts = self.goal.weights.sum(dim=-1) * self._present
        centers = torch.stack([one.centers for one in seen])
        off = [center_energy(one, self._centers, counts, self.goal.frames) for one in centers]
        return total + self.terms.center * torch.stack(off).mean(dim=0)

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def hook(self, site: AttentionSite, layer: Any, inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
        """A forward pre-hook of the layer of `site`."""
        if not self._on:
            return
        hidden, text = (*inputs, named.get("hidden_states"))[0], (*inputs, None)[1]
        text = named.get("encoder_hidden_states", text)
        queries, keys = layer.to_q(hidden), layer.to_k(text)  # (R, N, C), (R, T, C)
        parts = [self._part(site, layer, queries, keys, rows) for rows in self._chunks()]
        self._seen[site.name] = Seen(*(torch.cat(one) for one in zip(*parts, strict=True)))
        if site.name == self.sites[-1].name:
            torch.set_grad_enabled(False)  # what runs after the last layer says nothing, so it need not be kept

    def _chunks(self) -> Iterator[slice]:
        rows = len(self.goal.tokens)
        return (slice(start, min(start + self.chunk, rows)) for start in range(0, rows, self.chunk))

    def _part(self, site: AttentionSite, layer: Any, queries: Tensor, keys: Tensor, rows: slice) -> Seen:
        """What some rows see. Their attention maps live in here alone, in the forward and again in the backward pass."""
        goal, size = self.goal, site.resolution
        about = (self._masks[size][rows], self._present[rows], goal.weights[rows], size, self.terms)

        def compute(q: Tensor, k: Tensor) -> Seen:
            return look(_token_maps(layer, q, k, goal.tokens[rows]), *about)

        return checkpoint(compute, queries[rows], keys[rows], use_reentrant=False)


def _token_maps(layer: Any, queries: Tensor, keys: Tensor, tokens: Tensor) -> Tensor:
    """Attention probabilities (R, h, N, G, P) of tokens (R, G, P), from projections (R, N, C) and (R, T, C)."""
    heads = (layer.head_to_batch_dim(side) for side in (queries, keys))
    scores = layer.get_attention_scores(*heads)  # (R * h, N, T)
    maps = scores.unflatten(0, (len(tokens), -1))
    places = tokens.flatten(1)[:, None, None].expand(*maps.shape[:3], -1)
    kept = maps.gather(-1, places).unflatten(-1, tokens.shape[1:])
    return kept.to(torch.promote_types(kept.dtype, torch.float32))


@contextmanager
def watching(denoiser: nn.Module, watch: Watch, recompute: bool) -> Iterator[None]:
    """The hooks of a watch in their layers.

    Args:
        denoiser: the network.
        watch: whose hooks.
        recompute: keep fewer activations for gradients and compute them again, where the network can.
    """
    hooks = []
    network: Any = denoiser
    switched = recompute and hasattr(network, "enable_gradient_checkpointing") and not network.is_gradient_checkpointing
    try:
        if switched:
            network.enable_gradient_checkpointing()
        for site in watch.sites:
            layer = denoiser.get_submodule(site.name)
            hooks.append(layer.register_forward_pre_hook(partial(watch.hook, site), with_kwargs=True))
        yield
    finally:
        for hook in hooks:
            hook.remove()
        if switched:
            network.disable_gradient_checkpointing()
