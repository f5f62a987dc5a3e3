"""Requests to a service: cached replies first, then requests within the budget, retried with backoff and jitter."""

from __future__ import annotations

import email.utils
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from spa2v.core.errors import ConfigError, PlannerError
from spa2v.core.runtime import Run
from spa2v.plugins.layout_planners.mllm.answer.schema import AnswerForm
from spa2v.plugins.layout_planners.mllm.budget import Budget
from spa2v.plugins.layout_planners.mllm.cache import AnswerCache
from spa2v.plugins.layout_planners.mllm.conversation import Conversation
from spa2v.plugins.layout_planners.mllm.secrets import redact
from spa2v.plugins.layout_planners.mllm.service import Reply, Service, TransientFault, Usage

T = TypeVar("T")

AUDIO_TOKENS_PER_S = 32
CHARACTERS_PER_TOKEN = 4
OUTPUT_TOKENS_PER_FRAME = 120
RETRIED_CODES = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})


@dataclass(frozen=True)
class Response:
    """A reply, whether it came from the cache, and how many requests it took."""

    reply: Reply
    cached: bool
    requests: int


@dataclass
class Requests:
    """The requests of one planner to one service.

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

    def send(self, conversation: Conversation, form: AnswerForm | None, run: Run, sample: int = 0) -> Response:
        """A reply to a conversation; `sample` distinguishes several answers to the same one.

        Raises:
            PlannerError: the service fails for good, or a bound is reached.
            EmptyAnswer: the reply has no text.
        """
        schema = None if form is None else [form.keyframes, form.reasoning, form.box_units, form.max_objects]
        identity = {**self.service.identity(run), "conversation": conversation.digest, "form": schema, "sample": sample}
        key = AnswerCache.key(identity)
        if (kept := self.cache.get(key)) is not None:
            return Response(kept, True, 0)
        count = 0

        def request() -> Reply:
            nonlocal count
            count += 1
            with self._gate:
                return self._request(conversation, form, run, sample)

        reply = self.retries.run(request, lambda text: run.notice(redact(text)))
        self.cache.put(key, reply)
        return Response(reply, False, count)

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
    """An estimate of the tokens of a request, for the budget: 32 a second of sound, one for 4 characters of text."""
    sound = sum(part.duration_s for part in conversation.sounds) * AUDIO_TOKENS_PER_S
    text = conversation.characters / CHARACTERS_PER_TOKEN
    frames = form.keyframes if form else 1
    return Usage(int(sound + text), frames * OUTPUT_TOKENS_PER_FRAME)


@dataclass(frozen=True)
class RetryPolicy:
    """When to try again.

    Args:
        attempts: requests at most, the first included.
        first_wait_s: before the second attempt; doubles each time.
        longest_wait_s: upper bound of a wait; a service that asks for more is not waited for.
        patience_s: no new attempt is started after this time.
    """

    attempts: int = 8
    first_wait_s: float = 0.5
    longest_wait_s: float = 60.0
    patience_s: float = 300.0

    def __post_init__(self) -> None:
        if not 1 <= self.attempts <= 100:
            raise ConfigError(f"attempts: {self.attempts!r}", "expected 1 to 100")
        for name in ("first_wait_s", "longest_wait_s", "patience_s"):
            if not getattr(self, name) >= 0:
                raise ConfigError(f"{name}: {getattr(self, name)!r}", "expected seconds, 0 or more")

    def run(self, request: Callable[[], T], on_retry: Callable[[str], None]) -> T:
        """Calls `request` until it succeeds.

        Raises:
            PlannerError: the last attempt failed, or the service asks for too long a wait.
        """
        import tenacity

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(_is_worth_retrying(self)),
            stop=tenacity.stop_any(
                tenacity.stop_after_attempt(self.attempts), tenacity.stop_before_delay(self.patience_s)
            ),
            wait=self._wait,
            before_sleep=lambda state: on_retry(_retry_notice(state)),
            reraise=True,
        )
        start = time.monotonic()
        try:
            return retrying(request)
        except TransientFault as fault:
            tries = retrying.statistics.get("attempt_number", 1)
            spent = time.monotonic() - start
            raise PlannerError(
                fault.fact,
                f"given up after {tries} {'try' if tries == 1 else 'tries'} in {spent:.0f} s",
                *self._why(fault),
            ) from fault.__cause__

    def _wait(self, state: object) -> float:
        fault, number = _fault(state)
        if fault.retry_after_s is not None:
            return fault.retry_after_s
        backoff = min(self.first_wait_s * 2 ** (number - 1), self.longest_wait_s)
        return backoff * random.uniform(0.75, 1.0)

    def _why(self, fault: TransientFault) -> list[str]:
        if fault.retry_after_s is not None and fault.retry_after_s > self.longest_wait_s:
            return [
                f"the service asks to wait {fault.retry_after_s:.0f} s; "
                f"layout_planner.options.longest_wait_s is {self.longest_wait_s:g}"
            ]
        return []


def _is_worth_retrying(policy: RetryPolicy) -> Callable[[BaseException], bool]:
    seen: dict[str, int] = {}

    def decide(error: BaseException) -> bool:
        if not isinstance(error, TransientFault):
            return False
        seen[error.fact] = seen.get(error.fact, 0) + 1
        if error.tries is not None and seen[error.fact] >= error.tries:
            return False
        return error.retry_after_s is None or error.retry_after_s <= policy.longest_wait_s

    return decide


def _fault(state: object) -> tuple[TransientFault, int]:
    error = state.outcome.exception()  # type: ignore[attr-defined]
    assert isinstance(error, TransientFault)
    return error, int(state.attempt_number)  # type: ignore[attr-defined]


def _retry_notice(state: object) -> str:
    fault, number = _fault(state)
    wait = getattr(state, "upcoming_sleep", 0.0)
    return f"try {number}: {fault.fact}; again in {wait:.1f} s"


def retry_after(headers: Mapping[str, str]) -> float | None:
    """How long a service asks to wait, in seconds, from its headers (RFC 9110, 10.2.3: seconds or a date)."""
    for name, scale in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        value = headers.get(name)
        if value is None:
            continue
        seconds = _seconds(value)
        if seconds is not None:
            return max(seconds / scale, 0.0)
    return None


def _seconds(value: str) -> float | None:
    try:
        number = float(value)
        return number if number == number and abs(number) < 1e9 else None
    except ValueError:
        pass
    try:
        return email.utils.parsedate_to_datetime(value).timestamp() - time.time()
    except (TypeError, ValueError, OverflowError):
        return None
