"""The hooks: one for each family of components, one for preset files, one around every step of a run.

A plugin is any module or object whose functions carry `@spa2v.hookimpl`; an extension package offers it behind an
entry point in the group `spa2v`. Hook implementations may leave out arguments, but may not give them defaults.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from spa2v.core.registry import Entry
    from spa2v.core.runtime import Run

PROJECT = "spa2v"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def spa2v_cue_extractors() -> Mapping[str, Entry | str]:  # type: ignore[empty-body]
    """Returns cue extractors: name to `Entry`, or to its target "module:Class" alone."""


@hookspec
def spa2v_layout_planners() -> Mapping[str, Entry | str]:  # type: ignore[empty-body]
    """Returns layout planners: name to `Entry`, or to its target "module:Class" alone."""


@hookspec
def spa2v_grounding_injectors() -> Mapping[str, Entry | str]:  # type: ignore[empty-body]
    """Returns grounding injectors: name to `Entry`, or to its target "module:Class" alone."""


@hookspec
def spa2v_motion_backbones() -> Mapping[str, Entry | str]:  # type: ignore[empty-body]
    """Returns motion backbones: name to `Entry`, or to its target "module:Class" alone."""


@hookspec
def spa2v_metrics() -> Mapping[str, Entry | str]:  # type: ignore[empty-body]
    """Returns metrics for `spa2v evaluate`: name to `Entry`, or to its target "module:Class" alone."""


@hookspec
def spa2v_detectors() -> Mapping[str, Entry | str]:  # type: ignore[empty-body]
    """Returns object detectors: name to `Entry`, or to its target "module:Class" alone."""


@hookspec
def spa2v_feature_extractors() -> Mapping[str, Entry | str]:  # type: ignore[empty-body]
    """Returns extractors of video features: name to `Entry`, or to its target "module:Class" alone."""


@hookspec
def spa2v_label_maps() -> Mapping[str, Entry | str]:  # type: ignore[empty-body]
    """Returns rules by which labels count as the same: name to `Entry`, or to its target "module:Class" alone."""


@hookspec
def spa2v_configs() -> Path | str:  # type: ignore[empty-body]
    """Returns a folder of YAML files: a preset NAME.yaml each; ablations lie in its subfolder `ablations`.

    They are found by name, as in `--config NAME` and `spa2v ablate NAME`. A name that is taken is an error.
    """


@hookspec
def spa2v_layout_formats() -> Mapping[str, str]:  # type: ignore[empty-body]
    """Returns file formats of layouts: name to the target "module:FORMAT" of a `spa2v.layouts.LayoutFormat`.

    They are found by name, as in `spa2v layout convert --to NAME`. A name that is taken is an error.
    """


@hookspec(firstresult=True)
def spa2v_run_step(step: str, inputs: Mapping[str, Any], compute: Callable[[], Any], run: Run) -> Any:
    """Wraps one step of a run: a timer, a cache, a logger, a replay.

    Args:
        step: "extract:NAME", "plan", "generate", or "generate_many" for several layouts in one batch.
        inputs: what the step works on, by name (audio, cues, layout, layouts), with "component" and "options".
        compute: does the work and returns the result; call it at most once.
        run: the run.

    Returns the result of the step, or None to leave it to the next plugin and at last to `compute`.
    """
