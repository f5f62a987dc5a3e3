"""The parts of the docs that are made from the code; `python tests/kit/doc_parts.py` writes them into the pages."""

from __future__ import annotations

import inspect
import re
from typing import Any

from spa2v.core import hookspecs, protocols, types
from spa2v.core.registry import FAMILIES
from spa2v.testing.contract import rules
from tests.kit import doc_commands, doc_presets
from tests.kit.doc_schema import table as schema_table
from tests.kit.paths import ROOT

DOCS = ROOT / "docs"
PAGES = ("commands.md", "contracts.md", "doctor.md", "hooks.md", "presets.md", "python.md")
_PART = re.compile(r"(<!-- made from the code: (\w+) ([\w -]+?) -->\n).*?(<!-- end -->)", re.DOTALL)


def hook_names() -> list[str]:
    """The hooks, in the order of their module."""
    return [name for name in vars(hookspecs) if name.startswith("spa2v_")]


def _plain(annotation: Any) -> str:
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))
    return re.sub(r"\b(?:\w+\.)+(\w+)", r"\1", text)


def _signature(function: Any) -> str:
    signature = inspect.signature(function)
    given = [f"{key}: {_plain(item.annotation)}" for key, item in signature.parameters.items() if key != "self"]
    return f"{function.__name__}({', '.join(given)}) -> {_plain(signature.return_annotation)}"


def method(family: str) -> str:
    """The protocol of a family: what it is, its method, what the method returns."""
    protocol, name = protocols.FAMILIES[family]
    function = getattr(protocol, name)
    return f"{inspect.getdoc(protocol)}\n\n```python\n{_signature(function)}\n```\n\n{inspect.getdoc(function)}\n"


def table(family: str) -> str:
    """The rules of a family."""
    rows = [f"| `{rule.name}` | {rule.says} | {rule.fix[0].upper()}{rule.fix[1:]}. |" for rule in rules(family)]
    return "\n".join(["| rule | what must hold | where it does not |", "|---|---|---|", *rows]) + "\n"


def offer(name: str) -> str:
    """The members of `DenoisingBackbone`, or the fields of another class of the protocols."""
    protocol = getattr(protocols, name, None) or getattr(types, name)
    members = [key for key, value in vars(protocol).items() if inspect.isfunction(value) and not key.startswith("_")]
    rows = [f"- `{_signature(getattr(protocol, key))}`: {inspect.getdoc(getattr(protocol, key))}" for key in members]
    fields = [f"- `{key}: {_plain(value)}`" for key, value in protocol.__annotations__.items()]
    return "\n".join([*fields, *rows]) + "\n"


def capabilities(name: str) -> str:
    """The optional protocols: whose they are, and the method of each."""
    head = ["| protocol | method | what it returns |", "|---|---|---|"]
    rows = []
    for protocol, key in protocols.CAPABILITIES.items():
        function = getattr(protocol, key)
        says = (inspect.getdoc(function) or "").partition("\n\n")[0].replace("\n", " ")
        form = _signature(function).replace("|", "\\|")
        rows.append(f"| `{protocol.__name__}`: {inspect.getdoc(protocol)} | `{form}` | {says} |")
    return "\n".join([*head, *rows]) + "\n"


def hook(name: str) -> str:
    """The signature and docstring of a hook."""
    function = getattr(hookspecs, name)
    return f"```python\n{_signature(function)}\n```\n\n```\n{inspect.getdoc(function)}\n```\n"


def example(name: str) -> str:
    """A program of `examples/` as a file of the page."""
    text = (DOCS.parent / "examples" / f"{name}.py").read_text(encoding="utf-8")
    return f'```python title="{name}.py"\n{text}```\n'


def example_names() -> list[str]:
    """The programs of `examples/`."""
    return sorted(path.stem for path in (DOCS.parent / "examples").glob("*.py"))


MAKERS = {
    "method": method,
    "rules": table,
    "offer": offer,
    "capabilities": capabilities,
    "hook": hook,
    "command": doc_commands.part,
    "presets": doc_presets.part,
    "schema": schema_table,
    "example": example,
}


def filled(page: str) -> str:
    """A page with its made parts as the code has them."""
    return _PART.sub(lambda found: f"{found[1]}\n{MAKERS[found[2]](found[3])}\n{found[4]}", page)


def parts(page: str) -> set[tuple[str, str]]:
    """(maker, subject) of every made part of a page."""
    return {(found[2], found[3]) for found in _PART.finditer(page)}


def everything() -> set[tuple[str, str]]:
    """The parts that the pages must have."""
    wanted = {(maker, family) for maker in ("method", "rules") for family in FAMILIES}
    wanted |= {("hook", name) for name in hook_names()}
    wanted |= {("command", name) for name in doc_commands.names()}
    wanted |= {("example", name) for name in example_names()}
    wanted |= {("capabilities", "all")}
    return wanted | {("presets", name) for name in doc_presets.PARTS} | {("schema", "doctor")}


if __name__ == "__main__":
    for file in PAGES:
        (DOCS / file).write_text(filled((DOCS / file).read_text()))
