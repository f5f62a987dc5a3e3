"""Writes trained stages as weights that the product loads: folders and safetensors in half precision."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from spa2v.core.errors import WeightsError
from spa2v.core.media.files import atomic_path, write_json
from spa2v.training.diffusion import make_noise_schedule
from spa2v.training.gligen import GLIGENGrounder
from spa2v.training.loop import CHECKPOINT, averaged
from spa2v.training.migc import MIGCGrounder
from spa2v.training.motion import MotionModules, adapter_tensors, make_adapter, with_motion
from spa2v.training.stages import ADAPTER, BASE, DETECTOR_FILE, GLIGEN_FILE, MIGC_FILE, Workshop
from spa2v.training.tokenizer import VOCABULARY, vocabulary

PARTS = ("vae", "base", "motion", "migc", "gligen", "detector")
MOST_BYTES, FACTS, RECENT, LICENSE = 25_000_000, "training.json", 100, "Apache-2.0"


def ship(workshop: Workshop, target: Path, parts: Sequence[str] = PARTS) -> list[str]:
    """Writes those of `parts` that have been trained into `target`; returns their names.

    What `target`, and the folder that the trainings started from, tell of other parts is kept.

    Raises:
        WeightsError: all together are larger than the package may hold.
    """
    target.mkdir(parents=True, exist_ok=True)
    done = [name for name in parts if _is_there(workshop, name)]
    writers = {"vae": _vae, "base": _base, "motion": _motion, "migc": _migc, "gligen": _gligen, "detector": _detector}
    for name in done:
        writers[name](workshop, target)
    told = _told(target) if workshop.start is None else _told(workshop.start) | _told(target)
    write_json(target / FACTS, told | {name: facts(workshop.out / name) for name in done})
    files = [file for file in target.rglob("*") if file.is_file()]
    for file in files:
        file.chmod(0o644)  # safetensors writes for the owner alone
    size = sum(file.stat().st_size for file in files)
    if size > MOST_BYTES:
        raise WeightsError(f"the weights in {str(target)!r} take {size} bytes", f"expected at most {MOST_BYTES}")
    return done


def _told(folder: Path) -> dict[str, Any]:
    path = folder / FACTS
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def facts(folder: Path) -> dict[str, Any]:
    """How far a stage was trained: recipe, seed, steps, seconds, and the mean loss of the last steps."""
    import torch

    data = torch.load(folder / CHECKPOINT, map_location="cpu", weights_only=True)
    recent = [loss for _, loss in data["losses"][-RECENT:]]
    return {
        "steps": data["step"],
        "seconds": round(data["seconds"]),
        "seed": data["seed"],
        "recent_loss": round(sum(recent) / max(1, len(recent)), 5),
        "recipe": data["recipe"],
    }


def _is_there(workshop: Workshop, stage: str) -> bool:
    return (workshop.out / stage / CHECKPOINT).exists()


def _vae(workshop: Workshop, target: Path) -> None:
    vae = workshop.vae
    vae.to(_half()).save_pretrained(target / BASE / "vae")
    vae.float()


def _base(workshop: Workshop, target: Path) -> None:
    from diffusers import StableDiffusionPipeline

    pipeline = StableDiffusionPipeline(
        vae=workshop.vae,
        text_encoder=workshop.prompter.encoder,
        tokenizer=workshop.prompter.tokenizer,
        unet=workshop.base(),
        scheduler=make_noise_schedule(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    half = pipeline.to(_half())
    half.save_pretrained(target / BASE)
    write_json(target / BASE / VOCABULARY, vocabulary())
    for module in (workshop.vae, workshop.prompter.encoder):
        module.float()


def _half() -> Any:
    import torch

    return torch.float16


def _motion(workshop: Workshop, target: Path) -> None:
    unet = workshop.base()
    adapter = make_adapter(unet, workshop.plan.heads, workshop.plan.frames)
    modules = MotionModules(with_motion(unet, adapter))
    modules.load_state_dict(averaged(workshop.out / "motion"))
    adapter.load_state_dict(adapter_tensors(modules))
    adapter.to(_half()).save_pretrained(target / ADAPTER)


def _migc(workshop: Workshop, target: Path) -> None:
    grounder = MIGCGrounder(workshop.frozen().sites)
    grounder.load_state_dict(averaged(workshop.out / "migc"))
    _save(grounder.tensors(), target / MIGC_FILE)


def _gligen(workshop: Workshop, target: Path) -> None:
    grounder = GLIGENGrounder(workshop.frozen().sites)
    grounder.load_state_dict(averaged(workshop.out / "gligen"))
    _save(grounder.tensors(), target / GLIGEN_FILE)


def _detector(workshop: Workshop, target: Path) -> None:
    state = averaged(workshop.out / "detector")
    _save(
        {key: tensor for key, tensor in state.items() if not key.endswith("num_batches_tracked")},
        target / DETECTOR_FILE,
    )


def _save(tensors: Mapping[str, Tensor], path: Path) -> None:
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    half = {key: tensor.detach().cpu().to(_half()).contiguous() for key, tensor in tensors.items()}
    with atomic_path(path) as temporary:
        save_file(half, temporary, metadata={"format": "pt", "license": LICENSE})
