"""The part of an MLLM planner that does not depend on the service: options, conversation, answers, the record."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from spa2v.core.errors import ConfigError
from spa2v.core.runtime import Run
from spa2v.core.types import AudioClip, KeyFrame, SpatialCues, VideoSceneLayout, keyframe_times
from spa2v.plugins.layout_planners.mllm.answer.schema import AnswerForm
from spa2v.plugins.layout_planners.mllm.budget import Budget
from spa2v.plugins.layout_planners.mllm.cache import AnswerCache
from spa2v.plugins.layout_planners.mllm.conversation import Conversation
from spa2v.plugins.layout_planners.mllm.dialogue import Dialogue
from spa2v.plugins.layout_planners.mllm.examples.selection import ExampleSelector
from spa2v.plugins.layout_planners.mllm.medoid import medoid
from spa2v.plugins.layout_planners.mllm.presentation import Presentation, Shot
from spa2v.plugins.layout_planners.mllm.prompts import Prompts
from spa2v.plugins.layout_planners.mllm.requests import Requests, RetryPolicy
from spa2v.plugins.layout_planners.mllm.service import Service, Usage
from spa2v.plugins.layout_planners.mllm.windows import cut_audio, cut_cues, joined, keyframes_each, spans

SILENT_PEAK = 1e-4
MAX_SHOTS = 32
MIN_WINDOW_S = 1.0


@dataclass(kw_only=True, eq=False)
class MllmPlanner(ABC):
    """What all planners that ask a multimodal language model have in common.

    Args:
        model: name of the model, as the service knows it.
        spatial_reasoning: the model reasons in words before it plans (paper: SR).
        shots: in-context examples, 0 to 32 (paper: IL, three).
        selection: of the examples: "knn", "random" or "fixed".
        examples: folder of an example index (`spa2v bench index`) or of a data set in the benchmark format; None for
            the small set that comes with spa2v.
        fixed_examples: ids, for selection=fixed; the first ones of the set where empty.
        spatial_input: "raw" (the recording itself, as in the paper), "cues_text" (mixed sound and measured cues),
            "split_channels" (left and right apart), "cues+split".
        send_audio: false for a model that only reads; needs spatial_input=cues_text.
        temperature: sent only when set; newer models refuse it.
        seed: of the service's sampling; sent only when set.
        keyframes: frames that the model plans, 1 to 128; of a long recording, in each window.
        window_s: longer recordings are planned in windows of this many seconds that overlap by a quarter; None for
            one conversation whatever the length.
        box_units: in which boxes are asked for: "fraction", "permille" or "pixels" of `frame_size`.
        frame_size: width and height of the picture, as given to the model.
        max_objects: things in a layout, at most.
        answer_mode: "text", "schema" or "tool": what carries the answer.
        samples: answers to ask for; of several, the one most like the others is taken.
        repairs: how often an answer that cannot be repaired goes back to the model.
        prompts: version of the prompt texts, or a folder with own ones.
        max_output_tokens: sent only when set.
        timeout_s: of one request.
        attempts, first_wait_s, longest_wait_s, patience_s: see `RetryPolicy`.
        max_requests, max_tokens, max_cost_usd, price: see `Budget`; over all clips of a process.
        at_once: requests under way at the same time, at most.
        cache, cache_dir: see `AnswerCache`.
        save_prompt: keep the conversation as prompt.txt in the run folder.
    """

    model: str
    spatial_reasoning: bool = True
    shots: int = 3
    selection: str = "knn"
    examples: str | None = None
    fixed_examples: list[str] = field(default_factory=list)
    spatial_input: str = "cues_text"
    send_audio: bool = True
    temperature: float | None = None
    seed: int | None = None
    keyframes: int = 16
    window_s: float | None = 30.0
    box_units: str = "fraction"
    frame_size: list[int] = field(default_factory=lambda: [512, 320])
    max_objects: int = 8
    answer_mode: str = "text"
    samples: int = 1
    repairs: int = 2
    prompts: str = "v1"
    max_output_tokens: int | None = None
    timeout_s: float = 90.0
    attempts: int = 8
    first_wait_s: float = 0.5
    longest_wait_s: float = 60.0
    patience_s: float = 300.0
    max_requests: int | None = None
    max_tokens: int | None = None
    max_cost_usd: float | None = None
    price: Mapping[str, float] | None = None
    at_once: int = 4
    cache: str = "off"
    cache_dir: str | None = None
    save_prompt: bool = False

    def __post_init__(self) -> None:
        for name, low, high in (("shots", 0, MAX_SHOTS), ("samples", 1, 32), ("repairs", 0, 10), ("at_once", 1, 64)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise ConfigError(f"{name}: {value!r}", f"expected a whole number from {low} to {high}")
        if not self.timeout_s > 0:
            raise ConfigError(f"timeout_s: {self.timeout_s!r}", "expected seconds, more than 0")
        window_s = math.inf if self.window_s is None else self.window_s
        if isinstance(window_s, bool) or not isinstance(window_s, (int, float)) or not window_s >= MIN_WINDOW_S:
            raise ConfigError(f"window_s: {window_s!r}", f"expected seconds, {MIN_WINDOW_S:g} or more, or null")
        if len(self.frame_size) != 2:
            raise ConfigError(f"frame_size: {self.frame_size!r}", "expected [width, height]")
        self._presentation(1.0).system_text(self.shots)  # reads and fills every prompt text once
        self._requests = self._make_requests(self.model, self.make_service())
        self._selector = ExampleSelector(self.selection, self.examples, tuple(self.fixed_examples))

    @abstractmethod
    def make_service(self) -> Service:
        """The client of the planner's service; nothing is loaded or connected yet."""

    def keys(self) -> tuple[str, ...]:
        """The variables of which one must hold a key; from the service's `key_names()`; none where it needs none."""
        names: tuple[str, ...] = getattr(self._requests.service, "key_names", tuple)()
        return names

    def _make_requests(self, model: str, service: Service) -> Requests:
        retries = RetryPolicy(self.attempts, self.first_wait_s, self.longest_wait_s, self.patience_s)
        budget = Budget(model, self.max_requests, self.max_tokens, self.max_cost_usd, self.price)
        return Requests(service, retries, budget, AnswerCache(self.cache, self.cache_dir), self.at_once)

    @cached_property
    def _prompts(self) -> Prompts:
        return Prompts(self.prompts)

    def _presentation(self, duration_s: float, keyframes: int | None = None) -> Presentation:
        width, height = self.frame_size
        keyframes = self.keyframes if keyframes is None else keyframes
        form = AnswerForm(
            duration_s, keyframes, self.spatial_reasoning, self.box_units, width, height, self.max_objects
        )
        return Presentation(self._prompts, form, self.spatial_input, self.send_audio, self.answer_mode)

    def shots_for(self, audio: AudioClip, cues: SpatialCues, run: Run) -> tuple[Shot, ...]:
        """The in-context examples for a recording, the most fitting one last, right before the query."""
        return self._selector.select(audio, cues, self.shots, run) if self.shots else ()

    def conversation(self, audio: AudioClip, cues: SpatialCues, run: Run) -> Conversation:
        """Everything that is said to the model first; nothing is sent."""
        return self._asked(audio, cues, self.keyframes, run)[1]

    def describe_prompt(self, audio: AudioClip, cues: SpatialCues, run: Run) -> str:
        """The conversation for a person to read, of each window; nothing is sent and no key is needed."""
        windows = self._windows(audio, cues)
        keyframes = keyframes_each(self.keyframes, len(windows))
        return "\n".join(self._asked(part, cut, keyframes, run)[1].dump() for part, cut in windows)

    def _windows(self, audio: AudioClip, cues: SpatialCues) -> list[tuple[AudioClip, SpatialCues]]:
        """The parts to plan; a recording that needs no windows is returned as it is."""
        times = spans(audio.duration_s, self.window_s)
        if len(times) == 1:
            return [(audio, cues)]
        return [(cut_audio(audio, *span), cut_cues(cues, *span)) for span in times]

    def _asked(
        self, audio: AudioClip, cues: SpatialCues, keyframes: int, run: Run
    ) -> tuple[AnswerForm, Conversation, tuple[Shot, ...]]:
        presentation = self._presentation(audio.duration_s, keyframes)
        shots = self.shots_for(audio, cues, run)
        return presentation.form, presentation.conversation(audio, cues, shots), shots

    def plan(self, audio: AudioClip, cues: SpatialCues, run: Run) -> VideoSceneLayout:
        """Asks the model for the layout of a recording. Silence is planned without asking.

        Raises:
            PlannerError: the service fails, a bound is reached, or no answer can be used.
            ConfigError: no key is set, the examples cannot be read, or the recording has more windows than a layout
                has key frames.
        """
        if is_silent(audio):
            return silent_layout(audio.duration_s, self.keyframes)
        windows = self._windows(audio, cues)
        keyframes = keyframes_each(self.keyframes, len(windows))
        if len(windows) == 1:
            return self._plan_window(audio, cues, keyframes, run, "prompt.txt")
        times = spans(audio.duration_s, self.window_s)
        layouts: list[VideoSceneLayout] = []
        facts: list[dict[str, Any]] = []
        try:
            for number, ((part, cut), span) in enumerate(zip(windows, times, strict=True), start=1):
                if is_silent(part):
                    layouts.append(_silent_window(part.duration_s, keyframes, span))
                    continue
                run.record.pop("planner", None)
                try:
                    layouts.append(self._plan_window(part, cut, keyframes, run, f"prompt_{number}.txt"))
                finally:
                    facts += [{"span_s": list(span), **run.record["planner"]}] if "planner" in run.record else []
        finally:  # also where a later window fails: the earlier ones were paid for
            costs = [cost for fact in facts if (cost := fact.get("clip_cost_usd_estimated")) is not None]
            total = round(sum(costs), 6) if costs else None
            run.record["planner"] = {"windows": facts, "clip_cost_usd_estimated": total}
        return joined(layouts, times)

    def _plan_window(
        self, audio: AudioClip, cues: SpatialCues, keyframes: int, run: Run, prompt_name: str
    ) -> VideoSceneLayout:
        form, conversation, shots = self._asked(audio, cues, keyframes, run)
        if self.save_prompt and run.folder is not None:
            (run.folder / prompt_name).write_text(conversation.dump(), encoding="utf-8")
        facts = {"prompt": self._prompt_facts(conversation, shots)}
        return self._answered(self._requests, conversation, form, run, facts)

    def _answered(
        self, requests: Requests, conversation: Conversation, form: AnswerForm, run: Run, facts: dict[str, Any]
    ) -> VideoSceneLayout:
        """The layout from one answer, or the medoid of several; the run's record holds how it came about."""
        dialogue = Dialogue(requests, self._prompts, form, self.repairs, self.model)
        facts |= {"model_asked": self.model, "answers": dialogue.responses}
        run.record["planner"] = facts
        layouts: list[VideoSceneLayout] = []
        try:
            with run.progress(f"asking {self.model}", total=self.samples) as done:
                for sample in range(self.samples):
                    layouts.append(dialogue.layout(conversation, run, sample))
                    done(1)
        finally:
            budget = requests.budget
            cost = round(budget.cost_usd, 6) if budget.price else None
            facts["budget"] = {"requests": budget.requests, "tokens": budget.tokens, "cost_usd_estimated": cost}
            facts["clip_cost_usd_estimated"] = _cost(dialogue.responses, budget)
        chosen = medoid(layouts)
        facts["chosen_sample"] = chosen
        return layouts[chosen]

    def _prompt_facts(self, conversation: Conversation, shots: tuple[Shot, ...]) -> dict[str, Any]:
        return {
            "prompts": self.prompts,
            "prompts_sha256": self._prompts.digest,
            "conversation_sha256": conversation.digest,
            "spatial_input": self.spatial_input,
            "spatial_reasoning": self.spatial_reasoning,
            "examples": [shot.id for shot in shots],
            "selection": self.selection if shots else None,
        }


