"""The tagger as a stage of training: batches by step, the loss, and how the held-out recordings fare."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from spa2v.core.errors import ConfigError
from spa2v.core.runtime import Run
from spa2v.plugins.cue_extractors.tagging.network import CENTER, FLOOR, SCALE
from spa2v.training.loop import Recipe
from spa2v.training.tagger import augment
from spa2v.training.tagger.index import Sound
from spa2v.training.tagger.model import TEACHER_CLASSES, TaggerNet
from spa2v.training.tagger.pool import Pool, cut
from spa2v.vocabulary import vocabulary

RECIPE = Recipe(steps=6000, batch=128, rate=2.5e-3, warmup=0.02, weight_decay=0.03, clip=5.0, ema=0.998, sheet_every=0)
UNLABELED = 0.13  # of the draws, where there are such sounds
SMOOTHING = 0.02
PRESENT_WEIGHT = 4.0  # of a class that sounds against one that does not
TEACHER_WEIGHT, TEACHER_DOUBT = 0.25, 0.25  # score from which the teacher's word on another class is not contradicted
TEACHER_TRUST, TEACHER_LEAST = 1.4, 0.15  # of the labels of unlabeled sounds: times the score, and 0 below

SIMILAR: dict[str, tuple[str, ...]] = {
    "car": ("traffic",), "traffic": ("car", "bus", "truck", "motorcycle"), "bus": ("car", "truck"),
    "truck": ("car", "bus"), "siren": ("car horn",), "laughter": ("man", "woman", "crowd", "child"),
    "crowd": ("man", "woman", "child", "laughter", "choir"), "choir": ("man singing", "woman singing", "organ"),
    "child": ("woman", "woman singing"), "woman": ("child",), "woman singing": ("choir", "child"),
    "man singing": ("choir",), "rain": ("water", "noise"), "water": ("rain", "noise"), "wind": ("noise",),
    "noise": ("rain", "wind", "fan"), "fan": ("noise",), "thunder": ("explosion", "rain"),
    "explosion": ("thunder", "gun", "fireworks"), "gun": ("explosion", "fireworks"), "saw": ("drill",),
    "drill": ("saw",), "helicopter": ("airplane",), "insect": ("bird",), "bird": ("insect",), "drum": ("cymbal",),
    "bell": ("xylophone",), "violin": ("cello", "double bass"), "glass": ("object noise",), "door": ("object noise",),
    "hammer": ("object noise",), "object noise": ("door", "glass", "hammer", "footsteps", "cymbal", "bell", "drum"),
    "synthesizer": ("organ", "bell", "xylophone", "guitar"),
}  # fmt: skip
"""Classes that may be heard in a sound of the first one as well, so that their absence is not taught."""

Batch = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]


class TaggerStage:
    """Learns from the recordings of an index that are not held out.

    Args:
        sounds, pool: of one index, in the same order.
        teacher_classes: names of the teacher's classes, where the pool has its scores.

    Raises:
        ConfigError: fewer than two classes have sounds.
    """

    name = "tagger"

    def __init__(self, sounds: Sequence[Sound], pool: Pool, teacher_classes: Sequence[str] = ()) -> None:
        self.sounds, self.pool = sounds, pool
        self.classes = tuple(vocabulary().classes)
        self.column = {name: index for index, name in enumerate(self.classes)}
        self.labels, self.weights = self._targets(teacher_classes)
        self.groups = self._groups()
        if len(self.groups) < 2:
            raise ConfigError("the index has sounds of fewer than two classes", "a tagger learns to tell classes apart")
        self.net = TaggerNet(len(self.classes))

    def trained(self) -> nn.Module:
        return self.net

    def batch(self, step: int, size: int, run: Run) -> Batch:
        """Inputs (N, 96, 64), labels and weights (N, classes), the teacher's scores (N, 521) and their weights (N,)."""
        rng = np.random.default_rng([run.seed, step])
        chosen = [self._draw(rng) for _ in range(size)]
        patches = augment.leveled(np.stack([cut(self.pool, sound, rng) for sound in chosen]))
        patches = augment.reverberated(augment.filtered(patches, rng), rng)
        patches, labels, weights, alone = augment.mixed(patches, self.labels[chosen], self.weights[chosen], rng)
        patches = augment.leveled(augment.noisy(patches, rng))
        floor = FLOOR * 10 ** rng.uniform(-0.4, 0.4, (size, 1, 1))
        inputs = augment.masked(np.asarray((np.log(patches + floor) + CENTER) / SCALE, dtype=np.float32), rng)
        scores, known = self._teaching(chosen, alone)
        return tuple(torch.from_numpy(np.ascontiguousarray(each)) for each in (inputs, labels, weights, scores, known))  # type: ignore[return-value]

    def loss(self, batch: Batch, run: Run) -> Tensor:
        """Binary cross-entropy over the classes of which something is known, and toward the teacher's scores."""
        inputs, labels, weights, scores, known = (each.to(run.device) for each in batch)
        logits, teacher_logits = self.net(inputs)
        soft = labels * (1 - 1.5 * SMOOTHING) + SMOOTHING / 2
        entropy = F.binary_cross_entropy_with_logits(logits, soft, reduction="none")
        own = (entropy * weights * (1 + (PRESENT_WEIGHT - 1) * labels)).sum(dim=1).mean()
        taught = F.binary_cross_entropy_with_logits(teacher_logits, scores, reduction="none").sum(dim=1)
        return own + TEACHER_WEIGHT * (taught * known).mean()

    def sheet(self, path: Path, run: Run) -> None:
        """Nothing: there are no pictures of sounds."""

    def _targets(self, teacher_classes: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        labels = np.zeros((len(self.sounds), len(self.classes)), dtype=np.float32)
        weights = np.ones_like(labels)
        taught = self._teacher_scores(teacher_classes)
        meant = np.array([bool(vocabulary().classes[name].audioset) for name in self.classes])
        for row, sound in enumerate(self.sounds):
            own = [self.column[label] for label in sound.labels]
            if not own:
                trusted = np.clip(TEACHER_TRUST * taught[row], 0.0, 0.95)
                labels[row] = np.where(trusted < TEACHER_LEAST, 0.0, trusted)
                weights[row] = 0.5 * meant
                continue
            weights[row] = np.where(taught[row] > TEACHER_DOUBT, 0.0, 1.0)
            weights[row, [self.column[other] for label in sound.labels for other in SIMILAR.get(label, ())]] = 0.0
            labels[row, own] = weights[row, own] = 1.0
        return labels, weights

    def _teacher_scores(self, names: Sequence[str]) -> NDArray[np.float32]:
        """The teacher's scores of our classes for each sound, 0 where it says nothing, (sounds, classes)."""
        result = np.zeros((len(self.sounds), len(self.classes)), dtype=np.float32)
        if self.pool.teacher is not None:
            place = {name: index for index, name in enumerate(names)}
            for column, each in enumerate(vocabulary().classes.values()):
                if columns := [place[name] for name in each.audioset if name in place]:
                    result[:, column] = np.nan_to_num(self.pool.teacher[:, columns]).max(axis=1)
        return result

    def _groups(self) -> dict[str, list[list[list[int]]]]:
        """For each class the sounds to draw from, by source and recording; "" holds those without labels."""
        found: dict[str, dict[str, dict[str, list[int]]]] = {}
        taught = self.pool.teacher is not None
        for row, sound in enumerate(self.sounds):
            if sound.held_out or not self.pool.places[row]:
                continue
            for label in sound.labels or (("",) if taught else ()):
                found.setdefault(label, {}).setdefault(sound.source, {}).setdefault(sound.recording, []).append(row)
        return {label: [list(each.values()) for each in sources.values()] for label, sources in found.items()}

    def _draw(self, rng: np.random.Generator) -> int:
        """Classes equally often; within a class sources by their number of recordings up to ten, then recordings."""
        labeled = [name for name in self.groups if name]
        lone = "" in self.groups and rng.random() < UNLABELED
        sources = self.groups["" if lone else labeled[rng.integers(len(labeled))]]
        odds = np.array([2.0 + min(len(recordings), 10) for recordings in sources])
        recordings = sources[rng.choice(len(sources), p=odds / odds.sum())]
        takes = recordings[rng.integers(len(recordings))]
        return int(takes[rng.integers(len(takes))])

    def _teaching(self, chosen: Sequence[int], alone: NDArray[np.bool_]) -> tuple[Any, Any]:
        if self.pool.teacher is None:
            size = len(chosen)
            return np.zeros((size, TEACHER_CLASSES), dtype=np.float32), np.zeros(size, dtype=np.float32)
        scores = self.pool.teacher[list(chosen)]
        known = alone & ~np.isnan(scores).any(axis=1)
        return np.nan_to_num(scores), known.astype(np.float32)
