"""Motion of an object from the cues of its sound: it stays, or moves sideways, closer or away."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from spa2v.core.types import Track
from spa2v.plugins.layout_planners.stereo_rules.trends import Array, Trend, block_means, ramp, trend

CENTER_FROM, CENTER_TO = 0.40, 0.60  # of the width: what the words left, center, right mean
DISTANCE_DB = 4.8  # 20 log10(sqrt(3)): the distance at which a box grows threefold in area
DISTANCE_SURE = 0.8  # of it: background noise hides part of a rise
SHIFT_FLOOR_DB = 0.4  # weakest drift of the level difference that real passes show is about 0.5 dB a third
DELAY_FLOOR_US = 45.0  # two samples at 44.1 kHz
AZIMUTH_FLOOR_DEG = 4.0
DOUBT = 0.35  # lateral evidence under which no side is claimed


@dataclass(frozen=True)
class ObjectCues:
    """The cues of one object.

    Args:
        tracks: level, azimuth, level_difference, level_difference_shift, delay, as far as measured.
        evidence: lateral evidence, 0..1.
        mobility: how readily it moves, 0..1, from its tags or its name: near 1 for vehicles, near 0 for instruments.
    """

    tracks: Mapping[str, Track]
    evidence: float
    mobility: float


@dataclass(frozen=True)
class Motion:
    """What an object does.

    Args:
        moves: whether it moves through the scene.
        attribute: left_to_right, right_to_left, approaching or receding; empty for an object that stays.
        lateral: sideways movement, -1 (to the left, certain) .. 1 (to the right, certain).
        level_change_db: end minus start, by the ends of the clip.
        depth_change_db: the same for the depth in front of the camera, sideways distance taken out.
        azimuth_deg: median direction of arrival.
        confidence: 0..1.
    """

    moves: bool
    attribute: str
    lateral: float
    level_change_db: float
    depth_change_db: float
    azimuth_deg: float
    confidence: float


def estimate_motion(cues: ObjectCues) -> Motion:
    """Stays or moves, and how. Odd under exchange of the channels; time reversal reverses the movement."""
    lateral = lateral_movement(cues)
    level = trend(cues.tracks.get("level"))
    change = level_change(cues)
    depth = change + depth_correction_db(cues)
    moves = _log_odds(cues, lateral, level, change) > 0
    attribute, confidence = _movement(cues, lateral, level, depth) if moves else ("", cues.evidence)
    return Motion(moves, attribute, lateral, change, depth, median_azimuth(cues), confidence)


def lateral_movement(cues: ObjectCues) -> float:
    """-1..1 from the drifts of level difference, delay and azimuth; cues that disagree cancel."""
    if cues.evidence <= 0:
        return 0.0
    floors = {"level_difference_shift": SHIFT_FLOOR_DB, "delay": DELAY_FLOOR_US, "azimuth": AZIMUTH_FLOOR_DEG}
    parts = [trend(cues.tracks[name]).strength(floor) for name, floor in floors.items() if name in cues.tracks]
    return float(np.clip(sum(parts), -1.0, 1.0))


def median_azimuth(cues: ObjectCues) -> float:
    """Median azimuth in degrees, weighted by level and confidence; 0 without lateral evidence."""
    track = cues.tracks.get("azimuth")
    if track is None or cues.evidence < DOUBT:
        return 0.0
    weights = track.weights.copy()
    if "level" in cues.tracks:
        level = cues.tracks["level"].at(track.times_s)
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


def level_change(cues: ObjectCues) -> float:
    """Level of the last three sixteenths minus that of the first three, in dB."""
    if "level" not in cues.tracks:
        return 0.0
    means, _ = block_means(cues.tracks["level"])
    count = max(1, round(len(means) * 3 / 16))
    return float(means[-count:].mean() - means[:count].mean())


def depth_correction_db(cues: ObjectCues) -> float:
    """What to add to a level change to get the change of depth: range is depth over the cosine of the azimuth."""
    if "azimuth" not in cues.tracks or cues.evidence < DOUBT:
        return 0.0
    means, weights = block_means(cues.tracks["azimuth"])
    if weights.max() <= 0:
        return 0.0
    count = max(1, round(len(means) * 3 / 16))
    start, end = (math.radians(min(75.0, abs(float(part.mean())))) for part in (means[:count], means[-count:]))
    return 20.0 * math.log10(math.cos(start) / math.cos(end))


def _log_odds(cues: ObjectCues, lateral: float, level: Trend, change: float) -> float:
    """Log-odds of moving, in nats.

    The class counts first: vehicles move through their scenes, instruments and singers stay, however their level
    swells. A sideways movement counts for both, for music only when it is wide. A vehicle-like noise that neither
    drifts sideways nor changes in level comes from a parked vehicle or a machine.
    """
    span = trend(cues.tracks.get("azimuth")).change
    mobility = min(max(cues.mobility, 0.03), 0.97)
    odds = math.log(mobility / (1.0 - mobility))
    odds += 2.0 * abs(lateral) + 5.0 * abs(lateral) * ramp(abs(span), 15.0, 35.0)
    steady_rise = ramp(abs(change), 6.0, 12.0) * ramp(abs(level.tau), 0.6, 0.9)
    odds += 1.5 * steady_rise
    quiet = 1.0 - max(abs(lateral) * 2.0, ramp(level_range(cues), 1.5, 3.0))
    return odds - 5.0 * max(0.0, quiet) * mobility


def level_range(cues: ObjectCues) -> float:
    """Highest minus lowest of sixteen block levels in dB, single blocks smoothed away."""
    if "level" not in cues.tracks:
        return 0.0
    means, _ = block_means(cues.tracks["level"])
    smooth = np.convolve(means, np.ones(3) / 3, mode="valid") if len(means) >= 3 else means
    return float(smooth.max() - smooth.min())


def _movement(cues: ObjectCues, lateral: float, level: Trend, depth: float) -> tuple[str, float]:
    """The attribute of a moving object, and its confidence."""
    steady = ramp(level.tau * math.copysign(1.0, depth), 0.2, 0.5)
    distance = ramp(abs(depth) * steady, DISTANCE_SURE * DISTANCE_DB - 0.5, DISTANCE_DB + 1.0)
    toward = "approaching" if depth > 0 else "receding"
    sideways = "left_to_right" if lateral > 0 else "right_to_left"
    if distance > 0.3:
        return toward, distance
    if lateral != 0.0:
        return sideways, abs(lateral)
    if abs(depth) >= 1.0:
        return toward, 0.3
    return ("approaching" if _peak_time(cues) > 0.5 else "receding"), 0.1


def _peak_time(cues: ObjectCues) -> float:
    if "level" not in cues.tracks:
        return 0.5
    means, _ = block_means(cues.tracks["level"])
    weights = 10.0 ** ((means - means.max()) / 10.0)
    return float(weights @ np.arange(len(means)) / weights.sum() / max(len(means) - 1, 1))


def position_word(x_center: float) -> str:
    """left, center or right for the middle of a box."""
    return "left" if x_center < CENTER_FROM else "right" if x_center > CENTER_TO else "center"