def _cost(responses: list[dict[str, Any]], budget: Budget) -> float | None:
    """Of the answers to one recording that were paid for now, in US dollars; None where no price is known."""
    used = [answer["usage"] for answer in responses if answer.get("usage") and not answer.get("kept_from_before")]
    return round(sum(budget.cost(Usage(**usage)) for usage in used), 6) if budget.price else None


def is_silent(audio: AudioClip) -> bool:
    """Whether no sample reaches -80 dBFS."""
    return float(np.abs(audio.samples).max()) < SILENT_PEAK


def silent_layout(duration_s: float, keyframes: int) -> VideoSceneLayout:
    """A layout without objects that says why."""
    frames = tuple(KeyFrame(float(time)) for time in keyframe_times(duration_s, keyframes))
    note = "The recording is silent: nothing is planned."
    return VideoSceneLayout(duration_s, "An empty scene.", frames, note, notes=(note,))


def _silent_window(duration_s: float, keyframes: int, span: tuple[float, float]) -> VideoSceneLayout:
    """A part without objects; it adds nothing to the caption of a recording that sounds elsewhere."""
    note = f"{span[0]:.1f} to {span[1]:.1f} s are silent: nothing is planned there."
    return replace(silent_layout(duration_s, keyframes), caption="", reasoning="Silence.", notes=(note,))
