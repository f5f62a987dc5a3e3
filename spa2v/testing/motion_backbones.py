"""The contract of motion backbones, and what those that denoise promise to injectors."""

from __future__ import annotations

from typing import Any

from spa2v.core.protocols import DenoisingBackbone, DrawsSeveral, Rewords, SteerableBackbone
from spa2v.core.types import GeneratedVideo, VideoSceneLayout
from spa2v.testing.common import COMMON, RUN_MEND, RUN_SAYS, SEED_MEND, close, having, like, state, untouched
from spa2v.testing.rules import Rule, Subject, Unchecked, demand, trying, typed
from spa2v.testing.same import difference
from spa2v.testing.steering import check_steering
from spa2v.testing.toys import toy_audio, toy_cues, toy_layout, toy_run


def layouts() -> dict[str, VideoSceneLayout]:
    """The layouts that every backbone must draw."""
    return {
        "one thing": toy_layout(1),
        "no things": toy_layout(0),
        "12 things": toy_layout(12),
        "one key frame": toy_layout(1, keyframes=1),
        "a clip of 0.05 s": toy_layout(1, duration_s=0.05),
        "a clip of 30 s": toy_layout(1, keyframes=16, duration_s=30.0),
    }


def _generate(what: str, layout: VideoSceneLayout, backbone: Any) -> GeneratedVideo:
    with trying(f"on {what}"):
        found = backbone.generate(layout, toy_run())
    return typed(found, GeneratedVideo, f"on {what}")


def _used(subject: Subject) -> Any:
    """The backbone that drew all layouts."""
    return subject.remember("backbone", subject.make)


def _first(subject: Subject, what: str) -> tuple[VideoSceneLayout, GeneratedVideo]:
    """A layout and its video, by the backbone that draws all of them."""
    layout = layouts()[what]
    return layout, subject.remember(f"video {what}", lambda: _generate(what, layout, _used(subject)))


def _layouts(subject: Subject) -> None:
    for what in layouts():
        layout, video = _first(subject, what)
        wanted = len(video.frames) / layout.duration_s
        seen = f"on {what}: fps is {video.fps!r}, {len(video.frames)} frames in {layout.duration_s!r} s make {wanted!r}"
        demand(close(video.fps, wanted), seen)


def _size(subject: Subject) -> None:
    first = _first(subject, "one thing")[1].frames.shape
    for what in layouts():
        shape = _first(subject, what)[1].frames.shape
        demand(shape == first, f"on {what}: {shape}, on one thing: {first}")


def _same(subject: Subject) -> None:
    layout, before = _first(subject, "one thing")
    for who, backbone in (("a used backbone", _used(subject)), ("a new backbone", subject.make())):
        differs = difference(before, _generate("one thing", layout, backbone), "the video")
        demand(differs is None, f"on one thing, from {who}: {differs}")


def _run(subject: Subject) -> None:
    run = toy_run()
    run.audio, run.cues = toy_audio("pass"), toy_cues("pass")
    before = state(run)
    with trying("with run.audio and run.cues set"):
        _used(subject).generate(toy_layout(1), run)
    untouched(run, before)


def _denoising(subject: Subject) -> DenoisingBackbone:
    backbone = _used(subject)
    if not isinstance(backbone, DenoisingBackbone):
        raise Unchecked("it does not offer a denoiser to injectors (see DenoisingBackbone)")
    return backbone


def _sites(subject: Subject) -> None:
    backbone, run = _denoising(subject), toy_run()
    with trying("listing the attention sites"):
        sites, network = backbone.attention_sites(run), backbone.denoiser(run)
    modules = {name for name, _ in network.named_modules()}
    demand(sites, "attention_sites is empty")
    names = [site.name for site in sites]
    demand(len(set(names)) == len(names), "attention_sites repeats a name")
    for site in sites:
        demand(site.name in modules, f"the denoiser has no module {site.name!r}")
        demand(min(*site.resolution, site.channels, site.heads) > 0, f"{site.name!r} has no size: {site}")
        demand((site.text_width is None) == (site.role == "self"), f"{site.name!r}: text_width is {site.text_width}")


def _text(subject: Subject) -> None:
    backbone, run = _denoising(subject), toy_run()
    with trying("encoding texts"):
        found = backbone.encode_text(["a car", "a dog and a piano", ""], run)
    states, pooled = tuple(found.states.shape), tuple(found.pooled.shape)
    demand(len(states) == 3 and states[0] == 3, f"states have shape {states}, expected (3, tokens, width)")
    demand(pooled == (3, states[2]), f"pooled has shape {pooled}, expected (3, {states[2]})")
    widths = {site.text_width for site in backbone.attention_sites(run) if site.role == "cross"}
    demand(widths <= {states[2]}, f"the cross-attention takes widths {widths}, the text has {states[2]}")


