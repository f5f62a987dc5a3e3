"""A backbone for tests of injectors: the real AnimateDiff component on tiny random weights, in a second on a CPU."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from spa2v.core.config import load
from spa2v.core.host import Host
from spa2v.core.protocols import DenoisingBackbone

TINY = {"width": 64, "height": 48, "frames": 4, "steps": 4, "negative_prompt": "blurry"}
SMALL = {"width": 64, "height": 64, "frames": 4, "steps": 4}


def toy_backbone(**options: Any) -> DenoisingBackbone:
    """The built-in `animatediff` on weights of a few hundred kilobytes: 4 frames of 64 x 48 pixels in 4 steps.

    Pictures are noise; what is computed, and with which layers, is real.

    Args:
        options: of the component, over the small ones.

    Raises:
        MissingDependency: torch and diffusers are not installed.
    """
    loaded = Host(extensions=[]).registry.load("motion_backbones", "animatediff")
    return loaded(**{**tiny_animatediff(), **TINY, **options})


def packaged_backbone(**options: Any) -> DenoisingBackbone:
    """The built-in `animatediff` on the trained small weights that come with the package, as the preset `toyworld`.

    What it draws means something, so an injector's effect can be measured; one of the default size takes a minute on a
    CPU, this one (4 frames of 64 x 64 pixels in 4 steps) a few seconds.

    Args:
        options: of the component, over the small ones.

    Raises:
        MissingDependency: torch and diffusers are not installed.
    """
    config = load(["toyworld"], [], (host := Host(extensions=[])).configs)
    loaded = host.registry.load("motion_backbones", config.motion_backbone.name)
    return loaded(**{**config.motion_backbone.options, **SMALL, **options})


def tiny_animatediff() -> dict[str, str]:
    """Options of `animatediff` that name tiny weights; they are made once a process and removed when it ends."""
    folder = _folder()
    return {"base": str(folder / "base"), "motion": str(folder / "motion")}


@cache
def _folder() -> Path:
    from spa2v.testing.tiny_weights import motion_adapter, stable_diffusion

    folder = Path(_keep().name)
    stable_diffusion(folder / "base")
    motion_adapter(folder / "motion")
    return folder


@cache
def _keep() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="spa2v_tiny_", ignore_cleanup_errors=True)
