"""The denoising loop never waits for its device: on `meta`, where no value can be read, it runs to its end."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from spa2v.core.protocols import Denoising
from spa2v.core.runtime import Run
from spa2v.plugins.grounding_injectors.gligen import GLIGEN
from spa2v.plugins.grounding_injectors.migc import MIGC
from spa2v.plugins.motion_backbones.animatediff.options import SCHEDULERS
from spa2v.plugins.motion_backbones.animatediff.sampling import Sampler, make_scheduler
from tests.kit import tiny_weights as tiny

META = torch.device("meta")


class Unread(Sampler):
    """Does not read whether the latents were finite, which it does once, after the last step."""

    def _check_finite(self, *given: Any) -> None:
        pass


class OnMeta(Run):
    """A run on a device that computes shapes alone."""

    @property
    def device(self) -> torch.device:
        return META


@pytest.mark.parametrize("name", SCHEDULERS)
def test_no_sampler_reads_a_value_of_the_device(name: str) -> None:
    scheduler = make_scheduler({"name": name}, {"prediction_type": "epsilon"})

    def unet(latents: torch.Tensor, t: torch.Tensor, **given: Any) -> tuple[torch.Tensor]:
        assert t.device == META
        return (0.9 * latents + t,)

    sampler = Unread(unet, scheduler, 5, 3.0, Denoising(), lambda count: None)
    noise, text = torch.empty(1, 4, 4, 8, 8, device=META), torch.empty(8, 77, 16, device=META)
    assert sampler.sample(noise, text, [torch.Generator()]).device == META


@pytest.mark.parametrize("injector", ["migc", "migc everywhere", "gligen"])
def test_no_injector_reads_a_value_of_the_device(injector: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spa2v.plugins.motion_backbones.animatediff.engine.Sampler", Unread)
    backbone, scene, run = tiny.backbone(), tiny.layout("car", "dog"), OnMeta(seed=1)
    with made(injector).attach(backbone, scene, run):
        latents = backbone.engine.draw_latents([scene], [torch.Generator()], run)
    assert latents.device == META


def made(injector: str) -> Any:
    if injector == "gligen":
        return GLIGEN(weights=str(tiny.home() / "gligen.safetensors"))
    return MIGC(weights=str(tiny.home() / "migc.ckpt"), naive_share=float(injector != "migc"))
