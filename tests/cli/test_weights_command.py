"""`spa2v weights`: on small weights, on damaged ones, and against a hub on the loopback."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from spa2v import Box, KeyFrame, SceneObject, VideoSceneLayout
from spa2v.cli.weights import app
from spa2v.core.errors import WeightsError
from spa2v.core.hub import listing as hub_listing
from spa2v.core.weights import Weights, find, is_local, locate, misfits, read_tensors, split_source
from tests.cli.test_cli import run
from tests.kit import tiny_weights as tiny

RULES = "layout_planner.name=stereo_rules"
SMALL = ["width=64", "height=48", "frames=4", "steps=2"]


def settings(**sources: Path) -> list[str]:
    """Overrides that put small weights in the place of the preset's."""
    places = {"base": tiny.home() / "sd", "motion": tiny.home() / "motion", "weights": tiny.home() / "migc.ckpt"}
    given = {**places, **sources}
    role = {"base": "motion_backbone", "motion": "motion_backbone", "weights": "grounding_injector"}
    sizes = [f"motion_backbone.options.{size}" for size in SMALL]
    return [RULES, *sizes, *(f"{role[name]}.options.{name}={path}" for name, path in given.items())]


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments))


def test_list_names_what_a_preset_needs() -> None:
    found = json.loads(invoke("list", "--json", RULES).stdout)
    assert [item["source"] for item in found] == [
        "stable-diffusion-v1-5/stable-diffusion-v1-5",
        "guoyww/animatediff-motion-adapter-v1-5-2",
        "thisiswooyeol/MIGC-diffusers/migc_adapter_weights.safetensors",
    ]
    assert [item["size_mb"] for item in found] == [4270, 1813, 229]
    assert "non-commercial research only" in found[2]["license"]
    table = invoke("list", *settings()).stdout
    assert table.count("yes") == 3


@pytest.mark.parametrize(
    ("preset", "source"),
    [
        ("spa2v-gligen", "masterful/gligen-1-4-generation-text-box"),
        ("spa2v-fast", "wangfuyun/AnimateLCM/AnimateLCM_sd15_t2v_lora.safetensors"),
        ("paper", "guoyww/animatediff-motion-adapter-v1-5-2"),
    ],
)
def test_every_preset_lists(preset: str, source: str) -> None:
    found = json.loads(invoke("list", "--json", "--config", preset, RULES).stdout)
    assert source in [item["source"] for item in found]


def test_presets_compose() -> None:
    from spa2v import Pipeline

    backbone: Any = Pipeline.from_preset("spa2v", "spa2v-fast", "low-memory", overrides=[RULES]).motion_backbone
    assert (backbone.steps, backbone.offload, backbone.decode_chunk) == (6, "model", 1)
    assert backbone.scheduler == {"name": "LCMScheduler", "beta_schedule": "linear"}
    assert (backbone.width, backbone.motion) == (512, "wangfuyun/AnimateLCM")


def test_a_config_without_weights() -> None:
    result = invoke("list", "--config", "storyboard")
    assert result.exit_code == 0
    assert "this config needs no weights" in result.stderr


def test_check_loads_what_is_there() -> None:
    result = invoke("check", *settings())
    assert result.stdout.splitlines() == ["animatediff: fits", "migc: fits"], result.exception


def test_check_names_what_is_missing_and_what_does_not_fit(tmp_path: Path) -> None:
    tensors = torch.load(tiny.home() / "migc.ckpt")["state_dict"]
    tensors.pop(next(key for key in tensors if key.endswith("la.to_q.weight")))
    torch.save({"state_dict": tensors}, tmp_path / "gap.ckpt")
    result = invoke("check", *settings(weights=tmp_path / "gap.ckpt"))
    assert result.stdout.splitlines() == ["animatediff: fits"]
    assert isinstance(result.exception, WeightsError)
    text = str(result.exception)
    assert text.splitlines()[0] == "not all weights are in place"
    assert "migc: the file 'gap.ckpt' is not a MIGC checkpoint for this backbone" in text
    assert "missing: la.to_q.weight" in text
    result = invoke("check", *settings(motion=tmp_path / "gone"))
    assert f"animatediff: the motion modules {str(tmp_path / 'gone')!r} is missing" in str(result.exception)


def test_check_names_a_truncated_file(tmp_path: Path) -> None:
    path = tmp_path / "short.ckpt"
    path.write_bytes((tiny.home() / "migc.ckpt").read_bytes()[:5000])
    result = invoke("check", *settings(weights=path))
    assert "the weights file 'short.ckpt' cannot be read" in str(result.exception)


