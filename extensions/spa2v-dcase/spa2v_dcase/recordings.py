"""The recordings of a data set folder: which annotation, sound and video belong together."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from spa2v import ConfigError

ANNOTATIONS = ("metadata_dev", "metadata_eval")
SOUNDS, VIDEOS = ("stereo_dev", "foa_dev", "stereo_eval", "foa_eval"), ("video_dev", "video_eval")
SUFFIXES = (".wav", ".flac")
TEST_FOLD = 4


@dataclass(frozen=True)
class Recording:
    """Files of one name.

    Args:
        name: unique in the data set.
        source: the long recording that it was cut from; all its pieces are in the same split.
        split: "database" (dev-train) or "test" (dev-test).
        annotation: CSV file.
        sound, video: the video may be None.
    """

    name: str
    source: str
    split: str
    annotation: Path
    sound: Path
    video: Path | None


def find_recordings(root: Path) -> list[Recording]:
    """The recordings under `metadata_dev`, with their partners under `stereo_dev` or `foa_dev` and `video_dev`.

    A folder without `metadata_dev` may hold CSV, sound and video side by side.

    Raises:
        ConfigError: no annotation, one without a sound, or a name that stands twice.
    """
    bases = [root / name for name in ANNOTATIONS if (root / name).is_dir()] or [root]
    found: dict[str, Recording] = {}
    for base in bases:
        for annotation in sorted(base.rglob("*.csv")):
            recording = _recording(root, base, annotation)
            if recording.name in found:
                raise ConfigError(f"two annotations are named {recording.name!r}", f"one is {annotation}")
            found[recording.name] = recording
    if not found:
        raise ConfigError(
            f"no annotation in {str(root)!r}", f"expected CSV files in {ANNOTATIONS[0]}, or in the folder"
        )
    return list(found.values())


def _recording(root: Path, base: Path, annotation: Path) -> Recording:
    name, place = annotation.stem, annotation.parent.relative_to(base)
    if not re.fullmatch(r"[\w.-]{1,100}", name, re.ASCII) or name.startswith("."):
        raise ConfigError(f"{str(annotation)!r} has no usable name", "use up to 100 letters, digits, _, - and .")
    homes = [annotation.parent] if base == root else []
    sounds = [
        folder / f"{name}{suffix}"
        for folder in (*homes, *(root / one / place for one in SOUNDS))
        for suffix in SUFFIXES
    ]
    videos = [folder / f"{name}.mp4" for folder in (*homes, *(root / one / place for one in VIDEOS))]
    sound = next((path for path in sounds if path.is_file()), None)
    if sound is None:
        raise ConfigError(f"the annotation {str(annotation)!r} has no sound", f"looked for {sounds[0]}")
    video = next((path for path in videos if path.is_file()), None)
    source = re.sub(r"_deg\d+_start\d+$", "", name)
    return Recording(name, source, _split(place.as_posix(), name), annotation, sound, video)


def _split(place: str, name: str) -> str:
    """By the folder (dev-train, dev-test), else by the fold in the name (fold4 is for tests)."""
    if "dev-test" in place or "dev-train" in place:
        return "test" if "dev-test" in place else "database"
    fold = re.match(r"fold(\d+)_", name)
    return "test" if fold is None or int(fold[1]) >= TEST_FOLD else "database"
