"""Changing latents between steps: what hooks are given, what becomes of their changes, where words stand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from spa2v.core.protocols import Denoising, SteerableBackbone
from spa2v.core.runtime import Run
from spa2v.plugins.motion_backbones.animatediff.options import SCHEDULERS
from spa2v.plugins.motion_backbones.animatediff.prompts import find_tokens
from spa2v.plugins.motion_backbones.animatediff.sampling import Sampler, make_scheduler
from spa2v.testing.tiny_weights import tokenizer
from tests.kit import tiny_weights as tiny

RUN = tiny.RUN
KEEP_THEIR_OWN = {"PNDMScheduler", "UniPCMultistepScheduler"}
"""Samplers that start some steps from latents of their own."""
Predict = Callable[[Tensor], Tensor]


def sampled(name: str, hook: Any = None, now: Denoising | None = None) -> Tensor:
    """Ten steps of a sampler around a small function in the place of the network."""
    now = now or Denoising()
    now.before_step += [hook] if hook else []
    scheduler = make_scheduler({"name": name}, {})
    sampler = Sampler(lambda x, *_, **__: (0.5 * torch.tanh(x),), scheduler, 10, 1.0, now, lambda done: None)
    noise = torch.randn(1, 4, 2, 6, 5, generator=torch.Generator().manual_seed(0))
    return sampler.sample(noise, torch.zeros(2, 7, 3), [torch.Generator().manual_seed(1)])


@pytest.mark.parametrize("name", SCHEDULERS)
def test_a_hook_sees_what_the_denoiser_sees(name: str) -> None:
    now, seen, noise = Denoising(), [], []

    def look(latents: Tensor, predict: Predict) -> Tensor:
        seen.append(float(latents.std()))
        noise.append(now.noise)
        return latents

    assert torch.equal(sampled(name, look, now), sampled(name))
    assert seen[0] == pytest.approx(1.0, abs=0.1), "scaled, whatever the sampler's own scale"
    assert noise[0] > 0.99
    assert noise == sorted(noise, reverse=True)


@pytest.mark.parametrize("name", [name for name in SCHEDULERS if name not in KEEP_THEIR_OWN])
def test_a_change_stays_in_the_latents(name: str) -> None:
    now = Denoising()
    moved = sampled(name, lambda latents, predict: latents + 0.1 if now.step == 3 else latents, now) - sampled(name)
    assert float(moved.mean()) > 0.3, "it grows as the signal does"


def test_hooks_follow_each_other() -> None:
    now, seen = Denoising(), []
    now.before_step.append(lambda latents, predict: latents + 1.0 if now.step == 0 else latents)
    sampled("EulerDiscreteScheduler", lambda latents, predict: (seen.append(float(latents.mean())), latents)[1], now)
    plain: list[float] = []
    sampled("EulerDiscreteScheduler", lambda latents, predict: (plain.append(float(latents.mean())), latents)[1])
    assert seen[0] - plain[0] == pytest.approx(1.0, abs=1e-4)


def test_predict_is_the_denoiser_on_the_conditional_rows() -> None:
    backbone, scene = tiny.backbone(), tiny.layout("car")
    assert isinstance(backbone, SteerableBackbone)
    seen: list[tuple[int, bool]] = []
    answers: list[Tensor] = []

    def keep(module: Any, inputs: Any, output: Any) -> None:
        seen.append((len(inputs[0]), backbone.denoising.guided))
        answers.append(output[0].clone())

    def ask(latents: Tensor, predict: Predict) -> Tensor:
        predict(latents)
        return latents

    hook = backbone.denoiser(RUN).register_forward_hook(keep)
    backbone.denoising.before_step.append(ask)
    try:
        video = backbone.generate(scene, RUN)
    finally:
        backbone.denoising.before_step.remove(ask)
        hook.remove()
    assert seen == [(1, False), (2, True)] * 3
    pairs = zip(answers[::2], answers[1::2], strict=True)
    assert all(torch.allclose(alone[0], both[1], atol=1e-5) for alone, both in pairs)
    assert np.array_equal(video.frames, backbone.generate(scene, RUN).frames)


@pytest.mark.parametrize("phrases", [("car", "red car"), ("CAR", "Red  Car")])
def test_phrases_are_found_in_whole_words(phrases: tuple[str, str]) -> None:
    # one token a letter: 0 is the start, "a" 1, "red" 2-4, "car" 5-7, "," 8, "cars" 9-12, "cart" 13-16
    assert find_tokens("a red car, cars cart", phrases, tokenizer(), 48) == (
        (5, 6, 7, 9, 10, 11, 12),
        (2, 3, 4, 5, 6, 7),
    )


def test_phrases_that_are_cut_off_or_strange_are_not_found() -> None:
    assert find_tokens("a red car", ["car"], tokenizer(), 7) == ((5,),), "one letter and the end token are left"
    assert find_tokens("a red car", ["bus", "", "  ", ".*", "a.red"], tokenizer(), 48) == ((),) * 5


def test_phrases_are_sought_in_the_text_of_each_frame() -> None:
    found = tiny.backbone(captions="local").find_phrases(tiny.layout("car"), ["first", "then", "car"], RUN)
    assert [tuple(bool(places) for places in frame) for frame in found] == [
        (True, False, False),
        (True, False, False),
        (False, True, False),
        (False, True, False),
    ]


def test_names_of_a_reworded_layout_are_found_in_its_captions(tmp_path: Path) -> None:
    words = {"classes": ["car", "man"], "nearest": {"automobile": "car"}, "otherwise": "man", "looks": {"car": ["red"]}}
    (tmp_path / "words.json").write_text(json.dumps(words))
    backbone = tiny.backbone(captions="global", vocabulary=str(tmp_path / "words.json"))
    scene = backbone.reword(tiny.layout("automobile", "wizard", caption="an automobile and a man"), RUN)
    assert (scene.caption, [*scene.names.values()]) == ("a red car and a man", ["red car", "man"])
    found = backbone.find_phrases(scene, [*scene.names.values()], RUN)[0]
    assert all(found)
    assert found == tuple(backbone.find_phrases(scene, [name], RUN)[0][0] for name in ("red car", "man"))


def test_texts_are_drawn_as_they_are(tmp_path: Path) -> None:
    """Only `reword` replaces names; drawing and grounding take a layout's texts literally."""
    words = {"classes": ["car"], "nearest": {}, "otherwise": "car"}
    (tmp_path / "words.json").write_text(json.dumps(words))
    run = Run(seed=5, device="cpu", dtype="float32")
    with_vocabulary = tiny.backbone(vocabulary=str(tmp_path / "words.json"))
    encoded = [one.encode_text(["a zebra"], run).states for one in (with_vocabulary, tiny.backbone())]
    assert torch.equal(*encoded)
    with_vocabulary.generate(tiny.layout("zebra"), run)
    assert "renamed_for_the_weights" not in run.record
