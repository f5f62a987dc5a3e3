"""The folder of one clip in a batch: who works on it, what is finished in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from spa2v.core.errors import MediaError
from spa2v.core.manifest import MAX_MANIFEST_BYTES, NAME, file_sha256
from spa2v.core.untrusted import read_json
from spa2v.jobs.batch.goals import Goal
from spa2v.jobs.batch.items import Item

CLIPS, CLAIMS = "clips", ".claims"
LAYOUT, CUES, VIDEO = "layout.json", "cues.json", "video.mp4"
OFFERED = "repaired.json"


class ClipFolder:
    """One clip's folder below the output of a batch.

    A claim is a file lock: the kernel frees it when its holder dies, however it dies, so no clock decides what is
    stale. Where two machines do not see each other's locks, a clip may be made twice; its files are whole either way.

    Args:
        out: the output of the batch.
        item: the clip.
    """

    def __init__(self, out: Path, item: Item) -> None:
        self.item, self.path = item, out / CLIPS / item.folder_name
        self._lock = FileLock(out / CLAIMS / f"{item.folder_name}.lock", thread_local=False)

    def claim(self) -> bool:
        """Takes the clip, unless somebody holds it.

        Raises:
            OSError: the output folder is gone, or read-only.
        """
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            return False
        return True

    def release(self) -> None:
        self._lock.release()

    def manifest(self) -> Mapping[str, Any]:
        """The manifest of the last run on the clip; empty where there is none that can be read."""
        path = self.path / NAME
        try:
            data = read_json(path, MAX_MANIFEST_BYTES)
        except (OSError, ValueError):
            return {}
        return data if isinstance(data, dict) else {}

    def stages(self) -> dict[str, Mapping[str, Any]]:
        """The record of each finished stage whose files are all there and unchanged: key, sha256, seconds."""
        found = self.manifest().get("stages")
        stages = found if isinstance(found, dict) else {}
        return {name: record for name, record in stages.items() if self._whole(record)}

    def _whole(self, record: Any) -> bool:
        sums = record.get("sha256") if isinstance(record, dict) else None
        if not isinstance(sums, dict) or not sums:
            return False
        return all(
            name in (LAYOUT, CUES, VIDEO) and isinstance(digest, str) and file_sha256(self.path / name) == digest
            for name, digest in sums.items()
        )

    def planned(self, goal: Goal, audio_sha256: str, stages: Mapping[str, Mapping[str, Any]]) -> bool:
        """Whether the plan that the goal needs is here. Stage "render" takes any plan of the same recording."""
        record = stages.get("plan", {})
        if goal.plans:
            return record.get("key") == goal.keys.plan(audio_sha256)
        return record.get("audio_sha256") == audio_sha256

    def layout(self, goal: Goal) -> Path | None:
        """The layout that is drawn."""
        return self.item.layout if goal.given_layouts else self.path / LAYOUT

    def finished(self, goal: Goal) -> bool:
        """Whether everything that the goal asks for is here and was made from the same input and configuration."""
        if not (stages := self.stages()) or (audio := file_sha256(self.item.audio)) is None:
            return False
        if not goal.given_layouts and not self.planned(goal, audio, stages):
            return False
        if not goal.renders:
            return True
        layout = self.layout(goal)
        digest = file_sha256(layout) if layout else None
        return digest is not None and stages.get("render", {}).get("key") == goal.render_key(audio, digest)

    def sweep(self) -> None:
        """Removes what a killed process left under temporary names. For the holder of the claim.

        Raises:
            MediaError: the folder is a symbolic link, which would lead out of the batch.
        """
        if self.path.is_symlink():
            raise MediaError(f"the folder {str(self.path)!r} is a symbolic link", "a batch writes into its own folders")
        for path in self.path.glob(".*.part*"):
            path.unlink(missing_ok=True)
