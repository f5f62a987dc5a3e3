"""Training of small weights: exact resume, frozen parts, formats that the product loads."""

from __future__ import annotations

import json
import shutil
import signal
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import spa2v
from spa2v.core.errors import ConfigError, WeightsError
from spa2v.core.protocols import Denoising
from spa2v.core.runtime import Run
from spa2v.core.types import Box, KeyFrame, SceneObject, VideoSceneLayout
from spa2v.core.weights import local_path, locate
from spa2v.plugins.grounding_injectors.gligen.injector import GLIGEN
from spa2v.plugins.grounding_injectors.migc.injector import MIGC
from spa2v.plugins.motion_backbones.animatediff.backbone import AnimateDiff
from spa2v.plugins.motion_backbones.animatediff.vocabulary import Vocabulary
from spa2v.training import tokenizer as words
from spa2v.training.base import GUIDANCE, with_fast_attention
from spa2v.training.captions import Shown, caption, phrase
from spa2v.training.command import classes_of, export_all, train
from spa2v.training.diffusion import guided
from spa2v.training.export import WRITERS, export
from spa2v.training.few_steps import layout_of
from spa2v.training.loop import Recipe, Trainer, averaged, batches, rate_at
from spa2v.training.pictures import draw_pool, kept_pool
from spa2v.training.plan import STAGES, Plan
from spa2v.training.scenes import any_scene, training_scene
from spa2v.training.stages import BUILDERS, Trainings, state_hash
from spa2v.training.tokenizer import known_words, load_tokenizer, vocabulary, write_tokenizer
from spa2v.training.vae import encode_pool
from spa2v.world.classes import CLASSES
from spa2v.world.drawing import Renderer

STEPS = 4
TINY = Plan(
    size=(64, 32),
    vae_widths=(12, 16, 24),
    latent_channels=4,
    unet_widths=(16, 16, 32),
    heads=2,
    groups=8,
    text_width=32,
    text_layers=1,
    text_heads=2,
    stills=6,
    clips=2,
    frames=4,
    recipes={name: Recipe(steps=STEPS, batch=2, rate=2e-2, sheet_every=0) for name in STAGES},
)
SEED = 3
BFLOAT16: Any = SimpleNamespace(device=torch.device("cpu"), accelerator=SimpleNamespace(mixed_precision="bf16"))


