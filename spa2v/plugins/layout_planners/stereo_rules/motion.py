"""The decision what a sounding thing does: stays (and where) or moves (and how), from the tracks of its sound."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from spa2v.core.types import Track
from spa2v.plugins.layout_planners.stereo_rules.trends import Array, Trend, blocks, rise, trend_of

CENTER_FROM, CENTER_TO = 0.40, 0.60  # of the width: what the words left, center, right mean
DISTANCE_DB = 4.8  # 20 log10(sqrt(3)): the distance at which a box grows threefold in area
DISTANCE_SURE = 0.8  # of it: background noise hides part of a rise
SHIFT_FLOOR_DB = 0.4  # weakest drift of the level difference that real passes show is about 0.5 dB a third
DELAY_FLOOR_US = 45.0  # two samples at 44.1 kHz
AZIMUTH_FLOOR_DEG = 4.0
DOUBT = 0.35  # lateral evidence under which no side is claimed


@dataclass(frozen=True)
class Heard:
    """What the planner takes from the cues of one thing.

    Args:
        tracks: level, azimuth, level_difference_shift, delay, as far as measured.
        evidence: lateral evidence, 0..1.
        vehicle: how far it sounds like (or is named as) a vehicle, 0..1.
    """

    tracks: Mapping[str, Track]
    evidence: float
    vehicle: float


@dataclass(frozen=True)
class Verdict:
    """What a thing does.

    Args:
        moves: whether it moves through the scene.
        attribute: one of `ATTRIBUTES`.
        lateral: sideways movement, -1 (to the left, sure) .. 1 (to the right, sure).
        level_change_db: end minus start, by the ends of the clip.
        nearing_db: the same for the depth in front of the camera, sideways distance taken out.
        azimuth_deg: middle of where it is heard.
        certain: 0..1, for the reasoning.
        odds: log-odds of moving.
    """

    moves: bool
    attribute: str
    lateral: float
    level_change_db: float
    nearing_db: float
    azimuth_deg: float
    certain: float
    odds: float


def judge(heard: Heard) -> Verdict:
    """Stays or moves, and how. Odd under exchange of the channels; reversal in time reverses the movement."""
    lateral = lateral_movement(heard)
    level = trend_of(_level(heard)) if "level" in heard.tracks else Trend(0.0, 0.0, 0.0)
    change, nearing = level_change(heard), 0.0
    nearing = change + depth_correction_db(heard)
    span = azimuth_span(heard)
    odds = _odds(heard, lateral, span, level, change)
    azimuth = middle_azimuth(heard)
    if odds > 0:
        attribute, certain = _movement(heard, lateral, level, nearing)
    else:
        attribute, certain = "", heard.evidence  # the place follows from the box
    return Verdict(odds > 0, attribute, lateral, change, nearing, azimuth, certain, odds)


def _level(heard: Heard) -> Track:
    return heard.tracks["level"]


def lateral_movement(heard: Heard) -> float:
    """-1..1 from the drifts of level difference, delay and azimuth; cues that disagree cancel."""
    if heard.evidence <= 0:
        return 0.0
    floors = {"level_difference_shift": SHIFT_FLOOR_DB, "delay": DELAY_FLOOR_US, "azimuth": AZIMUTH_FLOOR_DEG}
    parts = [trend_of(heard.tracks[name]).strength(floor) for name, floor in floors.items() if name in heard.tracks]
    return float(np.clip(sum(parts), -1.0, 1.0))


def azimuth_span(heard: Heard) -> float:
    """Degrees between the ends of the azimuth track, signed."""
    return trend_of(heard.tracks["azimuth"]).change if "azimuth" in heard.tracks else 0.0


def middle_azimuth(heard: Heard) -> float:
    """Median azimuth of the frames that tell a place, weighted by level and confidence; 0 in doubt."""
    track = heard.tracks.get("azimuth")
    if track is None or heard.evidence < DOUBT:
        return 0.0
    weights = track.weights.copy()
    if "level" in heard.tracks:
        level = heard.tracks["level"].at(track.times_s)
        weights = weights * 10.0 ** ((level - level.max()) / 20.0)
    if weights.sum() <= 0:
        return 0.0
    return _weighted_median(track.values, weights)


def _weighted_median(values: Array, weights: Array) -> float:
    """The mean of the lower and the upper weighted median, so that negated values give the negated result."""
    order = np.argsort(values, kind="stable")
    cumulative = np.cumsum(weights[order]) / weights.sum()
    low = values[order][min(int(np.searchsorted(cumulative, 0.5 - 1e-9)), len(values) - 1)]
    high = values[order][min(int(np.searchsorted(cumulative, 0.5 + 1e-9)), len(values) - 1)]
    return float(low + high) / 2.0


def level_change(heard: Heard) -> float:
    """Level of the last three sixteenths minus that of the first three, in dB."""
    if "level" not in heard.tracks:
        return 0.0
    means, _ = blocks(_level(heard))
    count = max(1, round(len(means) * 3 / 16))
    return float(means[-count:].mean() - means[:count].mean())


def depth_correction_db(heard: Heard) -> float:
    """What to add to a level change to get the change of depth: range is depth over the cosine of the azimuth."""
    if "azimuth" not in heard.tracks or heard.evidence < DOUBT:
        return 0.0
    means, weights = blocks(heard.tracks["azimuth"])
    if weights.max() <= 0:
        return 0.0
    count = max(1, round(len(means) * 3 / 16))
    start, end = (math.radians(min(75.0, abs(float(part.mean())))) for part in (means[:count], means[-count:]))
    return 20.0 * math.log10(math.cos(start) / math.cos(end))


def _odds(heard: Heard, lateral: float, span: float, level: Trend, change: float) -> float:
    """Log-odds of moving, in nats.

    What is heard counts first: vehicles move through their scenes, instruments and singers stay, however their level
    swells. A sideways movement counts for both, for music only when it is wide. A vehicle-like noise that neither
    drifts sideways nor changes in level is a thing that stands and hums.
    """
    share = min(max(heard.vehicle, 0.03), 0.97)
    odds = math.log(share / (1.0 - share))
    odds += 2.0 * abs(lateral) + 5.0 * abs(lateral) * rise(abs(span), 15.0, 35.0)
    steady_rise = rise(abs(change), 6.0, 12.0) * rise(abs(level.tau), 0.6, 0.9)
    odds += 1.5 * steady_rise
    quiet = 1.0 - max(abs(lateral) * 2.0, rise(level_range(heard), 1.5, 3.0))
    return odds - 5.0 * max(0.0, quiet) * share


def level_range(heard: Heard) -> float:
    """Highest minus lowest of sixteen block levels in dB, single blocks smoothed away."""
    if "level" not in heard.tracks:
        return 0.0
    means, _ = blocks(_level(heard))
    smooth = np.convolve(means, np.ones(3) / 3, mode="valid") if len(means) >= 3 else means
    return float(smooth.max() - smooth.min())


def _movement(heard: Heard, lateral: float, level: Trend, nearing: float) -> tuple[str, float]:
    """The movement word and how sure it is."""
    steady = rise(level.tau * math.copysign(1.0, nearing), 0.2, 0.5)
    distance = rise(abs(nearing) * steady, DISTANCE_SURE * DISTANCE_DB - 0.5, DISTANCE_DB + 1.0)
    toward = "approaching" if nearing > 0 else "receding"
    sideways = "left_to_right" if lateral > 0 else "right_to_left"
    if distance > 0.3:
        return toward, distance
    if lateral != 0.0:
        return sideways, abs(lateral)
    if abs(nearing) >= 1.0:
        return toward, 0.3
    return ("approaching" if _peak_time(heard) > 0.5 else "receding"), 0.1


def _peak_time(heard: Heard) -> float:
    if "level" not in heard.tracks:
        return 0.5
    means, _ = blocks(_level(heard))
    weights = 10.0 ** ((means - means.max()) / 10.0)
    return float(weights @ np.arange(len(means)) / weights.sum() / max(len(means) - 1, 1))


def place_word(x_center: float) -> str:
    """left, center or right for the middle of a box."""
    return "left" if x_center < CENTER_FROM else "right" if x_center > CENTER_TO else "center"