class Hub(BaseHTTPRequestHandler):
    """As much of the Hugging Face hub as a download asks for: the list of a repository, and its files."""

    files: dict[str, bytes] = {}
    asked: list[str] = []
    commit = "0123456789abcdef0123456789abcdef01234567"

    def do_HEAD(self) -> None:
        self._file(body=False)

    def do_GET(self) -> None:
        if self.path.startswith("/api/models/"):
            tree = [{"type": "file", "path": name, "size": len(data), "oid": "0"} for name, data in self.files.items()]
            about = {"id": "tiny/model", "sha": self.commit, "siblings": [{"rfilename": name} for name in self.files]}
            self._answer(json.dumps(tree if "/tree/" in self.path else about).encode(), {})
        else:
            self._file(body=True)

    def _file(self, body: bool) -> None:
        name = self.path.split("?")[0].split(f"/resolve/{self.commit}/")[-1].split("/resolve/main/")[-1]
        if name not in self.files:
            self.send_error(404)
            return
        self.asked.append(name)
        data = self.files[name]
        mark = hashlib.sha256(data).hexdigest()
        self._answer(data, {"ETag": f'"{mark}"', "X-Repo-Commit": self.commit}, body)

    def _answer(self, data: bytes, headers: dict[str, str], body: bool = True) -> None:
        self.send_response(200)
        for key, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, *given: Any) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


class ListedHub(Hub):
    """The hub's answer about a model with `blobs=true`: sizes, those of LFS files with their checksum; no file."""

    models: dict[str, dict[str, Any]] = {}

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        name = path.removeprefix("/api/models/").removesuffix("/revision/main")
        if name not in self.models:
            self.send_response(401)
            self.send_header("X-Error-Code", "RepoNotFound")
            self.send_header("X-Error-Message", "Invalid username or password.")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        model = self.models[name]
        siblings = [listed(file, size, "blobs=true" in query.lower()) for file, size in model["files"].items()]
        about = {"_id": "0" * 24, "id": name, "modelId": name, "sha": self.commit, "private": False, "tags": []}
        self._answer(json.dumps({**about, "gated": model.get("gated", False), "siblings": siblings}).encode(), {})


def listed(file: str, size: int, blobs: bool) -> dict[str, Any]:
    """A file as the hub lists it: with Git LFS from 10 MB on."""
    lfs = {"sha256": "a" * 64, "size": size, "pointerSize": 135}
    more = {"size": size, "blobId": "b" * 40, **({"lfs": lfs} if size > 10**7 else {})}
    return {"rfilename": file, **(more if blobs else {})}


STABLE_DIFFUSION = {
    "model_index.json": 541,
    "scheduler/scheduler_config.json": 308,
    "tokenizer/merges.txt": 524_619,
    "tokenizer/vocab.json": 1_059_962,
    "unet/config.json": 743,
    "unet/diffusion_pytorch_model.safetensors": 3_438_167_540,
    "unet/diffusion_pytorch_model.bin": 3_438_354_725,
    "unet/diffusion_pytorch_model.fp16.safetensors": 1_719_125_304,
    "vae/config.json": 547,
    "vae/diffusion_pytorch_model.safetensors": 334_643_276,
    "text_encoder/config.json": 617,
    "text_encoder/model.safetensors": 492_265_874,
    "v1-5-pruned.ckpt": 7_703_807_346,
}
MOTION = {"config.json": 500, "diffusion_pytorch_model.safetensors": 1_813_000_000, "readme.md": 100}
MIGC_FILE = {"migc_adapter_weights.safetensors": 229_000_000}
MODELS: dict[str, dict[str, Any]] = {
    "stable-diffusion-v1-5/stable-diffusion-v1-5": {"files": STABLE_DIFFUSION},
    "guoyww/animatediff-motion-adapter-v1-5-2": {"files": MOTION},
    "thisiswooyeol/MIGC-diffusers": {"files": MIGC_FILE},
}


Output = tuple[int, str, str]


@pytest.fixture
def listing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Output]]:
    """`spa2v weights check --dry` against a hub that lists models: exit code, stdout and stderr."""
    import huggingface_hub

    server = ThreadingHTTPServer(("127.0.0.1", 0), ListedHub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    client = huggingface_hub.HfApi(endpoint=f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr(huggingface_hub, "model_info", client.model_info)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))

    def check(models: dict[str, dict[str, Any]], *words: str) -> Output:
        ListedHub.models, ListedHub.asked = models, []
        output = run(capsys, monkeypatch, "weights", "check", "--dry", "--config", "spa2v", RULES, *words)
        assert ListedHub.asked == []  # nothing was fetched
        return output

    yield check
    server.shutdown()