def trainings(out: Path, plan: Plan = TINY, start: Path | None = None) -> Trainings:
    return Trainings(out, plan, Run(seed=SEED, device="cpu", dtype="float32"), start)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all stages trained for a few steps, and their weights in `weights`."""
    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("training")
    for stage in TINY.recipes:
        trainings(out).trainer(stage).train()
    assert set(export(trainings(out), out / "weights")) == set(STAGES)
    return out


def link_earlier(trained: Path, out: Path, stages: tuple[str, ...]) -> None:
    """Gives a new folder the earlier stages of a trained one."""
    for name in (*stages, "pools", "tokenizer"):
        (out / name).symlink_to(trained / name)


@pytest.mark.parametrize("stage", STAGES)
def test_stopped_and_resumed_equals_uninterrupted(stage: str, trained: Path, tmp_path: Path) -> None:
    earlier = {"base": ("vae",), "motion": ("vae", "base")}
    earlier |= {"migc": earlier["motion"], "gligen": earlier["motion"], "few_steps": ("vae", "base", "motion", "migc")}
    link_earlier(trained, tmp_path, earlier.get(stage, ()))
    trainings(tmp_path).trainer(stage).train(until=2)
    resumed = trainings(tmp_path).trainer(stage)
    assert resumed.step == 2
    resumed.train()
    whole, parts = averaged(trained / stage), averaged(tmp_path / stage)
    assert whole.keys() == parts.keys()
    assert all(torch.equal(whole[key], parts[key]) for key in whole)
    assert (tmp_path / stage / "loss.csv").read_text() == (trained / stage / "loss.csv").read_text()


def test_an_interrupt_leaves_a_checkpoint_from_which_training_goes_on(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link_earlier(trained, tmp_path, ())
    trainer = trainings(tmp_path).trainer("vae")
    loss = trainer.stage.loss

    def loss_and_interrupt(batch: object, run: Run) -> torch.Tensor:
        if trainer.step == 1:
            signal.raise_signal(signal.SIGINT)
        return loss(batch, run)

    monkeypatch.setattr(trainer.stage, "loss", loss_and_interrupt)
    with pytest.raises(KeyboardInterrupt):
        trainer.train()
    resumed = trainings(tmp_path).trainer("vae")
    assert resumed.step == 2
    resumed.train()
    whole, parts = averaged(trained / "vae"), averaged(tmp_path / "vae")
    assert all(torch.equal(whole[key], parts[key]) for key in whole)


@pytest.mark.parametrize("stage", STAGES)
def test_batches_drawn_ahead_are_the_same(stage: str, trained: Path) -> None:
    """By worker processes or by this one, in order, from any step on."""
    made = trainings(trained).trainer(stage).stage
    run = Run(seed=SEED, device="cpu")
    ahead = list(batches(made, 2, range(1, 4), run, workers=2, pinned=False))
    here = [made.batch(step, 2, run) for step in range(1, 4)]
    assert len(ahead) == 3
    assert all(same(a, b) for a, b in zip(ahead, here, strict=True))


def same(a: object, b: object) -> bool:
    """Whether two batches hold the same numbers."""
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)  # type: ignore[arg-type]
    if isinstance(a, tuple) and not isinstance(a[:1], str):
        return all(same(x, y) for x, y in zip(a, b, strict=True))  # type: ignore[call-overload]
    if hasattr(a, "__dataclass_fields__"):
        return all(same(getattr(a, name), getattr(b, name)) for name in a.__dataclass_fields__)
    return bool(np.all(a == b))


@pytest.mark.parametrize("stage", ["motion", "migc", "gligen"])
def test_later_stages_leave_vae_and_base_alone(stage: str, trained: Path, tmp_path: Path) -> None:
    link_earlier(trained, tmp_path, ("vae", "base"))
    kept = trainings(tmp_path)
    trainer = kept.trainer(stage)
    made = trainer.stage
    unet = made.network if stage == "motion" else made.frozen.unet  # type: ignore[attr-defined]
    own = set(map(id, trainer.module.parameters()))
    others = torch.nn.ParameterDict(
        {name.replace(".", "/"): p for name, p in unet.named_parameters() if id(p) not in own}
    )
    before = [state_hash(module) for module in (others, kept.vae, kept.prompter.encoder)]
    learned = state_hash(trainer.module)
    trainer.train()
    assert [state_hash(module) for module in (others, kept.vae, kept.prompter.encoder)] == before
    assert state_hash(trainer.module) != learned


def test_the_base_leaves_the_vae_alone(trained: Path, tmp_path: Path) -> None:
    link_earlier(trained, tmp_path, ("vae",))
    kept = trainings(tmp_path)
    base = kept.trainer("base")
    before, learned = state_hash(kept.vae), state_hash(base.module)
    base.train()
    assert state_hash(kept.vae) == before
    assert state_hash(base.module) != learned


def test_latents_have_unit_spread(trained: Path) -> None:
    latents = trainings(trained).latents("stills").float()
    assert float(latents.std()) == pytest.approx(1.0, abs=0.02)


def test_latents_are_those_of_the_pictures(trained: Path, tmp_path: Path) -> None:
    """Other pictures in the same folder, by their number or their classes, are encoded anew."""
    link_earlier(trained, tmp_path, ("vae",))
    trainings(tmp_path).latents("stills")
    for plan in (replace(TINY, stills=8), replace(TINY, classes=("car", "bus"))):
        kept = trainings(tmp_path, plan)
        encoded = encode_pool(kept.vae, kept.stills, kept.run)
        assert torch.equal(kept.latents("stills"), encoded)


def test_motion_never_sees_boxes(trained: Path, tmp_path: Path) -> None:
    """Other boxes, the same clips and words: the motion stage's loss does not change."""
    link_earlier(trained, tmp_path, ("vae", "base"))
    kept = trainings(tmp_path)
    stage = kept.trainer("motion").stage
    run = Run(seed=SEED, device="cpu")
    before = float(stage.loss(stage.batch(0, 2, run), run).detach())
    swapped = {"left": (0.0, 0.1, 0.3, 0.2), "center": (0.4, 0.1, 0.6, 0.2), "right": (0.7, 0.1, 1.0, 0.2)}
    pool = stage.pool  # type: ignore[attr-defined]
    moved = tuple(tuple(tuple(replace(t, box=swapped[t.place]) for t in row) for row in clip) for clip in pool.things)
    stage.pool = replace(pool, things=moved)  # type: ignore[attr-defined]
    assert float(stage.loss(stage.batch(0, 2, run), run).detach()) == before


