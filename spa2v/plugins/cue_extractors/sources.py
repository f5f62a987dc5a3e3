"""How many things sound, and the tracks of each, told apart by how they sound and where they are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spa2v.core.errors import ConfigError
from spa2v.core.runtime import Run
from spa2v.core.types import AudioClip, SoundSource, SpatialCues, Track
from spa2v.dsp.azimuth import energy_weights, is_colored, locate
from spa2v.dsp.interaural import lateral_of
from spa2v.dsp.separation.opposing_passes import exchange_in, two_of
from spa2v.dsp.separation.single_source import is_one
from spa2v.dsp.separation.spatial import Evidence, Split, separate
from spa2v.dsp.separation.stream_tracks import step_times, strands_of
from spa2v.dsp.separation.streams import Layer, layers_of
from spa2v.dsp.separation.tf_bins import PLACES, Cells, cells_of
from spa2v.dsp.separation.trajectories import NEAR
from spa2v.dsp.sound_kinds import kind_tags
from spa2v.dsp.stft import Array, Spectra, decibel, spectra_of
from spa2v.dsp.timbre import texture_of

MAX_SOURCES = 8
BY_PLACE = "{count} sources stand apart by place."
IN_EXCHANGE = "The level dips between its ends as when one thing goes away while another comes: 2 sources."
BY_TIMBRE = "{count} sources stand apart by how they sound."


class Sources:
    """Separates sources by how their lines move, by level and delay, and by the course of the level.

    Layers that move in different ways (lines that hold their pitch, lines that glide together, hits) are things of
    their own wherever they are. Where there is one layer or none, cells of time and frequency are told apart by place.
    A level that dips between two ends is one thing that goes while another comes.

    Args:
        max_sources: at most so many are looked for, 1 to 8.
        mic_spacing_m: distance of the microphones that delays are read against.

    Gives `sources` when at least two stand apart, each with the tracks level and azimuth, and as far as they are known
    level_difference, level_difference_shift, delay and centroid, with tags by signal properties. Measures:
    source_count. Where the channels are identical, sources have a confidence of 0 in every place.

    Raises:
        ConfigError: `max_sources` is out of range.
    """

    def __init__(self, max_sources: int = 4, mic_spacing_m: float = 0.18) -> None:
        if not 1 <= max_sources <= MAX_SOURCES:
            raise ConfigError(f"sources: max_sources is {max_sources!r}", f"expected 1 to {MAX_SOURCES}")
        self.max_sources = max_sources
        self.mic_spacing_m = mic_spacing_m

    def extract(self, audio: AudioClip, run: Run) -> SpatialCues:
        spectra = spectra_of(audio)
        if spectra.silent:
            return SpatialCues(audio.duration_s, measures={"source_count": 0.0})
        sources, note = self._several(audio, spectra)
        measures = {"source_count": float(max(len(sources), 1))}
        return SpatialCues(audio.duration_s, measures=measures, sources=sources, notes=(note,) if sources else ())

    def _several(self, audio: AudioClip, spectra: Spectra) -> tuple[tuple[SoundSource, ...], str]:
        """Sources and what told them apart; none where one thing sounds."""
        layers = layers_of(spectra)
        if not layers and (exchange := exchange_in(spectra)) is not None:
            place = locate(lateral_of(audio), self.mic_spacing_m, energy_weights(spectra.level_dbfs))
            return two_of(exchange, spectra, place, audio.duration_s)[: self.max_sources], IN_EXCHANGE
        apart = bool(spectra.differs.any())
        if len(layers) < 2 and not apart:
            return (), ""
        cells = cells_of(spectra, self.mic_spacing_m)
        colored = apart and is_colored(lateral_of(audio), energy_weights(spectra.level_dbfs))
        if len(layers) > 1 or any(layer.voices > 1 for layer in layers):
            sources = strands_of(spectra, cells, layers, colored)[: self.max_sources]
            if len(sources) > 1:
                return sources, BY_TIMBRE.format(count=len(sources))
        return self._by_place(audio, spectra, cells, layers, colored)

    def _by_place(
        self, audio: AudioClip, spectra: Spectra, cells: Cells, layers: list[Layer], colored: bool
    ) -> tuple[tuple[SoundSource, ...], str]:
        """Sources that stand apart by place; none where they are one thing that a room spreads."""
        evidence = Evidence.of(cells, colored)
        split = separate(evidence, self.max_sources)
        if len(split.paths) < 2 or (layers and is_one(audio, spectra, cells, layers[0], split)):
            return (), ""
        return _sources(spectra, evidence, split), BY_PLACE.format(count=len(split.paths))


def _sources(spectra: Spectra, evidence: Evidence, split: Split) -> tuple[SoundSource, ...]:
    """The loudest first."""
    cells = evidence.cells
    power = cells.left + cells.right
    energies = [float(np.sum(power * mine)) for mine in split.mine]
    total = max(float(power.sum()), 1e-30)
    order = sorted(range(len(energies)), key=lambda index: -energies[index])
    return tuple(
        SoundSource(
            id=f"source_{rank}",
            share=min(energies[index] / total, 1.0),
            tracks=_tracks(spectra, evidence, split.paths[index], split.mine[index]),
            tags=kind_tags(texture_of(spectra, mask_of(spectra, cells, split.mine[index]))),
            confidence=float(np.clip(1.0 - 0.5 * split.doubt[index], 0.0, 1.0)),
        )
        for rank, index in enumerate(order)
    )


def _tracks(spectra: Spectra, evidence: Evidence, path: Array, mine: Array) -> dict[str, Track]:
    cells = evidence.cells
    times = step_times(spectra, cells)
    left, right = (cells.left * mine).sum(axis=1), (cells.right * mine).sum(axis=1)
    level = decibel((left + right) / 2)
    heard = (cells.weight * mine).sum(axis=1)
    sure = np.clip(heard / max(0.5 * float(heard.max()), 1e-12), 0.0, 1.0)
    sine = _refined(evidence, path, mine)
    difference = decibel(right) - decibel(left)
    centroid = (cells.left + cells.right) * mine @ cells.hz / np.maximum(left + right, 1e-30)
    return {
        "level": Track(times, level, "dBFS"),
        "level_difference": Track(times, difference, "dB", sure),
        "level_difference_shift": Track(times, difference - np.median(difference), "dB", sure),
        "delay": Track(times, sine * cells.delay_gain * cells.delay_scale_s * 1e6, "us", sure),
        "azimuth": Track(times, np.degrees(np.arcsin(sine)), "deg", sure),
        "centroid": Track(times, centroid, "Hz", sure),
    }


def _refined(evidence: Evidence, path: Array, mine: Array) -> Array:
    """The mean place of a source's cells around its path, (T,)."""
    near = np.exp(-0.5 * ((PLACES - path[:, None]) / NEAR) ** 2)
    weights = evidence.heights(evidence.cells.weight * mine) * near
    total = weights.sum(axis=1)
    return np.clip(np.divide(weights @ PLACES, total, out=path.copy(), where=total > 1e-12), -1.0, 1.0)


def mask_of(spectra: Spectra, cells: Cells, mine: Array) -> NDArray[np.float32]:
    """A source's share of every frame and line, (F, K); lines outside the cue band follow its edge."""
    lines = np.arange(len(spectra.frequencies_hz))
    bands = np.searchsorted(cells.starts + spectra.cue_lines.start, lines, side="right") - 1
    steps = np.searchsorted(cells.frames, np.arange(len(spectra.times_s)), side="right") - 1
    return mine.astype(np.float32)[steps][:, np.maximum(bands, 0)]
