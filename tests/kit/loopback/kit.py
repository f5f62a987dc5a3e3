"""What the tests of the MLLM planners share: a recording with cues, planners of both services, a planted key."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from spa2v import AudioClip, Run, SpatialCues, Tag, Track
from spa2v.plugins.layout_planners.gemini import Gemini
from spa2v.plugins.layout_planners.gpt4o import Gpt4o
from spa2v.plugins.layout_planners.mllm.planner import MllmPlanner
from tests.kit.loopback.server import Act, Loopback
from tests.kit.loopback.wire import gemini_answer, openai_answer
from tests.kit.mllm_answers import make_answer

PLANTED = {"gemini": "AIza-planted-gemini-key-0001", "openai": "sk-planted-openai-key-0002"}
SERVICES = ("gemini", "openai")
RATE = 16_000


def recording(seed: int = 0, seconds: float = 1.0, source: str = "clip.wav") -> AudioClip:
    """Noise that moves from the left to the right."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(0.0, 0.1, int(RATE * seconds))
    pan = np.linspace(0.2, 0.8, len(noise))
    return AudioClip(np.stack([noise * (1 - pan), noise * pan]), RATE, source)


def cues(seconds: float = 1.0) -> SpatialCues:
    """Cues as the extractors would measure them in `recording`."""
    times = np.linspace(0.0, seconds, 25)
    tracks = {
        "level": Track(times, np.full(25, -25.0), "dBFS"),
        "level_difference": Track(times, np.linspace(-12, 12, 25), "dB", np.full(25, 0.9)),
        "azimuth": Track(times, np.linspace(-50, 50, 25), "deg", np.full(25, 0.8)),
    }
    return SpatialCues(seconds, tracks, {"lateral_evidence": 0.9}, tags=(Tag("engine", 0.7, "hum"),))


def use_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GOOGLE_API_KEY", "GOOGLE_GENAI_API_VERSION", "GOOGLE_GENAI_USE_VERTEXAI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GEMINI_API_KEY", PLANTED["gemini"])
    monkeypatch.setenv("OPENAI_API_KEY", PLANTED["openai"])


def aim(monkeypatch: pytest.MonkeyPatch, server: Loopback) -> None:
    """Leads both clients to a server, as any user's proxy would be set."""
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", server.url)
    monkeypatch.setenv("OPENAI_BASE_URL", server.url + "/v1")


def planner(service: str, **options: Any) -> MllmPlanner:
    """A planner that waits little between tries."""
    options = {"first_wait_s": 0.01, "shots": 0, "timeout_s": 20.0, **options}
    return Gemini(**options) if service == "gemini" else Gpt4o(**options)


def good_text(seed: int = 0) -> str:
    return json.dumps(make_answer(np.random.default_rng(seed), 1))


def answer(service: str, text: str | None = None, **options: Any) -> Act:
    """A good answer in the service's own form."""
    text = good_text() if text is None else text
    return gemini_answer(text, **options) if service == "gemini" else openai_answer(text, **options)


def quiet_run(**options: Any) -> Run:
    return Run(quiet=True, **options)