def test_a_dry_check_lists_what_would_be_fetched(listing: Callable[..., Output]) -> None:
    code, out, err = listing(MODELS)
    assert code == 0, err
    lines = out.splitlines()
    base = "animatediff: the base model 'stable-diffusion-v1-5/stable-diffusion-v1-5': 10 of 13 files, 4.27 GB"
    assert lines[0] == base
    assert "  unet/diffusion_pytorch_model.safetensors  3.44 GB" in lines
    assert not any("fp16" in line or ".ckpt" in line or ".bin" in line for line in lines)
    assert any(
        line.endswith("MIGC-diffusers/migc_adapter_weights.safetensors': 1 of 1 files, 229 MB") for line in lines
    )
    assert lines[-1] == "to fetch: 6.31 GB"


def test_a_dry_check_names_what_the_hub_does_not_list(listing: Callable[..., Output]) -> None:
    halves = {
        name: size for name, size in STABLE_DIFFUSION.items() if not name.startswith("vae/d") and "unet/d" not in name
    }
    base = {**halves, "unet/diffusion_pytorch_model.fp16.safetensors": 1_719_125_304}
    code, out, err = listing(
        {
            "stable-diffusion-v1-5/stable-diffusion-v1-5": {"files": base, "gated": "auto"},
            "thisiswooyeol/MIGC-diffusers": {"files": {"other.safetensors": 5}},
        }
    )
    assert code == 1
    first = out.splitlines()[0]
    assert first.endswith("files, 2.21 GB (4270 MB expected), after consent and a login on the hub")
    names = " or ".join(f"vae/diffusion_pytorch_model{end}" for end in (".safetensors", ".fp16.safetensors"))
    assert f"the base model 'stable-diffusion-v1-5/stable-diffusion-v1-5' has no {names}" in err
    assert "the motion modules 'guoyww/animatediff-motion-adapter-v1-5-2' cannot be listed: 401" in err
    assert "has no migc_adapter_weights.safetensors" in err
    assert "to fetch" not in out  # a sum without what is not listed
    assert "Traceback" not in err


