"""The layout that is open: its file, drafts of it, and saving without losing anybody's work."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spa2v.core.errors import LayoutError
from spa2v.core.media.files import MAX_LAYOUT_BYTES, write_text
from spa2v.core.types import VideoSceneLayout
from spa2v.core.untrusted import parse_json, read_bytes, reason_of

KNOWN = {"version", "duration_s", "caption", "reasoning", "scenario", "attributes", "notes", "keyframes"}
_PLACE = re.compile(r"^(keyframes\[\d+\](?:\.objects\[\d+\](?:\.\w+)?|\.\w+)?|attributes|\w+)")


@dataclass(frozen=True)
class Problem:
    """What the validator refuses: the field, as in `keyframes[3].objects[0].box`, and why."""

    place: str
    text: str

    def to_json(self) -> dict[str, str]:
        return {"place": self.place, "text": self.text}


class ChangedOnDisk(Exception):
    """The file is not what the page began with; `mark` is what it is now."""

    def __init__(self, mark: str | None) -> None:
        super().__init__(mark)
        self.mark = mark


def problem_of(data: Any) -> Problem | None:
    """The first thing that is wrong with the JSON of a layout; None where nothing is."""
    try:
        VideoSceneLayout.from_json(data)
    except LayoutError as error:
        match = _PLACE.match(error.fact)
        return Problem(match[1] if match else "", str(error).replace("\n ", ";"))
    return None


class Document:
    """A layout file that is being edited.

    A mark is the checksum of the file's bytes, None where there is no file. Each save says which mark the page began
    with; another mark on disk refuses the save, unless it is forced. What was there before is kept beside it.

    Args:
        path: of the layout file; it need not be there yet.
        planned: the layout to begin with where there is no file.
    """

    def __init__(self, path: Path, planned: VideoSceneLayout | None = None) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._planned = planned

    @property
    def draft_path(self) -> Path:
        return self.path.with_name(f".{self.path.name}.draft")

    @property
    def backup_path(self) -> Path:
        return self.path.with_name(f"{self.path.name}.bak")

    def mark(self) -> str | None:
        """The checksum of the file now."""
        data = self._bytes()
        return None if data is None else hashlib.sha256(data).hexdigest()

    def _bytes(self) -> bytes | None:
        try:
            return read_bytes(self.path, MAX_LAYOUT_BYTES)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise LayoutError(f"cannot read the layout {str(self.path)!r}: {reason_of(error)}") from error

    def read(self) -> tuple[VideoSceneLayout, str | None]:
        """The layout on disk, else the planned one, and its mark.

        Raises:
            LayoutError: the file is invalid, or there is neither.
        """
        data = self._bytes()
        if data is None:
            if self._planned is None:
                raise LayoutError(f"there is no layout {str(self.path)!r}")
            return self._planned, None
        return VideoSceneLayout.loads(data), hashlib.sha256(data).hexdigest()

    def save(self, data: Any, mark: str | None, force: bool = False) -> str:
        """Writes a layout from its JSON, keeps what was there as `NAME.bak`, and drops the draft.

        Returns:
            The new mark.

        Raises:
            LayoutError: the layout is invalid.
            ChangedOnDisk: the file has another mark than the page began with.
            MediaError: the file cannot be written.
        """
        layout = VideoSceneLayout.from_json(data)
        with self._lock:
            before = self._bytes()
            now = None if before is None else hashlib.sha256(before).hexdigest()
            if now != mark and not force:
                raise ChangedOnDisk(now)
            text = self._text(layout, before)
            if before is not None and before != text.encode():
                write_text(self.backup_path, before.decode("utf-8", "replace"))
            write_text(self.path, text)
            self.draft_path.unlink(missing_ok=True)
        return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()

    def _text(self, layout: VideoSceneLayout, before: bytes | None) -> str:
        """The file's text; optional keys of the file before that this release does not know stay."""
        try:
            old = {} if before is None else parse_json(before)
        except ValueError:
            old = {}
        unknown = {key: value for key, value in old.items() if key not in KNOWN} if isinstance(old, dict) else {}
        if not unknown:
            return layout.dumps()
        return json.dumps(layout.to_json() | unknown, indent=1, ensure_ascii=False) + "\n"

    def keep_draft(self, data: Any, mark: str | None) -> None:
        """Keeps what the page shows, valid or not, so that a closed page loses nothing."""
        with self._lock:
            write_text(self.draft_path, json.dumps({"mark": mark, "layout": data}, ensure_ascii=False))

    def drop_draft(self) -> None:
        with self._lock:
            self.draft_path.unlink(missing_ok=True)

    def draft(self) -> dict[str, Any] | None:
        """The draft, valid or not, and the mark that it began with; None where there is none, or it is damaged."""
        try:
            data = parse_json(read_bytes(self.draft_path, MAX_LAYOUT_BYTES))
        except (OSError, ValueError):
            return None
        return data if isinstance(data, dict) and isinstance(data.get("layout"), dict) else None
