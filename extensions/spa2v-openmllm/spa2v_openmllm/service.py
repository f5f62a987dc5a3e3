"""A model in this process as a service: a conversation through its chat template, generation, the answer's text."""

from __future__ import annotations

import io
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from spa2v import ConfigError, Run, locate
from spa2v.plugins.layout_planners.mllm import AnswerForm, Conversation, EmptyAnswer, Reply, SoundPart, Usage

from spa2v_openmllm.sources import need

if TYPE_CHECKING:
    from spa2v_openmllm.loading import Loaded


@dataclass(eq=False)
class LocalService:
    """One model; the arguments are those of the `openmllm` planner. Answers one question at a time."""

    model: str
    temperature: float | None
    seed: int | None
    max_output_tokens: int
    timeout_s: float
    offload: str = "none"
    _loaded: tuple[object, Loaded] | None = field(default=None, init=False, repr=False)
    _lock: Any = field(default_factory=threading.RLock, init=False, repr=False)

    def identity(self, run: Run) -> dict[str, Any]:
        sampling = {} if self.temperature is None else {"temperature": self.temperature, "seed": self._seed(run, 0)}
        fixed = {"service": "openmllm", "model": self.model, "dtype": str(run.dtype)}
        return {**fixed, "max_output_tokens": self.max_output_tokens, **sampling}

    def loaded(self, run: Run) -> Loaded:
        """The model, loaded on first use and again when the device or dtype changes.

        Raises:
            WeightsError, ConfigError: see `load`; memory ran out.
        """
        from spa2v_openmllm.loading import load
        from spa2v_openmllm.memory import explained

        wanted = (run.device, run.dtype)
        with self._lock, explained(self.model, self.offload, run):
            if self._loaded is None or self._loaded[0] != wanted:
                self._loaded = None  # two of them may not fit
                self._loaded = (wanted, load(locate(need(self.model)), run, self.offload))
            return self._loaded[1]

    def ask(self, conversation: Conversation, form: AnswerForm | None, run: Run, sample: int) -> Reply:
        """Generates one answer.

        Raises:
            EmptyAnswer: the model ended at once.
            WeightsError: it cannot be loaded.
            ConfigError: the conversation is too long, or memory ran out.
        """
        from spa2v_openmllm.memory import explained

        with self._lock, explained(self.model, self.offload, run):
            loaded = self.loaded(run)
            inputs = self.inputs(loaded, conversation, run)
            tokens = self.generate(loaded, inputs, run, sample)
        text = loaded.processor.tokenizer.decode(tokens, skip_special_tokens=True)
        if not text.strip():
            raise EmptyAnswer(f"the model {self.model!r} wrote nothing")
        return Reply(
            text,
            model=self.model,
            finish=self._finish(loaded, tokens, run),
            usage=Usage(inputs["input_ids"].shape[1], len(tokens)),
            facts={"device": str(run.device), "dtype": str(run.dtype).removeprefix("torch.")},
        )

    def inputs(self, loaded: Loaded, conversation: Conversation, run: Run) -> Any:
        """What the model takes: tokens and the features of every sound, on its device.

        Raises:
            ConfigError: they are more than the model takes.
        """
        ears = loaded.processor.feature_extractor
        messages = [{"role": "system", "content": [{"type": "text", "text": conversation.system}]}]
        for turn in conversation.turns:
            parts = [self._part(part, loaded, run) for part in turn.parts]
            messages.append({"role": turn.role, "content": parts})
        inputs = loaded.processor.apply_chat_template(
            messages,
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            sanitize_control_tokens=True,  # names of tags and answers that come back cannot end a turn
            processor_kwargs={"sampling_rate": ears.sampling_rate},
        )
        count = inputs["input_ids"].shape[1]
        if count + self.max_output_tokens > loaded.context:
            raise ConfigError(
                f"a conversation of {count} tokens and an answer of up to {self.max_output_tokens} are too much",
                f"{self.model!r} takes {loaded.context} tokens",
                "what helps: fewer shots, fewer keyframes, a smaller max_output_tokens",
            )
        return inputs.to(loaded.model.device, loaded.model.dtype)

    def _part(self, part: str | SoundPart, loaded: Loaded, run: Run) -> dict[str, Any]:
        if isinstance(part, str):
            return {"type": "text", "text": part}
        if part.channels > 1:
            run.notice(f"{self.model!r} hears one channel: left and right are lost; spatial_input=cues_text tells them")
        if part.duration_s > loaded.longest_s:
            run.notice(f"{self.model!r} hears the first {loaded.longest_s:g} s of {part.duration_s:.1f} s")
        return {"type": "audio", "audio": heard(part, loaded.processor.feature_extractor.sampling_rate)}

    def generate(self, loaded: Loaded, inputs: Any, run: Run, sample: int) -> list[int]:
        """The tokens of the answer, the one that ends it included."""
        import torch

        how: dict[str, Any] = {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
        if self.temperature is not None:
            how = {"do_sample": True, "temperature": self.temperature}
        limits = {"max_new_tokens": self.max_output_tokens, "max_time": self.timeout_s, "eos_token_id": loaded.ends}
        device = loaded.model.device
        with torch.random.fork_rng([device] if device.type == "cuda" else []), torch.inference_mode():
            torch.manual_seed(self._seed(run, sample))
            made = loaded.model.generate(**inputs, **limits, **how)
        return made[0, inputs["input_ids"].shape[1] :].tolist()

    def _seed(self, run: Run, sample: int) -> int:
        return run.derived_seed(f"openmllm/{sample}") if self.seed is None else self.seed + sample

    def _finish(self, loaded: Loaded, tokens: list[int], run: Run) -> str:
        if tokens[-1:] and tokens[-1] in loaded.ends:
            return "stop"
        if len(tokens) < self.max_output_tokens:
            run.notice(f"an answer was cut after timeout_s={self.timeout_s:g}: {len(tokens)} tokens were written")
        return "length"


def heard(part: SoundPart, rate: int) -> NDArray[np.float32]:
    """A sound as the model takes it: one channel at its sample rate, shape (n,), -1..1."""
    import soundfile
    from scipy.signal import resample_poly

    samples, own = soundfile.read(io.BytesIO(part.wav), dtype="float32", always_2d=True)
    mono = samples.mean(axis=1)
    if own == rate:
        return mono
    return resample_poly(mono, rate, own).astype(np.float32)
