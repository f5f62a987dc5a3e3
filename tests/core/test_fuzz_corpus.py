"""The kept inputs of the fuzzing, given to the same targets: see `tools/fuzz.py`.

`seed_*` are valid, `found_*` once did harm; the others widened the coverage.
"""

from __future__ import annotations

import importlib.util
import json
import random
from pathlib import Path

import pytest

from tests.kit.paths import TESTS
from tools.fuzz import changed_value, mutator
from tools.fuzz_targets import TARGETS

CORPUS = TESTS / "corpus"
NEEDS = {"checkpoint": "torch"}


@pytest.mark.parametrize("name", TARGETS)
def test_kept_inputs(tmp_path: Path, name: str) -> None:
    if name in NEEDS and importlib.util.find_spec(NEEDS[name]) is None:
        pytest.skip(f"needs {NEEDS[name]}")
    paths = sorted((CORPUS / name).iterdir())
    assert any(path.name.startswith("seed_") for path in paths)
    for path in paths:
        try:
            TARGETS[name](path.read_bytes(), tmp_path)
        except BaseException as error:
            error.add_note(f"with {path.relative_to(CORPUS.parent)}")
            raise


def test_each_folder_has_a_target() -> None:
    assert {path.name for path in CORPUS.iterdir()} == set(TARGETS)


def test_changed_values_are_other_values_of_the_same_language() -> None:
    value = {"a": [1, {"b": 2}], "c": "x"}
    made = [changed_value(value, random.Random(seed)) for seed in range(200)]
    assert value == {"a": [1, {"b": 2}], "c": "x"}
    assert sum(one != value for one in made) > 150
    assert all(isinstance(json.dumps(one), str) for one in made)


def test_the_mutator_changes_json_and_yaml_as_values_and_the_rest_as_bytes() -> None:
    mutate = mutator(lambda data, size: b"bytes")
    for text in (b'{"a": [1, 2, 3]}', b"a:\n- 1\n- 2\n", b'{"a": 1}\n---\n{"b": 2}'):
        made = {mutate(text, 1_000, seed) for seed in range(50)}
        assert b"bytes" in made
        assert len(made) > 10
    assert {mutate(b"\xff\xfe{", 1_000, seed) for seed in range(20)} == {b"bytes"}
    assert max(len(mutate(b'{"a": 1, "b": 2}', 100, seed)) for seed in range(100)) <= 100
