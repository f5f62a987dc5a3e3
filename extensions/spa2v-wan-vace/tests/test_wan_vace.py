"""The `wan_vace` backbone: its contract, what the model is shown of a layout, and what goes wrong."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_wan
import torch
from conftest import FOLDER, TINY
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from spa2v import (
    Box,
    ConfigError,
    ContractError,
    KeyFrame,
    NumericalError,
    Pipeline,
    Run,
    SceneObject,
    VideoSceneLayout,
    WeightsError,
)
from spa2v.testing import toy_layout, toy_run

from spa2v_wan_vace import control, wording
from spa2v_wan_vace.component import WanVace

LEFT, RIGHT = Box(0.0, 0.25, 0.25, 0.75), Box(0.75, 0.25, 1.0, 0.75)


@pytest.mark.spa2v_component("motion_backbones", "wan_vace", **TINY)
def test_contract(spa2v_rule: Callable[[], None]) -> None:
    spa2v_rule()


def scene(*boxes: Box | None, duration_s: float = 2.0) -> VideoSceneLayout:
    """A car in the given boxes, one a key frame, from the start to the end; None where it is absent."""
    times = np.linspace(0.0, duration_s, len(boxes)) if len(boxes) > 1 else [0.0]
    frames = [
        KeyFrame(float(time), "", (SceneObject("car_0", "car", box),) if box else ())
        for time, box in zip(times, boxes, strict=True)
    ]
    return VideoSceneLayout(duration_s, "a car", tuple(frames))


def drawn(layout: VideoSceneLayout, seed: int = 0, **options: Any) -> NDArray[np.int64]:
    return WanVace(**{**TINY, **options}).generate(layout, toy_run(seed)).frames.astype(np.int64)


def test_a_box_is_its_outline_on_white() -> None:
    (frame,) = control.control_video(scene(Box(0.25, 0.25, 0.75, 0.5)).keyframes, 40, 20, 2, {})
    wanted = np.full((20, 40), 255)
    wanted[5:10, 10:30] = 0
    wanted[7:8, 12:28] = 255
    assert (np.asarray(frame) == wanted[..., None]).all()


def test_things_have_their_colors_and_the_smallest_is_seen() -> None:
    things = (SceneObject("a", "dot", Box(0.999, 0.999, 1.0, 1.0)), SceneObject("b", "car", Box(0.0, 0.0, 0.5, 0.5)))
    (frame,) = control.control_video([KeyFrame(0.0, "", things)], 40, 20, 1, {"car": (0, 128, 0)})
    picture = np.asarray(frame)
    assert tuple(picture[0, 0]) == (0, 128, 0)
    assert tuple(picture[-1, -1]) == (0, 0, 0)
    assert (picture.reshape(-1, 3) != 255).any(axis=1).sum() == 1 + 2 * 20 + 2 * 8


def test_the_control_follows_the_layout_frame_by_frame() -> None:
    layout = scene(LEFT, None, RIGHT)
    backbone = WanVace(**TINY | {"frames": 5})
    given = backbone.conditions(layout)
    assert all((np.asarray(mask) == 255).all() for mask in given["mask"])
    assert len(given["mask"]) == len(given["video"]) == 5
    for frame, moment in zip(given["video"], layout.frames(5), strict=True):
        columns = np.nonzero((np.asarray(frame) != 255).any(axis=(0, 2)))[0]
        found = [columns.min() / 96, (columns.max() + 1) / 96] if len(columns) else []
        assert found == [side for item in moment.objects for side in (item.box.x1, item.box.x2)]


def test_without_things_there_is_no_control() -> None:
    assert WanVace(**TINY).conditions(toy_layout(0)) == {}


def seen(layout: VideoSceneLayout, **options: Any) -> list[dict[str, Any]]:
    """What the denoiser is given, step by step."""
    backbone, given = WanVace(**{**TINY, **options}), []
    network = backbone._loaded(toy_run()).transformer
    network.register_forward_pre_hook(lambda _, args, words: given.append(words), with_kwargs=True)
    backbone.generate(layout, toy_run())
    return given


def test_the_denoiser_is_given_exactly_the_layout() -> None:
    """16 channels of what stays (nothing), 16 of the control frames as the VAE has them, 64 of the mask (all)."""
    layout = scene(LEFT, RIGHT)
    given = seen(layout)
    assert len(given) == 4  # two steps, each with and without the text
    vae = WanVace(**TINY)._loaded(toy_run()).vae
    frames = control.control_video(control.scenes(layout, 3, 5), 96, 64, 3, {})
    pixels = torch.tensor(np.stack(frames)).permute(3, 0, 1, 2)[None] / 127.5 - 1.0
    mean, std = (
        torch.tensor(values).view(1, -1, 1, 1, 1) for values in (vae.config.latents_mean, vae.config.latents_std)
    )
    shown = (vae.encode(pixels).latent_dist.mode() - mean) / std
    nothing = (vae.encode(torch.zeros_like(pixels)).latent_dist.mode() - mean) / std
    for words in given:
        hints = words["control_hidden_states"]
        assert hints.shape == (1, 96, 2, 8, 12)
        torch.testing.assert_close(hints[:, :16], nothing)
        torch.testing.assert_close(hints[:, 16:32], shown, atol=1e-4, rtol=1e-4)
        assert (hints[:, 32:] == 1).all()
        assert words["control_hidden_states_scale"].tolist() == [1.0, 1.0]


@pytest.mark.parametrize(("box", "side"), [(LEFT, slice(0, 6)), (RIGHT, slice(6, 12))])
def test_the_control_is_felt_where_the_box_is(box: Box, side: slice) -> None:
    hints, empty = (seen(layout)[0]["control_hidden_states"] for layout in (scene(box), scene(None, box)))
    change = (hints - empty)[:, :, 0].square().sum((0, 1, 2))  # of the first frame, for each of 12 columns
    assert change[side].sum() > 0.9 * change.sum()


def test_the_layout_steers_through_the_control_alone() -> None:
    one, other = scene(LEFT), scene(RIGHT)
    assert np.abs(drawn(one) - drawn(other)).max() > 0
    assert (drawn(one, strength=0.0) == drawn(other, strength=0.0)).all()


def test_the_seed_is_the_runs() -> None:
    layout = scene(LEFT)
    assert (drawn(layout, seed=1) == drawn(layout, seed=1)).all()
    assert (drawn(layout, seed=1) != drawn(layout, seed=2)).any()


@pytest.mark.parametrize(("frames", "model_frames", "steps"), [(16, 61, 4), (6, 21, 4), (5, 9, 2), (1, 1, 1)])
def test_frames_that_meet_exactly(frames: int, model_frames: int, steps: int) -> None:
    assert control.picks(frames, model_frames).tolist() == list(range(0, model_frames, steps))
    assert control.pick_error_s(10.0, frames, model_frames) == pytest.approx(0.0, abs=1e-12)


def test_frames_that_do_not_meet_are_the_nearest_and_said_so() -> None:
    assert control.picks(16, 81).tolist()[:4] == [0, 5, 11, 16]
    off = control.pick_error_s(10.0, 16, 81)
    assert 0 < off <= 10.0 * (15 / 16) / 80 / 2
    run = toy_run()
    video = WanVace(**TINY | {"frames": 4}).generate(scene(LEFT), run)
    assert video.frames.shape == (4, 64, 96, 3)
    assert video.fps == pytest.approx(2.0)
    assert run.record["wan_vace"]["frame_off_its_time_s"] == pytest.approx(2.0 * 0.75 / 12, abs=1e-6)


def test_one_text_for_the_video() -> None:
    frames = (KeyFrame(0.0, "A car on the left."), KeyFrame(1.0, "A car on the left."), KeyFrame(2.0, "It is gone."))
    layout = VideoSceneLayout(2.0, "A car  passes.", frames)
    assert wording.prompt(layout, "mix", "film") == "film. A car passes. A car on the left. It is gone"
    assert wording.prompt(layout, "global") == "A car passes"
    assert wording.prompt(layout, "local") == "A car on the left. It is gone"
    assert wording.prompt(VideoSceneLayout(1.0, "", scene(LEFT).keyframes[:1]), "mix") == "car"


def test_texts_are_encoded_as_the_pipeline_does(monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = WanVace(**TINY)._loaded(toy_run())
    own = wording.encode(["a car", "a dog, far away"], pipeline.tokenizer, pipeline.text_encoder, toy_run())
    monkeypatch.setattr("diffusers.pipelines.wan.pipeline_wan_vace.prompt_clean", lambda text: text)
    theirs = pipeline._get_t5_prompt_embeds(["a car", "a dog, far away"], max_sequence_length=512)
    torch.testing.assert_close(own, theirs)


def test_a_text_that_is_cut_is_told() -> None:
    run = toy_run()
    WanVace(**TINY, prompt_prefix="a car " * 300).generate(scene(LEFT), run)
    assert run.record["notices"][0].startswith("the prompt is longer than 512 tokens, so its end is not seen: 'a car a")


def test_guidance_costs_a_second_evaluation() -> None:
    assert len(seen(scene(LEFT), guidance=1.0)) == 2


def test_wan_2_2_with_two_denoisers(tmp_path: Path) -> None:
    folder = tiny_wan.make(tmp_path, transformers=2)
    backbone = WanVace(**{**TINY, "base": str(folder), "steps": 4})
    pipeline, used = backbone._loaded(toy_run()), []
    for name in ("transformer", "transformer_2"):
        getattr(pipeline, name).register_forward_pre_hook(lambda *_, name=name: used.append(name))
    assert backbone.generate(scene(LEFT), toy_run()).frames.shape == (3, 64, 96, 3)
    assert sorted(set(used)) == ["transformer", "transformer_2"]


def test_dtype_and_sampler() -> None:
    backbone = WanVace(**TINY, flow_shift=5.0, vae_tiling=True, offload="model")
    run = Run(device="cpu", dtype="bfloat16")
    assert backbone.generate(scene(LEFT), run).frames.shape == (3, 64, 96, 3)
    pipeline = backbone._loaded(run)
    assert (pipeline.transformer.dtype, pipeline.vae.dtype) == (torch.bfloat16, torch.float32)
    assert (pipeline.scheduler.config.flow_shift, pipeline.vae.use_tiling) == (5.0, True)
    assert run.record["notices"] == ["wan_vace: offload 'model' has no effect on the CPU."]


def test_the_preset_draws_from_a_layout_and_injectors_are_refused(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text(scene(LEFT).dumps())
    preset = Path(__file__).parents[1] / "wan_vace.yaml"
    options = [f"motion_backbone.options.{key}={value}" for key, value in TINY.items()]
    overrides = ["run.device=cpu", "run.dtype=float32", *options]
    video = Pipeline.from_preset(preset, overrides=overrides).render(scene(LEFT))
    assert (video.frames == WanVace(**TINY).generate(scene(LEFT), Run(device="cpu", dtype="float32")).frames).all()
    with pytest.raises((ContractError, ConfigError), match=r"wan_vace|WanVace"):
        Pipeline.from_preset(preset, overrides=[*overrides, "grounding_injector.name=migc"]).render(scene(LEFT))


def test_missing_weights() -> None:
    with pytest.raises(
        WeightsError, match=r"the video model '/no/where' does not exist\n.*\n  or set the option `base`"
    ):
        drawn(scene(LEFT), base="/no/where")


def copied(folder: Path, part: str, **changes: torch.Tensor | None) -> str:
    """The tiny model with other weights in a part: None takes one away."""
    shutil.copytree(FOLDER, folder)
    path = folder / part / "diffusion_pytorch_model.safetensors"
    kept = {key: value for key, value in (load_file(path) | changes).items() if value is not None}
    save_file(kept, path, metadata={"format": "pt"})
    return str(folder)


def test_weights_that_do_not_fit(tmp_path: Path) -> None:
    lacking = copied(tmp_path / "lacking", "transformer", **{"proj_out.bias": None})
    with pytest.raises(
        WeightsError, match=r"the transformer of .* does not fit its configuration\n  missing: proj_out.bias"
    ):
        drawn(scene(LEFT), base=lacking)
    strange = copied(tmp_path / "strange", "vae", beak=torch.zeros(1))
    with pytest.raises(WeightsError, match=r"the vae of .* does not fit its configuration\n  not known: beak"):
        drawn(scene(LEFT), base=strange)
    wide = copied(tmp_path / "wide", "transformer", **{"proj_out.bias": torch.zeros(7)})
    with pytest.raises(WeightsError, match=r"the transformer of the video model .* cannot be loaded"):
        drawn(scene(LEFT), base=wide)
    with (tmp_path / "wide" / "transformer" / "diffusion_pytorch_model.safetensors").open("r+b") as file:
        file.truncate(500)
    with pytest.raises(WeightsError, match=r"the transformer of the video model .* cannot be loaded"):
        drawn(scene(LEFT), base=wide)


def test_a_model_without_control_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": "WanPipeline"}))
    with pytest.raises(WeightsError) as caught:
        drawn(scene(LEFT), base=str(tmp_path))
    assert str(caught.value).splitlines() == [
        f"the video model {str(tmp_path)!r} is a 'WanPipeline', not a 'WanVACEPipeline'",
        "  only the VACE models of Wan take a control video",
    ]


@pytest.mark.parametrize("size", [2**50, None])
def test_out_of_memory_says_what_was_tried_and_what_helps(size: int | None) -> None:
    backbone = WanVace(**TINY)

    def fail(*given: object) -> None:
        if size is None:
            raise torch.OutOfMemoryError("CUDA out of memory")
        torch.empty(size, dtype=torch.uint8)

    backbone._loaded(toy_run()).transformer.register_forward_pre_hook(fail)
    with pytest.raises(ConfigError) as caught:
        backbone.generate(scene(LEFT), toy_run())
    assert str(caught.value).splitlines() == [
        "out of memory while drawing",
        "  tried: 5 frames, 96 x 64, float32 on cpu, offload none",
        "  what helps: run.dtype=bfloat16; motion_backbone.options.vae_tiling=true; a smaller width and height",
    ]


def test_out_of_memory_while_loading_is_no_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    fail = lambda *given, **options: torch.empty(2**50, dtype=torch.uint8)
    monkeypatch.setattr("diffusers.WanVACETransformer3DModel.from_pretrained", fail)
    with pytest.raises(ConfigError, match="out of memory while drawing"):
        drawn(scene(LEFT))


def test_other_failures_pass_through() -> None:
    backbone = WanVace(**TINY)

    def fail(*given: object) -> None:
        raise RuntimeError("shapes differ")

    backbone._loaded(toy_run()).transformer.register_forward_pre_hook(fail)
    with pytest.raises(RuntimeError, match="shapes differ"):
        backbone.generate(scene(LEFT), toy_run())


REFUSED = [
    ({"width": 100}, "wan_vace: width is 100\n  the model takes multiples of 16"),
    ({"model_frames": 16}, "wan_vace: model_frames is 16\n  the model draws 1, 5, 9, ... frames; near ones: 17"),
    ({"frames": 62}, "wan_vace: 62 frames of 61 model_frames\n  frames are picked from what it draws"),
    ({"steps": 0}, "wan_vace: steps is 0\n  expected 1 to 1000"),
    ({"frames": 2.5}, "wan_vace: frames is 2.5\n  expected 1 to 257"),
    ({"strength": 3.0}, "wan_vace: strength is 3.0\n  expected 0.0 to 2.0"),
    ({"captions": "mixed"}, "wan_vace: captions is 'mixed'\n  did you mean 'mix'?"),
    ({"offload": "disk"}, "wan_vace: offload is 'disk'\n  known names: model, none, sequential"),
    ({"colors": {"car": [0, 300, 0]}}, "wan_vace: the color of 'car' is [0, 300, 0]\n  expected [red, green, blue]"),
]


@pytest.mark.parametrize(("options", "text"), REFUSED, ids=[next(iter(options)) for options, _ in REFUSED])
def test_options_out_of_range_are_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        WanVace(**options)
    assert str(caught.value).startswith(text)


def test_weights_are_listed_and_checked() -> None:
    (listed,) = WanVace().weights()
    assert (listed.source, listed.option, listed.license) == ("Wan-AI/Wan2.1-VACE-1.3B-diffusers", "base", "Apache-2.0")
    WanVace(**TINY).check_weights(None, toy_run())


def test_latents_that_are_not_finite_stop_the_run() -> None:
    backbone, run = WanVace(**TINY), toy_run(0)
    transformer = backbone._loaded(run).transformer
    transformer.register_forward_hook(lambda module, given, out: (out[0] * float("nan"),))
    with pytest.raises(NumericalError) as caught:
        backbone.generate(scene(LEFT, RIGHT), run)
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("wan_vace: the latents after step 1 of ")
    assert lines[1] == "  what helps: run.dtype=bfloat16, or run.dtype=float32"
