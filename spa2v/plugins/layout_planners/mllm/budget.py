"""Bounds on what a planner may ask for: requests, tokens, estimated cost. One budget serves all clips of a process."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from spa2v.core.errors import ConfigError, PlannerError
from spa2v.plugins.layout_planners.mllm.service import Usage

Price = Mapping[str, float]


class Budget:
    """Counts and bounds; safe to share between threads.

    Args:
        model: whose price counts.
        max_requests: requests at most, retries included; None for any number.
        max_tokens: tokens at most, in and out.
        max_cost_usd: estimated cost at most.
        price: {"input": ..., "output": ...} in US dollars for a million tokens; None looks the model up.

    Raises:
        ConfigError: a bound is not positive, the price is malformed, or the cost is bounded and no price is known.
    """

    def __init__(
        self,
        model: str,
        max_requests: int | None = None,
        max_tokens: int | None = None,
        max_cost_usd: float | None = None,
        price: Price | None = None,
    ) -> None:
        for name, bound in (("max_requests", max_requests), ("max_tokens", max_tokens), ("max_cost_usd", max_cost_usd)):
            if bound is not None and (isinstance(bound, bool) or not bound > 0):
                raise ConfigError(f"{name}: {bound!r}", "expected a positive number, or null for no bound")
        self.max_requests, self.max_tokens, self.max_cost_usd = max_requests, max_tokens, max_cost_usd
        self.price = _checked(price) if price is not None else known_price(model)
        if max_cost_usd is not None and self.price is None:
            raise ConfigError(
                f"max_cost_usd: no price is known for the model {model!r}",
                "set it: layout_planner.options.price={input: 0.5, output: 2.0}, in US dollars for a million tokens",
            )
        self.requests = self.tokens = 0
        self.cost_usd = 0.0
        self._reserved: dict[int, Usage] = {}
        self._lock = threading.Lock()

    def open(self, expected: Usage) -> int:
        """Reserves a request that is expected to use so many tokens; gives its number.

        Raises:
            PlannerError: it would go past a bound; nothing is sent.
        """
        with self._lock:
            waiting = list(self._reserved.values())
            tokens = self.tokens + sum(map(_total, [*waiting, expected]))
            cost = self.cost_usd + sum(map(self.cost, [*waiting, expected]))
            for name, bound, value, used in (
                ("max_requests", self.max_requests, self.requests + 1, f"{self.requests} requests"),
                ("max_tokens", self.max_tokens, tokens, f"{self.tokens} tokens"),
                ("max_cost_usd", self.max_cost_usd, cost, f"{self.cost_usd:.4f} USD (estimated)"),
            ):
                if bound is not None and value > bound:
                    raise PlannerError(
                        f"the next request would go past {name}={bound:g}",
                        f"used so far: {used}",
                        f"raise layout_planner.options.{name}, or keep answers: layout_planner.options.cache=write",
                    )
            self.requests += 1
            self._reserved[self.requests] = expected
            return self.requests

    def close(self, number: int, usage: Usage | None) -> None:
        """Books what a request used; None for a request that failed."""
        with self._lock:
            self._reserved.pop(number, None)
            if usage is not None:
                self.tokens += _total(usage)
                self.cost_usd += self.cost(usage)

    def cost(self, usage: Usage) -> float:
        """Of some tokens, in US dollars; 0 where no price is known."""
        if self.price is None:
            return 0.0
        return (usage.input_tokens * self.price["input"] + usage.output_tokens * self.price["output"]) / 1e6


def _total(usage: Usage) -> int:
    return usage.input_tokens + usage.output_tokens


def _checked(price: Price) -> Price:
    numbers = all(
        isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0 for value in price.values()
    )
    if set(price) != {"input", "output"} or not numbers:
        raise ConfigError(
            f"price: {dict(price)!r}", "expected {input: 0.5, output: 2.0}, US dollars for a million tokens"
        )
    return price


@cache
def _table() -> dict[str, Any]:
    import yaml

    return yaml.safe_load(Path(__file__).with_name("prices.yaml").read_text(encoding="utf-8"))


def known_price(model: str) -> Price | None:
    """The price of a model by the longest beginning of its name in prices.yaml."""
    names = [name for name in _table() if model == name or model.startswith(name + "-")]
    return _table()[max(names, key=len)] if names else None
