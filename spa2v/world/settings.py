"""What the clips of a dataset depend on, and how they are numbered, seeded and split."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field

from spa2v.core.errors import ConfigError
from spa2v.core.types.layout import DEFAULT_FRAMES
from spa2v.world.acoustics.mix import DEFAULT_RATE_HZ
from spa2v.world.clips import DEFAULT_SIZE
from spa2v.world.sampling import Choice

FORMAT = 2  # raised whenever the same settings no longer give the same clips


@dataclass(frozen=True)
class Settings:
    """What the clips of a dataset depend on.

    Args:
        seed: of the whole dataset.
        width, height: of a frame in pixels.
        frames: of a clip.
        sample_rate: in Hz.
        twins: make clips in pairs: each scene and its mirrored (or, when it approaches or recedes, reversed) twin.
        test_share: part of the sources that goes to the split "test".
        choice: what is fixed about every scene.
    """

    seed: int = 0
    width: int = DEFAULT_SIZE[0]
    height: int = DEFAULT_SIZE[1]
    frames: int = DEFAULT_FRAMES
    sample_rate: int = DEFAULT_RATE_HZ
    twins: bool = True
    test_share: float = 0.1
    choice: Choice = field(default_factory=Choice)

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ConfigError(f"seed: {self.seed}", "expected 0 or more")
        if not 0.0 <= self.test_share <= 1.0:
            raise ConfigError(f"test_share: {self.test_share}", "expected 0 to 1")
        if not 1 <= self.frames <= 1024:
            raise ConfigError(f"frames: {self.frames}", "expected 1 to 1024")

    @property
    def key(self) -> str:
        """A checksum of all settings."""
        return hashlib.sha256(json.dumps([FORMAT, asdict(self)], sort_keys=True).encode()).hexdigest()


def split_of(source_id: str, test_share: float) -> str:
    """The split of a source: by a checksum of its id, so that twins and reruns always agree."""
    number = int.from_bytes(hashlib.sha256(source_id.encode()).digest()[:8], "big")
    return "test" if number < test_share * 2**64 else "database"


def scene_seed(settings: Settings, group: int) -> int:
    """The seed of the scene of a group; far apart for different datasets."""
    digest = hashlib.sha256(f"{settings.seed}/{group}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def group_count(clips: int, settings: Settings) -> int:
    """How many scenes a dataset of so many clips takes: one for each clip, or one for two with twins."""
    return -(-clips // 2) if settings.twins else clips


def clip_ids(group: int, clips: int, settings: Settings) -> list[str]:
    """The ids of the clips of a group: its scene and its twin, unless the dataset ends in between."""
    size = 2 if settings.twins else 1
    first = group * size
    return [f"{index:06d}" for index in range(first, min(first + size, clips))]
