"""What may be fixed about a random scene."""

from __future__ import annotations

from dataclasses import dataclass

from spa2v.core.errors import ConfigError
from spa2v.core.types.benchmark import QUANTITIES
from spa2v.core.types.layout import ATTRIBUTES, SCENARIOS
from spa2v.world.classes import CLASSES, VEHICLES
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
    """

    scenario: str | None = None
    quantity: str | None = None
    attribute: str | None = None
    name: str | None = None
    duration_s: float | None = None
    receiver: str | None = None
    snr_db: float | None = None

    def __post_init__(self) -> None:
        if self.name is not None and self.name not in CLASSES:
            raise ConfigError(f"there is no class {self.name!r} in ToyWorld", f"classes: {', '.join(CLASSES)}")
        _known("scenario", self.scenario, SCENARIOS)
        _known("quantity", self.quantity, QUANTITIES)
        _known("attribute", self.attribute, ATTRIBUTES)
        _known("receiver", self.receiver, RECEIVER_KINDS)
        needed = {kind for kind in (self._by_name(), self._by_attribute(), self.scenario) if kind}
        if len(needed) > 1:
            said = ", ".join(str(value) for value in (self.scenario, self.name, self.attribute) if value)
            raise ConfigError(
                f"no scene is all of: {said}", "vehicles cross, approach or recede; the others stand still"
            )

    def _by_name(self) -> str | None:
        return None if self.name is None else "translational" if self.name in VEHICLES else "stationary"

    def _by_attribute(self) -> str | None:
        return None if self.attribute is None else "stationary" if self.attribute in SIDES else "translational"

    @property
    def forced_scenario(self) -> str | None:
        return self.scenario or self._by_name() or self._by_attribute()


def _known(what: str, value: str | None, options: tuple[str, ...]) -> None:
    if value is not None and value not in options:
        raise ConfigError(f"{what}: {value!r}", f"expected one of: {', '.join(options)}")
