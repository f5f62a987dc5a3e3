"""What the planners need of a service that runs a model, and what can happen when it is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from spa2v.core.runtime import Run
from spa2v.plugins.layout_planners.mllm.answer.schema import AnswerForm
from spa2v.plugins.layout_planners.mllm.conversation import Conversation
from spa2v.plugins.layout_planners.mllm.secrets import redact


@dataclass(frozen=True)
class Usage:
    """Tokens as the service counted them."""

    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True)
class Reply:
    """What a service answered.

    Args:
        text: the model's answer, never empty.
        model: that answered, as the service names it; None where it does not say.
        response_id: of the service.
        finish: "stop", "length" (cut at the token limit) or the service's own word.
        usage: None where the service does not say.
        facts: further facts for the manifest, JSON values only.
    """

    text: str
    model: str | None = None
    response_id: str | None = None
    finish: str = "stop"
    usage: Usage | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    def redacted(self) -> Reply:
        """The reply without any key that the service may have echoed."""
        return replace(
            self,
            text=redact(self.text),
            model=redact(self.model) if self.model else None,
            response_id=redact(self.response_id) if self.response_id else None,
            facts={name: redact(fact) if isinstance(fact, str) else fact for name, fact in self.facts.items()},
        )


class TransientFault(Exception):
    """The request may succeed later.

    Args:
        fact: what happened, in one line.
        retry_after_s: how long the service asks to wait, in seconds.
        tries: how often this fault is worth trying, at most; None leaves it to the policy.
    """

    def __init__(self, fact: str, retry_after_s: float | None = None, tries: int | None = None) -> None:
        super().__init__(fact)
        self.fact, self.retry_after_s, self.tries = fact, retry_after_s, tries


class EmptyAnswer(Exception):
    """The service answered in good form, but without any text; asking again may help."""


class Service(Protocol):
    """A client of one service, or a model in this process.

    A service elsewhere needs nothing of the run; a model here takes its device, dtype and seed from it.
    """

    def identity(self, run: Run) -> dict[str, Any]:
        """Everything beside the conversation that shapes a reply, without keys; part of the cache key."""
        ...

    def ask(self, conversation: Conversation, form: AnswerForm | None, run: Run, sample: int) -> Reply:
        """Sends one request; `form` None asks for plain text, `sample` numbers several answers to one question.

        Raises:
            TransientFault: it may succeed later.
            EmptyAnswer: there is no text in the reply.
            PlannerError, ConfigError: it will not succeed.
        """
        ...
