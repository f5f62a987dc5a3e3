"""Box guidance without training: before a step, latents follow the gradient of an energy on cross-attention maps (LVD)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from spa2v import AttentionSite, ConfigError, ContractError, MotionBackbone, Run, SteerableBackbone, VideoSceneLayout

if TYPE_CHECKING:
    from torch import Tensor

    from spa2v_attention_guidance.watching import Watch

NAME = "attention_guidance"
LEVELS = (2, 4)
"""How often smaller than the latents the watched feature maps are, where the config names no layers."""
RANGES = {
    "share": (0.0, 1.0),
    "iterations": (1, 100),
    "strength": (0.0, 10_000.0),
    "threshold": (0.0, 100.0),
    "inside": (0.0, 1000.0),
    "outside": (0.0, 1000.0),
    "top_inside": (0.0, 1.0),
    "top_outside": (0.0, 1.0),
    "center": (0.0, 1000.0),
    "chunk": (1, 1024),
}
TERMS = ("inside", "outside", "top_inside", "top_outside", "center")


class AttentionGuidance:
    """Grounds without training: the latents are moved until the words of each thing look into its box.

    The energy of a frame is about 1 while words look everywhere alike and falls as they find their boxes, whatever the
    number of frames and heads.

    Args:
        share: part of the denoising steps in which it works, 0..1, from the first on.
        iterations: gradient steps before a denoising step, at most.
        strength: of a gradient step, at full noise.
        threshold: a video is left alone once the mean energy of its frames is at most this.
        inside, outside: weights of the attention missing inside the boxes and of that outside.
        top_inside, top_outside: part of the cells inside and outside that count, the strongest ones, 0..1.
        center: weight of the distance between centers of attention and of boxes, and between their movements.
        layers: beginnings of the names of the cross-attention layers to watch; None takes those at a half and a quarter
            of the latents' size.
        chunk: frames whose attention maps are in memory at once.
        recompute: keep fewer activations for the gradient and compute them again; slower, in much less memory.

    Raises:
        ConfigError: a number is out of range.
    """

    def __init__(
        self,
        *,
        share: float = 0.25,
        iterations: int = 5,
        strength: float = 80.0,
        threshold: float = 0.5,
        inside: float = 1.0,
        outside: float = 4.0,
        top_inside: float = 0.75,
        top_outside: float = 0.75,
        center: float = 0.0,
        layers: Sequence[str] | None = None,
        chunk: int = 4,
        recompute: bool = True,
    ) -> None:
        self.share, self.iterations, self.strength, self.threshold = share, iterations, strength, threshold
        self.inside, self.outside, self.top_inside, self.top_outside = inside, outside, top_inside, top_outside
        self.center, self.layers, self.chunk, self.recompute = center, layers, chunk, recompute
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
                raise ConfigError(f"{NAME}: {name} is {value!r}", f"expected {low:g} to {high:g}")

    def attach(
        self, backbone: MotionBackbone, layout: VideoSceneLayout, run: Run
    ) -> AbstractContextManager[Guide | None]:
        """Grounds a backbone in a layout until the context ends.

        Raises:
            ContractError: the backbone does not let injectors change its latents.
            ConfigError: it has none of the layers that are to be watched.
        """
        return self.attach_many(backbone, [layout], run)

    def attach_many(
        self, backbone: MotionBackbone, layouts: Sequence[VideoSceneLayout], run: Run
    ) -> AbstractContextManager[Guide | None]:
        """As `attach`, for the layouts of a batch of videos."""
        if not isinstance(backbone, SteerableBackbone):
            raise ContractError(
                f"{NAME!r} cannot attach to {type(backbone).__name__!r}",
                "it needs a backbone that lets injectors change its latents (see `SteerableBackbone`), "
                "such as 'animatediff'",
            )
        if not any(one.names for one in layouts):
            return nullcontext()
        return self._attached(backbone, layouts, run)

    @contextmanager
    def _attached(self, backbone: SteerableBackbone, layouts: Sequence[VideoSceneLayout], run: Run) -> Iterator[Guide]:
        from spa2v_attention_guidance.energy import Terms
        from spa2v_attention_guidance.goal import Goal
        from spa2v_attention_guidance.watching import Watch, watching

        goal = Goal.of(backbone, layouts, run)
        for name in goal.lost:
            run.notice(f"{NAME}: {name!r} is not in the text that is drawn from, so nothing guides it.")
        terms = Terms(**{name: getattr(self, name) for name in TERMS})
        sites = chosen_sites(backbone.attention_sites(run), backbone.latent_size(run), self.layers)
        watch = Watch(goal, sites, terms, self.chunk)
        guide = Guide(self, backbone, watch, run)
        hooks = backbone.denoising.before_step
        with watching(backbone.denoiser(run), watch, self.recompute):
            hooks.append(guide)
            try:
                yield guide
            finally:
                hooks.remove(guide)


class Guide:
    """Moves the latents before a step: a hook of `denoising.before_step`.

    Args:
        options: of the injector.
        backbone: whose latents.
        watch: what its layers see.
        run: keeps the energies, in `record["attention_guidance"]`.
    """

    def __init__(self, options: AttentionGuidance, backbone: SteerableBackbone, watch: Watch, run: Run) -> None:
        self.options, self.now, self.watch, self.run = options, backbone.denoising, watch, run
        self._energy: Any = None
        sites = [site.name for site in watch.sites]
        self._record: list[dict[str, Any]] = []
        run.record[NAME] = {"sites": sites, "lost": list(watch.goal.lost), "energies": self._record}

    def __call__(self, latents: Tensor, predict: Callable[[Tensor], Tensor]) -> Tensor:
        """The latents after up to `iterations` gradient steps; see `LatentsHook`."""
        import torch

        if not self.watch.goal.tokens.numel() or self.now.step >= self.options.share * self.now.steps:
            return latents
        if self.now.step == 0 or self._energy is None:
            self._energy = torch.full((len(latents),), torch.inf, device=latents.device, dtype=latents.dtype)
        for _ in range(self.options.iterations):
            unmet = self._energy > self.options.threshold
            if not unmet.any():
                break
            energy, slope = self.measure(latents, predict)
            if not slope.isfinite().all():
                self.run.notice(f"{NAME}: a gradient is not finite, and is left out; a lower strength may help.")
                break
            self._energy = torch.where(unmet, energy, self._energy)
            self._record.append({"step": self.now.step, "energy": [round(value, 6) for value in energy.tolist()]})
            pull = self.options.strength * self.now.noise * slope
            latents = torch.where(unmet.view(-1, 1, 1, 1, 1), latents - pull, latents)
        return latents

    def measure(self, latents: Tensor, predict: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
        """The mean energy of each video's frames (V,), and the gradient of the sum of all frames by the latents."""
        import torch

        with self.watch.looking():
            with torch.enable_grad():
                seen = latents.detach().clone().requires_grad_()
                predict(seen)
            with torch.enable_grad():  # again, since the last watched layer switched it off
                energy = self.watch.energy()
                (slope,) = torch.autograd.grad(energy.sum(), seen)
        return energy.detach().reshape(len(latents), -1).mean(dim=1).to(latents.dtype), slope


def chosen_sites(
    sites: Sequence[AttentionSite], latents: tuple[int, int], layers: Sequence[str] | None
) -> tuple[AttentionSite, ...]:
    """The layers to watch, in the order of the denoiser.

    Raises:
        ConfigError: there are none, or a name fits none.
    """
    cross = [site for site in sites if site.kind == "spatial" and site.role == "cross"]
    if layers is None:
        found = [site for site in cross if round(latents[0] / site.resolution[0]) in LEVELS]
        wanted = "a feature map of a half or a quarter of the latents' size"
    else:
        fitting = {name: [site for site in cross if f"{site.name}.".startswith(f"{name}.")] for name in layers}
        wanted = next((f"a name like {name!r}" for name, some in fitting.items() if not some), "the names in layers")
        all_fit = all(fitting.values())
        found = [site for site in cross if all_fit and any(site in some for some in fitting.values())]
    if not found:
        names = ", ".join(f"{site.name} ({site.resolution[0]} x {site.resolution[1]})" for site in cross)
        raise ConfigError(f"{NAME}: the backbone has no cross-attention layer with {wanted}", f"it has: {names}")
    return tuple(found)
