"""The manifest of a benchmark: what is read, and what is refused with the line and field named."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from spa2v.core.errors import ConfigError
from spa2v.core.types import benchmark
from spa2v.core.types.benchmark import BenchmarkClip, ClipObject, manifest_text, parse_manifest, read_manifest
from tests.kit.paths import ROOT

CLIP = BenchmarkClip(
    id="a",
    source_id="s",
    split="test",
    scenario="translational",
    quantity="single",
    duration_s=2.5,
    objects=(ClipObject("car_0", "car", "approaching", None, True, {"level_change_db": 8.0}),),
    audio="clips/a/audio.flac",
    layout="clips/a/layout.json",
    video=None,
    caption="A car approaches.",
    augmentation=("reverse",),
    facts={"snr_db": 20.0},
)


def validator() -> jsonschema.Draft202012Validator:
    path = Path(benchmark.__file__).parent / "benchmark.schema.json"
    schema = json.loads(path.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_a_clip_comes_back_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "manifest.jsonl").write_text(manifest_text([CLIP]) + "\n")
    assert read_manifest(tmp_path) == (CLIP,) == read_manifest(tmp_path / "manifest.jsonl")
    validator().validate(CLIP.to_json())


def test_unknown_keys_are_left_alone() -> None:
    data = CLIP.to_json() | {"mood": "calm"}
    assert BenchmarkClip.from_json(data) == CLIP
    validator().validate(data)


def test_only_the_needed_keys_are_needed() -> None:
    data = CLIP.to_json()
    for key in ("video", "caption", "augmentation", "facts"):
        data.pop(key, None)
    data["objects"] = [{"id": "x", "name": "car"}]
    clip = BenchmarkClip.from_json(data)
    assert clip.objects == (ClipObject("x", "car"),)
    validator().validate(data)


BROKEN: list[tuple[dict[str, Any], str]] = [
    ({"split": "train"}, "manifest.jsonl line 1: split: 'train'\n  expected one of: database, test"),
    ({"scenario": None}, "line 1: scenario: None\n  expected one of: stationary, translational"),
    ({"quantity": "few"}, "line 1: quantity: 'few'"),
    ({"duration_s": 0}, "line 1: duration_s: 0\n  expected a positive number"),
    ({"duration_s": True}, "line 1: duration_s: True"),
    ({"id": " "}, "line 1: id: ' '\n  expected a text"),
    ({"objects": {}}, "line 1: objects: {}\n  expected a list"),
    ({"objects": [{"id": "x"}]}, "line 1: objects[0]: name is missing"),
    ({"objects": [{"id": "x", "name": "car", "attribute": "up"}]}, "line 1: objects[0]: attribute: 'up'"),
    ({"objects": [{"id": "x", "name": "car", "lateral_evidence": 1}]}, "line 1: objects[0]: lateral_evidence: 1"),
    ({"audio": "/etc/passwd"}, "line 1: audio: '/etc/passwd'\n  expected a path below the folder"),
    ({"audio": "clips/../../x"}, "line 1: audio: 'clips/../../x'"),
    ({"layout": "..\\x"}, "line 1: layout: '..\\\\x'"),
    ({"video": "C:x.mp4"}, "line 1: video: 'C:x.mp4'"),
]


@pytest.mark.parametrize(("change", "message"), BROKEN)
def test_a_broken_line_is_refused_by_reader_and_schema(change: dict[str, Any], message: str) -> None:
    data = CLIP.to_json() | change
    with pytest.raises(ConfigError) as caught:
        parse_manifest([json.dumps(data)])
    assert message in str(caught.value)
    assert not validator().is_valid(data)


@pytest.mark.parametrize(
    "key", ["id", "source_id", "split", "scenario", "quantity", "duration_s", "objects", "audio", "layout"]
)
def test_a_missing_key_is_named(key: str) -> None:
    data = CLIP.to_json()
    del data[key]
    with pytest.raises(ConfigError, match=f"line 1: {key} is missing"):
        parse_manifest([json.dumps(data)])


@pytest.mark.parametrize("line", ["{", "[" * 100_000, "[]", "7"])
def test_a_line_that_is_no_object_is_refused(line: str) -> None:
    with pytest.raises(ConfigError, match=r"manifest\.jsonl line 1: "):
        parse_manifest([line])


def test_an_id_that_stands_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match="line 2: the id 'a' stands twice"):
        parse_manifest(manifest_text([CLIP, CLIP]).splitlines())


def test_a_missing_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read the manifest"):
        read_manifest(tmp_path)


def test_the_example_of_the_documentation_is_valid() -> None:
    text = (ROOT / "docs" / "benchmark-format.md").read_text(encoding="utf-8")
    found = re.search(r"```json\n(.*?)```", text, re.DOTALL)
    assert found is not None
    data = json.loads(found.group(1))
    validator().validate(data)
    assert BenchmarkClip.from_json(data).objects[0].attribute == "approaching"


@pytest.mark.parametrize("given", [3, "mirror", {"a": 1}, None])
def test_augmentations_are_a_list(given: Any) -> None:
    with pytest.raises(ConfigError, match="augmentation"):
        BenchmarkClip.from_json(CLIP.to_json() | {"augmentation": given})
