"""The index of a candidate set: retrieval keys and measured cues of each clip, built once, checked when it is read.

In a folder: `index.json` (what it was built from, the clips), `keys.npy`, and `cues/NNNNNN.json`, one a clip.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spa2v.core.errors import ConfigError, shell
from spa2v.core.media.files import atomic_path, write_json, write_text
from spa2v.core.types import AudioClip, SpatialCues
from spa2v.core.untrusted import FAULTS, read_json, reason_of
from spa2v.plugins.layout_planners.mllm.examples import features
from spa2v.plugins.layout_planners.mllm.examples.cues_json import cues_from_json, thinned

VERSION = 1
NAME = "index.json"
FOLDER = "example_index"
MAX_INDEX_BYTES = 200_000_000


@dataclass(frozen=True)
class Candidate:
    """A clip of a candidate set.

    Args:
        id: of the clip.
        source_id: of the recording that it was cut or mirrored from; twins share it.
        audio, layout: paths relative to the data set's folder.
        attributes: of its things, for statistics.
        fingerprint: of the samples, the same for the clip mirrored or reversed.
    """

    id: str
    source_id: str
    audio: str
    layout: str
    attributes: tuple[str, ...] = ()
    fingerprint: str = ""


@dataclass(frozen=True)
class ExampleIndex:
    """A candidate set, ready to be searched.

    Args:
        data: folder of the data set.
        folder: of the index.
        clips: the candidates.
        keys: shape (N, D), as `features.retrieval_key` gives them, then an embedding if there is one.
        built_from: what the index was built from.
    """

    data: Path
    folder: Path
    clips: tuple[Candidate, ...]
    keys: NDArray[np.float32]
    built_from: Mapping[str, Any]

    def cues(self, number: int) -> SpatialCues:
        """What was measured in a clip, thinned to a few points a track."""
        return cues_from_json(_json(self.folder / "cues" / f"{number:06d}.json"))


def fingerprint(audio: AudioClip) -> str:
    """SHA-256 of sum and distance of the channels at 16 bits, forwards or backwards, whichever sorts first."""
    left, right = audio.left.astype(np.float64), audio.right.astype(np.float64)
    both = np.stack([left + right, np.abs(left - right)])  # the same when the channels change places
    samples = np.round(np.clip(both, -2.0, 2.0) * 16_384).astype("<i2")
    return hashlib.sha256(min(samples.tobytes(), samples[:, ::-1].tobytes())).hexdigest()


def index_key(built_from: Mapping[str, Any]) -> str:
    """SHA-256 of what an index is built from."""
    return hashlib.sha256(json.dumps(built_from, sort_keys=True).encode()).hexdigest()


class IndexWriter:
    """Writes an index clip by clip; nothing counts before `finish`.

    Args:
        data: folder of the data set; the index's paths are relative to it.
        folder: where the index goes.
        built_from: manifest hash, extractors and so on; JSON values.
    """

    def __init__(self, data: Path, folder: Path, built_from: Mapping[str, Any]) -> None:
        self.data, self.folder = data, folder
        self.built_from = {**built_from, "key_version": features.VERSION}
        self._clips: list[Candidate] = []
        self._keys: list[NDArray[np.float32]] = []
        (folder / "cues").mkdir(parents=True, exist_ok=True)

    def add(
        self, clip: Candidate, audio: AudioClip, cues: SpatialCues, embedding: NDArray[np.float32] | None = None
    ) -> None:
        """Adds a clip with its cues; `embedding` is appended to its key."""
        key = features.retrieval_key(audio, cues)
        if embedding is not None:
            key = np.concatenate([key, embedding])
        text = json.dumps(thinned(cues).to_json(), ensure_ascii=False, separators=(",", ":"))
        write_text(self.folder / "cues" / f"{len(self._clips):06d}.json", text)
        self._clips.append(Candidate(**{**asdict(clip), "fingerprint": fingerprint(audio)}))
        self._keys.append(key.astype(np.float32))

    @property
    def count(self) -> int:
        """Clips so far."""
        return len(self._clips)

    def finish(self) -> ExampleIndex:
        """Writes keys, then the index file that makes them count."""
        keys = np.stack(self._keys) if self._keys else np.zeros((0, features.blocks()[-1].stop), np.float32)
        with atomic_path(self.folder / "keys.npy") as path:
            np.save(path, keys, allow_pickle=False)
        data = {
            "version": VERSION,
            "key": index_key(self.built_from),
            "built_from": self.built_from,
            "data": _relative(self.data, self.folder),
            "clips": [asdict(clip) for clip in self._clips],
        }
        write_json(self.folder / NAME, data)
        return read_index(self.folder)


def _relative(data: Path, folder: Path) -> str:
    """Where the data set lies as seen from the index, so that both can move together."""
    import os

    return Path(os.path.relpath(data.resolve(), folder.resolve())).as_posix()


def find_index(examples: str | Path) -> Path:
    """The folder of the index that is meant: `examples` itself, or its subfolder `example_index`.

    Raises:
        ConfigError: neither holds one.
    """
    folder = Path(examples).expanduser()
    for place in (folder, folder / FOLDER):
        if (place / NAME).is_file():
            return place
    raise ConfigError(
        f"examples: {str(examples)!r} holds no example index",
        f"build it from a data set in the benchmark format: spa2v bench index {shell(examples)}",
    )


def read_index(folder: Path) -> ExampleIndex:
    """An index from its folder.

    Raises:
        ConfigError: it is damaged, of another version, or its data set has changed since it was built.
    """
    data = _json(folder / NAME)
    try:
        if data["version"] != VERSION or data["built_from"]["key_version"] != features.VERSION:
            raise ConfigError(f"the example index in {str(folder)!r} is of another version", _rebuild(folder))
        if data["key"] != index_key(data["built_from"]):
            raise ValueError("the key does not fit")
        clips = tuple(_candidate(clip) for clip in data["clips"])
        keys = _keys(folder / "keys.npy")
        if keys.ndim != 2 or len(keys) != len(clips) or keys.shape[1] < features.blocks()[-1].stop:
            raise ValueError(f"{len(clips)} clips and keys of shape {keys.shape}")
        index = ExampleIndex((folder / str(data["data"])).resolve(), folder, clips, keys, data["built_from"])
    except (KeyError, TypeError, ValueError, AttributeError, OSError, EOFError) as error:
        raise ConfigError(f"the example index in {str(folder)!r} is damaged", str(error), _rebuild(folder)) from error
    _check_fresh(index)
    return index


def _keys(path: Path) -> NDArray[np.float32]:
    try:
        # Mapped first: a header that claims more than the file holds is refused, not allocated.
        return np.array(np.load(path, mmap_mode="r", allow_pickle=False), np.float32)
    except (*FAULTS, SyntaxError, TokenError) as error:  # numpy reads the header as a literal of Python
        raise ValueError(f"{path.name}: {reason_of(error)}") from error


def _candidate(data: Mapping[str, Any]) -> Candidate:
    texts = {name: str(data[name]) for name in ("id", "source_id", "audio", "layout", "fingerprint")}
    return Candidate(**texts, attributes=tuple(map(str, data.get("attributes", ()))))


def _check_fresh(index: ExampleIndex) -> None:
    name, wanted = index.built_from.get("manifest"), index.built_from.get("manifest_sha256")
    if name and wanted:
        manifest = inside(index.data, str(name))
        if not manifest.is_file():
            raise ConfigError(f"the data set of the example index is gone: {str(index.data)!r}", _rebuild(index.folder))
        if file_digest(manifest) != wanted:
            raise ConfigError(
                f"the data set in {str(index.data)!r} has changed since its index", _rebuild(index.folder)
            )


def _rebuild(folder: Path) -> str:
    return f"build it again: spa2v bench index DATA --out {shell(folder)}"


def file_digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def inside(folder: Path, name: str) -> Path:
    """A path of a data set.

    Raises:
        ConfigError: it leads out of the folder.
    """
    pure = PurePosixPath(name)
    if pure.is_absolute() or ".." in pure.parts or "\0" in name:
        raise ConfigError(f"the path {name!r} leads out of its data set")
    return folder / pure


def _json(path: Path) -> Any:
    try:
        return read_json(path, MAX_INDEX_BYTES)
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read {str(path)!r}", reason_of(error)) from error
