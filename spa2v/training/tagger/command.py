"""What `spa2v world train tagger` and `tagger-index` do."""

from __future__ import annotations

import hashlib
import io
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from spa2v.core.errors import ConfigError, WeightsError, counted
from spa2v.core.manifest import make_folder
from spa2v.core.media.files import atomic_path, write_json, write_text
from spa2v.core.runtime import Run
from spa2v.training.tagger.index import Sound, index_folder, read_index, write_index

WEIGHTS, CARD, FACTS = "tagger.npz", "MODEL_CARD.md", "training.json"
MOST_BYTES = 4_000_000
POOL = "tagger-pool"


def make_index(folder: Path, out: Path, source: str, license_name: str) -> str:
    """Writes the index of a folder with a folder of sounds for each class. Gives a line about it.

    Raises:
        ConfigError: no such folder, or no sounds of a class in it.
    """
    sounds = index_folder(folder, source, license_name)
    write_index(out, sounds)
    counts = Counter(label for sound in sounds for label in sound.labels)
    return f"{counted(len(sounds), 'sound')} of {counted(len(counts), 'class', 'classes')} in {out}"


def train_tagger(
    index: Path,
    out: Path,
    steps: int | None = None,
    batch: int | None = None,
    teacher: str = "",
    seed: int = 6,
    device: str = "auto",
    threads: int | None = None,
    workers: int = 0,
    quiet: bool = False,
    trackers: Sequence[str] | None = None,
) -> None:
    """Trains in a folder, from its checkpoint if it has one, and writes weights, facts and card into its `weights`.

    Raises:
        ConfigError: a number that makes no sense, an index that cannot be read, or an unknown tracker.
        MissingDependency: the package of a tracker is not installed.
        WeightsError: the checkpoint is of another training, or the weights are too large.
    """
    import torch

    from spa2v.core.trackers import check_trackers
    from spa2v.training.loop import Trainer
    from spa2v.training.tagger.pool import make_pool
    from spa2v.training.tagger.stage import RECIPE, TaggerStage

    for name, value in (("--steps", steps), ("--batch", batch), ("--threads", threads)):
        if value is not None and value < 1:
            raise ConfigError(f"{name}: {value}", "expected at least 1")
    if threads:
        torch.set_num_threads(threads)
    check_trackers(trackers or ())
    make_folder(out)
    sounds = read_index(index)
    digest = hashlib.sha256(index.read_bytes()).hexdigest()
    run = Run(seed=seed, device=device, dtype="float32", quiet=quiet)
    model, names = _teacher(teacher)
    pool = make_pool(sounds, out / f"{POOL}-{digest[:12]}", run, model)
    torch.manual_seed(seed)
    stage = TaggerStage(sounds, pool, names)
    stage.net.to(run.device)
    recipe = replace(RECIPE, steps=steps or RECIPE.steps, batch=batch or RECIPE.batch)
    trainer = Trainer(stage, recipe, out / stage.name, run, workers, trackers or ())
    trainer.train()
    if trainer.step >= recipe.steps:
        facts = {
            "steps": trainer.step,
            "seconds": round(trainer.seconds),
            "seed": seed,
            "batch": recipe.batch,
            "rate": recipe.rate,
            "teacher": teacher or None,
            "index_sha256": digest,
            "sounds": len(sounds),
            "held_out": sum(sound.held_out for sound in sounds),
        }
        write_weights(stage.net.cpu().state_dict(), out / "weights", sounds, facts)
        if not quiet:
            print(f"wrote the tagger to {out / 'weights'}", file=sys.stderr)


def _teacher(source: str) -> tuple[Any, Sequence[str]]:
    """A YAMNet that scores unlabeled sounds, and the names of its classes; nothing for ""."""
    if not source:
        return None, ()
    from spa2v.plugins.cue_extractors.semantic_yamnet import SemanticYamnet

    model = SemanticYamnet(source)
    return model, tuple(model.audioset_scores(np.random.default_rng(0).normal(size=16_000), 16_000))


def write_weights(state: Mapping[str, Any], folder: Path, sounds: Sequence[Sound], facts: Mapping[str, Any]) -> None:
    """Writes `tagger.npz`, `training.json` with the recipe and the hash of the weights, and the model card.

    Raises:
        WeightsError: they are larger than the package may hold.
    """
    from spa2v.training.tagger.model import arrays

    whole = io.BytesIO()
    np.savez_compressed(whole, **arrays(state))  # type: ignore[arg-type]
    if len(whole.getbuffer()) > MOST_BYTES:
        raise WeightsError(f"the tagger takes {len(whole.getbuffer())} bytes", f"expected at most {MOST_BYTES}")
    make_folder(folder)
    with atomic_path(folder / WEIGHTS) as target:
        target.write_bytes(whole.getbuffer())
    known = {**facts, "sha256": hashlib.sha256(whole.getbuffer()).hexdigest()}
    write_json(folder / FACTS, known)
    write_text(folder / CARD, model_card(sounds, known))


def model_card(sounds: Sequence[Sound], facts: Mapping[str, Any]) -> str:
    """The card in Markdown: what it is, how it was trained, and each source of sounds with its license."""
    counts = Counter((sound.source, sound.license) for sound in sounds)
    rows = [f"| {source} | {license_name} | {count} |" for (source, license_name), count in sorted(counts.items())]
    said = [f"| {name} | {value} |" for name, value in facts.items()]
    return "\n".join(
        (
            "# Tagger",
            "",
            "Names kinds of sound (`spa2v/vocabulary/classes.yaml`) from log-mel patches of 0.96 s: seven",
            "3x3 convolutions and a linear head, half precision. Trained by `spa2v world train tagger`.",
            "License: Apache-2.0.",
            "",
            "It is meant for naming what a recording is mainly of, and for nothing that people depend on. It was",
            "trained on few recordings of most classes; a low confidence means that it does not know.",
            "",
            "| training | |",
            "|---|---|",
            *said,
            "",
            "## Sounds",
            "",
            "No sound is part of the weights or of this repository.",
            "",
            "| source | license | sounds |",
            "|---|---|---|",
            *rows,
            "",
        )
    )
