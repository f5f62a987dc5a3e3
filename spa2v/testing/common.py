"""Rules of every family: the constructor, and what a component may do to a run."""

from __future__ import annotations

import inspect
import json
import math
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from spa2v.core.protocols import CAPABILITIES, NeedsKeys, capability, weights_of
from spa2v.core.runtime import Run
from spa2v.core.weights import Weights
from spa2v.testing.probe import probe
from spa2v.testing.rules import Broken, Rule, Subject, Unchecked, demand, trying, typed

T = TypeVar("T")


def _options(subject: Subject) -> None:
    for name, item in inspect.signature(subject.loaded).parameters.items():
        demand(item.kind not in (item.VAR_POSITIONAL, item.VAR_KEYWORD), f"the constructor takes *{name}")
        demand(item.kind is not item.POSITIONAL_ONLY, f"the option {name!r} is positional only")
    subject.make()


def _cheap(subject: Subject) -> None:
    try:
        json.dumps(dict(subject.options))
    except (TypeError, ValueError) as error:
        raise Unchecked("the options are not plain data, as a config would hold them") from error
    nested = subject.loaded.__qualname__ != subject.loaded.__name__
    if nested or subject.loaded.__module__ == "__main__":
        raise Unchecked(f"{subject.target} cannot be imported from another process")
    try:
        found = probe(subject.family, subject.name, subject.target, subject.options)
    except ValueError as error:
        raise Broken(f"in a fresh interpreter: {error}") from error
    demand(not found["import"], f"importing {subject.target} imports {', '.join(found['import'])}")
    demand(not found["build"], f"the constructor imports {', '.join(found['build'])}")
    demand(not found["weights"], f"the constructor opens {', '.join(found['weights'])}")
    demand(not found["calls"], f"the constructor calls {', '.join(found['calls'])}")


def _needs(subject: Subject) -> None:
    component = subject.make()
    with trying("looking for weights() and keys()"):
        needs, asks = weights_of(component), capability(component, NeedsKeys)
        keys = asks.keys() if asks else ()
    options = inspect.signature(subject.loaded).parameters
    for need in needs:
        typed(need, Weights, "weights()")
        demand(need.option in options, f"weights() names the option {need.option!r}, which the constructor lacks")
    demand(not isinstance(keys, str), f"keys() returns the text {keys!r}, expected a sequence of names")
    for key in keys:
        typed(key, str, "keys()")


COMMON = (
    Rule(
        "options",
        "The constructor names every option: no `*args`, no `**kwargs`, nothing positional only.",
        "write each option as a keyword parameter with a default; a misspelt one is then refused before anything runs",
        _options,
    ),
    Rule(
        "cheap",
        "Importing the module and building the component imports no torch and the like, reads no weights and calls "
        "no host.",
        "keep the options in `__init__`; import and load inside the method, on first use",
        _cheap,
    ),
    Rule(
        "needs",
        "Where it loads weights or asks a service: weights() lists `Weights`, each under an option of the constructor; "
        "keys() lists names of environment variables.",
        "return spa2v.Weights(role, source, option) for each source; a tuple of names for keys",
        _needs,
    ),
)


def having(subject: Subject, protocol: type[T]) -> T:
    """The component, if it has a capability.

    Raises:
        Broken: its method takes other parameters than the protocol's.
        Unchecked: it does not have it.
    """
    with trying(f"looking for {CAPABILITIES[protocol]}"):
        found = capability(subject.make(), protocol)
    if found is None:
        raise Unchecked(f"it has no {CAPABILITIES[protocol]} (see {protocol.__name__})")
    return found


def untouched(run: Run, before: tuple[object, ...]) -> None:
    """Raises `Broken` where a component changed its run; `before` is `state(run)` from before the call."""
    demand(
        all(one is other for one, other in zip(state(run), before, strict=True)),
        "run.seed, run.audio or run.cues is another one after the call",
    )
    try:
        json.dumps(run.record, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise Broken(f"run.record cannot be written as JSON: {error}") from error


def state(run: Run) -> tuple[object, ...]:
    return run.seed, run.audio, run.cues


def close(value: float, wanted: float, tolerance: float = 1e-6) -> bool:
    """Whether two durations or rates are the same but for rounding."""
    return math.isclose(value, wanted, rel_tol=tolerance)


def like(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> bool:
    """Whether two videos are the same but for the rounding of a batch."""
    if one.shape != other.shape:
        return False
    return int(np.abs(one.astype(np.int16) - other.astype(np.int16)).max()) <= 2


RUN_SAYS = "The run is as before: run.seed, run.audio and run.cues untouched, run.record writable as JSON."
RUN_MEND = "read run.audio and run.cues, never set them; put only numbers, texts, lists and dicts into run.record"
SEED_MEND = (
    "draw from run.rng(name) or run.torch_generator(name) only, and keep nothing between calls but what was loaded"
)