def layout() -> VideoSceneLayout:
    thing = SceneObject("car_0", "car", Box(0.2, 0.3, 0.7, 0.9))
    return VideoSceneLayout(
        duration_s=1.0, caption="A car on the left.", keyframes=(KeyFrame(0.0, "A car on the left.", (thing,)),)
    )


def test_the_product_loads_what_training_ships(trained: Path) -> None:
    weights = trained / "weights"
    run = Run(seed=1, device="cpu", dtype="float32")
    options = {"width": 64, "height": 32, "frames": 4, "steps": 2, "guidance": 3.0, "negative_prompt": ""}
    backbone = AnimateDiff(base=str(weights / "stable-diffusion"), motion=str(weights / "motion-adapter"), **options)  # type: ignore[arg-type]
    plain = backbone.generate(layout(), run).frames
    for injector in (
        MIGC(weights=str(weights / "migc.safetensors")),
        GLIGEN(weights=str(weights / "gligen"), share=1.0),
    ):
        with injector.attach(backbone, layout(), run) as attachment:
            grounded = backbone.generate(layout(), run).frames
        assert attachment.sites
        assert not any("non-commercial" in notice for notice in run.record.get("notices", []))
        assert grounded.shape == plain.shape
        assert not np.array_equal(grounded, plain)
    assert np.array_equal(backbone.generate(layout(), run).frames, plain)


def test_shipped_weights_are_half_precision_of_the_averaged_ones(trained: Path) -> None:
    shipped = load_file(trained / "weights" / "stable-diffusion" / "unet" / "diffusion_pytorch_model.safetensors")
    state = averaged(trained / "base")
    assert shipped.keys() == {key.removeprefix("unet.") for key in state if key.startswith("unet.")}
    assert all(torch.equal(shipped[key], state[f"unet.{key}"].half()) for key in shipped)
    keys = load_file(trained / "weights" / "migc.safetensors")
    assert all(key.startswith("model.diffusion_model.") and ".migc." in key for key in keys)


