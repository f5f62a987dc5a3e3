"""Chat completions as a service: the real openai client, for OpenAI and for any server of the same protocol."""

from __future__ import annotations

import base64
import json
import os
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

if TYPE_CHECKING:
    import openai

BASE_URL_NAME = "OPENAI_BASE_URL"
DEFAULT_URL = "https://api.openai.com/v1"
CURRENT_MODEL = "gpt-audio-1.5"
TOOL_NAME = "plan_layout"
FINAL_CODES = ("insufficient_quota", "billing_hard_limit_reached")


@dataclass(eq=False)
class OpenAiService:
    """One model behind a chat completions endpoint; the arguments are those of the `gpt4o` planner."""

    model: str
    answer_mode: str = "text"
    temperature: float | None = None
    seed: int | None = None
    max_output_tokens: int | None = None
    timeout_s: float = 90.0
    base_url: str | None = None
    api_key_env: str = "OPENAI_API_KEY"
    modalities: list[str] | None = None
    _made: openai.OpenAI | None = field(default=None, init=False, repr=False)
    _lock: Any = field(default_factory=threading.Lock, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.answer_mode not in ("text", "schema", "tool"):
            raise ConfigError(f"answer_mode: {self.answer_mode!r}", "expected one of: text, schema, tool")
        if self.base_url is not None and not self.base_url.startswith(("http://", "https://")):
            raise ConfigError(f"base_url: {self.base_url!r}", "expected an address such as http://localhost:8000/v1")

    @property
    def url(self) -> str:
        return self.base_url or os.environ.get(BASE_URL_NAME) or DEFAULT_URL

    @property
    def where(self) -> str:
        return http_faults.address(self.url)

    def identity(self, run: Run) -> dict[str, Any]:
        return {
            "service": "openai",
            "where": self.where,
            "model": self.model,
            "answer_mode": self.answer_mode,
            "temperature": self.temperature,
            "seed": self.seed,
            "max_output_tokens": self.max_output_tokens,
            "modalities": self.modalities,
        }

    def ask(self, conversation: Conversation, form: AnswerForm | None, run: Run, sample: int) -> Reply:
        """One request to chat/completions."""
        import openai

        client, request = self._client(), self._request(conversation, form)
        try:
            response = client.chat.completions.with_raw_response.create(**request)
            body = response.http_response.read()
        except openai.APIStatusError as error:
            self._raise_status(error)
            raise
        except openai.APIConnectionError as error:
            timed_out = isinstance(error, openai.APITimeoutError)
            cause = error.__cause__ or error
            fault = http_faults.connection_fault(self.where, _as_exception(cause), timed_out, self.timeout_s)
            raise fault from safe_cause(error)
        return self._reply(body)

    def _client(self) -> openai.OpenAI:
        with self._lock:
            if self._made is None:
                import openai

                self._made = openai.OpenAI(
                    api_key=self._key(),
                    base_url=self.url,
                    timeout=self.timeout_s,
                    max_retries=0,  # asking again is counted and bounded in one place for all services
                    http_client=openai.DefaultHttpxClient(follow_redirects=False),
                )
            return self._made

    def key_names(self) -> tuple[str, ...]:
        """Of the key; none for a server of one's own, which takes one where it is set."""
        own = http_faults.address(self.url) != http_faults.address(DEFAULT_URL)
        return () if own else (self.api_key_env,)

    def _key(self) -> str:
        if not self.key_names() and not os.environ.get(self.api_key_env, "").strip():
            return "none"
        return read_key([self.api_key_env])

    def _request(self, conversation: Conversation, form: AnswerForm | None) -> dict[str, Any]:
        options: dict[str, Any] = {
            "modalities": self.modalities,
            "temperature": self.temperature,
            "seed": self.seed,
            "max_completion_tokens": self.max_output_tokens,
            **(_carrier(self.answer_mode, answer_schema(form)) if form is not None else {}),
        }
        given = {name: value for name, value in options.items() if value is not None}
        return {"model": self.model, "messages": self._messages(conversation), **given}

    def _messages(self, conversation: Conversation) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = [{"role": "system", "content": conversation.system}]
        for turn in conversation.turns:
            if turn.role == "assistant":
                messages.append({"role": "assistant", "content": "".join(map(str, turn.parts))})
            elif all(isinstance(part, str) for part in turn.parts):
                messages.append({"role": "user", "content": "\n".join(map(str, turn.parts))})
            else:
                messages.append({"role": "user", "content": [self._part(part) for part in turn.parts]})
        return messages

    def _part(self, part: Part) -> dict[str, Any]:
        if isinstance(part, str):
            return {"type": "text", "text": part}
        data = base64.b64encode(part.wav).decode("ascii")
        return {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}}

    def _raise_status(self, error: openai.APIStatusError) -> None:
        body: Any = error.body if isinstance(error.body, dict) else {}
        http_faults.raise_status(
            error.status_code,
            str(body.get("message") or error.message),
            where=self.where,
            model=self.model,
            instead=CURRENT_MODEL,
            key_names=(self.api_key_env,),
            headers=error.response.headers,
            error=error,
            final=error.code in FINAL_CODES or body.get("type") in FINAL_CODES,
        )

    def _reply(self, body: bytes) -> Reply:
        try:
            data = json.loads(body)
            choices = data["choices"]
        except (ValueError, KeyError, TypeError, RecursionError):
            text = body[:2_000].decode("utf-8", "replace")
            raise http_faults.malformed_fault(self.where, text) from None
        choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
        said = choice.get("message")
        message: dict[str, Any] = said if isinstance(said, dict) else {}
        finish = str(choice.get("finish_reason") or "stop")
        text = _text(message)
        if not text.strip():
            self._raise_empty(message, finish)
        return Reply(
            text=text,
            model=_str(data.get("model")),
            response_id=_str(data.get("id")),
            finish="stop" if finish == "tool_calls" else finish,
            usage=_usage(data.get("usage")),
            facts={"system_fingerprint": mark} if (mark := _str(data.get("system_fingerprint"))) else {},
        )

    def _raise_empty(self, message: dict[str, Any], finish: str) -> None:
        refusal = _str(message.get("refusal"))
        if refusal or finish == "content_filter":
            reason = http_faults.service_message(refusal or "")
            raise PlannerError(f"{self.model!r} declines an answer: {finish}", reason)
        raise EmptyAnswer(f"the service gave an empty choice ({finish})")


