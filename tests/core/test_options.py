"""What options of a config and of the command line mean: what the type of the option says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pytest

from spa2v import ConfigError
from spa2v.core.config import read_overrides
from spa2v.core.options import bind_options
from spa2v.core.yaml_text import load_yaml


class Component:
    def __init__(
        self,
        cache: bool = True,
        size: int = 1,
        scale: float = 1.0,
        name: str = "x",
        limit: int | None = None,
        frames: int | Literal["auto"] = 1,
        mode: Literal["on", "off"] = "on",
        words: Sequence[str] = (),
        weights: Mapping[str, float] = {},
        either: bool | str = True,
        anything=None,
        unknown: Missing = None,  # noqa: F821 - as for an import under TYPE_CHECKING
    ) -> None: ...


def bound(key: str, text: str) -> Any:
    return bind_options(Component, read_overrides([f"{key}={text}"])[0].data, "it")[key]


MEANT = [
    *[("cache", text, False) for text in ("off", "no", "false", "False", "OFF", "0")],
    *[("cache", text, True) for text in ("on", "yes", "true", "True", "1")],
    *[("mode", text, text) for text in ("on", "off")],
    *[("size", text, 1000) for text in ("1e3", "1000", "1_000", "1000.0", "0x3e8")],
    *[("scale", text, 1000.0) for text in ("1e3", "1000.0", "1.0e+3")],
    *[
        ("name", text, text)
        for text in ("off", "no", "1e3", "1.10", "007", "2026-01-01", "12:30:00", "0x1f", "true", "3", "1e400")
    ],
    ("name", "'null'", "null"),
    ("limit", "null", None),
    ("limit", "1e1", 10),
    ("frames", "auto", "auto"),
    ("frames", "1e1", 10),
    ("words", "[on, 1.10, 2026-01-01, x]", ["on", "1.10", "2026-01-01", "x"]),
    ("weights", "{on: 1e-1, no: 2}", {"on": 0.1, "no": 2}),
    ("either", "off", False),
    ("either", "left", "left"),
    ("anything", "1e3", 1000.0),
    ("anything", "off", "off"),
    ("unknown", "[1e3, off]", [1000.0, "off"]),
]


@pytest.mark.parametrize(("key", "text", "value"), MEANT)
def test_a_value_means_what_the_type_of_its_option_says(key: str, text: str, value: Any) -> None:
    found = bound(key, text)
    assert (type(found), found) == (type(value), value)


REFUSED = [
    ("cache", "maybe", "it: cache: 'maybe'\n  expected true or false"),
    ("cache", "2", "it: cache: 2\n  expected true or false"),
    ("size", "2.5", "it: size: 2.5\n  expected a whole number"),
    ("size", "true", "it: size: True\n  expected a whole number"),
    ("scale", "12:30", "it: scale: '12:30'\n  expected a number"),
    ("name", "null", "it: name: None\n  expected text"),
    ("name", "[a]", "it: name: ['a']\n  expected text"),
    ("limit", "few", "it: limit: 'few'\n  expected a whole number or null"),
    ("words", "[a, [b]]", "it: words[1]: ['b']\n  expected text"),
]


@pytest.mark.parametrize(("key", "text", "message"), REFUSED)
def test_a_value_of_another_type_is_refused_by_name(key: str, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        bound(key, text)
    assert str(caught.value) == message


def test_quoted_text_and_what_has_one_spelling_are_read_as_they_are() -> None:
    text = "{a: 'true', b: true, c: 12, d: '12', e: 0.5, f: ~, g: , h: null, i: 1e3, on: off, j: .inf, k: 2026-01-01}"
    assert load_yaml(text) == {
        **{"a": "true", "b": True, "c": 12, "d": "12", "e": 0.5, "f": None, "g": None, "h": None, "i": "1e3"},
        **{"on": "off", "j": ".inf", "k": "2026-01-01"},
    }


def test_merge_keys_work_and_a_key_that_is_there_twice_is_refused() -> None:
    assert load_yaml("a: &x {b: 1}\nc: {<<: *x, d: 2}") == {"a": {"b": 1}, "c": {"b": 1, "d": 2}}
    with pytest.raises(Exception, match="duplicate key a"):
        load_yaml("{a: 1, a: 2}")