def test_some_parts_can_be_shipped_alone(trained: Path, tmp_path: Path) -> None:
    assert export(trainings(trained), tmp_path, ("vae", "detector")) == ["vae", "detector"]
    found = {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*.safetensors")}
    assert found == {"detector.safetensors", "stable-diffusion/vae/diffusion_pytorch_model.safetensors"}
    with pytest.raises(ConfigError, match="there is no part 'unet' of the weights"):
        export_all(trained, SEED, "cpu", tmp_path, ["unet"])


def test_weights_are_shipped_without_drawing_pools(trained: Path, tmp_path: Path) -> None:
    for name in (*STAGES, "tokenizer"):
        (tmp_path / name).symlink_to(trained / name)
    run = Run(seed=SEED, device="cpu", dtype="float32")
    made = Trainings(tmp_path, TINY, run, with_pools=False)
    export(made, tmp_path / "weights", ("migc", "gligen", "few_steps"))
    assert not (tmp_path / "pools").exists()
    for name in ("migc.safetensors", "few-steps.safetensors"):
        here, there = (load_file(folder / "weights" / name) for folder in (tmp_path, trained))
        assert all(torch.equal(here[key], there[key]) for key in here.keys() | there.keys())


def test_the_attention_of_a_cpu_in_bfloat16_computes_the_same(trained: Path) -> None:
    unet = trainings(trained).base()
    given = (torch.randn(2, 4, 8, 16), torch.tensor([3, 700]), torch.randn(2, 77, TINY.text_width))
    fused = unet(*given).sample
    fast = with_fast_attention(unet, BFLOAT16)
    assert {type(each).__name__ for each in fast.attn_processors.values()} == {"AttnProcessor"}
    assert torch.allclose(fast(*given).sample, fused, atol=1e-5)


def test_migc_in_bfloat16_on_a_cpu_trains_by_plain_products_and_leaves_no_setting(trained: Path) -> None:
    stage: Any = BUILDERS["migc"](trainings(trained))
    single = Run(device="cpu", dtype="float32")
    batch = stage.batch(0, 2, single)
    before = torch.backends.cuda.fp16_bf16_reduction_math_sdp_allowed()

    def operations(run: Run) -> tuple[float, set[str]]:
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
            loss = stage.loss(batch, run)
            loss.backward()
        return float(loss.detach()), {event.key for event in profile.key_averages()}

    fused = operations(single)
    with_fast_attention(stage.frozen.unet, BFLOAT16)
    plain = operations(BFLOAT16)
    assert plain[0] == pytest.approx(fused[0], rel=1e-4)
    name = "aten::_scaled_dot_product_flash_attention_for_cpu_backward"
    assert name in fused[1]
    assert name not in plain[1]
    assert torch.backends.cuda.fp16_bf16_reduction_math_sdp_allowed() == before
    assert name in operations(single)[1], "the fused attention is back"


def test_shipped_weights_say_how_they_were_trained(trained: Path) -> None:
    told = json.loads((trained / "weights" / "training.json").read_text())
    assert set(told) == set(STAGES)
    assert {(item["steps"], item["seed"]) for item in told.values()} == {(STEPS, SEED)}


def test_shipping_keeps_what_was_told_of_other_parts(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "training.json").write_text('{"vae": {"steps": 7}, "base": {"steps": 7}}')
    export(trainings(trained), tmp_path, ("vae",))
    told = json.loads((tmp_path / "training.json").read_text())
    assert {name: item["steps"] for name, item in told.items()} == {"vae": STEPS, "base": 7}


def test_weights_that_went_on_from_others_say_how_those_were_trained(trained: Path, tmp_path: Path) -> None:
    export(trainings(trained, start=trained / "weights"), tmp_path, ("detector",))
    facts = json.loads((tmp_path / "training.json").read_text())
    assert set(facts) == set(STAGES)
    earlier = facts["detector"].pop("from")
    assert earlier == facts["detector"]
    assert not any("from" in facts[name] for name in facts)


def test_exported_weights_do_not_name_the_folder_they_came_from(trained: Path, tmp_path: Path) -> None:
    export(trainings(trained, start=trained / "weights"), tmp_path, ("base",))
    assert [path for path in tmp_path.rglob("*.json") if str(trained) in path.read_text()] == []


def test_names_beyond_the_classes_become_the_nearest_one(trained: Path) -> None:
    path = trained / "weights" / "stable-diffusion" / "vocabulary.json"
    run = Run(seed=1, device="cpu", dtype="float32")
    table = Vocabulary.read(path)
    texts = ["a taxi", "Two motorbikes, on a street", "a police car", "", "zebra", "Drum kit", "a red fire truck"]
    expected = ["a car", "Two motorcycles, on a street", "a police car", "", "loudspeaker", "drum", "a red fire engine"]
    assert [table.known(text) for text in texts] == expected
    options = {
        "base": str(trained / "weights" / "stable-diffusion"),
        "motion": str(trained / "weights" / "motion-adapter"),
    }
    plain, mapped = AnimateDiff(**options, vocabulary=None), AnimateDiff(**options)  # type: ignore[arg-type]
    scene = colored("A cello and a flute", "a viola", "zebra")
    made = mapped.reword(scene, run)
    assert [made.caption, made.keyframes[0].caption] == ["A cello and a saxophone", "a violin"]
    assert plain.reword(scene, run) is scene
    assert run.record["renamed_for_the_weights"]["zebra"] == "loudspeaker"
    assert "These weights know no 'zebra'; it is drawn as 'loudspeaker'." in run.record["notices"]


def colored(caption: str, seen: str, *names: str) -> VideoSceneLayout:
    things = tuple(SceneObject(f"{i}", name, Box(0.1, 0.1, 0.4, 0.5)) for i, name in enumerate(names))
    return VideoSceneLayout(duration_s=1.0, caption=caption, keyframes=(KeyFrame(0.0, seen, things),))


def test_an_object_has_one_appearance_in_all_texts_the_stated_one_if_there_is_one() -> None:
    adjectives = {"car": ("orange", "blue"), "bus": ("red",)}
    table = Vocabulary(("car", "bus", "piano"), {"taxi": "car"}, "car", adjectives, ("white",))

    def worded(layout: VideoSceneLayout, seed: int = 1) -> tuple[str, ...]:
        run = Run(seed=seed, device="cpu", dtype="float32")
        made = table.reword(layout, run)
        assert [o.box for o in made.keyframes[0].objects] == [o.box for o in layout.keyframes[0].objects]
        used = {word for word in (*adjectives, "piano") if any(f" {word}" in text for text in made.names.values())}
        assert set(run.record.get("looks", {})) == used
        return (made.caption, made.keyframes[0].caption, *made.names.values())

    untold = colored("A taxi and a piano", "a car on the left", "taxi", "piano")
    assert {worded(untold, seed) for seed in range(20)} == {
        ("An orange car and a piano", "an orange car on the left", "orange car", "piano"),
        ("A blue car and a piano", "a blue car on the left", "blue car", "piano"),
    }
    told = ("A white car", "a white car on the left, two red buss", "white car", "red bus")
    assert worded(colored("A white car", "a car on the left, two buss", "car", "bus")) == told
    several = ("A white car and a blue car", "cars", "car")
    assert worded(colored(*several)) == several
    nothing = colored("A piano", "an empty scene", "zebra")
    assert worded(nothing)[1] == "an empty scene", "only a name becomes a class altogether"
    assert worded(nothing)[2] in ("orange car", "blue car")
    odd = colored(
        "A bu\u017f and a \u212apiano", "", "bu\u017f", "taxi"
    )  # equal to "bus" and "kpiano" for re.IGNORECASE
    assert worded(odd)[0] == "A bu\u017f and a \u212apiano"
    long = "car " * 30  # 120 letters: no room for adjectives
    assert worded(colored("A white car", "", long.strip()))[2] == long.strip()


def crossing(start: float, end: float, **attributes: str) -> VideoSceneLayout:
    frames = [
        KeyFrame(time_s, "a car", (SceneObject("car_0", "car", Box(x, 0.1, x + 0.3, 0.5)),))
        for time_s, x in ((0.0, start), (1.0, end))
    ]
    return VideoSceneLayout(1.0, "A car", tuple(frames), attributes=attributes)


def test_phrases_carry_the_direction_for_weights_that_declare_it_and_for_no_others() -> None:
    words = {"left_to_right": "driving to the right", "right_to_left": "driving to the left"}
    run, plain = Run(), Vocabulary(("car",), {}, "car")
    table = replace(plain, directions=words)
    assert table.reword(crossing(0.0, 0.7), run).names == {"car_0": "car driving to the right"}
    assert table.reword(crossing(0.7, 0.0), run).names == {"car_0": "car driving to the left"}
    assert table.reword(crossing(0.3, 0.32), run).names == {"car_0": "car"}
    assert table.reword(crossing(0.0, 0.7, car_0="approaching"), run).names == {"car_0": "car"}
    assert plain.reword(crossing(0.0, 0.7), run) == crossing(0.0, 0.7)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('{"classes": ["car"], "nearest": {}, "otherwise": "car", "directions": {"up": "flying"}}', "direction 'up'"),
        ('{"classes": ["car"], "nearest": {}, "otherwise": "car", "looks": {"bus": ["red"]}}', "no classes\n.*bus"),
        ('{"classes": ["car"], "nearest": {}, "otherwise": "car", "looks": ["red"]}', "cannot be used"),
        ("{", "cannot be used"),
        ('{"classes": []}', "cannot be used"),
        (
            '{"classes": ["car"], "nearest": {"a": "cab"}, "otherwise": "car"}',
            "maps to names that are no classes\n.*cab",
        ),
    ],
)
def test_a_vocabulary_that_does_not_fit_is_refused(content: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "v.json").write_text(content)
    with pytest.raises(WeightsError, match=reason):
        Vocabulary.read(tmp_path / "v.json")


