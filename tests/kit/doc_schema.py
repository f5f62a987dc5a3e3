"""A JSON Schema as a table of the docs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.kit.paths import ROOT

SCHEMAS = {"doctor": ROOT / "spa2v/cli/doctor/report.schema.json"}


def table(name: str) -> str:
    """A row for each key that the schema describes."""
    schema = json.loads(SCHEMAS[name].read_text(encoding="utf-8"))
    rows = [f"| `{path}` | {_kind(part)} | {part.get('description', '')} |" for path, part in _keys(schema, schema)]
    return "\n".join(["| key | type | meaning |", "|---|---|---|", *rows]) + "\n"


def _keys(part: dict[str, Any], root: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for name, child in part.get("properties", {}).items():
        here = f"{path}{name}"
        yield here, child
        inner = child.get("items", child)
        if "$ref" in inner:
            inner = root["$defs"][inner["$ref"].rpartition("/")[2]]
        yield from _keys(inner, root, f"{here}[]." if "items" in child else f"{here}.")


def _kind(part: dict[str, Any]) -> str:
    if "const" in part:
        return f"`{part['const']}`"
    if "enum" in part:
        return ", ".join(f"`{value}`" for value in part["enum"])
    kinds = part["type"] if isinstance(part["type"], list) else [part["type"]]
    inner = part.get("items", {})
    if "$ref" in inner:
        return f"list of {inner['$ref'].rpartition('/')[2]}s"
    words = {"array": f"list of {inner.get('type', 'object')}s", "object": "object", "string": "text"}
    words |= {"boolean": "true, false", "null": "null", "number": "number"}
    return " or ".join(words[kind].replace("strings", "texts") for kind in kinds)
