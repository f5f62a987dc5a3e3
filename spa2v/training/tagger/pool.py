"""Mel spectra of all sounds of an index, made once: rows of one array, and where each sound lies in it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from spa2v.core.errors import Spa2vError
from spa2v.core.media.audio import read_audio
from spa2v.core.media.files import atomic_path, write_json
from spa2v.core.runtime import Run
from spa2v.dsp.log_mel import PATCH_FRAMES, RATE_HZ, mel_magnitudes, resampled
from spa2v.training.tagger.index import Sound

SPEEDS = (1.0, 0.86, 1.16)  # of which rare sounds are learned: pitch and pace of other individuals
LONGEST_S, COMMON_S = 45.0, 12.0
RARE = 150  # a class with fewer files is heard longer and at all speeds
PEAK, TINY = 0.9, 1e-5
SPECTRA, PLACES, TEACHER = "spectra.npy", "places.json", "teacher.npy"


class Teacher(Protocol):
    """A model that scores AudioSet's classes."""

    def audioset_scores(self, samples: NDArray[np.floating], rate: int) -> dict[str, float]:
        """Scores 0..1 of mono samples (n,)."""
        ...


@dataclass(frozen=True)
class Pool:
    """Natural logarithms of mel magnitudes, (T, 64) in half precision, and of each sound its first rows and lengths.

    `teacher` holds a row of AudioSet scores for each sound, (sounds, 521), NaN where there are none.
    """

    spectra: NDArray[np.float16]
    places: tuple[tuple[tuple[int, int], ...], ...]
    teacher: NDArray[np.float32] | None

    @classmethod
    def read(cls, folder: Path) -> Pool:
        """Reads what `make_pool` wrote."""
        places = json.loads((folder / PLACES).read_text(encoding="utf-8"))
        teacher = np.load(folder / TEACHER) if (folder / TEACHER).exists() else None
        made = tuple(tuple((int(start), int(count)) for start, count in each) for each in places)
        return cls(np.load(folder / SPECTRA, mmap_mode="r"), made, teacher)


def make_pool(sounds: Sequence[Sound], folder: Path, run: Run, teacher: Teacher | None = None) -> Pool:
    """Makes the pool in a folder unless it is there; sounds that cannot be read are left empty with a warning."""
    if (folder / PLACES).exists():
        return Pool.read(folder)
    folder.mkdir(parents=True, exist_ok=True)
    counts: dict[str, int] = {}
    for each in sounds:
        for label in each.labels:
            counts[label] = counts.get(label, 0) + 1
    rows: list[NDArray[np.float16]] = []
    places: list[list[tuple[int, int]]] = []
    scores: list[NDArray[np.float32]] = []
    total = 0
    with run.progress("spectra", len(sounds)) as tick:
        for each in sounds:
            rare = bool(each.labels) and min(counts[label] for label in each.labels) < RARE
            mine = []
            mono = _read(each, LONGEST_S if rare else COMMON_S, run)
            for speed in (SPEEDS if rare else SPEEDS[:1]) if len(mono) else ():
                heard = resampled(mono, round(RATE_HZ * speed)) if speed != 1.0 else mono
                spectra = np.log(mel_magnitudes(heard) + TINY).astype(np.float16)
                rows.append(spectra)
                mine.append((total, len(spectra)))
                total += len(spectra)
            places.append(mine)
            if teacher is not None:
                found = teacher.audioset_scores(mono, RATE_HZ) if len(mono) else {}
                scores.append(np.array(list(found.values()) or [np.nan] * 521, dtype=np.float32))
            tick(1)
    with atomic_path(folder / SPECTRA) as target, open(target, "wb") as file:
        np.save(file, np.concatenate(rows))
    if teacher is not None:
        with atomic_path(folder / TEACHER) as target, open(target, "wb") as file:
            np.save(file, np.stack(scores))
    write_json(folder / PLACES, places)
    return Pool.read(folder)


def _read(sound: Sound, longest_s: float, run: Run) -> NDArray[np.float32]:
    """Mono samples at 16 kHz with a fixed peak; empty for what cannot be read and for silence."""
    try:
        audio = read_audio(sound.path)
    except Spa2vError as error:
        run.notice(f"{sound.path.name} is left out: {str(error).splitlines()[0]}")
        return np.zeros(0, dtype=np.float32)
    mono = resampled(audio.mono[: int(longest_s * audio.sample_rate)], audio.sample_rate)
    peak = float(np.abs(mono).max(initial=0.0))
    return np.asarray(mono * (PEAK / peak), dtype=np.float32) if peak > 1e-4 else np.zeros(0, dtype=np.float32)


def cut(pool: Pool, sound: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """A patch of mel magnitudes, (96, 64): of three places the loudest; a short sound lies anywhere in it."""
    start, count = pool.places[sound][rng.integers(len(pool.places[sound]))]
    patch = np.full((PATCH_FRAMES, pool.spectra.shape[1]), np.log(TINY), dtype=np.float32)
    if count <= PATCH_FRAMES:
        at = int(rng.integers(PATCH_FRAMES - count + 1))
        patch[at : at + count] = pool.spectra[start : start + count]
        return np.exp(patch)
    tries = [pool.spectra[at : at + PATCH_FRAMES] for at in start + rng.integers(count - PATCH_FRAMES + 1, size=3)]
    patch[:] = max(tries, key=lambda found: float(found.max(axis=1).astype(np.float32).mean()))
    if rng.random() < 0.12:  # it begins within the patch
        late = int(rng.integers(8, 70))
        patch[late:] = patch[:-late].copy()
        patch[:late] = np.log(TINY)
    return np.exp(patch)
