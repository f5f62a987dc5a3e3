"""Writes trained stages as weights that the product loads: folders and safetensors in half precision."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from spa2v.core.errors import WeightsError
from spa2v.core.media.files import atomic_path, write_json
from spa2v.training.detector import of_classes
from spa2v.training.diffusion import make_noise_schedule
from spa2v.training.gligen import GLIGENGrounder
from spa2v.training.loop import CHECKPOINT, averaged
from spa2v.training.migc import MIGCGrounder
from spa2v.training.motion import MotionModules, adapter_tensors, make_adapter, with_motion
from spa2v.training.stages import (
    ADAPTER,
    BASE,
    BUILDERS,
    DETECTOR_FILE,
    FEW_STEPS_FILE,
    GLIGEN_FILE,
    MIGC_FILE,
    Trainings,
)
from spa2v.training.tokenizer import VOCABULARY, vocabulary
from spa2v.world.detector import CLASSES_KEY

MOST_BYTES, FACTS, RECENT, LICENSE = 27_000_000, "training.json", 100, "Apache-2.0"


def export(trainings: Trainings, target: Path, parts: Sequence[str] = ()) -> list[str]:
    """Writes those of `parts` (all by default) that have been trained into `target`; returns their names.

    The facts of other parts in `target`, and in the folder that the trainings started from, are kept; those of a part
    that went on from weights of that folder are its `from`.

    Raises:
        WeightsError: all together are larger than the package may hold.
    """
    target.mkdir(parents=True, exist_ok=True)
    done = [name for name in parts or WRITERS if (trainings.out / name / CHECKPOINT).exists()]
    for name in done:
        WRITERS[name](trainings, target)
    earlier = {} if trainings.start is None else _facts_in(trainings.start)
    new = {name: facts(trainings.out / name) for name in done}
    new = {name: last | ({"from": earlier[name]} if name in earlier else {}) for name, last in new.items()}
    write_json(target / FACTS, earlier | _facts_in(target) | new)
    files = [file for file in target.rglob("*") if file.is_file()]
    for file in files:
        file.chmod(0o644)  # safetensors writes for the owner alone
    size = sum(file.stat().st_size for file in files)
    if size > MOST_BYTES:
        raise WeightsError(f"the weights in {str(target)!r} take {size} bytes", f"expected at most {MOST_BYTES}")
    return done


def _facts_in(folder: Path) -> dict[str, Any]:
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


def _vae(trainings: Trainings, target: Path) -> None:
    vae = trainings.vae
    vae.to(_half()).save_pretrained(target / BASE / "vae")
    _without_origin(target / BASE / "vae")
    vae.float()


def _base(trainings: Trainings, target: Path) -> None:
    from diffusers import StableDiffusionPipeline

    pipeline = StableDiffusionPipeline(
        vae=trainings.vae,
        text_encoder=trainings.prompter.encoder,
        tokenizer=trainings.prompter.tokenizer,
        unet=trainings.base(),
        scheduler=make_noise_schedule(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    half = pipeline.to(_half())
    half.save_pretrained(target / BASE)
    for part in ("unet", "vae"):
        _without_origin(target / BASE / part)
    write_json(target / BASE / VOCABULARY, vocabulary(trainings.names))
    for module in (trainings.vae, trainings.prompter.encoder):
        module.float()


def _without_origin(folder: Path) -> None:
    """Takes the folder of the weights that a network was loaded from out of its configuration."""
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config.pop("_name_or_path", None)
    write_json(path, config)


def _half() -> Any:
    import torch

    return torch.float16


def _motion(trainings: Trainings, target: Path) -> None:
    unet = trainings.base()
    adapter = make_adapter(unet, trainings.plan.heads, trainings.plan.frames)
    modules = MotionModules(with_motion(unet, adapter))
    modules.load_state_dict(averaged(trainings.out / "motion"))
    adapter.load_state_dict(adapter_tensors(modules))
    adapter.to(_half()).save_pretrained(target / ADAPTER)


def _migc(trainings: Trainings, target: Path) -> None:
    grounder = MIGCGrounder(trainings.frozen().sites)
    grounder.load_state_dict(averaged(trainings.out / "migc"))
    _save(grounder.tensors(), target / MIGC_FILE)


def _gligen(trainings: Trainings, target: Path) -> None:
    grounder = GLIGENGrounder(trainings.frozen().sites)
    grounder.load_state_dict(averaged(trainings.out / "gligen"))
    _save(grounder.tensors(), target / GLIGEN_FILE)


def _few_steps(trainings: Trainings, target: Path) -> None:
    stage: Any = BUILDERS["few_steps"](trainings)
    stage.trained().load_state_dict(averaged(trainings.out / "few_steps"))
    _save(stage.tensors(), target / FEW_STEPS_FILE)


def _detector(trainings: Trainings, target: Path) -> None:
    names = list(dict.fromkeys(trainings.names))
    state = of_classes(averaged(trainings.out / "detector"), names)
    tensors = {key: tensor for key, tensor in state.items() if not key.endswith("num_batches_tracked")}
    _save(tensors, target / DETECTOR_FILE, {CLASSES_KEY: json.dumps(names)})


def _save(tensors: Mapping[str, Tensor], path: Path, facts: Mapping[str, str] | None = None) -> None:
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    half = {key: tensor.detach().cpu().to(_half()).contiguous() for key, tensor in tensors.items()}
    with atomic_path(path) as temporary:
        save_file(half, temporary, metadata={"format": "pt", "license": LICENSE, **(facts or {})})


WRITERS: Mapping[str, Callable[[Trainings, Path], None]] = {
    "vae": _vae,
    "base": _base,
    "motion": _motion,
    "migc": _migc,
    "gligen": _gligen,
    "few_steps": _few_steps,
    "detector": _detector,
}
"""By stage: writes its weights into a folder."""
