"""The `caption_lvd` planner, the baseline AC+LVD: the sound becomes a caption, the layout comes from it alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spa2v.core.errors import ConfigError, PlannerError
from spa2v.core.types import AudioClip, Box, KeyFrame, SceneObject, SpatialCues, VideoSceneLayout
from spa2v.plugins.layout_planners.mllm.answer.schema import AnswerForm, answer_of_layout
from spa2v.plugins.layout_planners.mllm.conversation import Conversation, Turn
from spa2v.plugins.layout_planners.mllm.dialogue import answer_facts
from spa2v.plugins.layout_planners.mllm.gemini_service import GeminiService
from spa2v.plugins.layout_planners.mllm.openai_service import OpenAiService
from spa2v.plugins.layout_planners.mllm.planner import MllmPlanner, is_silent, silent_layout
from spa2v.plugins.layout_planners.mllm.service import EmptyAnswer
from spa2v.plugins.layout_planners.mllm.sound import mixed_part

if TYPE_CHECKING:
    from spa2v.core.runtime import Run
    from spa2v.plugins.layout_planners.mllm.service import Service

SERVICES = ("openai", "gemini")
MAX_CAPTION = 2_000
_EXAMPLES = Path(__file__).with_name("mllm") / "lvd_examples.yaml"


@dataclass(kw_only=True, eq=False)
class CaptionLvd(MllmPlanner):
    """Plans from a caption of the sound, as LLM-grounded video diffusion plans from a caption of the video.

    No spatial cue reaches the second model: what it places is what the words suggest. The examples are fixed texts.

    Args:
        service: "openai" or "gemini".
        model: the text model that plans (paper: GPT-4).
        caption_model: the audio model that writes the caption.
        caption: a given caption; then no caption is asked for.
        base_url, api_key_env: for "openai", see `Gpt4o`.
    """

    model: str = "gpt-6-luna"
    service: str = "openai"
    caption_model: str = "gpt-audio-1.5"
    caption: str | None = None
    base_url: str | None = None
    api_key_env: str = "OPENAI_API_KEY"
    send_audio: bool = False

    def __post_init__(self) -> None:
        if self.service not in SERVICES:
            raise ConfigError(f"service: {self.service!r}", f"expected one of: {', '.join(SERVICES)}")
        super().__post_init__()
        self._captioner = self._make_requests(self.caption_model, self._service(self.caption_model, audio=True))

    def make_service(self) -> Service:
        return self._service(self.model, audio=False)

    def _service(self, model: str, audio: bool) -> Service:
        shared: dict[str, Any] = {
            "model": model,
            "temperature": self.temperature,
            "seed": self.seed,
            "max_output_tokens": self.max_output_tokens,
            "timeout_s": self.timeout_s,
            "answer_mode": self.answer_mode,
        }
        if self.service == "gemini":
            return GeminiService(**shared)
        modalities = ["text"] if audio else None
        return OpenAiService(base_url=self.base_url, api_key_env=self.api_key_env, modalities=modalities, **shared)

    def caption_conversation(self, audio: AudioClip) -> Conversation:
        """The conversation with the model that hears the recording."""
        return Conversation(self._prompts.fill("caption_system"), (Turn("user", (mixed_part(audio),)),))

    def layout_conversation(self, caption: str, duration_s: float) -> Conversation:
        """The conversation with the model that plans."""
        presentation = self._presentation(duration_s)
        turns: list[Turn] = []
        for heard, layout in _examples()[: self.shots]:
            answer = json.dumps(answer_of_layout(layout, presentation.form), ensure_ascii=False)
            turns += [Turn("user", (f"Caption: {heard}",)), Turn("assistant", (answer,))]
        system = presentation.system_text(len(turns), template="caption_lvd_system")
        return Conversation(system, (*turns, Turn("user", (f"Caption: {caption}",))))

    def describe_prompt(self, audio: AudioClip, cues: SpatialCues, run: Run) -> str:
        given = self.caption
        head = (
            "" if given else "##### first: the caption\n" + self.caption_conversation(audio).dump() + "\n##### then\n"
        )
        return head + self.layout_conversation(given or "(the caption)", audio.duration_s).dump()

    def plan(self, audio: AudioClip, cues: SpatialCues, run: Run) -> VideoSceneLayout:
        """Asks for a caption unless one is given, then for the layout.

        Raises:
            PlannerError: a service fails, a bound is reached, or no answer can be used.
            ConfigError: no key is set.
        """
        if is_silent(audio):
            return silent_layout(audio.duration_s, self.keyframes)
        facts: dict[str, Any] = {"caption_model": None if self.caption else self.caption_model}
        caption = self.caption or self._caption(audio, run, facts)
        facts["audio_caption"] = caption
        conversation = self.layout_conversation(caption, audio.duration_s)
        facts["prompt"] = {"prompts": self.prompts, "conversation_sha256": conversation.digest}
        form: AnswerForm = self._presentation(audio.duration_s).form
        return self._answered(self._requests, conversation, form, run, facts)

    def _caption(self, audio: AudioClip, run: Run, facts: dict[str, Any]) -> str:
        try:
            response = self._captioner.send(self.caption_conversation(audio), None, run)
        except EmptyAnswer as error:
            raise PlannerError(f"no caption from {self.caption_model!r}: {error}") from error
        facts["caption_answer"] = answer_facts(response)
        return " ".join(response.reply.text.split())[:MAX_CAPTION]


@cache
def _examples() -> tuple[tuple[str, VideoSceneLayout], ...]:
    """Caption and layout of each fixed example."""
    import yaml

    return tuple((item["caption"], _layout(item)) for item in yaml.safe_load(_EXAMPLES.read_text(encoding="utf-8")))


def _layout(item: dict[str, Any]) -> VideoSceneLayout:
    def frame(time_s: float, end: str) -> KeyFrame:
        objects = tuple(
            SceneObject(f"{each['name']}_{number}", each["name"], Box(*each[end]))
            for number, each in enumerate(item["objects"])
        )
        return KeyFrame(time_s, item["caption"], objects)

    return VideoSceneLayout(1.0, item["caption"], (frame(0.0, "start"), frame(1.0, "end")), item["reasoning"])
