"""Hostile input: what is read from outside ends in a result or in one of our errors, within bounds of time and memory.

Mutations are drawn by hypothesis from valid files; every example that ever failed belongs in the lists here.
"""

from __future__ import annotations

import copy
import io
import json
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from spa2v import ConfigError, LayoutError, Pipeline, RegistryError, Spa2vError, VideoSceneLayout, WeightsError
from spa2v.core import config as configs
from spa2v.core.host import Host, RegistryFile
from spa2v.core.types.benchmark import parse_manifest
from spa2v.jobs.batch import read_items
from spa2v.jobs.replay import Replay

BOUNDED = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
LAYOUT = {
    "version": 1,
    "duration_s": 2.0,
    "caption": "a car",
    "reasoning": "it is loud",
    "scenario": "translational",
    "keyframes": [
        {"time_s": 0.0, "caption": "left", "objects": [{"id": "car_0", "name": "car", "box": [0.1, 0.2, 0.3, 0.4]}]},
        {"time_s": 1.0, "caption": "right", "objects": [{"id": "car_0", "name": "car", "box": [0.6, 0.2, 0.9, 0.4]}]},
    ],
}
LINE = {
    "id": "one",
    "source_id": "s",
    "split": "test",
    "scenario": "stationary",
    "quantity": "single",
    "duration_s": 1.0,
    "objects": [{"id": "a", "name": "car", "attribute": "left", "cues": {"x": 1.0}}],
    "audio": "clips/a.wav",
    "layout": "clips/a.json",
    "augmentation": [],
}
CONFIG = {
    "registries": [],
    "cue_extractors": [{"name": "interaural"}],
    "layout_planner": {"name": "stereo_rules", "options": {"keyframes": 4}},
    "grounding_injector": {"name": "ungrounded"},
    "motion_backbone": {"name": "storyboard", "options": {"width": 512}},
    "audio": {"start_s": 0.0},
    "run": {"seed": 1},
}
REGISTRY = {
    "layout_planners": {
        "mine": {"target": "a.py:B", "summary": "x", "needs": ["numpy"], "install": "pip install x"},
        "other": "b.py:C",
    }
}
MANIFEST = {
    "config": CONFIG,
    "versions": {"numpy": "1"},
    "inputs": {"audio": "a.wav"},
    "audio": {"sha256": "0"},
    "components": [{"name": "x", "target": "y"}],
    "extensions": [{"package": "x", "version": "1"}],
    "sha256": {"video": "0"},
}
ODD = ("", "../../x", "a\nb", "\x00", "<script>", "${x}", "${oc.env:HOME}", "???", 10**400, -1, "x" * 5000)
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(ODD),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=3),
)


@st.composite
def mutated(draw: st.DrawFn, valid: Any) -> Any:
    """A copy of valid data with one to four places changed, removed or doubled."""
    data = copy.deepcopy(valid)
    for _ in range(draw(st.integers(1, 4))):
        places = _places(data)
        if not places:
            return draw(JUNK)
        holder, key = draw(st.sampled_from(places))
        match draw(st.sampled_from(["change", "remove", "double"])):
            case "change":
                holder[key] = draw(JUNK)
            case "remove":
                del holder[key]
            case _ if isinstance(holder, list):
                holder.append(copy.deepcopy(holder[key]))
            case _:
                holder[draw(st.text(max_size=8))] = copy.deepcopy(holder[key])
    return data


def _places(data: Any) -> list[tuple[Any, Any]]:
    keys = list(data) if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ()
    return [(data, key) for key in keys] + [place for key in keys for place in _places(data[key])]


@BOUNDED
@given(mutated(LAYOUT))
def test_layouts(data: Any) -> None:
    text = json.dumps(data)
    try:
        layout = VideoSceneLayout.loads(text)
    except LayoutError:
        return
    assert VideoSceneLayout.loads(layout.dumps()) == layout
    assert len(layout.frames(16)) == 16


@BOUNDED
@given(st.binary(max_size=400) | st.text(max_size=400))
def test_layouts_of_noise(data: bytes | str) -> None:
    with pytest.raises(LayoutError):
        VideoSceneLayout.loads(data)


