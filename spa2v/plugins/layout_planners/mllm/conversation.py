"""What is said to a model: a system text and turns of texts and sounds, the same for every service."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Any

from spa2v.plugins.layout_planners.mllm.sound import SoundPart

Part = str | SoundPart


@dataclass(frozen=True)
class Turn:
    """One turn. `role` is "user" or "assistant"."""

    role: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Conversation:
    """A system text and turns that alternate, the last one the user's."""

    system: str
    turns: tuple[Turn, ...]

    def followed_by(self, answer: str, request: str) -> Conversation:
        """The conversation with the model's answer and a further request of the user."""
        return replace(self, turns=(*self.turns, Turn("assistant", (answer,)), Turn("user", (request,))))

    @property
    def sounds(self) -> list[SoundPart]:
        return [part for turn in self.turns for part in turn.parts if isinstance(part, SoundPart)]

    @property
    def characters(self) -> int:
        """Of all texts."""
        texts = [part for turn in self.turns for part in turn.parts if isinstance(part, str)]
        return len(self.system) + sum(map(len, texts))

    @property
    def digest(self) -> str:
        """SHA-256 over everything that is said, sounds by their content."""
        data: list[Any] = [self.system]
        data += [[turn.role, *(_identity(part) for part in turn.parts)] for turn in self.turns]
        return hashlib.sha256(json.dumps(data, ensure_ascii=True).encode()).hexdigest()

    def dump(self) -> str:
        """The conversation for a person: every text in full, each sound in one line."""
        lines = ["=== system ===", self.system]
        for turn in self.turns:
            lines += ["", f"=== {turn.role} ===", *(_shown(part) for part in turn.parts)]
        return "\n".join(lines) + "\n"


def _identity(part: Part) -> list[str]:
    return ["text", part] if isinstance(part, str) else ["sound", part.digest]


def _shown(part: Part) -> str:
    if isinstance(part, str):
        return part
    channels = "stereo" if part.channels == 2 else "mono"
    size = f"{part.duration_s:.2f} s, {part.sample_rate} Hz, {channels}, 16-bit WAV, {len(part.wav)} bytes"
    return f"[sound: {part.label}; {size}; sha256 {part.digest[:12]}]"
