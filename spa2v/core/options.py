"""Options of components as a config writes them, converted to what the annotations of the constructor say."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from spa2v.core.errors import ConfigError, near
from spa2v.core.yaml_text import number, scalar_text

_TRUTH = {word: value for value, words in ((True, "true yes on"), (False, "false no off")) for word in words.split()}
_WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text", types.NoneType: "null"}


def bind_options(loaded: type[Any], options: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Checks options against the constructor of a component, without calling it, and gives them in its types.

    Raises:
        ConfigError: an option is unknown, of another type, or a required one is missing; the accepted ones are listed.
    """
    found = inspect.signature(loaded).parameters.values()
    parameters = {item.name: item for item in found if item.kind in (item.POSITIONAL_OR_KEYWORD, item.KEYWORD_ONLY)}
    takes_any = any(item.kind == item.VAR_KEYWORD for item in found)
    accepted = "accepted options: " + (", ".join(shown(item) for item in parameters.values()) or "none")
    for name in options:
        if name not in parameters and not takes_any:
            raise ConfigError(f"{where}: unknown option {name!r}", near(name, parameters), accepted)
    for name, item in parameters.items():
        if item.default is item.empty and name not in options:
            raise ConfigError(f"{where}: the option {name!r} is required", accepted)
    return {
        name: fitted(value, hint_of(loaded, parameters[name]), f"{where}: {name}") if name in parameters else value
        for name, value in options.items()
    }


def shown(parameter: inspect.Parameter) -> str:
    """An option with its default, as it is written on a command line."""
    if parameter.default is parameter.empty:
        return parameter.name
    return f"{parameter.name}={scalar_text(parameter.default)}"


def hint_of(loaded: type[Any], parameter: inspect.Parameter) -> Any:
    """The type of an option; Any where it has none, or one that cannot be had without importing more."""
    if parameter.annotation is parameter.empty:
        return Any
    holder = types.SimpleNamespace(__annotations__={"it": parameter.annotation})
    names = getattr(inspect.unwrap(loaded.__init__), "__globals__", {})
    try:
        hint = typing.get_type_hints(holder, names)["it"]
    except Exception:  # noqa: BLE001 - names that are imported for type checkers alone; whatever an annotation does
        return Any
    return hint | None if parameter.default is None and hint is not Any else hint


def fitted(value: Any, hint: Any, where: str) -> Any:
    """A value of a config as a type takes it: off is false for a bool, text for a str; 1e3 is 1000 for an int.

    Raises:
        ConfigError: it has no such meaning. Types other than scalars, lists and mappings of them take anything.
    """
    kinds = _members(hint)
    if isinstance(value, str) and (found := _from_text(value, kinds)) is not None:
        return found[0]
    if any(_is(value, kind) for kind in kinds):
        return _inside(value, kinds, where)
    if bool in kinds and value in (0, 1) and not isinstance(value, float):
        return bool(value)
    if int in kinds and isinstance(value, float) and value.is_integer():
        return int(value)
    text = scalar_text(value)
    if (str in kinds and isinstance(value, (bool, int, float))) or text in _choices(kinds):
        return text
    if all(kind in _WORDS for kind in kinds):
        raise ConfigError(f"{where}: {value!r}", f"expected {' or '.join(_WORDS[kind] for kind in kinds)}")
    return value


def _members(hint: Any) -> tuple[Any, ...]:
    """The members of a union, aliases and annotations taken off; None as NoneType."""
    while hasattr(hint, "__value__"):
        hint = hint.__value__
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return tuple(kind for item in typing.get_args(hint) for kind in _members(item))
    if origin is typing.Annotated:
        return _members(typing.get_args(hint)[0])
    return (types.NoneType if hint is None else hint,)


def _choices(kinds: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(item for kind in kinds if typing.get_origin(kind) is Literal for item in typing.get_args(kind))


def _from_text(text: str, kinds: tuple[Any, ...]) -> tuple[Any] | None:
    """What a text means for types, in a tuple; None where it is no text for them."""
    if text in _choices(kinds):
        return (text,)
    if bool in kinds and text.lower() in _TRUTH:
        return (_TRUTH[text.lower()],)
    if (int in kinds or float in kinds or Any in kinds) and (found := number(text)) is not None:
        if float not in kinds and int in kinds and isinstance(found, float) and found.is_integer():
            return (int(found),)
        if isinstance(found, int) or int not in kinds or float in kinds:
            return (found,)
    return (text,) if str in kinds or Any in kinds else None


def _is(value: Any, kind: Any) -> bool:
    """Whether a value is of a type as it is; bool is no int here, an int is a float."""
    origin = typing.get_origin(kind) or kind
    if origin is Any:
        return True
    if origin is Literal:
        return any(type(value) is type(item) and value == item for item in typing.get_args(kind))
    if origin is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if origin in (list, tuple) or not isinstance(origin, type):
        return isinstance(value, (list, tuple))
    return isinstance(value, origin) and not (origin is int and isinstance(value, bool))


def _inside(value: Any, kinds: tuple[Any, ...], where: str) -> Any:
    """Lists and mappings with what is in them fitted, too."""
    kind = next(kind for kind in kinds if _is(value, kind))
    inner = typing.get_args(kind)
    if isinstance(value, Mapping):
        hint = inner[1] if len(inner) == 2 else Any
        return {key: fitted(item, hint, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        fixed = typing.get_origin(kind) is tuple and inner[-1:] != (...,) and len(inner) == len(value)
        hints = inner if fixed else (inner[:1] or (Any,)) * len(value)
        pairs = enumerate(zip(value, hints, strict=True))
        return type(value)(fitted(item, hint, f"{where}[{i}]") for i, (item, hint) in pairs)
    return value
