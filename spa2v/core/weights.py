"""Weights on disk and on the Hugging Face hub: where they are, what they need, and reading them without running code.

A source is a local folder or file, a hub id (`owner/name`), a file of a hub repository (`owner/name/path/in/it`), or
`spa2v:path` for what comes with the package.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spa2v.core import deprecated, hub
from spa2v.core.errors import WeightsError
from spa2v.core.untrusted import FAULTS, reason_of

if TYPE_CHECKING:
    from torch import Tensor

SHOWN_KEYS = 8
PACKAGED = "spa2v:"
SAFE_SUFFIXES = (".safetensors",)
PICKLE_SUFFIXES = (".ckpt", ".pt", ".pth", ".bin")


@dataclass(frozen=True)
class Weights:
    """Weights that a component needs.

    Args:
        role: what they are to the component ("base model").
        source: path or hub id, as configured.
        option: the option of the config that names them.
        size_mb: expected size in MB (10^6 bytes); None where unknown.
        license: in a few words.
        patterns: which files of a hub repository are needed; empty for all. Of alternatives ("a|b") the first that the
            repository has.
        hint: where else to get them.
    """

    role: str
    source: str
    option: str
    size_mb: int | None = None
    license: str = "unknown; read it at the source"
    patterns: tuple[str, ...] = ()
    hint: str = ""


def known(need: Weights, table: Mapping[str, Mapping[str, Any]]) -> Weights:
    """The need, filled in with what a table knows about its source."""
    return replace(need, **table.get(need.source, {}))


def is_local(source: str) -> bool:
    """Whether a source is written as a path: it exists, or it cannot be a hub id."""
    return local_path(source).exists() or source.startswith((".", "/", "~", PACKAGED)) or "/" not in source


def local_path(source: str) -> Path:
    """The path that a local source means; `spa2v:` means the folder of the package."""
    if source.startswith(PACKAGED):
        return Path(__file__).parents[1] / source.removeprefix(PACKAGED)
    return Path(source).expanduser()


def split_source(source: str) -> tuple[str, str | None]:
    """The hub id and the file in it, or None for the whole repository."""
    parts = source.split("/")
    return "/".join(parts[:2]), "/".join(parts[2:]) or None


def names_file(source: str) -> bool:
    """Whether a source means one file; a dot in the name of a folder or a hub id makes it no file."""
    if not is_local(source):
        return split_source(source)[1] is not None
    path = local_path(source)
    return path.is_file() or (not path.is_dir() and path.suffix in (*SAFE_SUFFIXES, *PICKLE_SUFFIXES))


def find(need: Weights) -> Path | None:
    """The local file or folder of weights: the path itself, or the hub's cache. None when it is not there."""
    if is_local(need.source):
        path = local_path(need.source)
        return path if path.exists() else None
    found = hub.cached(*split_source(need.source))
    return found if found is not None and _complete(found, need.patterns) else None


def _complete(folder: Path, patterns: Sequence[str]) -> bool:
    """Whether a copy from the hub holds every file that is named; a copy may have been made for other files."""
    named = [pattern for pattern in patterns if "*" not in pattern]
    return folder.is_file() or all(any((folder / word).is_file() for word in one.split("|")) for one in named)


_offline: ContextVar[bool] = ContextVar("offline", default=False)


@contextmanager
def offline() -> Iterator[None]:
    """Nothing is fetched from the hub inside, neither by `locate` nor by components themselves."""
    token = _offline.set(True)
    try:
        with hub.offline():
            yield
    finally:
        _offline.reset(token)


def locate(need: Weights) -> Path:
    """The local file or folder of weights, fetched from the hub where that is needed and possible.

    Raises:
        WeightsError: not there and not to be had; says what was looked for and how to get it.
    """
    found = find(need)
    if found is not None:
        return found
    if is_local(need.source):
        raise WeightsError(f"the {need.role} {need.source!r} does not exist", *_advice(need))
    if _offline.get():
        raise WeightsError(f"the {need.role} {need.source!r} is not on this machine", *_advice(need))
    try:
        return hub.fetch(*split_source(need.source), need.patterns)
    except OSError as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise WeightsError(f"the {need.role} {need.source!r} cannot be fetched", reason, *_advice(need)) from error


def _advice(need: Weights) -> list[str]:
    if need.source.startswith(PACKAGED):
        return ["this release does not carry it", f"make it with `spa2v train`, and name it with `{need.option}`"]
    size = f"about {need.size_mb} MB" if need.size_mb else "size unknown"
    lines = [f"expected: {size}; license: {need.license}"]
    if not is_local(need.source):
        lines.append("run `spa2v weights fetch` on a machine with network")
    lines.append(f"or set the option `{need.option}` to a local path")
    return [*lines, need.hint] if need.hint else lines


def read_tensors(path: Path, wrappers: Sequence[str] = ("state_dict",)) -> dict[str, Tensor]:
    """The tensors of a safetensors or torch file, on the CPU, as stored.

    Tensors that a torch file holds under one of the names `wrappers` are taken from there.

    Torch files are read with `weights_only=True`: nothing in them is executed. Plain values beside the tensors (a
    training's step or settings) are left out.

    Raises:
        WeightsError: the file is missing, truncated, of another kind, or holds more than tensors.
    """
    check_file(path)
    data = _read_safetensors(path) if path.suffix in SAFE_SUFFIXES else _read_torch(path, wrappers)
    return _only_tensors(data, path)


