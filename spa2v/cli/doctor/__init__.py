"""`spa2v doctor`: what this machine has, what runs on it now, and what to do about the rest."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import typer

from spa2v.cli import options as opt

if TYPE_CHECKING:
    from spa2v.core.pipeline import Pipeline

FORMAT = 1
"""Of the JSON; it grows when a key goes or changes its meaning. Schema: report.schema.json beside this file."""
KEYS = ("GEMINI_API_KEY", "GOOGLE_API_KEY", "OPENAI_API_KEY", "HF_TOKEN")


def doctor(overrides: opt.Overrides = None, config: opt.Sources = None, as_json: opt.Json = False) -> None:
    from spa2v.cli.doctor.showing import show

    report = examine(_pipeline(config or [], overrides or []), config or ["default"])
    if as_json:
        typer.echo(json.dumps(report, indent=1))
    else:
        show(report)
    if not report["ready"]:
        raise typer.Exit(1)


def _pipeline(sources: list[str], overrides: list[str]) -> Pipeline:
    """The pipeline of a config; the report says what is wrong with an extension, so nothing warns of it."""
    from pathlib import Path

    from spa2v.core.config import load
    from spa2v.core.host import Host
    from spa2v.core.pipeline import Pipeline

    host = Host(warn=lambda message: None)
    config = load(sources, overrides, host.configs)
    files = [Path(path) for path in config.registries]
    return Pipeline(config, Host(files, warn=lambda message: None) if files else host)


def examine(pipeline: Pipeline, names: list[str]) -> dict[str, Any]:
    """Everything that the command reports, as JSON values.

    Args:
        pipeline: whose readiness is asked for; nothing of it is loaded.
        names: what its config is called.
    """
    from spa2v.cli.doctor import devices, encoders, packages, readiness, storage

    device, written, disk = devices.found(), encoders.tried(), storage.disk()
    asked = readiness.of(names, pipeline)
    needs = [*asked.needs, *readiness.of_machine(pipeline, device, written), *readiness.of_room(asked, disk)]
    presets = [state.to_json() for state in readiness.of_presets(pipeline.host)]
    return {
        "format": FORMAT,
        "config": names,
        "ready": not needs,
        "todo": [need.to_json() for need in needs],
        "system": packages.system(),
        "packages": packages.found(),
        "device": device,
        "encoders": written,
        "presets": presets,
        "weights": storage.weights(),
        "keys": {name: bool(os.environ.get(name, "").strip()) for name in KEYS},
        "extensions": [
            {"name": item.name, "package": item.package, "version": item.version, "problem": item.problem or None}
            for item in pipeline.host.extensions
        ],
        "disk": disk,
    }
