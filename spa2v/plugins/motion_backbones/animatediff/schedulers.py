"""Samplers by name, with AnimateDiff's noise schedule unless the config says otherwise."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping
from typing import Any

from spa2v.core.errors import ConfigError

SCHEDULERS = (
    "DDIMScheduler",
    "DPMSolverMultistepScheduler",
    "EulerAncestralDiscreteScheduler",
    "EulerDiscreteScheduler",
    "LCMScheduler",
    "PNDMScheduler",
    "UniPCMultistepScheduler",
)
LINEAR = {
    "beta_schedule": "linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "steps_offset": 1,
    "timestep_spacing": "linspace",
    "clip_sample": False,
}
"""What AnimateDiff's motion modules were trained under; Stable Diffusion's own configs say `scaled_linear`."""


def check_name(config: Mapping[str, Any]) -> None:
    """Refuses a sampler that is not on the list.

    Raises:
        ConfigError: no name, or an unknown one.
    """
    name = config.get("name")
    if name not in SCHEDULERS:
        near = difflib.get_close_matches(str(name), SCHEDULERS, n=1)
        hint = [f"did you mean {near[0]!r}?"] if near else []
        raise ConfigError(f"scheduler.name: {name!r}", *hint, f"expected one of: {', '.join(SCHEDULERS)}")


def make_scheduler(config: Mapping[str, Any], base: Mapping[str, Any]) -> Any:
    """A sampler.

    Args:
        config: `name` and the class's own options; they win over `LINEAR`, which wins over `base`.
        base: the sampler config of the base model (for its prediction type).

    Raises:
        ConfigError: an unknown name or option.
    """
    import diffusers

    check_name(config)
    kind = getattr(diffusers, config["name"])
    options = {key: value for key, value in config.items() if key != "name"}
    accepted = set(inspect.signature(kind.__init__).parameters) - {"self"}
    if unknown := sorted(options.keys() - accepted):
        raise ConfigError(
            f"scheduler: {config['name']} takes no option {unknown[0]!r}", f"accepted: {', '.join(sorted(accepted))}"
        )
    merged = {**base, **LINEAR, **options}
    return kind.from_config({key: value for key, value in merged.items() if key in accepted})


def takes_generator(scheduler: Any) -> bool:
    """Whether a step of the sampler can draw from a generator of ours."""
    return "generator" in inspect.signature(scheduler.step).parameters
