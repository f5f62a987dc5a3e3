"""I3D as a TorchScript file.

A TorchScript file is a program, and loading it runs it: give `sha256`, and take files from those you trust. A file
that is fetched by id must have one.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from spa2v.core import hub
from spa2v.core.errors import ConfigError, MetricError, MissingDependency, WeightsError
from spa2v.core.runtime import Run
from spa2v.dsp.boxes import Floats

if TYPE_CHECKING:
    import torch

Frames = NDArray[np.uint8]
Resize = Literal["stretch", "crop"]
SIDE, LEAST_FRAMES, MAX_BYTES = 224, 9, 2 * 1024**3


class I3DFeatures:
    """The 400 logits of an I3D network (Carreira and Zisserman 2017) stored as TorchScript.

    Args:
        weights: a file, or "owner/repository:file" of the Hugging Face hub.
        sha256: of the file, in hex. Required for a hub id; without it a local file is loaded as it is, with a notice.
        resize: "stretch" to 224 x 224 (content-debiased-fvd, common ports), or "crop": the shorter side to 224, then
            the middle square (StyleGAN-V scripts). Bilinear, half-pixel centers, no anti-aliasing.
        batch_size: videos at once.
        revision: of the hub repository.

    The network is called with float32 (B, 3, T, 224, 224) in [-1, 1]; where its `forward` takes `rescale`, `resize` and
    `return_features` (as StyleGAN-V's export does), with rescale and resize off and features on.
    """

    def __init__(
        self,
        weights: str,
        sha256: str | None = None,
        resize: Resize = "stretch",
        batch_size: int = 4,
        revision: str | None = None,
    ) -> None:
        if resize not in get_args(Resize):
            raise ConfigError(f"resize: {resize!r}", "expected stretch or crop")
        self.source, self.sha256, self.resize = weights, sha256, resize
        self.batch_size, self.revision = batch_size, revision
        self._network: Any = None

    @property
    def name(self) -> str:
        """Names the file (and its hash where it is known) and the way frames are resized."""
        mark = f" sha256 {self.sha256[:12].lower()}" if self.sha256 else ""
        return f"i3d {Path(self.source.rpartition(':')[2]).name}{mark}, {self.resize}"

    def features(self, videos: Iterable[Frames], run: Run) -> Floats:
        """(n, d) features; videos of equal length share a batch.

        Raises:
            WeightsError: the file is missing, too large, another one, or not such a network.
            MetricError: a video has fewer than 9 frames, or there are none.
        """
        made: list[Floats] = []
        with run.progress("video features") as step:
            for batch in _batches(videos, self.batch_size):
                made.append(self._batch(batch, run))
                step(len(batch))
        if not made:
            raise MetricError("there are no videos to take features of")
        return np.concatenate(made)

    def _batch(self, videos: list[Frames], run: Run) -> Floats:
        import torch

        if self._network is None:
            self._network = self._load(run)
        inputs = torch.cat([prepared(video, self.resize) for video in videos]).to(run.device)
        with torch.inference_mode():
            found = _call(self._network, inputs)
        if not isinstance(found, torch.Tensor) or found.ndim != 2 or len(found) != len(videos):
            raise WeightsError(f"{self.source!r} does not give one vector a video", f"it gave {_shape(found)}")
        return found.float().cpu().numpy().astype(np.float64)

    def _load(self, run: Run) -> Any:
        import torch

        path = self._path()
        check_file(path, self.sha256)
        if self.sha256 is None:
            run.notice(f"{path.name}: TorchScript is a program; no sha256 was given to check it against.")
        try:
            network = torch.jit.load(str(path), map_location=run.device)  # type: ignore[no-untyped-call]
        except (RuntimeError, ValueError) as error:
            raise WeightsError(f"{str(path)!r} is not a TorchScript file", str(error)[:200]) from error
        return network.eval()

    def _path(self) -> Path:
        repository, colon, file = self.source.partition(":")
        if Path(self.source).exists() or not colon or repository.count("/") != 1:
            return Path(self.source)
        if self.sha256 is None:
            raise ConfigError(f"{self.source!r} would run code from the network", "give sha256 of the file")
        return fetched(repository, file, self.revision)


def fetched(repository: str, file: str, revision: str | None = None) -> Path:
    """The local copy of a file of the Hugging Face hub, downloaded if need be.

    Raises:
        WeightsError: there is no such file, or the hub cannot be reached.
    """
    try:
        from huggingface_hub import hf_hub_download
    except ImportError as error:
        raise MissingDependency(
            "weights by id need the package 'huggingface_hub'", "pip install 'spa2v[diffusion]'"
        ) from error
    try:
        with hub.without_waiting():
            return Path(hf_hub_download(repository, file, revision=revision))
    except (OSError, ValueError) as error:
        raise WeightsError(f"{repository}:{file} cannot be fetched", str(error)[:200]) from error


def check_file(path: Path, sha256: str | None) -> None:
    """Refuses a file that is missing, beyond 2 GiB, or not the one with this hash.

    Raises:
        WeightsError: names the file and both hashes.
    """
    if not path.is_file():
        raise WeightsError(f"there are no weights {str(path)!r}", "give the path of an I3D TorchScript file")
    if path.stat().st_size > MAX_BYTES:
        raise WeightsError(f"{str(path)!r} has {path.stat().st_size} bytes", "at most 2 GiB are loaded")
    if sha256 is not None:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != sha256.lower():
            raise WeightsError(f"{str(path)!r} is another file", f"its sha256 is {found}", f"expected {sha256}")


def _batches(videos: Iterable[Frames], size: int) -> Iterator[list[Frames]]:
    """Neighbors of equal length, at most `size`."""
    for _, group in itertools.groupby(videos, key=len):
        while batch := list(itertools.islice(group, size)):
            yield batch


def prepared(video: Frames, resize: Resize = "stretch") -> torch.Tensor:
    """uint8 RGB (T, H, W, 3) as float32 (1, 3, T, 224, 224) in [-1, 1].

    Raises:
        MetricError: fewer than 9 frames, which I3D cannot take.
    """
    import torch

    if len(video) < LEAST_FRAMES:
        raise MetricError(f"a video has {len(video)} frames", f"I3D needs at least {LEAST_FRAMES}")
    frames = torch.from_numpy(np.ascontiguousarray(video)).permute(0, 3, 1, 2).float()
    height, width = frames.shape[2:]
    scale = SIDE / min(height, width)
    size = (SIDE, SIDE) if resize == "stretch" else (round(height * scale), round(width * scale))
    sized = torch.nn.functional.interpolate(frames, size, mode="bilinear", align_corners=False, antialias=False)
    top, left = (size[0] - SIDE) // 2, (size[1] - SIDE) // 2
    cut = sized[:, :, top : top + SIDE, left : left + SIDE]
    return (2.0 * cut / 255.0 - 1.0).transpose(0, 1)[None]


def _call(network: Any, inputs: torch.Tensor) -> Any:
    known = {argument.name for argument in network.forward.schema.arguments}
    if {"rescale", "resize", "return_features"} <= known:
        return network(inputs, rescale=False, resize=False, return_features=True)
    return network(inputs)


def _shape(found: Any) -> str:
    return str(tuple(found.shape)) if hasattr(found, "shape") else type(found).__name__