def _carrier(mode: str, schema: dict[str, Any]) -> dict[str, Any]:
    """What makes a model keep to the schema: nothing, a response format, or a function that it must call."""
    if mode == "schema":
        return {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": TOOL_NAME, "schema": schema, "strict": True},
            }
        }
    if mode == "tool":
        function = {"name": TOOL_NAME, "description": "Hands over the scene layout.", "parameters": schema}
        choice = {"type": "function", "function": {"name": TOOL_NAME}}
        return {"tools": [{"type": "function", "function": function}], "tool_choice": choice}
    return {}


def _text(message: dict[str, Any]) -> str:
    """The answer: the arguments of a call, else the content, as a text or as a list of text parts."""
    for call in message.get("tool_calls") or []:
        function = call.get("function") if isinstance(call, dict) else None
        if isinstance(function, dict) and function.get("arguments"):
            arguments = function["arguments"]
            return arguments if isinstance(arguments, str) else json.dumps(arguments)
    content = message.get("content")
    if isinstance(content, list):
        texts = [part.get("text") for part in content if isinstance(part, dict)]
        return "".join(text for text in texts if isinstance(text, str))
    if isinstance(content, str) and content:
        return content
    audio = message.get("audio")
    spoken = audio.get("transcript") if isinstance(audio, dict) else None
    return spoken if isinstance(spoken, str) else ""


def _str(value: Any) -> str | None:
    return value[:500] if isinstance(value, str) and value else None


def _usage(value: Any) -> Usage | None:
    if not isinstance(value, dict):
        return None
    counts = [value.get(name) for name in ("prompt_tokens", "completion_tokens")]
    numbers = [count if isinstance(count, int) and 0 <= count < 10**9 else 0 for count in counts]
    return Usage(*numbers)


def _as_exception(error: BaseException) -> Exception:
    return error if isinstance(error, Exception) else Exception(str(error))