def check_file(path: Path) -> None:
    """Refuses what no reader of weights can read, with the reason.

    Raises:
        WeightsError: the file is missing, empty, a pointer of Git LFS, or a web page.
    """
    if not path.is_file():
        raise WeightsError(f"the weights file {str(path)!r} does not exist")
    with path.open("rb") as file:
        head = file.read(64).lstrip().lower()
    if not head:
        raise WeightsError(f"the weights file {path.name!r} is empty")
    if head.startswith(b"version https://git-lfs"):
        raise WeightsError(
            f"the weights file {path.name!r} is a pointer of Git LFS", "run `git lfs pull` in its folder"
        )
    if head.startswith((b"<!doctype html", b"<html")):
        raise WeightsError(f"the weights file {path.name!r} is a web page", "the download needs a login or a consent")


def _read_safetensors(path: Path) -> Mapping[str, Any]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise WeightsError(
            f"the weights file {path.name!r} cannot be read",
            f"{error}",
            "it is truncated, or no safetensors file: fetch it again",
        ) from error


def stated_license(path: Path) -> str | None:
    """The license that a safetensors file states in its header; None where it states none, or for other files."""
    return stated(path, "license")


def stated(path: Path, key: str) -> str | None:
    """An entry of the header of a safetensors file; None where it has none, or for other files."""
    from safetensors import SafetensorError, safe_open

    if path.suffix not in SAFE_SUFFIXES:
        return None
    try:
        with safe_open(path, framework="numpy") as file:
            found = (file.metadata() or {}).get(key)
    except (SafetensorError, OSError):  # read_tensors says what is wrong
        return None
    return found


def _read_torch(path: Path, wrappers: Sequence[str]) -> Mapping[str, Any]:
    import torch

    try:
        with torch.serialization.safe_globals(_plain_globals()):
            data = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"the weights file {path.name!r} holds more than tensors, so it was not loaded",
            str(error).split("\n\n")[0].splitlines()[-1][:200],
            "weights that need code to load are refused; convert the file to safetensors",
        ) from error
    except (*FAULTS, struct.error) as error:
        raise WeightsError(
            f"the weights file {path.name!r} cannot be read",
            reason_of(error),
            "it is truncated, or no torch file: fetch it again",
        ) from error
    for name in wrappers:
        if isinstance(data, Mapping) and isinstance(data.get(name), Mapping):
            data = data[name]
    if not isinstance(data, Mapping):
        raise WeightsError(f"the weights file {path.name!r} holds a {type(data).__name__}", "expected named tensors")
    return data


class _Callback:
    """Stands for the class of a training's callback, which old checkpoints hold as the key of its state."""


def _plain_globals() -> list[Any]:
    """What torch files of trainings hold beside tensors: numpy's scalars, and names of classes. None of it is code."""
    import numpy as np

    scalar: Any = np.float64(0).__reduce__()[0]
    kinds = {type(np.dtype(code)) for code in np.typecodes["AllInteger"] + np.typecodes["Float"] + "?"}
    callback = "pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint"
    return [scalar, (scalar, "numpy.core.multiarray.scalar"), np.dtype, *kinds, (_Callback, callback)]


def _only_tensors(data: Mapping[str, Any], path: Path) -> dict[str, Tensor]:
    import torch

    tensors = {str(key): value for key, value in data.items() if isinstance(value, torch.Tensor)}
    others = {str(key): value for key, value in data.items() if not isinstance(value, torch.Tensor)}
    strange = [
        key
        for key, value in others.items()
        if not tensors
        or (isinstance(value, Mapping) and any(isinstance(inner, torch.Tensor) for inner in value.values()))
    ]
    if strange:
        raise WeightsError(
            f"the weights file {path.name!r} holds entries that are no tensors", f"keys: {shorten(strange)}"
        )
    return tensors


def shorten(names: Iterable[str], limit: int = SHOWN_KEYS) -> str:
    """The first names, and how many more there are."""
    listed = sorted(names)
    more = f" and {len(listed) - limit} more" if len(listed) > limit else ""
    return ", ".join(listed[:limit]) + more


def misfits(have: Mapping[str, tuple[int, ...]], want: Mapping[str, tuple[int, ...]]) -> list[str]:
    """How stored shapes differ from wanted ones: keys that are missing, not known, or of another shape."""
    lines = []
    if missing := want.keys() - have.keys():
        lines.append(f"missing: {shorten(missing)}")
    if unknown := have.keys() - want.keys():
        lines.append(f"not known: {shorten(unknown)}")
    wrong = [f"{key} {have[key]} instead of {want[key]}" for key in have.keys() & want.keys() if have[key] != want[key]]
    if wrong:
        lines.append(f"of another shape: {shorten(wrong)}")
    return lines


def refuse_missing(model: str, report: Mapping[str, Any], optional: str = "") -> None:
    """Refuses a model of transformers that would compute with weights drawn at random.

    Args:
        model: its name.
        report: the loading info of transformers.
        optional: text in the names of weights that may be missing.

    Raises:
        WeightsError: names the first weights that the files lack or that have another shape.
    """
    keys = [str(key) for field in ("missing_keys", "mismatched_keys") for key in report.get(field, ())]
    lacking = sorted(key for key in keys if not optional or optional not in key)
    if lacking:
        raise WeightsError(f"{model!r} lacks {len(lacking)} of its weights", f"the first is {lacking[0]}")


def __getattr__(name: str) -> Any:
    return deprecated.moved(__name__, name, {"NeedsWeights": "spa2v.core.protocols"})