@pytest.mark.parametrize("stage", STAGES)
def test_training_can_start_from_shipped_weights(stage: str, trained: Path, tmp_path: Path) -> None:
    start = trainings(tmp_path, start=trained / "weights").trainer(stage).module.state_dict()
    state = averaged(trained / stage)
    floats = [key for key in state if state[key].is_floating_point()]
    assert all(torch.equal(start[key], state[key].half().float()) for key in floats)


def test_one_step_of_the_student_is_to_lead_where_two_guided_steps_lead(trained: Path) -> None:
    """Against diffusers' own sampler."""
    stage: Any = trainings(trained).trainer("few_steps").stage
    run = Run(seed=SEED, device="cpu")
    made = stage.batch(1, 2, run)
    noisy, times = made.noised.noise, torch.full((2,), 999)
    cond, now = stage.frozen.states(made.tokens, run)[made.prompts], Denoising(guided=False)
    with stage.grounder.attached(stage.frozen, made.instances, now, run):
        wanted = stage._taught(noisy, times, cond, now, run)
        now.guided = True
        sampler = type(stage.schedule).from_config(stage.schedule.config, timestep_spacing="trailing")
        sampler.set_timesteps(2 * stage.steps)
        latents = noisy
        with torch.no_grad(), stage._without_lora():
            for t in sampler.timesteps[:2]:
                answer = stage.network(torch.cat([latents, latents]), t, stage._both(cond, run)).sample
                latents = sampler.step(guided(answer, GUIDANCE), t, latents).prev_sample
    sampler.set_timesteps(stage.steps)
    assert torch.allclose(sampler.step(wanted, sampler.timesteps[0], noisy).prev_sample, latents, atol=1e-5)