def _loop(subject: Subject) -> None:
    backbone = _denoising(subject)
    frames = _first(subject, "one thing")[1].frames
    declared = (backbone.frames, backbone.height, backbone.width)
    demand(frames.shape[:3] == declared, f"frames, height, width say {declared}, the video is {frames.shape[:3]}")
    before, steps = backbone.denoising, []
    hook = backbone.denoiser(toy_run()).register_forward_pre_hook(lambda *_: steps.append(backbone.denoising.step))
    try:
        _generate("one thing", toy_layout(1), backbone)
    finally:
        hook.remove()
    demand(backbone.denoising is before, "denoising is another object after generate")
    now = backbone.denoising
    demand(steps and steps[0] == 0, f"denoising.step is {steps[:1]} at the first evaluation")
    demand(max(steps) == now.steps - 1, f"denoising.step ends at {max(steps)} of denoising.steps = {now.steps}")


def _steer(subject: Subject) -> None:
    backbone = _used(subject)
    if not isinstance(backbone, SteerableBackbone):
        raise Unchecked("it does not let injectors change its latents (see SteerableBackbone)")
    check_steering(backbone, *_first(subject, "one thing"))


def _several(subject: Subject) -> None:
    backbone: Any = having(subject, DrawsSeveral)
    scenes = [layouts()[what] for what in ("one thing", "no things")]
    with trying("on two layouts at once"):
        together = backbone.generate_many(scenes, toy_run())
    demand(len(together) == len(scenes), f"on two layouts at once: {len(together)} videos came back")
    for index, (scene, found) in enumerate(zip(scenes, together, strict=True)):
        video = typed(found, GeneratedVideo, f"on layout {index} of two")
        alone = _generate("one of them alone", scene, backbone)
        demand(close(video.fps, alone.fps), f"layout {index} of two has fps {video.fps!r}, alone {alone.fps!r}")
        demand(like(video.frames, alone.frames), f"layout {index} of two is drawn otherwise than alone")


def _rewords(subject: Subject) -> None:
    backbone, layout = having(subject, Rewords), toy_layout(4)
    with trying("on 4 things"):
        found = backbone.reword(layout, toy_run())
    reworded = typed(found, VideoSceneLayout, "on 4 things")
    differs = difference(_places(layout), _places(reworded), "duration, times, ids and boxes")
    demand(differs is None, f"on 4 things: {differs}")


def _places(layout: VideoSceneLayout) -> list[Any]:
    return [layout.duration_s, [(key.time_s, [(o.id, o.box) for o in key.objects]) for key in layout.keyframes]]


RULES = (
    *COMMON,
    Rule(
        "layouts",
        "generate returns a GeneratedVideo that spans the clip (fps = frames / duration_s) for every layout: with no, "
        "one or many things, one or many key frames, a short or a long clip.",
        "return GeneratedVideo(frames, len(frames) / layout.duration_s); take the scene of each frame from "
        "layout.frames(count)",
        _layouts,
    ),
    Rule(
        "size",
        "The number and size of the frames follow from the options alone, not from the layout.",
        "make them options of the constructor",
        _size,
    ),
    Rule(
        "same",
        "The same layout and seed give the same frames, from a new backbone and from a used one.",
        SEED_MEND,
        _same,
    ),
    Rule("run", RUN_SAYS, RUN_MEND, _run),
    Rule(
        "sites",
        "Where a denoiser is offered: attention_sites lists layers that are in it, each once, with their sizes.",
        "take the names from denoiser.named_modules(); text_width is for cross-attention alone",
        _sites,
    ),
    Rule(
        "text",
        "Where a denoiser is offered: encode_text gives states (P, tokens, width) and pooled (P, width) in the width "
        "that the cross-attention takes.",
        "give the last hidden states, padded to full length, and the state at the end token",
        _text,
    ),
    Rule(
        "loop",
        "Where a denoiser is offered: denoising is one object that counts every evaluation, and frames, height and "
        "width are those of the video.",
        "make Denoising() once in the constructor; set step before each evaluation, steps before the first",
        _loop,
    ),
    Rule(
        "steer",
        "Where latents can be changed: each hook in denoising.before_step is called once before each evaluation, gets "
        "a differentiable predict, and returns what the denoiser sees; find_phrases gives tokens of each frame's text.",
        "call the hooks with what the denoiser would see, and carry the difference over to the sampler's latents",
        _steer,
    ),
    Rule(
        "several",
        "Where several layouts are drawn at once: generate_many returns a video for each, in order, as it is drawn "
        "alone but for rounding.",
        "draw the noise of every video from the run's seed, and let nothing of one reach another",
        _several,
    ),
    Rule(
        "rewords",
        "Where a layout is reworded: reword returns the layout with other texts; duration, times, ids and boxes stay.",
        "use dataclasses.replace on the layout, its key frames and objects, for captions and names alone",
        _rewords,
    ),
)
