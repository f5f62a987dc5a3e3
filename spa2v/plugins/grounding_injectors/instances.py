"""What injectors of denoising backbones share: the instances of each frame, the check of the backbone, the record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spa2v.core.errors import ContractError
from spa2v.core.protocols import AttentionSite, DenoisingBackbone
from spa2v.core.runtime import Run
from spa2v.core.types import VideoSceneLayout
from spa2v.core.types.layout import frame_spans
from spa2v.core.weights import stated

Row = Sequence[tuple[str, Sequence[float]]]
"""The instances of one frame: (phrase, box), box x1, y1, x2, y2 in 0..1 of the frame."""


@dataclass(frozen=True, eq=False)
class Instances:
    """The instances of R rows (videos x frames, frames fastest), padded to K instances.

    Args:
        boxes: float64 (R, K, 4), x1, y1, x2, y2 in 0..1 of the frame; zeros where absent.
        present: bool (R, K); the instances of a row come first, without gaps.
        phrase: int64 (R, K), index into `phrases`; 0 where absent.
        phrases: the distinct phrases.
        dropped: the largest number of instances of one frame beyond the limit.
    """

    boxes: NDArray[np.float64]
    present: NDArray[np.bool_]
    phrase: NDArray[np.int64]
    phrases: tuple[str, ...]
    dropped: int = 0

    @classmethod
    def from_rows(cls, rows: Sequence[Row], limit: int) -> Instances:
        """Pads rows to the longest one; instances beyond `limit` in a row are dropped, last ones first."""
        kept = [list(row)[:limit] for row in rows]
        most = max((len(row) for row in kept), default=0)
        phrases = tuple(dict.fromkeys(name for row in kept for name, _ in row))
        boxes = np.zeros((len(kept), most, 4))
        present = np.zeros((len(kept), most), dtype=bool)
        phrase = np.zeros((len(kept), most), dtype=np.int64)
        for r, row in enumerate(kept):
            present[r, : len(row)] = True
            for k, (name, box) in enumerate(row):
                boxes[r, k], phrase[r, k] = box, phrases.index(name)
        return cls(boxes, present, phrase, phrases, max((len(row) for row in rows), default=0) - most)

    @classmethod
    def from_layouts(
        cls, layouts: Sequence[VideoSceneLayout], frames: int, limit: int, whole: bool = False
    ) -> Instances:
        """The objects of `frames` frames of each layout, in the order of their first appearance in it.

        Args:
            layouts, frames, limit: see `from_rows`.
            whole: boxes of whole objects, which may leave 0..1, for weights that were trained on them.
        """
        rows: list[Row] = []
        for layout in layouts:
            order = {object_id: index for index, object_id in enumerate(layout.names)}
            for frame in layout.frames(frames):
                objects = sorted(frame.objects, key=lambda item: order[item.id])
                rows.append([(item.name, item.whole if whole else item.box) for item in objects])
        return cls.from_rows(rows, limit)

    def repeated(self, most: int) -> tuple[str, ...]:
        """Each phrase `min(K, most)` times, joined by ", and ", as in MIGC's benchmark scripts."""
        times = max(1, min(int(self.present.sum(axis=1).max(initial=0)), most))
        return tuple(", and ".join([phrase] * times) for phrase in self.phrases)


@dataclass(frozen=True)
class Attachment:
    """An injector that is attached.

    Args:
        injector: its name.
        sites: the layers that it grounds.
        dropped: the largest number of objects of a frame that it does not ground.
        small: objects that are smaller than a cell of the finest of these layers, by id, and in which frames.
    """

    injector: str
    sites: tuple[AttentionSite, ...]
    dropped: int = 0
    small: Mapping[str, str] = field(default_factory=dict)

    def report(self, run: Run) -> None:
        """Writes the record for the manifest, with a notice where objects were dropped."""
        names = [site.name for site in self.sites]
        run.record["grounding"] = {"injector": self.injector, "sites": names, "dropped_objects": self.dropped}
        if self.dropped:
            run.notice(f"{self.injector}: a frame has {self.dropped} objects too many; the last ones are not grounded.")
        if self.small:
            run.record["grounding"]["smaller_than_a_cell"] = dict(self.small)
        for key, frames in self.small.items():
            run.notice(
                f"{self.injector}: {key} is smaller than a cell of the finest grounded layer in frames {frames}; "
                "it may not be drawn there"
            )


def smaller_than_a_cell(
    layouts: Sequence[VideoSceneLayout], frames: int, sites: Sequence[AttentionSite]
) -> dict[str, str]:
    """The objects whose box is narrower or lower than a cell of the finest of some layers: id to numbers of frames."""
    rows, columns = max((site.resolution for site in sites), default=(1, 1))
    found: dict[str, set[int]] = {}
    for layout in layouts:
        for number, frame in enumerate(layout.frames(frames)):
            for item in frame.objects:
                box = item.box
                if (box.x2 - box.x1) * columns < 1 - 1e-9 or (box.y2 - box.y1) * rows < 1 - 1e-9:
                    found.setdefault(item.id, set()).add(number)
    return {key: frame_spans(numbers) for key, numbers in found.items()}


def knows_whole_boxes(path: Path) -> bool:
    """Whether weights declare that they were trained on boxes that reach beyond the frame: `boxes` is "whole"."""
    return path.is_file() and stated(path, "boxes") == "whole"


def denoising(backbone: object, injector: str) -> DenoisingBackbone:
    """The backbone, if it draws by denoising.

    Raises:
        ContractError: it does not, so there is nothing to attach to.
    """
    if isinstance(backbone, DenoisingBackbone):
        return backbone
    raise ContractError(
        f"the injector {injector!r} cannot attach to {type(backbone).__name__!r}",
        "it needs a backbone that draws by denoising (see `DenoisingBackbone`), such as 'animatediff'",
        "or set grounding_injector to 'ungrounded'",
    )
