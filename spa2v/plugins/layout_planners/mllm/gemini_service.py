"""Gemini as a service: the real google-genai client, its requests and its answers."""

from __future__ import annotations

import os
import re
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from spa2v.core.errors import ConfigError, PlannerError
from spa2v.core.runtime import Run
from spa2v.plugins.layout_planners.mllm import http_faults
from spa2v.plugins.layout_planners.mllm.answer.schema import AnswerForm, answer_schema
from spa2v.plugins.layout_planners.mllm.conversation import Conversation, Part
from spa2v.plugins.layout_planners.mllm.secrets import read_key, safe_cause
from spa2v.plugins.layout_planners.mllm.service import EmptyAnswer, Reply, Usage
from spa2v.plugins.layout_planners.mllm.sound import SoundPart

if TYPE_CHECKING:
    from google import genai
    from google.genai import types

KEY_NAMES = ("GOOGLE_API_KEY", "GEMINI_API_KEY")
BASE_URL_NAME = "GOOGLE_GEMINI_BASE_URL"
DEFAULT_URL = "https://generativelanguage.googleapis.com/"
CURRENT_MODEL = "gemini-3.8-flash"
THINKING_MODELS = re.compile(r"(models/)?gemini-([3-9]|\d\d)")
REFUSALS = ("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "LANGUAGE", "IMAGE_SAFETY")
FALLBACK_VERSION = "v1beta"


@dataclass(eq=False)
class GeminiService:
    """One model of the Gemini API; the arguments are those of the `gemini` planner."""

    model: str
    answer_mode: str = "schema"
    temperature: float | None = None
    seed: int | None = None
    max_output_tokens: int | None = None
    timeout_s: float = 90.0
    api_version: str | None = None
    thinking_level: str | None = "auto"
    inline_limit_mb: float = 14.0
    _clients: dict[str | None, genai.Client] = field(default_factory=dict, init=False, repr=False)
    _uploads: dict[str, types.Part] = field(default_factory=dict, init=False, repr=False)
    _lock: Any = field(default_factory=threading.Lock, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.answer_mode not in ("text", "schema"):
            raise ConfigError(f"answer_mode: {self.answer_mode!r}", "expected one of: text, schema")
        if self.thinking_level not in (None, "auto", "minimal", "low", "medium", "high"):
            raise ConfigError(
                f"thinking_level: {self.thinking_level!r}", "expected auto, minimal, low, medium, high or null"
            )

    def key_names(self) -> tuple[str, ...]:
        return KEY_NAMES

    @property
    def where(self) -> str:
        return http_faults.address(os.environ.get(BASE_URL_NAME) or DEFAULT_URL)

    def identity(self, run: Run) -> dict[str, Any]:
        return {
            "service": "gemini",
            "where": self.where,
            "model": self.model,
            "answer_mode": self.answer_mode,
            "temperature": self.temperature,
            "seed": self.seed,
            "max_output_tokens": self.max_output_tokens,
            "thinking_level": self.thinking_level,
        }

    def ask(self, conversation: Conversation, form: AnswerForm | None, run: Run, sample: int) -> Reply:
        """One request to generateContent, two where v1 does not know the system text."""
        read_key(KEY_NAMES)
        try:
            return self._send(conversation, form, self.api_version)
        except PlannerError as error:
            if self.api_version is None and _knows_no_system_text(error):
                self.api_version = FALLBACK_VERSION
                return self._send(conversation, form, FALLBACK_VERSION)
            raise

    def _send(self, conversation: Conversation, form: AnswerForm | None, version: str | None) -> Reply:
        import httpx2
        from google.genai import errors

        client, config = self._client(version), self._config(conversation, form)
        try:
            contents = self._contents(client, conversation)
            response = client.models.generate_content(model=self.model, contents=contents, config=config)
        except errors.APIError as error:
            self._raise_status(error)
            raise
        except httpx2.TransportError as error:
            timed_out = isinstance(error, httpx2.TimeoutException)
            raise http_faults.connection_fault(self.where, error, timed_out, self.timeout_s) from safe_cause(error)
        except (ValueError, KeyError, TypeError, AttributeError) as error:  # a 200 whose body the client cannot read
            raise http_faults.malformed_fault(self.where, _body(error)) from safe_cause(error)
        return self._reply(response)

    def _client(self, version: str | None) -> genai.Client:
        with self._lock:
            if version not in self._clients:
                from google import genai
                from google.genai import types

                options = types.HttpOptions(
                    timeout=int(self.timeout_s * 1000),  # milliseconds
                    api_version=version,
                    client_args={"follow_redirects": False},
                )
                self._clients[version] = genai.Client(
                    enterprise=False, api_key=read_key(KEY_NAMES), http_options=options
                )
            return self._clients[version]

    def _config(self, conversation: Conversation, form: AnswerForm | None) -> types.GenerateContentConfig:
        from google.genai import types

        options: dict[str, Any] = {
            "temperature": self.temperature,
            "seed": self.seed,
            "max_output_tokens": self.max_output_tokens,
        }
        if form is not None and self.answer_mode == "schema":
            options |= {"response_mime_type": "application/json", "response_json_schema": answer_schema(form)}
        if (level := self._level()) is not None:
            options["thinking_config"] = types.ThinkingConfig(thinking_level=types.ThinkingLevel(level.upper()))
        given = {name: value for name, value in options.items() if value is not None}
        return types.GenerateContentConfig(system_instruction=conversation.system, **given)

    def _level(self) -> str | None:
        if self.thinking_level == "auto":
            return "low" if THINKING_MODELS.match(self.model) else None
        return self.thinking_level

    def _contents(self, client: genai.Client, conversation: Conversation) -> list[types.Content]:
        from google.genai import types

        inline = sum(len(sound.wav) for sound in conversation.sounds) <= self.inline_limit_mb * 1e6
        roles = {"user": "user", "assistant": "model"}
        return [
            types.Content(role=roles[turn.role], parts=[self._part(client, part, inline) for part in turn.parts])
            for turn in conversation.turns
        ]

    def _part(self, client: genai.Client, part: Part, inline: bool) -> types.Part:
        from google.genai import types

        if isinstance(part, str):
            return types.Part.from_text(text=part)
        if inline:
            return types.Part.from_bytes(data=part.wav, mime_type="audio/wav")
        return self._uploaded(client, part)

    def _uploaded(self, client: genai.Client, sound: SoundPart) -> types.Part:
        """A sound through the Files API; the same sound is uploaded once by a process."""
        import io

        from google.genai import types

        with self._lock:
            if sound.digest not in self._uploads:
                config = types.UploadFileConfig(mime_type="audio/wav")
                file = self._settled(client, client.files.upload(file=io.BytesIO(sound.wav), config=config))
                if not file.uri:
                    raise PlannerError(f"{self.where} took an upload and gave no address for it")
                self._uploads[sound.digest] = types.Part.from_uri(file_uri=file.uri, mime_type="audio/wav")
            return self._uploads[sound.digest]

    def _settled(self, client: genai.Client, file: types.File) -> types.File:
        """The file once the service has taken it in."""
        import time

        end = time.monotonic() + self.timeout_s
        while _word(file.state) == "PROCESSING" and file.name and time.monotonic() < end:
            time.sleep(0.2)
            file = client.files.get(name=file.name)
        if _word(file.state) in ("FAILED", "PROCESSING"):
            raise PlannerError(f"{self.where} could not take in a recording ({_word(file.state)})")
        return file

    def _raise_status(self, error: Any) -> None:
        details = str(error.details)
        http_faults.raise_status(
            int(error.code or 0),
            str(error.message or error.status or ""),
            where=self.where,
            model=self.model,
            instead=CURRENT_MODEL,
            key_names=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
            headers=getattr(error.response, "headers", None) or {},
            error=error,
            wait_s=_retry_delay(details),
        )

    def _reply(self, response: types.GenerateContentResponse) -> Reply:
        feedback = response.prompt_feedback
        if feedback is not None and feedback.block_reason:
            raise _refused(self.model, "the request", feedback.block_reason)
        if not response.candidates:
            raise EmptyAnswer("the service gave no candidate")
        candidate = response.candidates[0]
        finish = _word(candidate.finish_reason) or "STOP"
        parts = (candidate.content.parts if candidate.content else None) or []
        text = "".join(part.text for part in parts if part.text and not part.thought)
        if not text.strip():
            if finish in REFUSALS:
                raise _refused(self.model, "an answer", finish)
            raise EmptyAnswer(f"the service gave an empty candidate ({finish})")
        return Reply(
            text=text,
            model=response.model_version,
            response_id=response.response_id,
            finish={"STOP": "stop", "MAX_TOKENS": "length"}.get(finish, finish),
            usage=_usage(response),
            facts=_status(response),
        )


def _word(reason: Any) -> str:
    return str(getattr(reason, "value", reason) or "").upper()


def _refused(model: str, what: str, reason: Any) -> PlannerError:
    return PlannerError(
        f"{model!r} declines {what}: {_word(reason)}",
        "the service's filter decides this; another recording, model or prompt may pass",
    )


def _usage(response: types.GenerateContentResponse) -> Usage | None:
    usage = response.usage_metadata
    if usage is None:
        return None
    given = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
    return Usage(usage.prompt_token_count or 0, given)


def _status(response: types.GenerateContentResponse) -> dict[str, Any]:
    status = response.model_status
    if status is None:
        return {}
    facts = {"model_stage": _word(status.model_stage) or None}
    if status.retirement_time:
        facts["retirement_time"] = status.retirement_time.date().isoformat()
    return facts


def _retry_delay(details: str) -> float | None:
    """The wait in google.rpc.RetryInfo, as in 'retryDelay': '34s'."""
    found = re.search(r"retryDelay'?:\s*'(\d+(?:\.\d+)?)s'", details)
    return float(found.group(1)) if found else None


def _knows_no_system_text(error: PlannerError) -> bool:
    text = str(error)
    return "(400)" in text and re.search(r"system_?instruction", text, re.IGNORECASE) is not None


def _body(error: Exception) -> str:
    """What the service sent, from the client's complaint about it."""
    return str(getattr(error, "doc", "")) or str(error).partition("Raw response: ")[2] or str(error)
