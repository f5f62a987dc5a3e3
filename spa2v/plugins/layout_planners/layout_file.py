"""A given layout as the plan: hand-made, edited, or ground truth."""

from __future__ import annotations

from pathlib import Path

from spa2v.core.errors import LayoutError
from spa2v.core.runtime import Run
from spa2v.core.types import AudioClip, SpatialCues, VideoSceneLayout

MAX_BYTES = 50_000_000


class LayoutFile:
    """Reads the plan from a layout file.

    Args:
        path: of the layout file (JSON).
        stretch: stretch the times of a layout whose duration differs from the sound's, with a notice; false refuses it.

    Raises:
        LayoutError: on `plan`, when the file is missing, unreadable, invalid, or made for another duration.
    """

    def __init__(self, path: str, stretch: bool = True) -> None:
        self.path = Path(path)
        self.stretch = stretch

    def plan(self, audio: AudioClip, cues: SpatialCues, run: Run) -> VideoSceneLayout:
        layout = self._read()
        fitting = layout.spanning(audio.duration_s)
        if fitting is layout:
            return layout
        fact = f"{self.path.name!r} lasts {layout.duration_s:.2f} s, the sound lasts {audio.duration_s:.2f} s"
        if not self.stretch:
            raise LayoutError(fact, "set layout_planner.options.stretch=true to stretch its times")
        run.notice(f"{fact}: its times are stretched")
        return fitting

    def _read(self) -> VideoSceneLayout:
        try:
            if self.path.stat().st_size > MAX_BYTES:
                raise LayoutError(f"{self.path.name!r} is over {MAX_BYTES // 1_000_000} MB", "is it a layout file?")
            text = self.path.read_bytes()
        except OSError as error:
            raise LayoutError(
                f"cannot read the layout file {str(self.path)!r}: {error.strerror}",
                "give it as layout_planner.options.path=FILE; `spa2v plan` writes one",
            ) from error
        try:
            return VideoSceneLayout.loads(text)
        except LayoutError as error:
            raise LayoutError(f"{self.path.name!r}: {error.fact}", *error.details) from error
