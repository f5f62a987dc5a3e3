"""Bodies as the services write them: answers and errors in the shape of the Gemini API and of chat completions."""

from __future__ import annotations

from typing import Any

from tests.kit.loopback.server import Act


def gemini_answer(text: str, model: str = "gemini-3.8-flash", finish: str = "STOP", **extra: Any) -> Act:
    """A GenerateContentResponse with one candidate."""
    candidate = {"content": {"parts": [{"text": text}], "role": "model"}, "finishReason": finish, "index": 0}
    usage = {"promptTokenCount": 1200, "candidatesTokenCount": 800, "thoughtsTokenCount": 50, "totalTokenCount": 2050}
    body = {"candidates": [candidate], "usageMetadata": usage, "modelVersion": model, "responseId": "resp-1"}
    return Act(body={**body, **extra})


def gemini_error(code: int, status: str, message: str, details: list[Any] | None = None, **headers: str) -> Act:
    error: dict[str, Any] = {"code": code, "message": message, "status": status}
    if details:
        error["details"] = details
    return Act(code, {"error": error}, {name.replace("_", "-"): value for name, value in headers.items()})


def openai_answer(text: str | None, model: str = "gpt-audio-1.5", finish: str = "stop", **message: Any) -> Act:
    """A chat completion with one choice."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text, "refusal": None, **message},
        "finish_reason": finish,
    }
    usage = {"prompt_tokens": 1500, "completion_tokens": 700, "total_tokens": 2200}
    return Act(
        body={
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1_790_000_000,
            "model": model,
            "choices": [choice],
            "usage": usage,
        }
    )


def openai_error(code: int, kind: str, message: str, name: str | None = None, **headers: str) -> Act:
    error = {"message": message, "type": kind, "param": None, "code": name}
    return Act(code, {"error": error}, {key.replace("_", "-"): value for key, value in headers.items()})
