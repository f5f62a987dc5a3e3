"""`python -m spa2v.testing FAMILY NAME [KEY=VALUE ...]`: one row a rule of a component's contract; needs no pytest."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from spa2v.core.errors import ConfigError, ContractError, Spa2vError
from spa2v.core.registry import FAMILIES
from spa2v.testing.contract import Contract
from spa2v.testing.rules import LACKING, Rule, Unchecked


def main(words: Sequence[str] | None = None) -> int:
    """Prints the rows and a last line; 0 when every rule that could be checked holds, else 1."""
    parser = argparse.ArgumentParser(prog="python -m spa2v.testing", description="Check the contract of a component.")
    parser.add_argument("family", help=", ".join(FAMILIES))
    parser.add_argument("name", help="as `spa2v components` lists it")
    parser.add_argument("options", nargs="*", metavar="KEY=VALUE", help="options of the component; values are YAML")
    parser.add_argument("--registry", action="append", default=[], metavar="FILE", help="a registry file with the name")
    given = parser.parse_args(words)
    try:
        contract = Contract(given.family, given.name, given.registry, dict(map(_option, given.options)))
    except Spa2vError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    states = [_row(contract, rule) for rule in contract.rules]
    counts = {state: states.count(state) for state in ("kept", "broken", "unchecked")}
    print(", ".join(f"{count} {state}" for state, count in counts.items()))
    return 1 if counts["broken"] else 0


def _option(text: str) -> tuple[str, Any]:
    from spa2v.core.yaml_text import load_yaml

    key, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"option {text!r} is not of the form key=value")
    return key, load_yaml(value)


def _row(contract: Contract, rule: Rule) -> str:
    """Checks one rule and prints what came out; the state."""
    try:
        contract.check(rule)
        print(f"{rule.name:<12} kept")
        return "kept"
    except (Unchecked, *LACKING) as reason:
        print(f"{rule.name:<12} unchecked: {str(reason).splitlines()[0]}")
        return "unchecked"
    except ContractError as problem:
        print(f"{rule.name:<12} broken: {rule.says}", *problem.details[1:], sep="\n")
        return "broken"


if __name__ == "__main__":
    sys.exit(main())
