"""From signal properties to coarse kinds of sound, with doubt."""

from __future__ import annotations

import math

from spa2v.core.types import Tag
from spa2v.dsp.timbre import Texture

ENGINE, PLUCKED, BOWED, PERCUSSION, VOICE = "engine", "plucked strings", "bowed strings", "percussion", "voice"
UNKNOWN_SCORE = 1.0  # log-odds left to "something else"
WOMAN_HZ = 165.0  # the usual border between low and high speaking voices


def _up(value: float, low: float, high: float) -> float:
    return min(1.0, max(0.0, (value - low) / (high - low)))


def scores(texture: Texture) -> dict[str, float]:
    """Log-odds of each kind: sums of what speaks for and against it, in nats.

    The steps follow from how the sounds arise. Tyre and engine noise has no lasting detail above 200 Hz, changes
    slowly and is strong below 250 Hz. Plucked and struck strings keep their lines, start fast and die slowly. Bowed
    strings keep them and swell. A voice glides, so its lines last half as long, and comes in syllables. Both sing one
    line, in which a pitch is heard most of the time. Drums are noise in bursts. What hardly varies within half a second
    is a machine.
    """
    noise, tonal = 1.0 - _up(texture.tonality, 0.1, 0.3), _up(texture.tonality, 0.12, 0.4)
    abrupt, bursts = _up(texture.abruptness_db, 3.2, 5.0), _up(texture.abruptness_db, 6.0, 10.0)
    lively, still = _up(texture.liveliness_db, 1.5, 2.8), 1.0 - _up(texture.liveliness_db, 0.4, 0.8)
    dying = _up(texture.asymmetry, 0.4, 0.8) * (1.0 - still)
    low = _up(texture.low_share, 0.05, 0.25)
    gliding = _up(texture.tonality, 0.08, 0.2) * (1.0 - _up(texture.tonality, 0.6, 0.8))
    heard, one_line = _up(texture.pitch_heard, 0.0, 0.1), _up(texture.pitch_heard, 0.5, 0.9)
    spoken = heard if 75.0 <= texture.pitch_hz <= 600.0 else 0.0
    high = heard if texture.pitch_hz > 190.0 else 0.0
    struck = abrupt * _up(texture.liveliness_db, 1.2, 3.0)
    return {
        ENGINE: 2.5 * noise + low + (1 - lively) - 2.0 * struck - 1.5 * dying - 1.5 * tonal * (1 - low),
        PLUCKED: 2.0 * tonal + 1.5 * dying + 0.7 * abrupt + 0.3 * lively - one_line - still - 0.5,
        BOWED: 2.0 * tonal + (1 - dying) + (1 - lively) * (1 - low) + 0.5 * high + one_line - abrupt - still - 1.0,
        PERCUSSION: 1.5 * noise + 2.5 * bursts + 0.5 * struck + 0.5 * lively - 1.0,
        VOICE: gliding + 1.5 * lively + 0.8 * (1 - dying) + 0.7 * spoken + spoken * one_line - 0.8 * low - still,
    }


def kind_tags(texture: Texture) -> tuple[Tag, ...]:
    """The kinds, best first; their confidences leave room for something else and sum to less than 1."""
    weights = {kind: math.exp(score) for kind, score in scores(texture).items()}
    total = sum(weights.values()) + math.exp(UNKNOWN_SCORE)
    reason = _reason(texture)
    tags = [Tag(_named(kind, texture), weight / total, reason) for kind, weight in weights.items()]
    return tuple(sorted(tags, key=lambda tag: -tag.confidence))


def _named(kind: str, texture: Texture) -> str:
    return voice_named(texture.pitch_hz) if kind == VOICE and texture.pitch_heard > 0.1 else kind


def voice_named(pitch_hz: float) -> str:
    """Whose voice it is by its pitch; 0 where none is heard."""
    return VOICE if pitch_hz <= 0 else "woman's voice" if pitch_hz >= WOMAN_HZ else "man's voice"


def _reason(texture: Texture) -> str:
    parts = [
        "noise without lasting tones" if texture.tonality < 0.15 else f"lasting tones ({texture.tonality:.2f})",
        f"{'sudden' if texture.abruptness_db > 4 else 'smooth'} changes",
        f"{texture.low_share:.0%} of the power below 250 Hz",
    ]
    if texture.pitch_heard > 0.1:
        parts.append(f"a pitch near {texture.pitch_hz:.0f} Hz")
    return ", ".join(parts)
