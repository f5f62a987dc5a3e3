"""Experiment trackers through accelerate: TensorBoard, Weights & Biases and whatever else it supports."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from spa2v.core.errors import ConfigError, MissingDependency, near

NAMES = ("aim", "clearml", "comet_ml", "dvclive", "mlflow", "swanlab", "tensorboard", "trackio", "wandb")
"""Trackers of accelerate; each is the import name of its package, too."""
PROJECT = "spa2v"
Log = Callable[[Mapping[str, float], int], None]
"""Takes values by name and the step that they belong to."""


def check_trackers(names: Iterable[str]) -> None:
    """Refuses trackers that cannot be used.

    Raises:
        ConfigError: accelerate has no such tracker.
        MissingDependency: its package is not installed, or accelerate is not.
    """
    for name in names:
        if name not in NAMES:
            raise ConfigError(f"run.trackers: unknown tracker {name!r}", near(name, NAMES))
        if find_spec("accelerate") is None:
            raise MissingDependency("run.trackers needs accelerate", "pip install 'spa2v[diffusion]'")
        if find_spec(name) is None:
            package = "'spa2v[trackers]'" if name == "tensorboard" else name.replace("_", "-")
            raise MissingDependency(f"run.trackers: {name!r} is not installed", f"pip install {package}")


@contextmanager
def tracking(names: Sequence[str], folder: Path, title: str, settings: Mapping[str, Any]) -> Iterator[Log]:
    """A tracked run; gives a function that logs values. Only the first process of a launch may enter.

    Args:
        names: of trackers; without any, what is logged goes nowhere.
        folder: for those that keep files.
        title: of the run.
        settings: what the results depend on, nested; kept as the hyperparameters of the run.

    Raises:
        ConfigError, MissingDependency: a tracker cannot be used.
    """
    check_trackers(names)
    started: list[Any] = []
    try:
        for name in names:
            started.append(_started(name, folder, title))
            started[-1].store_init_configuration(dict(_flat(settings)))
        yield lambda values, step: _log(started, values, step)
    finally:
        for tracker in started:
            tracker.finish()


def _started(name: str, folder: Path, title: str) -> Any:
    from accelerate import PartialState
    from accelerate.tracking import LOGGER_TYPE_TO_CLASS

    PartialState()  # or the logger of accelerate raises
    kind = LOGGER_TYPE_TO_CLASS[name]
    run = {"tensorboard": "tensorboard", "wandb": PROJECT}.get(name, title)  # its folder; its project
    more: dict[str, Any] = {"name": title, "dir": str(folder)} if name == "wandb" else {}
    try:
        tracker = kind(run, *([str(folder)] if kind.requires_logging_directory else []), **more)
        tracker.start()
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise ConfigError(f"run.trackers: {name!r} does not start", reason) from error
    return tracker


def _log(trackers: Sequence[Any], values: Mapping[str, float], step: int) -> None:
    for tracker in trackers:
        tracker.log(dict(values), step)


def _flat(settings: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """("a.b", value) of nested settings; trackers take numbers, texts and truth values."""
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value if isinstance(value, (bool, int, float, str)) else str(value)