def test_the_student_learns_what_the_product_composes(trained: Path) -> None:
    """The LoRA has the base's layers alone; noise follows the boxes; each frame is grounded in its own boxes."""
    stage: Any = trainings(trained).trainer("few_steps").stage
    assert not [name for name in stage.tensors() if "motion_modules" in name]
    learns = [name for name, parameter in stage.network.named_parameters() if parameter.requires_grad]
    assert learns
    assert all("lora" in name for name in learns)
    batch = stage.batch(3, 2, Run(seed=SEED, device="cpu"))
    clips, frames, (h, w) = 2, TINY.frames, batch.noised.noise.shape[3:]
    assert batch.instances.boxes.shape[0] == clips * frames
    layouts = [layout_of(stage.motion.pool, clip) for clip in range(stage.motion.pool.clips)]
    true = [[tuple(item.box) for item in frame.objects] for layout in layouts for frame in layout.keyframes]
    for row, present in zip(batch.instances.boxes, batch.instances.present, strict=True):
        assert [tuple(box) for box in row[present]] in true
    assert batch.weights.shape == (clips, 1, frames, h, w)


def test_a_stage_without_the_earlier_one_says_so(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"no checkpoint in .*base"):
        trainings(tmp_path).trainer("motion")


def test_a_checkpoint_of_another_seed_is_refused(trained: Path, tmp_path: Path) -> None:
    link_earlier(trained, tmp_path, ("vae",))
    other = Trainings(tmp_path, TINY, Run(seed=SEED + 1, device="cpu"))
    with pytest.raises(WeightsError, match=f"it was made with seed {SEED}, this run has {SEED + 1}"):
        other.trainer("vae")


def test_numbers_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--steps: 0"):
        train(("vae",), tmp_path, steps=0)
    with pytest.raises(ConfigError, match=r"--rate: 1.5\n.*less than 1"):
        train(("vae",), tmp_path, rate=1.5)
    with pytest.raises(ConfigError, match=r"plan.size: \(60, 32\)"):
        Plan(size=(60, 32))


def test_the_rate_rises_and_falls() -> None:
    recipe = Recipe(steps=100, batch=1, rate=1.0, warmup=0.1)
    rates = [rate_at(recipe, step) for step in range(101)]
    assert rates[0] < 0.2
    assert max(rates) == pytest.approx(1.0, abs=0.01)
    assert rates[100] == pytest.approx(0.01)
    assert rates[12:] == sorted(rates[12:], reverse=True)


def test_every_known_word_is_one_token_and_others_fall_apart(tmp_path: Path) -> None:
    write_tokenizer(tmp_path)
    tokenizer = load_tokenizer(tmp_path)
    assert [word for word in known_words() if len(tokenizer(word).input_ids) != 3] == []
    pieces = tokenizer.tokenize("Zebra ü")
    assert len(pieces) > 2
    assert tokenizer.decode(tokenizer("a zebra").input_ids, skip_special_tokens=True).strip() == "a zebra"


def test_pools_are_functions_of_their_seed() -> None:
    a, b = draw_pool(5, 3, 2, (64, 32)), draw_pool(5, 2, 2, (64, 32))
    assert np.array_equal(a.pixels[:2], b.pixels)
    assert a.things[:2] == b.things