@BOUNDED
@given(mutated(LINE))
@example({**LINE, "augmentation": None})
def test_manifest_lines(data: Any) -> None:
    try:
        (clip,) = parse_manifest([json.dumps(data)])
    except ConfigError:
        return
    assert ".." not in Path(clip.audio).parts
    assert not Path(clip.audio).is_absolute()
    json.dumps(clip.to_json())


@BOUNDED
@given(st.binary(max_size=300))
def test_manifest_files_of_noise(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "m.jsonl"
    path.write_bytes(data)
    try:
        items = read_items(path)
    except ConfigError:
        return
    names = [item.folder_name for item in items]
    assert len(set(names)) == len(names)
    assert all(name == Path(name).name and name not in ("", ".", "..") for name in names)


def _yaml(data: Any) -> str:
    import yaml

    return yaml.safe_dump(data, allow_unicode=True)


@BOUNDED
@given(mutated(CONFIG))
@example({**CONFIG, "registries": "\0"})
@example({**CONFIG, "motion_backbone": {"name": "storyboard", "options": {"width": 10**400}}})
def test_configs(tmp_path: Path, data: Any) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(_yaml(data), encoding="utf-8", errors="replace")
    try:
        config = configs.load([path], [], Host(extensions=[]).configs)
        Pipeline(config).check()
    except Spa2vError as refusal:
        told = str(refusal)
    else:
        told = ""
    assert len(told) < 40_000


@BOUNDED
@given(st.text(max_size=60))
def test_overrides(text: str) -> None:
    try:
        configs.load([], [text], Host(extensions=[]).configs)
    except ConfigError:
        return


@BOUNDED
@given(mutated(REGISTRY))
def test_registry_files(tmp_path: Path, data: Any) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(_yaml(data), encoding="utf-8", errors="replace")
    try:
        RegistryFile(path)
    except RegistryError as refusal:
        told = str(refusal)
    else:
        told = ""
    assert len(told) < 40_000


@BOUNDED
@given(st.binary(max_size=300))
def test_yaml_of_noise(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(data)
    for read in (lambda: RegistryFile(path), lambda: configs.load([path], [], Host(extensions=[]).configs)):
        try:
            read()
        except Spa2vError:
            continue


@BOUNDED
@given(mutated(MANIFEST))
def test_manifests_of_runs(tmp_path: Path, data: Any) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps(data))
    try:
        replay = Replay.read(tmp_path)
        pipeline = Pipeline(replay.config)
        replay.audio(), replay.layout()
        list(replay.changes(pipeline)), list(replay.compare({"video": "1"}))
    except Spa2vError:
        return


def bomb(levels: int = 9) -> str:
    """YAML in which each list stands for ten of the one before."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, levels)]
    return "\n".join(lines)


def merging(levels: int = 9) -> str:
    """YAML whose mappings merge ten copies of the one before."""
    lines = ["m0: &m0 {a: 1, b: 2}"]
    lines += [f"m{i}: &m{i}\n  <<: [{', '.join([f'*m{i - 1}'] * 10)}]" for i in range(1, levels)]
    return "\n".join(lines)


TOO_MUCH = "it holds more than 100000 values, aliases written out"
YAML_ATTACKS = {
    "bomb": (bomb(), TOO_MUCH),
    "merging": (merging(), TOO_MUCH),
    "inside itself": ("a: &a [*a]", "the alias 'a' stands inside itself"),
    "deep lists": ("a: " + "[" * 100_000, "it is nested more than 64 deep"),
    "deep mappings": ("{a: " * 5_000, "it is nested more than 64 deep"),
    "deep blocks": ("\n".join(" " * depth + "a:" for depth in range(800)), "it is nested more than 64 deep"),
    "code": ('a: !!python/object/apply:os.system ["echo"]', "could not determine a constructor for the tag"),
    "new": ("a: !!python/object/new:os.system [echo]", "could not determine a constructor for the tag"),
    "name": ("a: !!python/name:os.system", "could not determine a constructor for the tag"),
    "NUL": ("a: \0", "unacceptable character"),
}


@pytest.mark.parametrize("attack", YAML_ATTACKS)
def test_yaml_attacks(tmp_path: Path, attack: str) -> None:
    text, message = YAML_ATTACKS[attack]
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as of_config:
        configs.read_source(path, Host(extensions=[]).configs)
    with pytest.raises(RegistryError) as of_registry:
        RegistryFile(path)
    assert str(of_config.value).startswith(f"cannot read the config '{path}'\n  {message}")
    assert str(of_registry.value).startswith(f"cannot read the registry file '{path}'\n  {message}")


def test_an_override_that_is_nested_too_deep() -> None:
    with pytest.raises(ConfigError, match=r"^override 'a=\[+'? ?.*\n  it is nested more than 64 deep"):
        configs.read_overrides(["a=" + "[" * 50_000])


def test_huge_files_are_not_read(tmp_path: Path) -> None:
    for name in ("x.yaml", "layout.json", "manifest.json", "manifest.jsonl"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(4 * 1024**3)  # sparse: it takes no room
    from spa2v.core.media.files import read_layout

    with pytest.raises(ConfigError, match="is over 1000000 bytes"):
        configs.read_source(tmp_path / "x.yaml", Host(extensions=[]).configs)
    with pytest.raises(RegistryError, match="is over 1000000 bytes"):
        RegistryFile(tmp_path / "x.yaml")
    with pytest.raises(LayoutError, match="is larger than 64 MiB"):
        read_layout(tmp_path / "layout.json")
    with pytest.raises(ConfigError, match="is over 64 MiB"):
        Replay.read(tmp_path)
    with pytest.raises(ConfigError, match="is over 512 MiB"):
        read_items(tmp_path)


def huge_file_readers() -> dict[str, Any]:
    from spa2v.core.runtime import Run
    from spa2v.evaluation.ablation.cells import read_folder
    from spa2v.evaluation.bench.reading import read_bench
    from spa2v.evaluation.engine.result import Evaluation
    from spa2v.evaluation.study.results import read_key
    from spa2v.plugins.label_maps.table import TableLabels
    from spa2v.plugins.layout_planners.mllm.examples.index import read_index
    from spa2v.plugins.motion_backbones.animatediff.vocabulary import Vocabulary

    return {
        "evaluation.json": Evaluation.read,
        "ablation.json": lambda path: read_folder(path.parent),
        "manifest.jsonl": read_bench,
        "labels.json": lambda path: TableLabels(str(path)).table(["a"], [], Run()),
        "key.json": read_key,
        "index.json": lambda path: read_index(path.parent),
        "vocabulary.json": Vocabulary.read,
    }


@pytest.mark.parametrize("name", huge_file_readers())
def test_further_huge_files_are_not_read(tmp_path: Path, name: str) -> None:
    with (tmp_path / name).open("wb") as file:
        file.truncate(4 * 1024**3)
    with pytest.raises((ConfigError, WeightsError), match="it is over "):
        huge_file_readers()[name](tmp_path / name)


def test_half_a_surrogate_pair_in_json() -> None:
    from spa2v.core.untrusted import parse_json

    for text in ('{"\\ud800": ["a\\uDC00b", "\\ud83d\\ude00"]}', '{"\ud800": ["a\udc00b", "\U0001f600"]}'):
        assert parse_json(text) == {"\ufffd": ["a\ufffdb", "\U0001f600"]}


@pytest.mark.parametrize("text", ["[" * 1_000_000, '{"a":' * 1_000_000], ids=["lists", "objects"])
def test_deep_json(text: str) -> None:
    with pytest.raises(LayoutError, match=r"^not JSON: "):
        VideoSceneLayout.loads(text)


LIMITED = """
import json, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
{code}
"""


def limited(code: str) -> str:
    """What some code prints in a process of 2 GiB and 60 seconds of CPU time."""
    done = subprocess.run([sys.executable, "-c", LIMITED.format(code=code)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.slow
def test_a_million_objects() -> None:
    code = """
from spa2v import LayoutError, VideoSceneLayout
thing = '{"id": "a%d", "name": "x", "box": [0, 0, 1, 1]}'
things = ", ".join(thing % i for i in range(1_000_000))
text = '{"version": 1, "duration_s": 1, "caption": "x", "keyframes": [{"time_s": 0, "objects": [' + things + "]}]}"
try:
    VideoSceneLayout.loads(text)
except LayoutError as error:
    print(error)
"""
    assert limited(code) == "keyframes[0].objects: 1000000 entries are too many\n  the limit is 64\n"


# Checkpoints


def _checkpoint(suffix: str) -> bytes:
    torch = pytest.importorskip("torch")
    tensors = {"a.weight": torch.zeros(4, 4), "b.bias": torch.ones(3)}
    if suffix == ".safetensors":
        from safetensors.torch import save

        return save(tensors)
    buffer = io.BytesIO()
    torch.save({"state_dict": tensors}, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("suffix", [".safetensors", ".ckpt"])
def test_mutated_checkpoints(tmp_path: Path, suffix: str) -> None:
    from spa2v.core.weights import read_tensors

    whole = _checkpoint(suffix)
    path = tmp_path / f"x{suffix}"
    spots = st.lists(st.tuples(st.integers(0, len(whole) - 1), st.integers(0, 255)), max_size=6)

    @BOUNDED
    @given(spots, st.integers(0, len(whole)))
    def attempt(changes: list[tuple[int, int]], length: int) -> None:
        data = bytearray(whole)
        for spot, value in changes:
            data[spot] = value
        path.write_bytes(data[:length] if not changes else data)
        try:
            read_tensors(path)
        except WeightsError:
            return

    attempt()


@pytest.mark.parametrize("claim", [2**63, 2**40, 4 * 1024**3, 100_000_001])
def test_a_header_that_claims_gigabytes(tmp_path: Path, claim: int) -> None:
    pytest.importorskip("torch")
    from spa2v.core.weights import read_tensors

    path = tmp_path / "x.safetensors"
    path.write_bytes(struct.pack("<Q", claim) + b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}')
    with pytest.raises(WeightsError, match="cannot be read"):
        read_tensors(path)


def test_a_pickle_is_not_executed(tmp_path: Path) -> None:
    import pickle

    pytest.importorskip("torch")
    from spa2v.core.weights import read_tensors

    class Evil:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "pwned",))

    for name, data in (("plain.ckpt", pickle.dumps(Evil())), ("zip.ckpt", _checkpoint(".ckpt"))):
        (tmp_path / name).write_bytes(data)
    import torch

    torch.save({"state_dict": Evil()}, tmp_path / "zip.ckpt")
    for name in ("plain.ckpt", "zip.ckpt"):
        with pytest.raises(WeightsError):
            read_tensors(tmp_path / name)
    assert not (tmp_path / "pwned").exists()


# Names


NAMES = ["a b", "$(touch x)", "; rm -rf ~", "a\nb", "-o", "ü€𝄞", "'\"", "%s{}", "a" * 200, "con.wav", "\udcff"]


@pytest.mark.parametrize("name", NAMES)
def test_odd_names_of_recordings(tmp_path: Path, toy: Path, name: str) -> None:
    from spa2v.core.media.files import write_json
    from spa2v.core.media.video import write_video
    from tests.kit.batches import recording

    path = recording(tmp_path / "plain.wav").rename(tmp_path / f"{name}.wav")
    pipeline = Pipeline.from_preset(toy)
    with pipeline.recorded(tmp_path / "run") as (run, manifest):
        manifest.input("audio", path)
        result = pipeline(path, run)
        target = tmp_path / f"{name}.mp4"
        write_video(target, result.video, run.audio)
        manifest.output("video", target)
    assert target.stat().st_size > 0
    json.loads((tmp_path / "run/manifest.json").read_text(encoding="utf-8"))
    write_json(tmp_path / "x.json", {"name": str(path)})
    assert not (tmp_path / "x").exists()
