"""`ClipScore`: one metric of one clip, with its reasons."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from spa2v.core.types import Score


@dataclass(frozen=True)
class ClipScore:
    """The value of one metric for one clip.

    Args:
        clip: the clip's name in the benchmark.
        metric: such as "max_iou"; a variant follows in brackets, as in "lt_sim[one_empty=0]".
        value: the score in the metric's own unit, or None where it is not defined (then `flags` say why).
        flags: short names of what shaped the score, for counting: "no_layout", "labels_differ", ...
        reasons: the same in sentences, for a reader.
        details: further numbers, JSON values only, such as the score of each frame.
    """

    clip: str
    metric: str
    value: float | None
    flags: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.value is not None:
            object.__setattr__(self, "value", float(self.value) if math.isfinite(self.value) else None)
        object.__setattr__(self, "details", MappingProxyType(dict(self.details)))

    @classmethod
    def of(cls, clip: str, metric: str, score: Score) -> ClipScore:
        """A metric's score of a clip, without its vector."""
        return cls(clip, metric, score.value, score.flags, score.reasons, score.details)

    def to_json(self) -> dict[str, Any]:
        return {
            "clip": self.clip,
            "metric": self.metric,
            "value": self.value,
            "flags": list(self.flags),
            "reasons": list(self.reasons),
            "details": dict(self.details),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ClipScore:
        """A score from what `to_json` gave."""
        parts = {"flags": tuple(data.get("flags", ())), "reasons": tuple(data.get("reasons", ()))}
        return cls(data["clip"], data["metric"], data["value"], details=data.get("details", {}), **parts)
