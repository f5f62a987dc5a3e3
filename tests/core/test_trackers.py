"""Experiment trackers: real event files of TensorBoard, and one message where a tracker cannot be used."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from spa2v import ConfigError
from spa2v.core.errors import MissingDependency
from spa2v.core.trackers import NAMES, check_trackers, tracking


def events(folder: Path) -> Any:
    """The event files below a folder, as TensorBoard reads them."""
    reading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    found = reading.EventAccumulator(str(folder))
    found.Reload()
    return found


def test_the_names_are_those_of_accelerate() -> None:
    tracking_module = pytest.importorskip("accelerate.tracking")
    assert set(NAMES) == {str(name) for name in tracking_module.LOGGER_TYPE_TO_CLASS}


def test_an_unknown_tracker_is_refused_with_near_names() -> None:
    with pytest.raises(ConfigError, match=re.escape("unknown tracker 'tensorbord'\n  did you mean 'tensorboard'?")):
        check_trackers(["tensorbord"])


def test_a_missing_package_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spa2v.core.trackers.find_spec", lambda name: name == "accelerate" or None)
    with pytest.raises(MissingDependency, match="'comet_ml' is not installed\n  pip install comet-ml"):
        check_trackers(["comet_ml"])
    with pytest.raises(MissingDependency, match=r"pip install 'spa2v\[trackers\]'"):
        check_trackers(["tensorboard"])


def test_what_is_logged_is_in_the_event_file(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    with tracking(["tensorboard"], tmp_path, "a run", {"run": {"seed": 3}, "names": ["a", "b"], "none": None}) as log:
        log({"loss": 0.5}, 0)
        log({"loss": 0.25}, 1)
    found = events(tmp_path / "tensorboard")
    assert [(event.step, event.value) for event in found.Scalars("loss")] == [(0, 0.5), (1, 0.25)]
    (settings,) = (tmp_path / "tensorboard").glob("*/hparams.yml")
    assert "run.seed: 3" in settings.read_text()


def test_without_a_tracker_nothing_is_written(tmp_path: Path) -> None:
    with tracking([], tmp_path, "a run", {}) as log:
        log({"loss": 0.5}, 0)
    assert not list(tmp_path.iterdir())


def test_a_training_logs_its_losses(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    torch = pytest.importorskip("torch")
    from spa2v.core.runtime import Run
    from spa2v.training.loop import Recipe, Trainer

    class Line:
        """Fits one number."""

        name = "line"

        def __init__(self) -> None:
            self.module = torch.nn.Linear(1, 1, bias=False)

        def trained(self) -> Any:
            return self.module

        def batch(self, step: int, size: int, run: Run) -> Any:
            return torch.full((size, 1), float(step + 1))

        def loss(self, batch: Any, run: Run) -> Any:
            return (self.module(batch) - 2 * batch).square().mean()

        def sheet(self, path: Path, run: Run) -> None:
            path.touch()

    recipe = Recipe(steps=5, batch=2, rate=1e-3, sheet_every=0)
    run = Run(seed=1, device="cpu")
    trainer = Trainer(Line(), recipe, tmp_path, run, trackers=["tensorboard"])
    trainer.train(until=3)
    Trainer(Line(), replace(recipe), tmp_path, run, trackers=["tensorboard"]).train()
    logged = [(event.step, event.value) for event in events(tmp_path / "tensorboard").Scalars("loss")]
    assert [step for step, _ in logged] == [0, 1, 2, 3, 4], "the second run goes on where the first one stopped"
    assert [value for _, value in logged[:3]] == pytest.approx([loss for _, loss in trainer.losses])
