"""The `gpt4o` planner: OpenAI's audio models, or any model behind a server that speaks chat completions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from spa2v.plugins.layout_planners.mllm.openai_service import OpenAiService
from spa2v.plugins.layout_planners.mllm.planner import MllmPlanner

if TYPE_CHECKING:
    from spa2v.plugins.layout_planners.mllm.service import Service

DEFAULT_MODEL = "gpt-audio-1.5"


@dataclass(kw_only=True, eq=False)
class Gpt4o(MllmPlanner):
    """Plans with an OpenAI model (paper: GPT-4o mini), or with an open model behind vLLM, llama.cpp and the like.

    Args:
        model: as the service names it; the paper's gpt-4o-mini-audio-preview is gone, gpt-audio-1.5 follows it.
        answer_mode: "text" (tolerant reading alone; audio models of OpenAI take no schema), "tool" (a function call
            carries the schema), "schema" (structured output, where the server has it).
        base_url: of another server; None for OPENAI_BASE_URL, else OpenAI itself.
        api_key_env: environment variable with the key. A server of one's own may need none.
        modalities: sent as they are; ["text"] for OpenAI's audio models, null for servers that do not know it.
    """

    model: str = DEFAULT_MODEL
    base_url: str | None = None
    api_key_env: str = "OPENAI_API_KEY"
    modalities: list[str] | None = field(default_factory=lambda: ["text"])

    def make_service(self) -> Service:
        return OpenAiService(
            model=self.model,
            answer_mode=self.answer_mode,
            temperature=self.temperature,
            seed=self.seed,
            max_output_tokens=self.max_output_tokens,
            timeout_s=self.timeout_s,
            base_url=self.base_url,
            api_key_env=self.api_key_env,
            modalities=list(self.modalities) if self.modalities else None,
        )
