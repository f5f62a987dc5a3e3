"""One way to ask a service: kept answers first, then requests within the budget, with retries and a limit at a time."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from spa2v.core.runtime import Run
from spa2v.plugins.layout_planners.mllm.answer.schema import AnswerForm
from spa2v.plugins.layout_planners.mllm.budget import Budget
from spa2v.plugins.layout_planners.mllm.cache import AnswerCache
from spa2v.plugins.layout_planners.mllm.conversation import Conversation
from spa2v.plugins.layout_planners.mllm.retries import RetryPolicy
from spa2v.plugins.layout_planners.mllm.secrets import redact
from spa2v.plugins.layout_planners.mllm.service import Reply, Service, Usage

AUDIO_TOKENS_PER_S = 32
CHARACTERS_PER_TOKEN = 4
OUTPUT_TOKENS_PER_FRAME = 120


@dataclass(frozen=True)
class Asked:
    """A reply, whether it was kept from before, and how many requests it took."""

    reply: Reply
    kept: bool
    requests: int


@dataclass
class Asker:
    """Asks one service.

    Args:
        service: the client.
        retries, budget, cache: the limits.
        at_once: requests under way at the same time, at most.
    """

    service: Service
    retries: RetryPolicy
    budget: Budget
    cache: AnswerCache
    at_once: int = 4
    _gate: threading.Semaphore = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._gate = threading.Semaphore(self.at_once)

    def ask(self, conversation: Conversation, form: AnswerForm | None, run: Run, sample: int = 0) -> Asked:
        """A reply to a conversation; `sample` tells apart several answers to the same one.

        Raises:
            PlannerError: the service fails for good, or a bound is reached.
            EmptyAnswer: the reply has no text.
        """
        schema = None if form is None else [form.keyframes, form.reasoning, form.box_units, form.max_objects]
        asked = {**self.service.identity(run), "conversation": conversation.digest, "form": schema, "sample": sample}
        key = AnswerCache.key(asked)
        if (kept := self.cache.get(key)) is not None:
            return Asked(kept, True, 0)
        count = 0

        def request() -> Reply:
            nonlocal count
            count += 1
            with self._gate:
                return self._request(conversation, form, run, sample)

        reply = self.retries.run(request, lambda text: run.notice(redact(text)))
        self.cache.put(key, reply)
        return Asked(reply, False, count)

    def _request(self, conversation: Conversation, form: AnswerForm | None, run: Run, sample: int) -> Reply:
        expected = expected_usage(conversation, form)
        number = self.budget.open(expected)
        used: Usage | None = None
        try:
            reply = self.service.ask(conversation, form, run, sample).redacted()
            used = reply.usage or expected
        finally:
            self.budget.close(number, used)
        return reply


def expected_usage(conversation: Conversation, form: AnswerForm | None) -> Usage:
    """A guess of the tokens of a request, for the budget: 32 a second of sound, one for 4 characters of text."""
    sound = sum(part.duration_s for part in conversation.sounds) * AUDIO_TOKENS_PER_S
    text = conversation.characters / CHARACTERS_PER_TOKEN
    frames = form.keyframes if form else 1
    return Usage(int(sound + text), frames * OUTPUT_TOKENS_PER_FRAME)
