"""What may be fixed about a random scene."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from spa2v.core.errors import ConfigError
from spa2v.core.types.benchmark import QUANTITIES
from spa2v.core.types.layout import ATTRIBUTES, SCENARIOS
from spa2v.world.classes import CLASSES
from spa2v.world.scene import RECEIVER_KINDS

SIDES = ("left", "center", "right")


@dataclass(frozen=True)
class Choice:
    """What is fixed about a scene; None leaves it to chance.

    Args:
        scenario: "stationary" or "translational".
        quantity: "single" or "multiple".
        attribute: of the thing in a single scene, of the first one in others.
        name: class of that thing.
        duration_s: of the clip.
        receiver: kind of the receiver.
        snr_db: level over the noise.
        classes: the only ones that are drawn.
    """

    scenario: str | None = None
    quantity: str | None = None
    attribute: str | None = None
    name: str | None = None
    duration_s: float | None = None
    receiver: str | None = None
    snr_db: float | None = None
    classes: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for name in (*(self.classes or ()), *([self.name] if self.name else [])):
            if name not in CLASSES:
                raise ConfigError(f"there is no class {name!r} in ToyWorld", f"classes: {', '.join(CLASSES)}")
        if self.name and not self.allowed({self.name: 1.0}):
            raise ConfigError(f"no scene is all of: {self.name}, classes {', '.join(self.classes or ())}")
        _known("scenario", self.scenario, SCENARIOS)
        _known("quantity", self.quantity, QUANTITIES)
        _known("attribute", self.attribute, ATTRIBUTES)
        _known("receiver", self.receiver, RECEIVER_KINDS)
        wanted = {value for value in (self.scenario, self._by_attribute()) if value}
        if len(wanted) > 1 or not all(value in self._by_name() for value in wanted):
            said = ", ".join(str(value) for value in (self.scenario, self.name, self.attribute) if value)
            raise ConfigError(
                f"no scene is all of: {said}",
                "vehicles cross, approach or recede, instruments stand still, people and animals do either",
            )

    def _by_name(self) -> tuple[str, ...]:
        """The scenarios in which the first thing can be."""
        if self.name is None:
            return SCENARIOS
        kind = CLASSES[self.name]
        return tuple(value for value, ways in zip(SCENARIOS, (kind.stands, kind.moves), strict=True) if ways)

    def _by_attribute(self) -> str | None:
        return None if self.attribute is None else "stationary" if self.attribute in SIDES else "translational"

    @property
    def scenarios(self) -> tuple[str, ...]:
        """The scenarios that meet the choice."""
        given = self.scenario or self._by_attribute()
        return (given,) if given else self._by_name()

    def allowed(self, weights: Mapping[str, float]) -> dict[str, float]:
        """Without the classes that may not be drawn."""
        return {name: weight for name, weight in weights.items() if self.classes is None or name in self.classes}


def _known(what: str, value: str | None, options: tuple[str, ...]) -> None:
    if value is not None and value not in options:
        raise ConfigError(f"{what}: {value!r}", f"expected one of: {', '.join(options)}")
