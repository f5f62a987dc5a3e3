"""The contract of layout planners."""

from __future__ import annotations

from typing import Any

from spa2v.core.errors import Spa2vError
from spa2v.core.protocols import DescribesPrompt
from spa2v.core.runtime import Run
from spa2v.core.types import AudioClip, SpatialCues, VideoSceneLayout
from spa2v.testing.common import COMMON, RUN_MEND, RUN_SAYS, SEED_MEND, close, having, state, untouched
from spa2v.testing.rules import Broken, Rule, Subject, demand, trying, typed
from spa2v.testing.same import difference
from spa2v.testing.toys import toy_audio, toy_cues, toy_run

SIDEWAYS = ("left", "right", "left_to_right", "right_to_left")
Input = tuple[AudioClip, SpatialCues]


def inputs() -> dict[str, Input]:
    """The clips, each with its cues, that every planner must take."""
    made = {kind: (toy_audio(kind), toy_cues(kind)) for kind in ("pass", "left", "right", "mono", "silence")}
    short, long = toy_audio("pass", 0.05), toy_audio("pass", 30.0, 8_000)
    made["pass of 0.05 s"] = (short, toy_cues(short))
    made["pass of 30 s at 8 kHz"] = (long, toy_cues(long))
    made["pass with 12 sources"] = (toy_audio("pass"), toy_cues("pass", sources=12))
    return made


def _run_of(audio: AudioClip, cues: SpatialCues) -> Run:
    run = toy_run()
    run.audio, run.cues = audio, cues
    return run


def _plan(subject: Subject, what: str, given: Input, planner: Any = None) -> VideoSceneLayout:
    with trying(f"on {what}"):
        found = (planner or subject.make()).plan(*given, _run_of(*given))
    return typed(found, VideoSceneLayout, f"on {what}")


def _all(subject: Subject) -> dict[str, tuple[Input, VideoSceneLayout]]:
    """Every input and its layout, by one and the same planner."""

    def plan() -> dict[str, tuple[Input, VideoSceneLayout]]:
        planner = subject.make()
        return {what: (given, _plan(subject, what, given, planner)) for what, given in inputs().items()}

    return subject.remember("layouts", plan)


def _clips(subject: Subject) -> None:
    for what, ((audio, _), layout) in _all(subject).items():
        seen = f"on {what}: duration_s is {layout.duration_s!r}, the clip lasts {audio.duration_s!r}"
        demand(close(layout.duration_s, audio.duration_s), seen)


def _caption(subject: Subject) -> None:
    for what, (_, layout) in _all(subject).items():
        demand(layout.caption.strip(), f"on {what}: the caption is empty")


def _silence(subject: Subject) -> None:
    layout = _all(subject)["silence"][1]
    demand(not layout.names, f"on silence: there stands {', '.join(layout.names.values())}")
    demand(layout.notes, "on silence: layout.notes is empty")


def _mono(subject: Subject) -> None:
    layout = _all(subject)["mono"][1]
    claims = {key: value for key, value in layout.attributes.items() if value in SIDEWAYS}
    demand(not claims, f"on mono: layout.attributes claims {claims}")


def _bare(subject: Subject) -> None:
    audio = toy_audio("pass")
    try:
        found = subject.make().plan(audio, SpatialCues(audio.duration_s), _run_of(audio, SpatialCues(audio.duration_s)))
    except Spa2vError:
        return
    except Exception as error:
        raise Broken(f"on cues without tracks: raised {type(error).__name__}: {error}") from error
    typed(found, VideoSceneLayout, "on cues without tracks")


def _file(subject: Subject) -> None:
    for what, (_, layout) in _all(subject).items():
        differs = difference(layout, VideoSceneLayout.loads(layout.dumps()), "the layout")
        demand(differs is None, f"on {what}: {differs}, when written and read again")


def _same(subject: Subject) -> None:
    found = _all(subject)
    used = subject.make()
    for what in ("pass", "silence", "pass"):
        given, before = found[what]
        differs = difference(before, _plan(subject, what, given, used), "the layout")
        demand(differs is None, f"on {what}, again: {differs}")


def _run(subject: Subject) -> None:
    audio, cues = toy_audio("pass"), toy_cues("pass")
    run = _run_of(audio, cues)
    before = state(run)
    with trying("on pass"):
        subject.make().plan(audio, cues, run)
    untouched(run, before)


def _prompt(subject: Subject) -> None:
    planner, given = having(subject, DescribesPrompt), inputs()["pass"]
    with trying("describing the prompt"):
        found = planner.describe_prompt(*given, _run_of(*given))
    demand(typed(found, str, "describe_prompt").strip(), "describe_prompt returns an empty text")


RULES = (
    *COMMON,
    Rule(
        "clips",
        "plan returns the VideoSceneLayout of the whole clip for every clip of 0.05 s or more, of one or two "
        "channels, with no, one or many sources in the cues.",
        "return VideoSceneLayout(audio.duration_s, ...); take key frame times from spa2v.keyframe_times",
        _clips,
    ),
    Rule(
        "caption",
        "The caption of the video is not empty, for silence too.",
        "describe the scene in a sentence; for silence an empty place will do",
        _caption,
    ),
    Rule(
        "silence",
        "Silence gives a layout without objects whose notes say so.",
        'return early when the clip is silent: no objects, notes=("The recording is silent.",)',
        _silence,
    ),
    Rule(
        "mono",
        "Identical channels give no claim of a side: no attribute says left, right, or a way between them.",
        "look at cues.measures['lateral_evidence']; it is 0 when nobody can tell",
        _mono,
    ),
    Rule(
        "bare_cues",
        "Cues without any track give a layout, or a Spa2vError that says which cue extractor is missing.",
        "use cues.tracks.get(name), and raise spa2v.PlannerError naming the extractor where a track is needed",
        _bare,
    ),
    Rule(
        "file",
        "The layout is the same after it was written to a file and read again.",
        "give plain Python numbers and text; convert numpy values with float()",
        _file,
    ),
    Rule(
        "same",
        "The same clip, cues and seed give the same layout, from a new planner and from a used one.",
        SEED_MEND,
        _same,
    ),
    Rule("run", RUN_SAYS, RUN_MEND, _run),
    Rule(
        "prompt",
        "Where a prompt is sent to a model: describe_prompt returns it as text, without a key and without sending it.",
        "build the prompt in one method, and call it from plan and from describe_prompt",
        _prompt,
    ),
)
