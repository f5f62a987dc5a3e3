"""`spa2v doctor`: real trials on this machine, and real faults that it must name."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from spa2v.cli.doctor import devices, encoders, readiness
from spa2v.core.pipeline import Pipeline
from tests.cli.test_cli import run
from tests.kit.paths import ROOT

SCHEMA = json.loads((ROOT / "spa2v/cli/doctor/report.schema.json").read_text())
NO_KEYS = ("GEMINI_API_KEY", "GOOGLE_API_KEY", "OPENAI_API_KEY")

Doctor = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def doctor(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Doctor:
    """The exit code and the report of one examination; the report keeps to its schema."""
    for name in NO_KEYS:
        monkeypatch.delenv(name, raising=False)

    def examine(*words: object) -> tuple[int, dict[str, Any]]:
        code, out, _ = run(capsys, monkeypatch, "doctor", "--json", *words)
        report = json.loads(out)
        jsonschema.validate(report, SCHEMA)
        assert report["ready"] is (code == 0)
        assert report["ready"] is not bool(report["todo"])
        return code, report

    return examine


def encoders_with(limit: int) -> list[dict[str, Any]]:
    """What the trial of the encoders finds in a process that may write files of so many bytes."""
    probe = "import json; from spa2v.cli.doctor import encoders; print(json.dumps(encoders.tried()))"
    small = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))  # noqa: E731
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, preexec_fn=small, check=True)
    return json.loads(done.stdout)


def preset(report: dict[str, Any], name: str) -> dict[str, Any]:
    return next(item for item in report["presets"] if item["name"] == name)


def test_a_ready_machine(doctor: Doctor) -> None:
    code, report = doctor("--config", "storyboard")
    assert (code, report["todo"], report["config"]) == (0, [], ["storyboard"])
    assert preset(report, "storyboard")["runs"]
    assert all(item["usable"] for item in report["encoders"])
    assert all(item["fits"] for item in report["packages"] if not item["extras"])
    assert {item["name"] for item in report["presets"]} == {path.stem for path in (ROOT / "configs").glob("*.yaml")}
    assert all(item["writable"] and item["free_gb"] > 0 for item in report["disk"])


def test_the_default_is_asked_about_where_nothing_is_named(doctor: Doctor) -> None:
    code, report = doctor()
    assert report["config"] == ["default"]
    assert preset(report, "default")["runs"] is (code == 0)


def test_a_preset_without_its_weights_and_its_key(
    doctor: Doctor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("diffusers")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    code, report = doctor("--config", "spa2v")
    needs = {(need["kind"], need["help"]) for need in report["todo"]}
    fetch = ("weights", "spa2v weights fetch --config spa2v")
    assert (code, needs) == (1, {fetch, ("key", "set it, or take a planner that needs no key")})
    assert preset(report, "spa2v")["missing_gb"] == pytest.approx(6.31, abs=0.01)
    assert preset(report, "spa2v-fast")["missing_at_least"], "the size of its LoRA is not known"
    assert preset(report, "openai-local") | {"needs": []} == preset(report, "openai-local"), "a server of one's own"
    assert report["weights"] == {"hub_cache": str(tmp_path / "hub"), "models": []}


def test_local_weights_and_a_key_make_a_preset_ready(
    doctor: Doctor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("diffusers")
    monkeypatch.setenv("GEMINI_API_KEY", "planted-key")
    roles = {"motion_backbone.options.base": "base", "motion_backbone.options.motion": "motion"}
    roles["grounding_injector.options.weights"] = "migc.safetensors"
    words = ["--config", "spa2v", *(f"{option}={tmp_path / name}" for option, name in roles.items())]
    assert "does not exist" in doctor(*words)[1]["todo"][0]["fact"]
    for part in ("base/unet", "base/vae", "base/text_encoder", "motion"):
        (tmp_path / part).mkdir(parents=True)
    (tmp_path / "migc.safetensors").touch()
    (tmp_path / "base/vae/diffusion_pytorch_model.safetensors").touch()
    incomplete = [need["fact"].rpartition("' ")[2] for need in doctor(*words)[1]["todo"]]
    assert incomplete == ["is not complete", "is not complete"]
    for part in ("base/unet", "base/text_encoder", "motion"):
        (tmp_path / part / "model.safetensors").touch()
    code, report = doctor(*words)
    assert (code, report["keys"]["GEMINI_API_KEY"]) == (0, True)
    assert "planted" not in json.dumps(report)


def test_a_machine_without_torch(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    code, report = doctor("--config", "storyboard")
    assert (code, report["device"]["torch"], report["device"]["devices"]) == (0, None, [])
    assert report["device"]["problem"] == "torch is not installed: pip install 'spa2v[diffusion]'"
    needs = preset(report, "spa2v")["needs"]
    assert {need["help"] for need in needs if need["kind"] == "package"} == {
        "install with: pip install 'spa2v[diffusion]'"
    }
    assert preset(report, "spa2v")["missing_at_least"]


def test_the_dtypes_of_this_processor_are_tried(doctor: Doctor) -> None:
    torch = pytest.importorskip("torch")
    device = doctor("--config", "storyboard")[1]["device"]
    assert device["torch"] == torch.__version__
    cpu = device["devices"][0]
    assert cpu["name"] == "cpu"
    assert {item["name"]: item["usable"] for item in cpu["dtypes"]}["float32"]


def test_a_device_that_does_not_compute_is_found_out() -> None:
    pytest.importorskip("torch")
    assert "meta" in str(devices.trial("meta", "float32"))  # torch's device without any data
    assert devices.trial("cpu", "float32") is None


def test_a_dtype_that_gives_nonsense_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """As some GPUs do in half precision: an operation that works gives NaN."""
    torch = pytest.importorskip("torch")
    plain = torch.nn.functional.silu
    broken = lambda x: plain(x) * (float("nan") if x.dtype == torch.float16 else 1)  # noqa: E731
    monkeypatch.setattr(torch.nn.functional, "silu", broken)
    assert devices.trial("cpu", "float32") is None
    assert devices.trial("cpu", "float16") == "gives wrong values (off by nan where 0.02 would be rounding)"
    found = devices.found()
    pipeline = Pipeline.from_preset("low-memory", overrides=["run.dtype=float16", "run.device=cpu"])
    (need,) = readiness.of_machine(pipeline, found, [])
    assert (need.kind, need.help) == ("device", "set run.dtype=float32")


def test_a_device_that_is_not_there(doctor: Doctor) -> None:
    pytest.importorskip("diffusers")
    todo = doctor("--config", "low-memory", "run.device=cuda:7")[1]["todo"]
    assert ("device", "run.device: 'cuda:7' is not available") in {(need["kind"], need["fact"]) for need in todo}


def test_encoders_that_cannot_write(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    found = encoders_with(limit=400)
    monkeypatch.setattr(encoders, "tried", lambda: found)
    code, report = doctor("--config", "storyboard")
    assert code == 1
    assert {need["kind"] for need in report["todo"]} == {"encoder"}
    broken = {item["name"]: item["problem"] for item in report["encoders"] if not item["usable"]}
    assert "File too large" in broken["libx264"]


def test_no_folder_for_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    assert {item["usable"] for item in encoders.tried()} == {False}


def test_a_package_outside_its_range_is_named(
    doctor: Doctor, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "pluggy-0.13.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pluggy\nVersion: 0.13\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    (pluggy,) = (item for item in doctor("--config", "storyboard")[1]["packages"] if item["name"] == "pluggy")
    assert (pluggy["installed"], pluggy["wanted"], pluggy["fits"]) == ("0.13", ">=1.7,<2", False)
    out = run(capsys, monkeypatch, "doctor", "--config", "storyboard")[1]
    assert f"  pluggy: 0.13 is outside the range >=1.7,<2; tested with {pluggy['tested']}\n" in out


def test_too_little_room_for_what_is_to_be_fetched() -> None:
    asked = readiness.Readiness("spa2v", (), 6310)
    disk = [{"what": "weights from the hub", "path": "/cache", "free_gb": 2.0, "writable": True}]
    (need,) = readiness.of_room(asked, disk)
    assert need.fact == "6.3 GB are to be fetched, and 2.0 GB are free"
    assert list(readiness.of_room(asked, [disk[0] | {"free_gb": 7.0}])) == []


def test_extensions_and_what_is_wrong_with_them(
    doctor: Doctor, install: Callable[..., str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert doctor("--config", "storyboard")[1]["extensions"] == []
    install("fine", "import spa2v")
    install("gone", "import no_such_package_of_ours")
    problem = "ModuleNotFoundError: No module named 'no_such_package_of_ours'"
    code, report = doctor("--config", "storyboard")
    assert code == 0, "a broken extension stops nothing else"
    assert [(item["name"], item["problem"]) for item in report["extensions"]] == [("fine", None), ("gone", problem)]
    out = run(capsys, monkeypatch, "doctor", "--config", "storyboard")[1]
    assert "  fine (fine 1.0): fine\n" in out
    assert f"  gone (gone 1.0): left out: {problem}\n" in out


def test_a_component_that_cannot_say_what_it_needs(toy: Path, doctor: Doctor) -> None:
    source = toy.with_name("toy.py")
    asked = '\n    def keys(self):\n        raise LookupError("no such service")\n\n    def plan('
    source.write_text(source.read_text().replace("\n    def plan(", asked, 1))
    code, report = doctor("--config", toy)
    assert (code, report["todo"][0]["fact"]) == (1, "LookupError: no such service")


def test_the_report_for_a_person(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NO_KEYS:
        monkeypatch.delenv(name, raising=False)
    code, out, _ = run(capsys, monkeypatch, "doctor", "--config", "storyboard")
    assert (code, out.splitlines()[-1]) == (0, "ready: storyboard can run on this machine")
    assert "\nextensions\n  none\n" in out
    code, out, _ = run(capsys, monkeypatch, "doctor", "--config", "storyboard", "--config", "gpt4o")
    last = [
        "not ready: storyboard+gpt4o cannot run on this machine yet",
        "  OPENAI_API_KEY is not set",
        "    set it, or take a planner that needs no key",
    ]
    assert (code, out.splitlines()[-3:]) == (1, last)


def test_a_key_is_never_shown(
    doctor: Doctor, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted-key")
    assert doctor("--config", "storyboard")[1]["keys"]["OPENAI_API_KEY"] is True
    code, out, err = run(capsys, monkeypatch, "doctor", "--config", "gpt4o", "--config", "storyboard")
    assert (code, "OPENAI_API_KEY: yes" in out) == (0, True)
    assert "planted" not in out + err
