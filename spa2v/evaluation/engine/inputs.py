"""Which files belong to which clip, and which belong to none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spa2v.core.errors import ConfigError
from spa2v.core.types.benchmark import BenchmarkClip
from spa2v.evaluation.bench.reading import Fault, file_stem

LAYOUTS = (".json",)
VIDEOS = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".gif")
_OWN = {"manifest", "config", "evaluation", "cues", "ablation"}


@dataclass(frozen=True)
class ClipFiles:
    """A clip and what is scored of it.

    Args:
        clip: its record.
        root: folder of the benchmark.
        layout, video: what was predicted; None where it is missing or not asked for.
    """

    clip: BenchmarkClip
    root: Path
    layout: Path | None = None
    video: Path | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """For worker processes: the facts of a clip are a read-only view, which cannot be pickled."""
        return _from_json, (self.clip.to_json(), self.root, self.layout, self.video)

    @property
    def truth(self) -> Path:
        return self.root / self.clip.layout

    @property
    def audio(self) -> Path:
        return self.root / self.clip.audio

    @property
    def real_video(self) -> Path | None:
        return self.root / self.clip.video if self.clip.video else None


def _from_json(clip: dict[str, Any], root: Path, layout: Path | None, video: Path | None) -> ClipFiles:
    return ClipFiles(BenchmarkClip.from_json(clip), root, layout, video)


class Outputs:
    """A folder of outputs, one a clip: `CLIP.json` or `CLIP/layout.json`, `CLIP.mp4` or `CLIP/video.mp4`.

    The output of `spa2v batch` and a benchmark are such folders, too: what lies in their `clips/` is looked at.

    Args:
        folder: of the outputs.
        kind: "layout" or "video".

    Raises:
        ConfigError: there is no such folder.
    """

    def __init__(self, folder: str | Path, kind: str) -> None:
        self.folder, self.kind = Path(folder), kind
        self.suffixes = LAYOUTS if kind == "layout" else VIDEOS
        if not self.folder.is_dir():
            raise ConfigError(
                f"there is no folder {str(folder)!r}", f"expected CLIP{self.suffixes[0]} in it, one a clip"
            )
        if (self.folder / "clips").is_dir():
            self.folder = self.folder / "clips"

    def find(self, clip_id: str) -> Path | None:
        """The output of a clip."""
        return next((path for path in self._places(clip_id) if path.is_file()), None)

    def _places(self, clip_id: str) -> Iterator[Path]:
        stem = file_stem(clip_id)
        yield from (self.folder / f"{stem}{suffix}" for suffix in self.suffixes)
        yield from (self.folder / stem / f"{self.kind}{suffix}" for suffix in self.suffixes)

    def strangers(self, clip_ids: Iterable[str]) -> list[Fault]:
        """Outputs that are of no clip of the benchmark."""
        known = {file_stem(clip_id) for clip_id in clip_ids}
        found = [path for path in sorted(self.folder.iterdir()) if self._is_output(path)]
        text = f"this {self.kind} is of no clip of the benchmark"
        return [
            Fault(f"{self.kind}_of_no_clip", str(path.relative_to(self.folder)), text)
            for path in found
            if (path.name if path.is_dir() else path.stem) not in known
        ]

    def _is_output(self, path: Path) -> bool:
        if path.name.startswith(".") or path.stem in _OWN:
            return False
        if path.is_dir():
            return any((path / f"{self.kind}{suffix}").is_file() for suffix in self.suffixes)
        return path.suffix.lower() in self.suffixes


def gather(
    clips: Sequence[BenchmarkClip], root: Path, layouts: Outputs | None, videos: Outputs | None
) -> list[ClipFiles]:
    """The files of each clip, in the order of the clips."""
    return [
        ClipFiles(clip, root, layouts.find(clip.id) if layouts else None, videos.find(clip.id) if videos else None)
        for clip in clips
    ]
