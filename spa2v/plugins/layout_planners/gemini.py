"""The `gemini` planner: Gemini through google-genai, with the recording, in-context examples and measured cues."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from spa2v.plugins.layout_planners.mllm.gemini_service import GeminiService
from spa2v.plugins.layout_planners.mllm.planner import MllmPlanner

if TYPE_CHECKING:
    from spa2v.plugins.layout_planners.mllm.service import Service

DEFAULT_MODEL = "gemini-3.8-flash"


@dataclass(kw_only=True, eq=False)
class Gemini(MllmPlanner):
    """Plans with Gemini (paper: Gemini 2.0 Flash, three kNN examples, temperature 0.5, the raw recording).

    The key is read from GOOGLE_API_KEY or GEMINI_API_KEY, the address from GOOGLE_GEMINI_BASE_URL if set.

    Args:
        model: as in the Gemini API.
        answer_mode: "schema" (the service keeps to the answer's JSON Schema) or "text" (tolerant reading alone).
        api_version: of the service, such as "v1" or "v1beta"; None for the client's own, with v1beta as the fallback
            where v1 refuses the system text.
        thinking_level: "low", "medium", "high"; None sends none; "auto" sends "low" to models that take it.
        inline_limit_mb: recordings larger than this in one request go through the Files API, each uploaded once.
    """

    model: str = DEFAULT_MODEL
    answer_mode: str = "schema"
    api_version: str | None = None
    thinking_level: str | None = "auto"
    inline_limit_mb: float = 14.0

    def make_service(self) -> Service:
        return GeminiService(
            model=self.model,
            answer_mode=self.answer_mode,
            temperature=self.temperature,
            seed=self.seed,
            max_output_tokens=self.max_output_tokens,
            timeout_s=self.timeout_s,
            api_version=self.api_version,
            thinking_level=self.thinking_level,
            inline_limit_mb=self.inline_limit_mb,
        )
