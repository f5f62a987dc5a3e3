"""Where results go: never onto a file that a run reads, and by default never onto one that spa2v did not make."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from spa2v.core.errors import MediaError

MARK = "made with spa2v"
"""What the encoders write into the comment of a video."""
_MAX_TRIES = 10_000


def refuse_inputs(outputs: Iterable[Path | str | None], inputs: Iterable[Path | str | None]) -> None:
    """Refuses outputs that are inputs: the same file under whatever name, through links, or in another spelling.

    Args:
        outputs: what would be written; None is passed over.
        inputs: what is read; None and what does not exist are passed over.

    Raises:
        MediaError: the first output that is an input.
    """
    read = {identity: str(path) for path in inputs if path is not None and (identity := _identity(Path(path)))}
    for output in outputs:
        identity = None if output is None else _identity(Path(output))
        if identity in read:
            same = read[identity]
            also = "" if same == str(output) else f", as {same!r}"
            raise MediaError(
                f"cannot write {str(output)!r}: it is one of the inputs{also}", "give the output another name"
            )


def _identity(path: Path) -> tuple[int, int] | None:
    """What all names of a file share; None where there is none, which nothing can overwrite."""
    try:
        status = path.stat()
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return None
    return status.st_dev, status.st_ino


def default_output(wanted: Path, inputs: Iterable[Path | str | None]) -> tuple[Path, str]:
    """The name of an output that the user did not name, and a sentence where it is not the usual one.

    Args:
        wanted: the usual name.
        inputs: what is read.

    Raises:
        MediaError: the usual name is that of an input.
    """
    refuse_inputs([wanted], inputs)
    if not os.path.lexists(wanted) or made_here(wanted):
        return wanted, ""
    for number in range(1, _MAX_TRIES):
        other = wanted.with_name(f"{wanted.stem}-{number}{wanted.suffix}")
        if not os.path.lexists(other) or made_here(other):
            return other, f"{str(wanted)!r} is not a file that spa2v made, so it stays; writing {str(other)!r}"
    raise MediaError(f"{str(wanted)!r} and {_MAX_TRIES} names like it are taken", "name the output with --out")


def refuse_existing(outputs: Iterable[Path]) -> None:
    """Refuses to replace files.

    Raises:
        MediaError: the first that is there.
    """
    for output in outputs:
        if os.path.lexists(output):
            raise MediaError(f"{str(output)!r} is there already", "move it, or give another name with --out")


def made_here(path: Path) -> bool:
    """Whether a video bears the mark of the encoders, or a page that of the reports."""
    if not path.is_file():
        return False
    if path.suffix.lower() in (".html", ".htm"):
        with path.open("rb") as file:
            return MARK.encode() in file.read(4096)
    import av

    options = {"format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2", "protocol_whitelist": "file"}
    try:
        with av.open(f"file:{path}", options=options, metadata_errors="replace") as container:
            return container.metadata.get("comment") == MARK
    except (av.FFmpegError, ValueError, OSError):
        return False
