"""I3D features from a TorchScript file."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spa2v.core.errors import ConfigError, MetricError, WeightsError
from spa2v.core.runtime import Run
from spa2v.plugins.feature_extractors.i3d import I3DFeatures, prepared
from tests.kit import tiny_models

# TorchScript is the format that the I3D weights are published in.
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network in the file format of the I3D exports."""
    return tiny_models.i3d(tmp_path_factory.mktemp("weights"))[1]


def _videos(count: int = 3, frames: int = 9) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (frames, 40, 64, 3), dtype=np.uint8) for _ in range(count)]


def test_i3d_features_do_not_depend_on_the_batch(network: Path) -> None:
    run = Run(device="cpu")
    videos = [*_videos(3), *_videos(1, 12)]
    digest = hashlib.sha256(network.read_bytes()).hexdigest()
    one = I3DFeatures(str(network), digest, batch_size=1).features(videos, run)
    three = I3DFeatures(str(network), digest.upper(), batch_size=3).features(iter(videos), run)
    assert one.shape == (4, 5)
    assert one.dtype == np.float64
    np.testing.assert_allclose(one, three, rtol=1e-4)
    assert np.ptp(one, axis=0).min() > 0
    assert run.record == {}


def test_an_unpinned_file_is_told(network: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(device="cpu")
    I3DFeatures(str(network)).features(_videos(1), run)
    notice = "i3d_small.pt: TorchScript is a program; no sha256 was given to check it against."
    assert run.record["notices"] == [notice]
    assert notice in capsys.readouterr().err


def test_preparation_is_plain_bilinear_to_minus_one_and_one() -> None:
    video = np.zeros((9, 448, 448, 3), dtype=np.uint8)
    video[..., 0] = 255
    made = prepared(video)
    assert tuple(made.shape) == (1, 3, 9, 224, 224)
    assert made[0, 0].min() == made[0, 0].max() == 1.0
    assert made[0, 1].min() == made[0, 1].max() == -1.0
    wide = np.zeros((9, 224, 448, 3), dtype=np.uint8)
    wide[:, :, 112:336] = 255  # the middle square
    assert prepared(wide, "crop").min() == 1.0
    assert prepared(wide).min() == -1.0


def test_i3d_refusals(network: Path, tmp_path: Path) -> None:
    run = Run(device="cpu")
    (tmp_path / "text.pt").write_text("not a network")
    digest = hashlib.sha256(network.read_bytes()).hexdigest()
    cases: list[tuple[dict[str, Any], list[np.ndarray], type[Exception], str]] = [
        ({"weights": str(tmp_path / "no.pt")}, _videos(), WeightsError, "there are no weights "),
        (
            {"weights": str(tmp_path / "text.pt")},
            _videos(),
            WeightsError,
            f"{str(tmp_path / 'text.pt')!r} is not a TorchScript",
        ),
        ({"weights": str(network), "sha256": "0" * 64}, _videos(), WeightsError, f"{str(network)!r} is another file"),
        (
            {"weights": "some/where:i3d.pt"},
            _videos(),
            ConfigError,
            "'some/where:i3d.pt' would run code from the network",
        ),
        ({"weights": str(network)}, _videos(1, 8), MetricError, "a video has 8 frames\n  I3D needs at least 9"),
        ({"weights": str(network)}, [], MetricError, "there are no videos to take features of"),
    ]
    for options, videos, kind, message in cases:
        with pytest.raises(kind) as caught:
            I3DFeatures(**options).features(videos, run)
        assert str(caught.value).startswith(message)
    with pytest.raises(WeightsError) as caught:
        I3DFeatures(str(network), "0" * 64).features(_videos(), run)
    assert caught.value.details == (f"its sha256 is {digest}", f"expected {'0' * 64}")
    with pytest.raises(ConfigError, match=r"^resize: 'big'\n  expected stretch or crop$"):
        I3DFeatures("x", resize="big")  # type: ignore[arg-type]


class _Hub(BaseHTTPRequestHandler):
    """The two requests of a download from a hub: the head with commit and hash, then the file."""

    content = b""

    def do_HEAD(self) -> None:
        known = self.path.startswith("/someone/i3d/resolve/") and self.path.endswith("/small.pt")
        self.send_response(200 if known else 404)
        self.send_header("X-Repo-Commit", "a" * 40)
        self.send_header("ETag", f'"{hashlib.sha256(self.content).hexdigest()}"')
        self.send_header("Content-Length", str(len(self.content) if known else 0))
        self.end_headers()

    def do_GET(self) -> None:
        self.do_HEAD()
        self.wfile.write(self.content)

    def log_message(self, *args: Any) -> None:
        """Keeps the test's output clean."""


def test_weights_come_by_id_from_a_hub(network: Path, tmp_path: Path) -> None:
    handler = type("Hub", (_Hub,), {"content": network.read_bytes()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from spa2v.core.errors import WeightsError\n"
        "from spa2v.plugins.feature_extractors.i3d import check_file, fetched\n"
        "path = fetched('someone/i3d', 'small.pt')\n"
        "check_file(path, sys.argv[1])\n"
        "print(path.stat().st_size)\n"
        "try:\n"
        "    fetched('someone/i3d', 'none.pt')\n"
        "except WeightsError as error:\n"
        "    print(error.fact)\n"
    )
    # The hub's address is read when huggingface_hub is imported, so this needs its own process.
    hub = {"HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}", "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "0"}
    plain = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
    command = [sys.executable, "-c", code, hashlib.sha256(handler.content).hexdigest()]
    done = subprocess.run(command, env=plain | hub, capture_output=True, text=True, timeout=120, check=False)
    server.shutdown()
    lines = [str(len(handler.content)), "someone/i3d:none.pt cannot be fetched"]
    assert done.stdout.splitlines() == lines, done.stderr


def test_a_network_of_another_shape_is_refused(tmp_path: Path) -> None:
    import torch

    class Same(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x

    path = tmp_path / "same.pt"
    torch.jit.script(Same()).save(str(path))
    with pytest.raises(WeightsError, match=r"does not give one vector a video"):
        I3DFeatures(str(path)).features(_videos(1), Run(device="cpu"))
