"""Small models that are made once a session, each taught one thing."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import tiny_models
from spa2v import AudioClip, SpatialCues
from spa2v.plugins.layout_planners.mllm import AnswerForm, Conversation, MllmPlanner, Reply, Service
from spa2v.testing import toy_audio, toy_run

from spa2v_openmllm.component import OpenMllm

_KEEP = tempfile.TemporaryDirectory(prefix="spa2v_openmllm_", ignore_cleanup_errors=True)
TAUGHT = Path(_KEEP.name) / "taught"
"""A Qwen2.5-Omni that answers with a dog, whatever it hears."""
PROSE = "I hear a hiss."
HUM = toy_audio("pass")
HISS = AudioClip(np.random.default_rng(0).normal(0.0, 0.2, HUM.samples.shape), HUM.sample_rate)
CUES = SpatialCues(HUM.duration_s)
"""Of every sound in the lessons: nothing was measured, so that the sound alone tells one from another."""
OPTIONS = {"keyframes": 2, "max_output_tokens": 64, "timeout_s": 60.0}


def answer(name: str) -> str:
    """A thing that moves to the right, in the form that is asked for."""
    frames = [
        {
            "frame": number,
            "caption": f"A {name}.",
            "objects": [{"id": 0, "name": name, "box": [left, 400, left + 200, 800]}],
        }
        for number, left in ((1, 100), (2, 500))
    ]
    return json.dumps({"reasoning": "It sounds so.", "caption": f"A {name} moves.", "frames": frames})


def talk(audio: AudioClip, shots: int = 0) -> Conversation:
    """What the planner says to the model first."""
    return OpenMllm(model="none", shots=shots, **OPTIONS).conversation(audio, CUES, toy_run())


@dataclass(kw_only=True, eq=False)
class Listener(MllmPlanner):
    """Writes down what is said to the model, and answers the first time with prose."""

    model: str = "listener"

    def make_service(self) -> Service:
        self.heard: list[Conversation] = []
        return self

    def identity(self, run: object) -> dict[str, str]:
        return {}

    def ask(self, conversation: Conversation, form: AnswerForm | None, run: object, sample: int) -> Reply:
        self.heard.append(conversation)
        return Reply(answer("bell") if len(self.heard) > 1 else PROSE)


def after_prose() -> Conversation:
    """The conversation in which the prose went back to the model with what is wrong with it."""
    listener = Listener(shots=0, box_units="permille", keyframes=2)
    listener.plan(HISS, CUES, toy_run())
    return listener.heard[1]


def taught(kind: str, folder: Path, lessons: list[tuple[Conversation, str]], *, steady: bool = False) -> Path:
    """A model that knows its lessons; a steady one writes its answer as a single token."""
    said = [part for talked, _ in lessons for turn in talked.turns for part in turn.parts if isinstance(part, str)]
    told = [text for _, text in lessons] * (20 if steady else 1)
    tiny_models.make(kind, folder, [lessons[0][0].system, *said, *told])
    assert tiny_models.teach(folder, lessons, rounds=300, steady=steady) < 0.02
    return folder


@pytest.fixture(scope="session", autouse=True)
def _taught() -> None:
    """Makes the model at `TAUGHT`."""
    taught("qwen2_5_omni", TAUGHT, [(talk(HUM), answer("dog"))], steady=True)


@pytest.fixture(scope="session")
def listening(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that names what it hears."""
    lessons = [(talk(HUM, shots=1), answer("dog")), (talk(HISS, shots=1), answer("bell"))]
    return taught("qwen2_5_omni", tmp_path_factory.mktemp("listening"), lessons)


@pytest.fixture(scope="session")
def chatty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that answers in prose first, and properly when that comes back."""
    lessons = [(talk(HISS), PROSE), (after_prose(), answer("bell"))]
    return taught("qwen2_5_omni", tmp_path_factory.mktemp("chatty"), lessons)


@pytest.fixture(scope="session")
def babbling(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that was taught nothing."""
    return tiny_models.make("qwen2_5_omni", tmp_path_factory.mktemp("babbling"), ["abc"])