def test_pools_are_the_same_from_any_number_of_processes(tmp_path: Path) -> None:
    made = [kept_pool(tmp_path / str(n), 5, 20, 2, (64, 32), n, lambda done: None) for n in (1, 2)]
    memory = draw_pool(5, 20, 2, (64, 32))
    for pool in made:
        assert np.array_equal(pool.pixels, memory.pixels)
        assert (pool.things, pool.settings) == (memory.things, memory.settings)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "2"]


def test_captions_follow_the_planner_and_vary() -> None:
    car = Shown("car", "left_to_right", "red", (0.0, 0.2, 0.3, 0.6))
    texts = {caption([car], [], "street", np.random.default_rng(seed)) for seed in range(200)}
    assert "A car moves from left to right, outdoors on a street, A car on the left" in texts
    assert "" in texts
    assert any("red car" in text for text in texts)


def test_names_alone_are_as_frequent_as_captions_with_places() -> None:
    car = Shown("car", "left_to_right", None, (0.0, 0.2, 0.3, 0.6))
    texts = [caption([car], [], "street", np.random.default_rng(seed)) for seed in range(600)]
    alone = sum(text in ("car", "car moving to the right") for text in texts)
    empty = texts.count("")
    assert alone / (600 - empty) == pytest.approx(0.5, abs=0.06)


def test_verbs_of_captions_are_those_of_the_class() -> None:
    bird = Shown("bird", "left_to_right", None, (0.0, 0.2, 0.3, 0.6))
    bell = Shown("bell", "left", None, (0.0, 0.2, 0.3, 0.6))
    texts = [caption([bird, bell], [], "meadow", np.random.default_rng(seed)) for seed in range(300)]
    assert any("bird flies from left to right" in text.lower() for text in texts)
    assert any("bell rings on the left" in text for text in texts)
    assert not any("{" in text or "drives" in text for text in texts)


def test_phrases_name_the_direction_of_what_crosses() -> None:
    bird = Shown("bird", "right_to_left", None, (0.0, 0.2, 0.3, 0.6))
    texts = Counter(phrase(bird, np.random.default_rng(seed)) for seed in range(200))
    assert set(texts) == {"bird", "a bird", "bird moving to the left", "a bird moving to the left"}
    assert texts["bird moving to the left"] > texts["bird"]


def test_all_classes_are_about_equally_often_in_training_scenes() -> None:
    """And part of the pictures shows things that the edge of the frame cuts, or that are small."""
    scenes = [training_scene(np.random.default_rng([2, index])) for index in range(600)]
    names = Counter(thing.name for scene in scenes for thing in scene.things)
    assert set(names) == set(CLASSES)
    assert max(names.values()) < 4 * min(names.values())
    cut = small = shown = 0
    for index in range(80):
        scene = any_scene(2, index)
        for box in Renderer(scene, 64, 40, samples=1).frame(scene.duration_s / 2).boxes.values():
            shown += 1
            cut += min(box.x1, 1 - box.x2) == 0
            small += box.area < 0.02
    assert cut > 0.08 * shown
    assert small > 0.12 * shown


def test_training_scenes_of_some_classes_show_no_others() -> None:
    """A class that is named several times is first more often, and what is drawn for unknown things also moves."""
    asked = ("car", "woman", *["loudspeaker"] * 6)
    scenes = [any_scene(2, index, asked) for index in range(120)]
    firsts = Counter(scene.things[0].name for scene in scenes)
    shown = [thing for scene in scenes for thing in scene.things]
    assert {thing.name for thing in shown} == set(asked)
    assert firsts["loudspeaker"] > 0.6 * len(scenes)
    loudspeakers = [thing for thing in shown if thing.name == "loudspeaker"]
    assert any(thing.path.velocity[0] for thing in loudspeakers)
    assert {scene.surroundings for scene in scenes if scene.things[0].name == "loudspeaker"} >= {
        "street",
        "meadow",
        "room",
    }


def test_weights_of_some_classes_draw_the_others_as_similar_ones_or_loudspeakers() -> None:
    table = vocabulary(["car", "truck", "man", "woman", "loudspeaker", "loudspeaker"])
    assert table["classes"] == ["car", "truck", "man", "woman", "loudspeaker"]
    names = ("taxi", "siren", "fire engine", "fire truck", "boy", "girl", "flute", "person")
    assert [table["nearest"][name] for name in names] == ["car", "car", "truck", "truck", "man", "woman", "man", "man"]
    assert not {"dog", "puppy", "boat", "airplane", "church bell", "piano", "car"} & set(table["nearest"])
    assert table["otherwise"] == "loudspeaker"
    assert set(table["looks"]) == {"car", "truck"}
    assert vocabulary(["dog", "car"])["otherwise"] == "dog"
    assert vocabulary()["nearest"] == words.NEAREST


