"""The Hugging Face hub, through its own client: what a repository lists, what of it is needed, and fetching that."""

from __future__ import annotations

import fnmatch
import json
import socket
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies

CONNECT_S = 5.0


@contextmanager
def offline() -> Iterator[None]:
    """The hub's client fetches nothing inside, whoever asks it."""
    try:
        from huggingface_hub import constants
    except ImportError:
        yield
        return
    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


@contextmanager
def without_waiting() -> Iterator[None]:
    """What is in the cache is read at once, and what is not fails at once, while the hub cannot be reached.

    The hub's client asks each file five times, over 23 s, and a model has several files.
    """
    with nullcontext() if reachable() else offline():
        yield


@cache
def reachable() -> bool:
    """Whether the hub's host takes a connection within `CONNECT_S`; found out once. True behind a proxy."""
    from huggingface_hub import constants

    address = urlsplit(constants.ENDPOINT)
    if address.hostname is None or getproxies().get(address.scheme):
        return True
    try:
        port = address.port or (443 if address.scheme == "https" else 80)
        socket.create_connection((address.hostname, port), CONNECT_S).close()
    except OSError:
        return False
    return True


def cached(repository: str, filename: str | None) -> Path | None:
    """The snapshot folder of a repository, or one file of it, in the cache; None when it is not there."""
    from huggingface_hub import hf_hub_download, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        if filename:
            return Path(hf_hub_download(repository, filename, local_files_only=True))
        return Path(snapshot_download(repository, local_files_only=True))
    except (LocalEntryNotFoundError, HfHubHTTPError, HFValidationError):
        return None


def fetch(repository: str, filename: str | None, patterns: Sequence[str]) -> Path:
    """The same, fetched: the files that match the patterns, all without patterns.

    Raises:
        OSError: the hub cannot be reached, or refuses.
    """
    from huggingface_hub import hf_hub_download, list_repo_files, snapshot_download

    with _explained():
        if filename:
            return Path(hf_hub_download(repository, filename))
        several = any("|" in pattern for pattern in patterns)
        wanted = choose(list_repo_files(repository), patterns) if several else list(patterns)
        return Path(snapshot_download(repository, allow_patterns=wanted or None))


def listing(repository: str) -> tuple[dict[str, int | None], bool]:
    """The files of a repository with their sizes in bytes (None where the hub gives none); whether it asks for consent.

    Raises:
        OSError: the hub cannot be reached, refuses, or answers in another form.
    """
    from huggingface_hub import model_info

    with _explained():
        try:
            found = model_info(repository, files_metadata=True)
            files = {str(file.rfilename): file.lfs.size if file.lfs else file.size for file in found.siblings or ()}
        except (LookupError, TypeError, AttributeError, json.JSONDecodeError) as error:
            raise OSError("the hub's answer has another form") from error
    return {name: size if isinstance(size, int) and size >= 0 else None for name, size in files.items()}, bool(
        found.gated
    )


@contextmanager
def _explained() -> Iterator[None]:
    """Turns what the hub's client raises into an `OSError`."""
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        yield
    except (LocalEntryNotFoundError, HfHubHTTPError, HFValidationError) as error:
        unreachable = isinstance(error, LocalEntryNotFoundError)
        raise OSError("the hub cannot be reached" if unreachable else str(error)) from error
    except _network_faults() as error:
        raise OSError(f"the hub cannot be reached: {error}") from error


def choose(files: Iterable[str], patterns: Sequence[str]) -> list[str]:
    """The patterns, each with the first of its alternatives ("a|b") that is among the files, else the first."""
    files, chosen = list(files), []
    for pattern in patterns:
        words = pattern.split("|")
        chosen.append(next((word for word in words if fnmatch.filter(files, word)), words[0]))
    return chosen


def select(
    files: Mapping[str, int | None], filename: str | None, patterns: Sequence[str]
) -> tuple[list[str], list[str]]:
    """The files that would be fetched, sorted; and what is needed and not there, each as its alternatives.

    A pattern with a star may match nothing.
    """
    if filename:
        return ([filename], []) if filename in files else ([], [filename])
    matches = {
        pattern: fnmatch.filter(files, word) for pattern, word in zip(patterns, choose(files, patterns), strict=True)
    }
    lacking = [pattern for pattern, names in matches.items() if not names and "*" not in pattern]
    chosen = {name for names in matches.values() for name in names} if patterns else set(files)
    return sorted(chosen), [" or ".join(pattern.split("|")) for pattern in lacking]


def _network_faults() -> tuple[type[Exception], ...]:
    """What the library that the hub's client asks with raises; which one it is depends on the client's version."""
    bases = (("httpx2", "HTTPError"), ("httpx", "HTTPError"), ("requests", "RequestException"))
    return tuple(getattr(sys.modules[module], name) for module, name in bases if module in sys.modules)
