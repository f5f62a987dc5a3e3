"""The strategies that separate a recording into sources, in the order in which they are tried.

A strategy is a function of a `Recording` and the largest number of sources. It gives a `Separation` where it applies,
else None, and then the next one is tried; where none applies, the recording is one source.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from spa2v.core.types import AudioClip, SoundSource
from spa2v.dsp.interaural import InterauralCues, amplitude_weights, estimate_azimuth, interaural_cues
from spa2v.dsp.separation.auxiva import separate as separate_signals
from spa2v.dsp.separation.demixing import find_pair, pair_sources
from spa2v.dsp.separation.opposing_passes import fit_opposing_passes, opposing_sources
from spa2v.dsp.separation.spatial import SpatialEvidence, spatial_sources, split_by_azimuth
from spa2v.dsp.separation.streams import Stream, find_streams, is_single_source, stream_sources
from spa2v.dsp.separation.tf_bins import TimeFrequencyBins, time_frequency_bins
from spa2v.dsp.stft import StereoStft, stereo_stft

OPPOSING = "The level dips between its ends as when one thing goes away while another comes: 2 sources."
BY_TIMBRE = "{count} sources stand apart by how they sound."
BY_AZIMUTH = "{count} sources stand apart by place."


@dataclass(frozen=True, eq=False)
class Recording:
    """One clip and what the strategies measure in it, each when it is first needed.

    Args:
        audio: the clip.
        mic_spacing_m: distance of the microphones in meters, against which delays are read.
    """

    audio: AudioClip
    mic_spacing_m: float

    @property
    def stft(self) -> StereoStft:
        return stereo_stft(self.audio)

    @property
    def cues(self) -> InterauralCues:
        return interaural_cues(self.audio)

    @cached_property
    def streams(self) -> list[Stream]:
        return find_streams(self.stft)

    @cached_property
    def tf(self) -> TimeFrequencyBins:
        return time_frequency_bins(self.stft, self.mic_spacing_m)

    @cached_property
    def differs(self) -> bool:
        """Whether the channels differ anywhere."""
        return bool(self.stft.differs.any())

    @cached_property
    def colored(self) -> bool:
        """Whether the level difference is a coloration of the recording, see `InterauralCues.colored`."""
        return self.differs and self.cues.colored(amplitude_weights(self.stft.level_dbfs))


@dataclass(frozen=True)
class Separation:
    """The sources of a recording, the loudest first, and the reason for the separation in words.

    Args:
        sources: at least two.
        note: the reason.
        signals: computes each source's own sound at the recording's rate, shape (sources, n); None where the strategy
            gives none.
    """

    sources: tuple[SoundSource, ...]
    note: str
    signals: Callable[[], NDArray[np.float32]] | None = None


Strategy = Callable[[Recording, int], Separation | None]


def opposing_passes(recording: Recording, max_sources: int) -> Separation | None:
    """One vehicle recedes while another approaches. Only in recordings without streams: music dips, too."""
    if recording.streams:
        return None
    passes = fit_opposing_passes(recording.stft)
    if passes is None:
        return None
    weights = amplitude_weights(recording.stft.level_dbfs)
    azimuth = estimate_azimuth(recording.cues, recording.mic_spacing_m, weights)
    sources = opposing_sources(passes, recording.stft, azimuth)
    return Separation(sources[:max_sources], OPPOSING)


def demixed_pair(recording: Recording, max_sources: int) -> Separation | None:
    """Two sources that keep their directions, whatever they are, demixed by independent vector analysis."""
    if not recording.differs or max_sources < 2:
        return None
    weights = amplitude_weights(recording.stft.level_dbfs)
    azimuth = estimate_azimuth(recording.cues, recording.mic_spacing_m, weights)
    pair = find_pair(recording.audio, azimuth.sine, recording.mic_spacing_m)
    if pair is None:
        return None
    sources = pair_sources(pair, recording.stft.track_times_s)

    def signals() -> NDArray[np.float32]:
        return separate_signals(recording.audio, pair.demixing)[list(pair.order)]

    return Separation(sources, BY_AZIMUTH.format(count=len(sources)), signals)


def timbre_streams(recording: Recording, max_sources: int) -> Separation | None:
    """Streams that move in different ways are sources wherever they are, in mono, too."""
    streams = recording.streams
    if len(streams) < 2 and not any(stream.voices > 1 for stream in streams):
        return None
    sources = stream_sources(recording.stft, recording.tf, streams, recording.colored)[:max_sources]
    return Separation(sources, BY_TIMBRE.format(count=len(sources))) if len(sources) > 1 else None


def spatial_trajectories(recording: Recording, max_sources: int) -> Separation | None:
    """Time-frequency bins that follow different azimuths are sources, unless one stream passes the single-source test.

    None for identical channels.
    """
    if not recording.differs:
        return None
    evidence = SpatialEvidence.of(recording.tf, recording.colored)
    split = split_by_azimuth(evidence, max_sources)
    streams, count = recording.streams, len(split.trajectories)
    if count < 2 or (streams and is_single_source(recording.audio, recording.tf, streams[0], split)):
        return None
    return Separation(spatial_sources(recording.stft, evidence, split), BY_AZIMUTH.format(count=count))


STRATEGIES: tuple[Strategy, ...] = (demixed_pair, opposing_passes, timbre_streams, spatial_trajectories)


def separate(recording: Recording, max_sources: int) -> Separation | None:
    """The separation of the first strategy that applies; None where the recording is one source or silent."""
    if recording.stft.silent:
        return None
    found = (strategy(recording, max_sources) for strategy in STRATEGIES)
    return next((separation for separation in found if separation is not None), None)
