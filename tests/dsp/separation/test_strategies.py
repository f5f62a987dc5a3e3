"""The strategies are tried in a stated order, and each declines where another one applies."""

from __future__ import annotations

import numpy as np
import pytest

from spa2v.core.types import AudioClip
from spa2v.dsp.separation.strategies import (
    STRATEGIES,
    Recording,
    demixed_pair,
    opposing_passes,
    separate,
    spatial_trajectories,
    timbre_streams,
)
from tests.kit.cue_sounds import (
    PANS,
    Array,
    clip,
    guitar,
    level_panned,
    motorcycle,
    road,
    sung,
    tones,
    white,
    with_noise,
)


def opposing() -> Array:
    distance = np.linspace(7.0, 24.0, 4 * 44_100)
    return level_panned(road(4.0, 3) / distance, -14.0) + level_panned(motorcycle(4.0, 5) / distance[::-1], 12.0)


def apart() -> Array:
    return np.asarray(PANS["both"](white(3.0, 1), -40.0) + PANS["both"](tones(3.0, 2), 30.0))


def near() -> Array:
    return np.asarray(PANS["both"](white(3.0, 1), -5.0) + PANS["both"](tones(3.0, 2), 20.0))


def together() -> Array:
    return level_panned(sung(4.0, 1) + guitar(4.0, 2), 20.0)


CASES = [(opposing, opposing_passes), (together, timbre_streams), (apart, demixed_pair), (near, spatial_trajectories)]


def recording(stereo: Array) -> Recording:
    return Recording(clip(with_noise(stereo, 20)), 0.18)


def test_the_order_is_demixing_then_level_then_timbre_then_azimuth() -> None:
    assert (demixed_pair, opposing_passes, timbre_streams, spatial_trajectories) == STRATEGIES


@pytest.mark.parametrize(("make", "strategy"), CASES)
def test_the_first_that_applies_gives_the_sources(make: object, strategy: object) -> None:
    sound = recording(make())  # type: ignore[operator]
    before = STRATEGIES[: STRATEGIES.index(strategy)]  # type: ignore[arg-type]
    assert all(each(sound, 4) is None for each in before)
    own, found = strategy(sound, 4), separate(sound, 4)  # type: ignore[operator]
    assert own is not None
    assert found is not None
    assert found.note == own.note
    assert [source.share for source in found.sources] == [source.share for source in own.sources]
    assert len(found.sources) == 2


def test_music_that_dips_is_left_to_the_streams() -> None:
    sound = recording(together() * (0.3 + 0.7 * np.linspace(-1, 1, 4 * 44_100) ** 2))
    assert len(sound.streams) == 2
    assert opposing_passes(sound, 4) is None


def test_identical_channels_have_no_trajectories_and_silence_no_sources() -> None:
    assert spatial_trajectories(Recording(clip(np.stack([tones(2.0, 1)] * 2)), 0.18), 4) is None
    assert separate(Recording(AudioClip(np.zeros((2, 8_000)), 8_000), 0.18), 4) is None
