"""What a backbone promises to injectors that change its latents: hooks before each step, and where words stand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from spa2v.core.types import VideoSceneLayout
from spa2v.testing.rules import demand, trying
from spa2v.testing.same import difference
from spa2v.testing.toys import toy_run

SHIFT = 0.5
UNKNOWN = "zyzzyva qua"
Predict = Callable[[Any], Any]


def check_steering(backbone: Any, layout: VideoSceneLayout, video: Any) -> None:
    """Raises `Broken` where a `SteerableBackbone` breaks its promises; `video` is drawn without hooks."""
    _check_still_hook(backbone, layout, video)
    _check_moving_hook(backbone, layout)
    _check_phrases(backbone, layout)


@contextmanager
def _added(backbone: Any, hook: Any) -> Iterator[None]:
    backbone.denoising.before_step.append(hook)
    try:
        yield
    finally:
        backbone.denoising.before_step.remove(hook)


def _evaluated(backbone: Any, layout: VideoSceneLayout, hook: Any) -> tuple[list[Any], Any]:
    """What the denoiser is given in each evaluation while a hook is in its place, and the video."""
    given: list[Any] = []
    keep = backbone.denoiser(toy_run()).register_forward_pre_hook(
        lambda module, inputs, named: given.append((inputs[0] if inputs else named["sample"]).detach().float()),
        with_kwargs=True,
    )
    try:
        with _added(backbone, hook), trying("with a hook in denoising.before_step"):
            video = backbone.generate(layout, toy_run())
    finally:
        keep.remove()
    return given, video


def _check_still_hook(backbone: Any, layout: VideoSceneLayout, video: Any) -> None:
    """A hook that looks, and asks, changes nothing."""
    import torch

    steps: list[int] = []

    def look(latents: Any, predict: Predict) -> Any:
        steps.append(backbone.denoising.step)
        guided = backbone.denoising.guided
        with torch.enable_grad():
            seen = latents.detach().clone().requires_grad_()
            answer = predict(seen)
            (slope,) = torch.autograd.grad(answer.square().sum(), seen)
        demand(answer.shape == latents.shape, f"predict gives {tuple(answer.shape)} for {tuple(latents.shape)}")
        demand(bool(slope.isfinite().all()) and bool(slope.any()), "predict has no gradient by its latents")
        demand(backbone.denoising.guided is guided, "denoising.guided is another after predict")
        demand(0 <= backbone.denoising.noise <= 1, f"denoising.noise is {backbone.denoising.noise}")
        return latents

    _, drawn = _evaluated(backbone, layout, look)
    wanted = list(range(backbone.denoising.steps))
    demand(steps[: len(wanted)] == wanted, f"a hook of before_step is called at the steps {steps}, expected {wanted}")
    differs = difference(video, drawn, "the video")
    demand(differs is None, f"with a hook that returns its latents: {differs}")


def _check_moving_hook(backbone: Any, layout: VideoSceneLayout) -> None:
    """What a hook returns is what the denoiser sees next."""
    asked: list[float] = []

    def move(latents: Any, predict: Predict) -> Any:
        asked.append(float(latents.float().mean()) + SHIFT)
        return latents + SHIFT

    given, _ = _evaluated(backbone, layout, move)
    seen = [float(latents.mean()) for latents in given]
    fact = f"a hook of before_step is called {len(asked)} times for {len(seen)} evaluations"
    demand(asked and len(asked) == len(seen), fact)
    close = all(abs(a - b) < 0.01 for a, b in zip(asked, seen, strict=True))
    demand(close, f"a hook returns latents of mean {asked[0]:.3f}, the denoiser sees {seen[0]:.3f}")


def _check_phrases(backbone: Any, layout: VideoSceneLayout) -> None:
    run = toy_run()
    phrases = [*layout.names.values(), UNKNOWN]
    with trying("finding phrases"):
        found = backbone.find_phrases(layout, phrases, run)
    demand(len(found) == backbone.frames, f"find_phrases answers for {len(found)} of {backbone.frames} frames")
    tokens = backbone.encode_text([""], run).states.shape[1]
    for frame in found:
        demand(len(frame) == len(phrases), f"find_phrases answers for {len(frame)} of {len(phrases)} phrases")
        inside = all(0 <= place < tokens for places in frame for place in places)
        demand(inside, f"find_phrases returns positions outside of the {tokens} tokens: {frame}")
        demand(not frame[-1], f"find_phrases finds {UNKNOWN!r} at {frame[-1]}")