@pytest.mark.parametrize("answer", [{"siblings": [{}]}, {"siblings": [{"rfilename": "a", "lfs": {}}]}, [], "{"])
def test_an_answer_of_another_form_is_said(answer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub
    from huggingface_hub import HfApi

    body = answer if isinstance(answer, str) else json.dumps(answer)

    class OddHub(Hub):
        def do_GET(self) -> None:
            self._answer(body.encode(), {})

    server = ThreadingHTTPServer(("127.0.0.1", 0), OddHub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    api = HfApi(endpoint=f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr(huggingface_hub, "model_info", api.model_info)
    with pytest.raises(OSError, match="the hub's answer has another form"):
        hub_listing("owner/name")
    server.shutdown()


def test_a_dry_check_needs_no_vae_of_a_base_beside_another(listing: Callable[..., Output]) -> None:
    base = {name: size for name, size in STABLE_DIFFUSION.items() if not name.startswith("vae/")}
    vae = {"config.json": 500, "diffusion_pytorch_model.safetensors": 335_000_000}
    models = {
        **MODELS,
        "SG161222/Realistic_Vision_V5.1_noVAE": {"files": base},
        "stabilityai/sd-vae-ft-mse": {"files": vae},
        "owner/style.v1": {"files": {"style.v1.safetensors": 30_000_000, "preview.png": 9}},
    }
    words = [
        "motion_backbone.options.base=SG161222/Realistic_Vision_V5.1_noVAE",
        "motion_backbone.options.vae=stabilityai/sd-vae-ft-mse",
        "motion_backbone.options.loras=[{source: owner/style.v1}]",
    ]
    code, out, err = listing(models, *words)
    assert code == 0, err
    assert "animatediff: the VAE 'stabilityai/sd-vae-ft-mse': 2 of 2 files, 335 MB" in out
    assert "animatediff: the LoRA 'owner/style.v1': 1 of 2 files, 30 MB" in out
    assert "configuration" not in out


def test_a_dry_check_says_what_is_here(tmp_path: Path) -> None:
    result = invoke("check", "--dry", *settings(motion=tmp_path / "gone"))
    assert f"animatediff: the base model {str(tiny.home() / 'sd')!r} is here" in result.stdout
    assert f"the motion modules {str(tmp_path / 'gone')!r} does not exist" in str(result.exception)


def run_weights(command: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own: the hub's client reads its environment once."""
    return subprocess.run(
        [sys.executable, "-m", "spa2v", "weights", command, *arguments],
        env={**os.environ, "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_fetch_takes_the_needed_files_from_the_hub(hub: str, tmp_path: Path) -> None:
    motion = tiny.home() / "motion"
    Hub.files = {path.name: path.read_bytes() for path in motion.iterdir()} | {
        "diffusion_pytorch_model.bin": b"not needed: the safetensors file comes first",
        "readme.md": b"not needed",
    }
    Hub.asked = []
    arguments = [*settings(motion=Path("tiny/model"))]
    environment = {"HF_ENDPOINT": hub, "HF_HUB_CACHE": str(tmp_path)}
    fetched = run_weights("fetch", *arguments, **environment)
    assert fetched.returncode == 0, fetched.stderr
    assert "animatediff: fetching the motion modules 'tiny/model' (size unknown; license: unknown" in fetched.stderr
    assert set(Hub.asked) == {"config.json", "diffusion_pytorch_model.safetensors"}
    folder = Path(next(line for line in fetched.stdout.splitlines() if "tiny" in line))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {name: Hub.files[name] for name in Hub.asked}


@pytest.mark.slow
def test_a_machine_without_network_is_told_what_to_do(tmp_path: Path) -> None:
    """Nothing listens there; the hub's client asks six times. The files of the base model are listed first."""
    hub = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_CACHE": str(tmp_path), "HF_HUB_OFFLINE": "0"}
    item = SceneObject("car_0", "car", Box(0.1, 0.1, 0.5, 0.5))
    layout = VideoSceneLayout(1.0, "A car.", (KeyFrame(0.0, "A car.", (item,)),))
    (tmp_path / "layout.json").write_text(layout.dumps())
    words = ["render", tmp_path / "layout.json", "--config", "spa2v", "-o", tmp_path / "v.mp4"]
    command = [sys.executable, "-m", "spa2v", *words]
    done = subprocess.run(command, env={**os.environ, **hub}, capture_output=True, text=True)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    told = done.stderr.partition("error: ")[2].splitlines()
    assert told[0] == "the base model 'stable-diffusion-v1-5/stable-diffusion-v1-5' cannot be fetched"
    assert told[1].startswith("  the hub cannot be reached")
    assert "  run `spa2v weights fetch` on a machine with network" in told


def test_sources_are_paths_or_hub_ids(tmp_path: Path) -> None:
    assert all(is_local(source) for source in ("./a/b", "model.ckpt", str(tmp_path)))
    assert not any(is_local(source) for source in ("owner/name", "owner/name/file.safetensors"))
    assert split_source("owner/name") == ("owner/name", None)
    assert split_source("owner/name/deep/file.bin") == ("owner/name", "deep/file.bin")
    assert find(Weights("base", str(tmp_path), "base")) == tmp_path
    assert find(Weights("base", "./gone", "base")) is None


def test_a_copy_of_other_files_of_a_repository_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    copy = tmp_path / "models--tiny--model"
    (copy / "snapshots" / Hub.commit).mkdir(parents=True)
    (copy / "refs").mkdir()
    (copy / "refs" / "main").write_text(Hub.commit)
    (copy / "snapshots" / Hub.commit / "lora.safetensors").touch()
    need = Weights("motion modules", "tiny/model", "motion", patterns=("*.json", "model.safetensors|model.bin"))
    assert find(need) is None
    (copy / "snapshots" / Hub.commit / "model.bin").touch()
    assert find(need) == copy / "snapshots" / Hub.commit


def test_ids_that_are_none_are_refused() -> None:
    with pytest.raises(WeightsError, match="the base 'not an id/at all' cannot be fetched"):
        locate(Weights("base", "not an id/at all", "base"))


def test_misfits_name_keys() -> None:
    lines = misfits({"a": (1,), "b": (2,), "z": (1,)}, {"a": (1,), "b": (3,), "c": (1,)})
    assert lines == ["missing: c", "not known: z", "of another shape: b (2,) instead of (3,)"]
    many = misfits({}, {f"key{k}": () for k in range(10)})
    assert many == ["missing: key0, key1, key2, key3, key4, key5, key6, key7 and 2 more"]


def test_tensors_of_both_formats_read_alike(tmp_path: Path) -> None:
    tensors = {"a": torch.arange(3.0)}
    save_file(tensors, tmp_path / "a.safetensors")
    torch.save(tensors, tmp_path / "a.bin")
    torch.save({"model": tensors}, tmp_path / "b.bin")
    assert load_file(tmp_path / "a.safetensors").keys() == {"a"}
    for path, wrappers in (("a.safetensors", ()), ("a.bin", ("state_dict",)), ("b.bin", ("model",))):
        assert torch.equal(read_tensors(tmp_path / path, wrappers)["a"], tensors["a"])


def test_a_part_that_the_package_does_not_carry() -> None:
    need = Weights("motion modules", "spa2v:weights/nowhere", "motion")
    with pytest.raises(WeightsError) as caught:
        locate(need)
    assert str(caught.value) == (
        "the motion modules 'spa2v:weights/nowhere' does not exist\n  this release does not carry it\n"
        "  make it with `spa2v train`, and name it with `motion`"
    )
