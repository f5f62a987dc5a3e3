"""The animatediff backbone on small weights: what it draws, and from what."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from spa2v.cli import main
from spa2v.core.errors import ConfigError, NumericalError
from spa2v.core.protocols import DenoisingBackbone
from spa2v.core.runtime import Run
from spa2v.core.types import KeyFrame, VideoSceneLayout
from spa2v.plugins.motion_backbones.animatediff import AnimateDiff
from spa2v.plugins.motion_backbones.animatediff.noise import draw, low_pass, rearrange, refine
from spa2v.plugins.motion_backbones.animatediff.options import SCHEDULERS, FreeInit
from spa2v.plugins.motion_backbones.animatediff.prompts import frame_prompts
from spa2v.plugins.motion_backbones.animatediff.sampling import make_scheduler
from tests.kit import tiny_weights as tiny

RUN = tiny.RUN
Variant = Callable[..., AnimateDiff]


@pytest.fixture(scope="module")
def backbone() -> AnimateDiff:
    return tiny.backbone()


@pytest.fixture
def variant(backbone: AnimateDiff) -> Variant:
    """Other options on the networks that are loaded."""

    def make(**options: Any) -> AnimateDiff:
        made = tiny.backbone(**options)
        made.engine._pipeline, made.engine._loaded_for = backbone.engine.pipeline(RUN), backbone.engine._loaded_for
        return made

    return make


def close(one: Any, other: Any) -> bool:
    """Frames equal but for a rounding of one level."""
    return bool(np.abs(one.frames.astype(int) - other.frames.astype(int)).max() <= 1)


def test_frames_span_the_clip(backbone: AnimateDiff) -> None:
    video = backbone.generate(tiny.layout("car"), RUN)
    assert video.frames.shape == (4, 48, 64, 3)
    assert video.fps == 4 / 2.0
    assert isinstance(backbone, DenoisingBackbone)


def test_the_seed_decides(backbone: AnimateDiff) -> None:
    scene = tiny.layout("car")
    first, again = backbone.generate(scene, RUN), backbone.generate(scene, Run(seed=5, device="cpu"))
    other = backbone.generate(scene, Run(seed=6, device="cpu"))
    assert np.array_equal(first.frames, again.frames)
    assert not close(first, other)


@pytest.mark.parametrize("name", ["DDIMScheduler", "LCMScheduler", "EulerAncestralDiscreteScheduler"])
def test_two_videos_at_once_equal_one_by_one(name: str, variant: Variant) -> None:
    backbone = variant(scheduler={"name": name})
    scenes = [tiny.layout("car"), tiny.layout("dog", caption="a garden")]
    together = backbone.generate_many(scenes, RUN)
    assert all(close(video, backbone.generate(scene, RUN)) for video, scene in zip(together, scenes, strict=True))
    assert not close(*together)


def test_each_video_may_have_its_own_seed(backbone: AnimateDiff) -> None:
    scene = tiny.layout("car")
    videos = backbone.generate_many([scene, scene], RUN, seeds=[6, 5])
    assert close(videos[1], backbone.generate(scene, RUN))
    assert not close(*videos)
    with pytest.raises(ConfigError, match="animatediff: 1 seeds for 2 layouts"):
        backbone.generate_many([scene, scene], RUN, seeds=[1])


@pytest.mark.parametrize("name", SCHEDULERS)
def test_every_sampler_runs(name: str, variant: Variant) -> None:
    video = variant(scheduler={"name": name}, steps=4).generate(tiny.layout("car"), RUN)
    assert video.frames.std() > 1


def test_the_default_sampler_has_the_schedule_of_the_motion_modules() -> None:
    base = {"beta_schedule": "scaled_linear", "beta_start": 0.5, "prediction_type": "v_prediction"}
    config = make_scheduler({"name": "DDIMScheduler"}, base).config
    assert (config.beta_schedule, config.beta_start, config.beta_end) == ("linear", 0.00085, 0.012)
    assert (config.timestep_spacing, config.clip_sample, config.prediction_type) == ("linspace", False, "v_prediction")
    euler = make_scheduler({"name": "EulerDiscreteScheduler", "beta_schedule": "scaled_linear"}, base).config
    assert euler.beta_schedule == "scaled_linear"


def test_unknown_samplers_and_their_options_are_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        AnimateDiff(scheduler={"name": "DDIMSheduler"})
    assert str(caught.value).startswith(
        "scheduler.name: 'DDIMSheduler'\n  did you mean 'DDIMScheduler'?\n  expected one"
    )
    with pytest.raises(ConfigError, match="DDIMScheduler takes no option 'beta_shedule'\n  accepted: beta_end, "):
        make_scheduler({"name": "DDIMScheduler", "beta_shedule": "linear"}, {})


def test_guidance_below_one_halves_the_batch(backbone: AnimateDiff) -> None:
    sizes = []
    hook = backbone.denoiser(RUN).register_forward_hook(lambda module, args, out: sizes.append(args[0].shape[0]))
    try:
        for guidance in (7.5, 1.0):
            backbone.guidance = guidance
            backbone.generate(tiny.layout("car"), RUN)
    finally:
        hook.remove()
        backbone.guidance = 7.5
    assert sizes == [2, 2, 2, 1, 1, 1]
    assert backbone.denoising.guided is False


@pytest.mark.parametrize(
    ("captions", "expected"),
    [
        ("mix", ["a street, first", "a street, first", "a street, then", "a street, then"]),
        ("global", ["a street"] * 4),
        ("local", ["first", "first", "then", "then"]),
    ],
)
def test_captions(captions: str, expected: list[str]) -> None:
    scene = tiny.layout("car", caption="a street.")
    assert frame_prompts(scene, 4, captions) == expected
    assert frame_prompts(scene, 4, captions, "best quality, ")[0] == f"best quality, {expected[0]}"


def test_captions_fill_in_for_each_other() -> None:
    def scene(whole: str, local: str) -> VideoSceneLayout:
        return VideoSceneLayout(2.0, whole, (KeyFrame(0.0, local),))

    assert frame_prompts(scene("a", ""), 1, "local") == ["a"]
    assert frame_prompts(scene("", "b"), 1, "global") == ["b"]
    assert frame_prompts(scene("", "b"), 1, "mix") == ["b"]
    assert frame_prompts(scene("a", "a "), 1, "mix") == ["a"]


def test_each_distinct_prompt_is_encoded_once(backbone: AnimateDiff) -> None:
    counts = []
    encoder = backbone.engine.pipeline(RUN).text_encoder
    hook = encoder.register_forward_pre_hook(lambda module, args: counts.append(args[0].shape[0]))
    try:
        backbone.generate(tiny.layout("car"), RUN)
    finally:
        hook.remove()
    assert counts == [3]  # the negative prompt and two key frames'


def test_long_prompts_are_cut_and_said(backbone: AnimateDiff) -> None:
    run = Run(device="cpu")
    long = "a " * 60
    states = backbone.encode_text([long, "a car", long], run).states
    assert states.shape == (3, tiny.TOKENS, tiny.TEXT_WIDTH)
    assert torch.equal(states[0], states[2])
    assert any("longer than 48 tokens" in note for note in run.record["notices"])


def test_noise_does_not_depend_on_the_batch() -> None:
    def generators(*seeds: int) -> list[torch.Generator]:
        return [Run(seed=seed).torch_generator("noise") for seed in seeds]

    pair, alone = draw((4, 3, 2, 2), generators(1, 2)), draw((4, 3, 2, 2), generators(2))
    assert torch.equal(pair[1], alone[0])
    assert pair.device.type == "cpu"


def test_free_noise_repeats_the_window_in_new_orders() -> None:
    noise = torch.randn(1, 2, 19, 3, 3, generator=torch.Generator().manual_seed(0))
    made = rearrange(noise, 8, 4, [torch.Generator().manual_seed(1)])
    assert torch.equal(made[:, :, :8], noise[:, :, :8])
    for start in (8, 12, 16):
        window, before = made[0, :, start : start + 4], made[0, :, start - 8 : start - 4]
        found = [any(torch.equal(window[:, k], before[:, j]) for j in range(4)) for k in range(window.shape[1])]
        assert all(found)


def test_more_frames_than_the_motion_modules_take(variant: Variant) -> None:
    backbone = variant(frames=20, context_frames=8, context_stride=4, steps=2)
    video = backbone.generate(tiny.layout("car"), RUN)
    assert len(video.frames) == 20
    with pytest.raises(ConfigError) as caught:
        variant(frames=20, free_noise="off").generate(tiny.layout("car"), RUN)
    assert str(caught.value) == (
        "animatediff: 20 frames without free_noise\n  these motion modules take 12 at once; set free_noise to 'auto'"
    )


@pytest.mark.parametrize(("context", "seen"), [(8, 8), (16, 12)])
def test_temporal_layers_see_a_window_at_a_time(context: int, seen: int, variant: Variant) -> None:
    backbone = variant(frames=20, context_frames=context, context_stride=4, steps=1)
    temporal = [site.name for site in backbone.attention_sites(RUN) if site.kind == "temporal"]
    lengths, hooks = set(), []
    for name in temporal:
        layer = backbone.denoiser(RUN).get_submodule(name)
        hooks.append(layer.register_forward_pre_hook(lambda module, args: lengths.add(args[0].shape[1])))
    backbone.generate(tiny.layout("car"), RUN)
    for hook in hooks:
        hook.remove()
    assert len(temporal) == 14
    assert lengths == {seen}


@pytest.mark.parametrize("kind", ["butterworth", "gaussian", "ideal"])
def test_free_init_filters_equal_the_library(kind: str) -> None:
    from diffusers.pipelines.free_init_utils import FreeInitMixin

    settings = FreeInit(filter=kind, order=3, spatial_stop=0.3, temporal_stop=0.2)
    theirs = FreeInitMixin()._get_free_init_freq_filter((1, 1, 4, 5, 6), "cpu", kind, 3, 0.3, 0.2)
    torch.testing.assert_close(low_pass((4, 5, 6), settings), theirs[0, 0], atol=1e-6, rtol=1e-5)


def test_free_init_keeps_low_frequencies() -> None:
    level, fresh = torch.full((1, 1, 4, 8, 8), 3.0), torch.randn(1, 1, 4, 8, 8)
    mixed = refine(level, fresh - fresh.mean(), FreeInit(filter="ideal"))
    torch.testing.assert_close(mixed.mean(), torch.tensor(3.0), atol=1e-4, rtol=0)
    torch.testing.assert_close(refine(fresh, fresh, FreeInit()), fresh, atol=1e-5, rtol=0)


def test_free_init_samples_several_times(variant: Variant) -> None:
    backbone = variant(free_init={"iterations": 2})
    calls = []
    hook = backbone.denoiser(RUN).register_forward_hook(lambda *given: calls.append(backbone.denoising.step))
    refined = backbone.generate(tiny.layout("car"), RUN)
    hook.remove()
    assert calls == [0, 1, 2, 0, 1, 2]
    backbone.free_init = None
    assert not close(refined, backbone.generate(tiny.layout("car"), RUN))


@pytest.mark.parametrize(
    "options", [{}, {"noise_follows": 0.8}, {"free_noise": "on", "context_frames": 2, "context_stride": 1}]
)
def test_a_preview_of_every_second_frame_starts_from_the_noise_of_the_clip(
    options: dict[str, Any], variant: Variant
) -> None:
    def first_input(backbone: AnimateDiff) -> torch.Tensor:
        seen: list[torch.Tensor] = []
        hook = backbone.denoiser(RUN).register_forward_pre_hook(lambda module, given: seen.append(given[0]))
        backbone.generate(tiny.layout("car"), RUN)
        hook.remove()
        return seen[0]

    whole = first_input(variant(frames=4, steps=1, **options))
    preview = first_input(variant(frames=2, noise_stride=2, steps=1, **options))
    assert torch.equal(preview, whole[:, :, ::2])


def test_decoding_in_chunks_and_slices_changes_nothing(backbone: AnimateDiff) -> None:
    scene = tiny.layout("car")
    whole = backbone.generate(scene, RUN)
    for options in ({"decode_chunk": 1}, {"decode_chunk": 3, "vae_slicing": True}):
        assert close(tiny.backbone(**options).generate(scene, RUN), whole)


def test_sizes_that_do_not_halve_evenly(variant: Variant) -> None:
    video = variant(width=52, height=44).generate(tiny.layout("car"), RUN)
    assert video.frames.shape == (4, 44, 52, 3)


def test_sites_match_the_real_feature_maps(variant: Variant) -> None:
    backbone = variant(width=52, height=44)
    unet = backbone.denoiser(RUN)
    seen: dict[str, int] = {}
    hooks = [
        unet.get_submodule(site.name).register_forward_pre_hook(
            lambda module, args, name=site.name: seen.__setitem__(name, args[0].shape[-2])
        )
        for site in backbone.attention_sites(RUN)
    ]
    backbone.generate(tiny.layout("car"), RUN)
    for hook in hooks:
        hook.remove()
    spatial = [site for site in backbone.attention_sites(RUN) if site.kind == "spatial"]
    assert {site.name: site.resolution[0] * site.resolution[1] for site in spatial} == {
        site.name: seen[site.name] for site in spatial
    }
    assert all(seen[site.name] == 4 for site in backbone.attention_sites(RUN) if site.kind == "temporal")


def test_an_odd_frame_size_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"a frame of 65 x 48 pixels\n  the VAE of '.*' takes multiples of 4"):
        tiny.backbone(width=65).generate(tiny.layout("car"), RUN)


def test_offload_on_the_cpu_is_said_and_ignored(backbone: AnimateDiff) -> None:
    run = Run(seed=5, device="cpu")
    video = tiny.backbone(offload="model").generate(tiny.layout("car"), run)
    assert "animatediff: offload 'model' has no effect on the CPU." in run.record["notices"]
    assert close(video, backbone.generate(tiny.layout("car"), RUN))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"captions": "mixed"}, "animatediff: captions is 'mixed'\n  did you mean 'mix'?"),
        ({"offload": "disk"}, "animatediff: offload is 'disk'\n  expected one of: none, model, sequential"),
        ({"frames": 0}, "animatediff: frames is 0\n  expected 1 to 256"),
        ({"steps": "many"}, "animatediff: steps is 'many'\n  expected 1 to 1000"),
        ({"steps": 2.5}, "animatediff: steps is 2.5\n  expected 1 to 1000, a whole number"),
        ({"width": 512.0}, "animatediff: width is 512.0\n  expected 16 to 2048, a whole number"),
        ({"frames": True}, "animatediff: frames is True\n  expected 1 to 256, a whole number"),
        ({"decode_chunk": 1.5}, "animatediff: decode_chunk is 1.5\n  expected 1 to 256, a whole number"),
        ({"context_frames": 7.5}, "animatediff: context_frames is 7.5\n  expected 2 to 64, a whole number"),
        ({"free_init": {"iterations": 1.5}}, "free_init.iterations is 1.5\n  expected 1 to 100, a whole number"),
        ({"free_init": {"order": "4"}}, "free_init.order is '4'\n  expected 1 to 100, a whole number"),
        ({"free_init": 3}, "animatediff: free_init is 3\n  expected a mapping with: filter, iterations"),
        ({"loras": [{"source": "x", "scale": "big"}]}, "animatediff: loras[0].scale is 'big'\n  expected -100.0 to"),
        ({"vae_dtype": "float"}, "animatediff: vae_dtype is 'float'\n  did you mean 'float32'?"),
        ({"context_stride": 20}, "animatediff: context_stride is 20\n  expected at most context_frames (16)"),
        ({"loras": [{"path": "x"}]}, "animatediff: loras[0] is {'path': 'x'}\n  expected {source"),
        ({"loras": [{"source": "x", "weight": 1}]}, "animatediff: loras[0] has the key 'weight'"),
        ({"free_init": {"rounds": 2}}, "animatediff: free_init has the key 'rounds'\n  known: filter, iterations"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        AnimateDiff(**options)
    assert str(caught.value).startswith(says)


@pytest.mark.parametrize("settings", [{"filter": "brick"}, {"iterations": 0}, {"spatial_stop": 0.0}])
def test_free_init_refuses_what_it_cannot_do(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="free_init"):
        FreeInit(**settings)


@pytest.mark.parametrize(
    "error",
    [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("DefaultCPUAllocator: can't allocate memory: 1 bytes")],
)
def test_out_of_memory_says_what_was_tried_and_what_helps(backbone: AnimateDiff, error: Exception) -> None:
    def fail(*given: Any) -> None:
        raise error

    hook = backbone.denoiser(RUN).register_forward_pre_hook(fail)
    try:
        with pytest.raises(ConfigError) as caught:
            backbone.generate_many([tiny.layout("car")] * 2, RUN)
    finally:
        hook.remove()
    lines = str(caught.value).splitlines()
    assert lines[0] == "out of memory while drawing"
    assert "tried: 2 video(s) of 4 frames, 64 x 48, float32 on cpu, offload none, decode_chunk 2" in lines[1]
    assert "fewer videos at once" in lines[2]
    assert "decode_chunk=1" in lines[2]


def test_other_failures_pass_through(backbone: AnimateDiff) -> None:
    def fail(*given: Any) -> None:
        raise RuntimeError("shapes differ")

    hook = backbone.denoiser(RUN).register_forward_pre_hook(fail)
    try:
        with pytest.raises(RuntimeError, match="shapes differ"):
            backbone.generate(tiny.layout("car"), RUN)
    finally:
        hook.remove()


@pytest.mark.parametrize(("dtype", "helps"), [("float32", "less guidance"), ("bfloat16", "run.dtype=float32")])
def test_latents_that_are_not_finite_stop_the_run(dtype: str, helps: str) -> None:
    backbone, run = tiny.backbone(), Run(seed=5, device="cpu", dtype=dtype)
    broken = backbone.denoiser(run)

    def overflow(module: Any, given: Any, out: Any) -> Any:
        return (out[0] * (float("inf") if backbone.denoising.step == 1 else 1.0),)

    broken.register_forward_hook(overflow)
    with pytest.raises(NumericalError) as caught:
        backbone.generate(tiny.layout("car"), run)
    lines = str(caught.value).splitlines()
    assert lines[0] == "the latents are not finite (NaN or infinite) after step 2 of 3"
    assert f"computed in {dtype} by DDIMScheduler" in lines[1]
    assert f"what helps: {helps}" in lines[2]


def test_a_vae_that_overflows_in_half_precision_stops_the_run_and_float32_helps(tmp_path: Path) -> None:
    """As the VAEs of some public models: activations beyond 65504."""
    shutil.copytree(tiny.home() / "sd", tmp_path / "sd")
    file = next((tmp_path / "sd" / "vae").glob("*.safetensors"))
    tensors = load_file(file)
    tensors["decoder.conv_in.weight"] *= 3e4
    tensors["decoder.conv_in.bias"] += 6e4
    save_file(tensors, file)
    run, scene = Run(seed=5, device="cpu", dtype="float16"), tiny.layout("car")
    base = {"base": str(tmp_path / "sd")}
    with pytest.raises(NumericalError) as caught:
        tiny.backbone(**base).generate(scene, run)
    lines = str(caught.value).splitlines()
    assert lines[0] == f"the VAE of {str(tmp_path / 'sd')!r} gave frames that are not finite"
    assert lines[1] == "  decoded in float16 after the last of 3 steps"
    assert "vae_dtype=float32; run.dtype=bfloat16" in lines[2]
    assert tiny.backbone(**base, vae_dtype="float32").generate(scene, run).frames.std() > 1


def test_no_video_is_written_of_frames_that_are_not_finite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the command line: one error, exit code 1, no file."""
    shutil.copytree(tiny.home() / "sd", tmp_path / "sd")
    file = next((tmp_path / "sd" / "vae").glob("*.safetensors"))
    last = ("decoder.conv_norm_out.weight", "decoder.conv_out.weight")
    save_file({key: tensor * 1e38 if key in last else tensor for key, tensor in load_file(file).items()}, file)
    (tmp_path / "layout.json").write_text(tiny.layout("car").dumps())
    options = {"base": tmp_path / "sd", "motion": tiny.home() / "motion", "width": 64, "height": 48, "frames": 4}
    words = [f"motion_backbone.options.{key}={value}" for key, value in (options | {"steps": 2}).items()]
    words += ["motion_backbone.name=animatediff", "grounding_injector.name=ungrounded", "run.device=cpu"]
    out = tmp_path / "video.mp4"
    monkeypatch.setattr(sys, "argv", ["spa2v", "render", str(tmp_path / "layout.json"), *words, "-o", str(out)])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 1
    error = capsys.readouterr().err
    assert "gave frames that are not finite" in error
    assert "Traceback" not in error
    assert not out.exists()


@pytest.mark.slow
def test_a_compiled_denoiser_draws_the_same(backbone: AnimateDiff) -> None:
    from spa2v.plugins.grounding_injectors.migc import MIGC

    scene = tiny.layout("car")
    injector = MIGC(weights=str(tiny.home() / "migc.ckpt"))
    videos = []
    for one in (backbone, tiny.backbone(compile=True)):
        with injector.attach(one, scene, RUN):
            videos.append(one.generate(scene, RUN))
    assert close(*videos)
