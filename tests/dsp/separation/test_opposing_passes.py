"""One vehicle that recedes while another approaches is heard as two, and no single movement is."""

from __future__ import annotations

import numpy as np
import pytest

from spa2v.core.types import AudioClip
from spa2v.plugins.cue_extractors.sources import Sources
from spa2v.testing import toy_run
from tests.kit.cue_sounds import (
    PANS,
    Array,
    clip,
    level_panned,
    motorcycle,
    passing,
    road,
    sweep,
    violin,
    white,
    with_noise,
)
from tests.kit.localizer import localize

SECONDS = 4.0


def along(mono: Array, nearest_m: float, farthest_m: float, coming: bool) -> Array:
    """The gain of a source at constant speed along the view."""
    ends = (farthest_m, nearest_m) if coming else (nearest_m, farthest_m)
    return mono / np.linspace(*ends, len(mono))


def both(pan: str, louder_db: float = 0.0) -> AudioClip:
    going = PANS[pan](along(road(SECONDS, 3), 7.0, 24.0, coming=False), -14.0)
    coming = PANS[pan](along(motorcycle(SECONDS, 5), 7.0, 24.0, coming=True), 12.0)
    return clip(with_noise(10 ** (louder_db / 20) * going + coming, 25))


@pytest.mark.parametrize("pan", PANS)
@pytest.mark.parametrize("louder_db", [-6.0, -3.0, 0.0])
def test_one_recedes_while_another_approaches(pan: str, louder_db: float) -> None:
    layout = localize(both(pan, louder_db))
    assert sorted(layout.attributes.values()) == ["approaching", "receding"]
    assert layout.scenario == "translational"
    assert "one thing goes away while another comes" in layout.reasoning


def test_each_is_where_it_is_near() -> None:
    cues = Sources().extract(both("level"), toy_run())
    found = {
        bool(source.tracks["level"].values[-1] > source.tracks["level"].values[0]): source.tracks["azimuth"].values[0]
        for source in cues.sources
    }
    assert found[False] == pytest.approx(-14.0, abs=4.0)
    assert found[True] == pytest.approx(12.0, abs=4.0)


def test_it_is_heard_in_one_channel_and_in_reverse() -> None:
    audio = both("level")
    for each in (audio.reversed(), clip(np.stack([audio.stereo.mean(axis=0)] * 2))):
        assert sorted(localize(each).attributes.values()) == ["approaching", "receding"]


@pytest.mark.parametrize("make", [road, motorcycle, white])
@pytest.mark.parametrize("coming", [True, False])
def test_one_along_the_view_is_one(make: object, coming: bool) -> None:
    mono = along(make(SECONDS, 1), 6.0, 25.0, coming)  # type: ignore[operator]
    layout = localize(clip(with_noise(level_panned(mono, 12.0), 20)))
    assert list(layout.attributes.values()) == ["approaching" if coming else "receding"]


@pytest.mark.parametrize("speed", [4, 10, 25])
def test_one_that_passes_is_one(speed: float) -> None:
    mono = road(SECONDS, 2)
    azimuth, gain = passing(mono, SECONDS, speed)
    assert Sources().extract(clip(with_noise(level_panned(mono * gain, azimuth), 20)), toy_run()).sources == ()
    flat = level_panned(mono, sweep(-35, 35, len(mono)))
    assert Sources().extract(clip(with_noise(flat, 20)), toy_run()).sources == ()


def test_music_that_dips_is_one() -> None:
    mono = violin(SECONDS, 2)
    t = np.linspace(-1, 1, len(mono))
    assert Sources().extract(clip(level_panned(mono * (0.3 + 0.7 * t**2), 0.0)), toy_run()).sources == ()
