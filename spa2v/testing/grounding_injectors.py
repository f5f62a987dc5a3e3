"""The contract of grounding injectors, held on a tiny denoising backbone.

One whose weights come with the package is held on the packaged backbone, since they fit no other.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spa2v.core.errors import ConfigError, ContractError
from spa2v.core.protocols import AttachesSeveral, weights_of
from spa2v.core.runtime import Run
from spa2v.core.types import GeneratedVideo, VideoSceneLayout
from spa2v.testing.backbone import packaged_backbone, toy_backbone
from spa2v.testing.common import COMMON, RUN_MEND, RUN_SAYS, SEED_MEND, having, like, state, untouched
from spa2v.testing.denoiser_state import snapshot
from spa2v.testing.rules import LACKING, Broken, Rule, Subject, demand, trying
from spa2v.testing.same import difference
from spa2v.testing.toys import toy_audio, toy_cues, toy_layout, toy_run

Drawn = dict[str, Any]
TOYWORLD = "spa2v:weights/toyworld/"


def layouts() -> dict[str, VideoSceneLayout]:
    """The layouts that every injector must take."""
    return {
        "one thing": toy_layout(1),
        "no things": toy_layout(0),
        "12 things": toy_layout(12),
        "one key frame": toy_layout(1, keyframes=1),
        "a clip of 0.05 s": toy_layout(1, duration_s=0.05),
    }


def _backbone(subject: Subject) -> Any:
    def make() -> Any:
        packaged = any(need.source.startswith(TOYWORLD) for need in weights_of(subject.make()))
        return packaged_backbone() if packaged else toy_backbone()

    return subject.remember("backbone", make)


def _draw(backbone: Any, layout: VideoSceneLayout) -> Drawn:
    """The frames of a layout, and all that the denoiser computed for them."""
    outputs: list[NDArray[Any]] = []

    def keep(module: Any, inputs: Any, output: Any) -> None:
        first = output[0] if isinstance(output, tuple) else output.sample
        outputs.append(first.detach().numpy().copy())

    hook = backbone.denoiser(toy_run()).register_forward_hook(keep)
    try:
        return {"frames": backbone.generate(layout, toy_run()).frames, "outputs": outputs}
    finally:
        hook.remove()


def _plain(subject: Subject, what: str) -> Drawn:
    """What the backbone draws with nothing attached."""
    backbone = _backbone(subject)
    return subject.remember(f"plain {what}", lambda: _draw(backbone, layouts()[what]))


def _grounded(subject: Subject, what: str, injector: Any = None) -> Drawn:
    backbone, layout = _backbone(subject), layouts()[what]
    with trying(f"on {what}"), (injector or subject.make()).attach(backbone, layout, toy_run()):
        return _draw(backbone, layout)


def _used(subject: Subject) -> Any:
    return subject.remember("injector", subject.make)


def _first(subject: Subject, what: str) -> Drawn:
    """What is drawn of a layout with an injector that draws all of them."""
    return subject.remember(f"drawn {what}", lambda: _grounded(subject, what, _used(subject)))


def _layouts(subject: Subject) -> None:
    for what in layouts():
        finite = all(np.isfinite(output).all() for output in _first(subject, what)["outputs"])
        demand(finite, f"on {what}: the denoiser computes NaN or Inf")
    differs = difference(_plain(subject, "one thing"), _first(subject, "one thing"))
    subject.facts["grounds"] = differs is not None


def _no_objects(subject: Subject) -> None:
    differs = difference(_plain(subject, "no things"), _first(subject, "no things"), "the drawing")
    demand(differs is None, f"on no things: {differs}")


def _as_before(subject: Subject, before: Any, when: str) -> None:
    backbone = _backbone(subject)
    left = snapshot(backbone.denoiser(toy_run())).changes(before)
    demand(not left, f"{when}: {left}")
    demand(not backbone.denoising.before_step, f"{when}: denoising.before_step still holds a hook")


def _reversible(subject: Subject) -> None:
    backbone = _backbone(subject)
    for what in ("one thing", "12 things"):
        plain, before = _plain(subject, what), snapshot(backbone.denoiser(toy_run()))
        with trying(f"on {what}"):
            context = _used(subject).attach(backbone, layouts()[what], toy_run())
        _as_before(subject, before, f"on {what}, after attach() and before `with`")
        with trying(f"on {what}"), context:
            _draw(backbone, layouts()[what])
        _as_before(subject, before, f"on {what}, after `with`")
        differs = difference(plain, _draw(backbone, layouts()[what]), "the drawing")
        demand(differs is None, f"on {what}, before and after: {differs}")


class _Interrupted(Exception):
    pass


def _after_error(subject: Subject) -> None:
    backbone, layout = _backbone(subject), layouts()["one thing"]
    plain, before = _plain(subject, "one thing"), snapshot(backbone.denoiser(toy_run()))
    try:
        with subject.make().attach(backbone, layout, toy_run()):
            raise _Interrupted
    except _Interrupted:
        pass
    except LACKING:
        raise
    except Exception as error:
        raise Broken(f"an error inside `with` came out as {type(error).__name__}: {error}") from error
    else:
        raise Broken("an error inside `with` was swallowed")
    _as_before(subject, before, "after an error inside `with`")
    differs = difference(plain, _draw(backbone, layout), "the drawing")
    demand(differs is None, f"before and after an error inside `with`: {differs}")


def _same(subject: Subject) -> None:
    before = _first(subject, "one thing")
    for who, injector in (("a used injector", _used(subject)), ("a new injector", subject.make())):
        differs = difference(before, _grounded(subject, "one thing", injector), "the drawing")
        demand(differs is None, f"on one thing, with {who}: {differs}")


class _Still:
    """A backbone that offers no denoiser."""

    def generate(self, layout: VideoSceneLayout, run: Run) -> GeneratedVideo:
        return GeneratedVideo(np.zeros((2, 8, 8, 3), np.uint8), 2 / layout.duration_s)


def _no_denoiser(subject: Subject) -> None:
    layout = toy_layout(1)
    try:
        with subject.make().attach(_Still(), layout, toy_run()):
            pass
    except (ContractError, ConfigError):
        return
    except LACKING:
        raise
    except Exception as error:
        raise Broken(f"on a backbone without a denoiser: raised {type(error).__name__}: {error}") from error


def _run(subject: Subject) -> None:
    run = toy_run()
    run.audio, run.cues = toy_audio("pass"), toy_cues("pass")
    before = state(run)
    with trying("with run.audio and run.cues set"), subject.make().attach(_backbone(subject), toy_layout(1), run):
        pass
    untouched(run, before)


def _several(subject: Subject) -> None:
    injector: Any = having(subject, AttachesSeveral)
    backbone, names = _backbone(subject), ("one thing", "no things", "12 things")
    scenes = [layouts()[what] for what in names]
    before = snapshot(backbone.denoiser(toy_run()))
    with trying("on three layouts at once"), injector.attach_many(backbone, scenes, toy_run()):
        together = backbone.generate_many(scenes, toy_run())
    _as_before(subject, before, "on three layouts at once, after `with`")
    for index, (what, video) in enumerate(zip(names, together, strict=True)):
        same = like(video.frames, _first(subject, what)["frames"])
        demand(same, f"layout {index} of three is drawn otherwise than alone")


RULES = (
    *COMMON,
    Rule(
        "layouts",
        "attach takes every layout: with no, one or many things, one or many key frames; the denoiser stays finite.",
        "leave out things beyond what the modules can hold, and say so with run.notice",
        _layouts,
    ),
    Rule(
        "no_objects",
        "A layout without objects is drawn bit for bit as without the injector.",
        "attach nothing when layout.names is empty",
        _no_objects,
    ),
    Rule(
        "reversible",
        "attach changes nothing before `with`, and after `with` the denoiser has the same modules, processors, hooks "
        "(denoising.before_step too) and weights and computes bit for bit what it did before.",
        "keep what you replace and put the same objects back in `finally`; remove every hook",
        _reversible,
    ),
    Rule(
        "after_error",
        "An error inside `with` comes out as it is, and the denoiser is as before.",
        "write the context with contextlib.contextmanager and put `yield` into try / finally",
        _after_error,
    ),
    Rule(
        "same",
        "The same layout and seed give the same drawing, with a new injector and with a used one.",
        SEED_MEND,
        _same,
    ),
    Rule(
        "no_denoiser",
        "A backbone without a denoiser is taken, or refused with a ContractError or ConfigError.",
        "check isinstance(backbone, DenoisingBackbone) and raise spa2v.ContractError naming the backbone",
        _no_denoiser,
    ),
    Rule("run", RUN_SAYS, RUN_MEND, _run),
    Rule(
        "several",
        "Where several layouts are grounded at once: with attach_many, each video is drawn as with attach alone but "
        "for rounding, and afterwards the denoiser is as before.",
        "the batch is video-major: give each of its videos the boxes and phrases of its layout",
        _several,
    ),
)
