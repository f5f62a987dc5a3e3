"""How a recording is put to a model (`spatial_input`), and the whole conversation made of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from spa2v.core.errors import ConfigError
from spa2v.core.types import AudioClip, SpatialCues, VideoSceneLayout
from spa2v.plugins.layout_planners.mllm.answer.schema import AnswerForm, answer_of_layout
from spa2v.plugins.layout_planners.mllm.conversation import Conversation, Part, Turn
from spa2v.plugins.layout_planners.mllm.cue_table import cue_table
from spa2v.plugins.layout_planners.mllm.prompts import Prompts
from spa2v.plugins.layout_planners.mllm.sound import channel_parts, mixed_part, stereo_part

SPATIAL_INPUTS = ("raw", "cues_text", "split_channels", "cues+split")
ANSWER_MODES = ("text", "schema", "tool")


@dataclass(frozen=True)
class Shot:
    """An in-context example: a recording, what was measured in it, and its right layout."""

    id: str
    audio: AudioClip
    cues: SpatialCues
    layout: VideoSceneLayout


@dataclass(frozen=True)
class Presentation:
    """How recordings are shown and what is asked; examples are shown in the same way as the query.

    Args:
        prompts: the texts.
        form: what an answer looks like.
        spatial_input: "raw", "cues_text", "split_channels" or "cues+split".
        send_audio: whether sounds are sent at all; without them only "cues_text" is left.
        answer_mode: what carries the answer: "text", "schema" or "tool".
    """

    prompts: Prompts
    form: AnswerForm
    spatial_input: str = "cues_text"
    send_audio: bool = True
    answer_mode: str = "text"

    def __post_init__(self) -> None:
        if self.spatial_input not in SPATIAL_INPUTS:
            raise ConfigError(f"spatial_input: {self.spatial_input!r}", f"expected one of: {', '.join(SPATIAL_INPUTS)}")
        if not self.send_audio and self.spatial_input != "cues_text":
            raise ConfigError(
                f"spatial_input: {self.spatial_input!r} needs sound, and send_audio is false",
                "a model that hears nothing works with spatial_input=cues_text",
            )

    def conversation(self, audio: AudioClip, cues: SpatialCues, shots: Sequence[Shot]) -> Conversation:
        """System text, each shot as a turn of the user and one of the assistant, then the query."""
        turns: list[Turn] = []
        for shot in shots:
            answer = json.dumps(answer_of_layout(shot.layout, self.form), ensure_ascii=False)
            turns += [Turn("user", self.recording(shot.audio, shot.cues)), Turn("assistant", (answer,))]
        turns.append(Turn("user", self.recording(audio, cues)))
        return Conversation(self.system_text(len(shots)), tuple(turns))

    def recording(self, audio: AudioClip, cues: SpatialCues) -> tuple[Part, ...]:
        """The parts of the turn that puts a recording."""
        table = cue_table(cues, self.form.keyframes)
        if not self.send_audio:
            return (table,)
        if self.spatial_input == "raw":
            return (stereo_part(audio),)
        if self.spatial_input == "cues_text":
            return (mixed_part(audio), table)
        left, right = channel_parts(audio)
        split: tuple[Part, ...] = ("Left channel:", left, "Right channel:", right)
        return split if self.spatial_input == "split_channels" else (*split, table)

    def system_text(self, shots: int, template: str = "system") -> str:
        """The system text; `template` names its file."""
        form, fill = self.form, self.prompts.fill
        return fill(
            template,
            hearing=fill("hearing_" + (self.spatial_input.replace("+", "_") if self.send_audio else "cues_only")),
            reasoning=fill("reasoning_on" if form.reasoning else "reasoning_off"),
            answer=self._answer_text(),
            examples="\n" + fill("examples") if shots else "",
            units=fill(f"units_{form.box_units}"),
            keyframes=form.keyframes,
            max_objects=form.max_objects,
            width=form.width,
            height=form.height,
        )

    def _answer_text(self) -> str:
        if self.answer_mode not in ANSWER_MODES:
            raise ConfigError(f"answer_mode: {self.answer_mode!r}", f"expected one of: {', '.join(ANSWER_MODES)}")
        key = '"reasoning": "...", ' if self.form.reasoning else ""
        return self.prompts.fill(f"answer_{self.answer_mode}", reasoning_key=key)