class Diverging:
    """A stage whose loss is not a number from its fourth step on."""

    name = "diverging"

    def __init__(self) -> None:
        self.module = torch.nn.Linear(1, 1)

    def trained(self) -> torch.nn.Module:
        return self.module

    def batch(self, step: int, size: int, run: Run) -> torch.Tensor:
        return torch.full((size, 1), float("nan") if step >= 3 else 1.0)

    def loss(self, batch: torch.Tensor, run: Run) -> torch.Tensor:
        return self.module(batch).square().mean()

    def sheet(self, path: Path, run: Run) -> None:
        raise AssertionError


def test_a_training_stops_when_its_loss_is_no_number_and_keeps_the_last_checkpoint(tmp_path: Path) -> None:
    def trainer() -> Trainer:
        run = Run(seed=SEED, device="cpu", dtype="float32", quiet=True)
        return Trainer(Diverging(), Recipe(steps=6, batch=2, rate=1e-2, sheet_every=0), tmp_path, run)

    trainer().train(until=3)
    kept = (tmp_path / "checkpoint.pt").read_bytes()
    with pytest.raises(WeightsError, match=r"diverging: the loss of step 3 is nan\n.*--rate"):
        trainer().train()
    assert (tmp_path / "checkpoint.pt").read_bytes() == kept


def test_classes_of_a_training_are_named_with_how_often_they_come_first() -> None:
    assert classes_of("car, woman*2,police car") == ("car", "woman", "woman", "police car")
    assert classes_of(None) == ()
    for strange in ("", "zebra", "car,", "car*0", "car*1e3", "car*\N{SUPERSCRIPT TWO}", "car*101"):
        with pytest.raises(ConfigError, match="--classes"):
            classes_of(strange)


def test_a_base_from_older_weights_learns_the_new_words(trained: Path, tmp_path: Path) -> None:
    """Words that both tokenizers know keep their embeddings; an older detector its outputs."""
    old = tmp_path / "old"
    shutil.copytree(trained / "weights", old)
    from transformers import CLIPTextModel

    known = [word for word in known_words() if word != "helicopter"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(words, "known_words", lambda: known)
        write_tokenizer(tmp_path / "words")
        fewer = load_tokenizer(tmp_path / "words")
    encoder = CLIPTextModel.from_pretrained(old / "stable-diffusion" / "text_encoder")
    full = load_tokenizer(old / "stable-diffusion" / "tokenizer")
    words.with_vocabulary(encoder, full, fewer).save_pretrained(old / "stable-diffusion" / "text_encoder")
    fewer.save_pretrained(old / "stable-diffusion" / "tokenizer")
    link_pools(trained, tmp_path / "out")
    prompter = trainings(tmp_path / "out", start=old).trainer("base").stage.prompter
    assert len(prompter.tokenizer("helicopter").input_ids) == 3
    table, before = prompter.encoder.get_input_embeddings().weight, encoder.get_input_embeddings().weight
    for word in ("car</w>", "left</w>"):
        assert torch.equal(table[prompter.tokenizer.get_vocab()[word]], before[fewer.get_vocab()[word]])
    assert prompter.encoder(prompter.tokens(["a helicopter on the left"])).last_hidden_state.isfinite().all()


def link_pools(trained: Path, out: Path) -> None:
    out.mkdir()
    (out / "pools").symlink_to(trained / "pools")


def test_the_preset_names_the_weights_that_are_absent(tmp_path: Path) -> None:
    injector = MIGC(weights="spa2v:weights/nowhere/migc.safetensors")
    with pytest.raises(
        WeightsError, match=r"the MIGC checkpoint 'spa2v:weights/nowhere/migc.safetensors' does not exist"
    ):
        locate(injector.weights()[0])
    assert local_path("spa2v:weights/x") == Path(spa2v.__file__).parent / "weights" / "x"


def test_every_stage_has_a_builder_and_a_writer() -> None:
    assert set(BUILDERS) == set(WRITERS) == set(STAGES)
