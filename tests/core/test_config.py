"""Configurations: merging, overrides, and everything that is wrong at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from spa2v import ConfigError
from spa2v.core.config import Config, Layer, load, merge, read_overrides
from spa2v.core.presets import Catalog, config_files

BASE = Layer(
    {
        "cue_extractors": [{"name": "interaural", "options": {"lag": 1}}, "loudness"],
        "layout_planner": {"name": "gemini", "options": {"shots": 3, "prompt": {"tone": "calm", "length": 2}}},
        "grounding_injector": "migc",
        "motion_backbone": {"name": "animatediff"},
    },
    "base.yaml",
)


def layered(*data: dict, overrides: tuple[str, ...] = ()) -> Config:
    layers = [Layer(item, f"layer{i}.yaml") for i, item in enumerate(data)]
    return merge([BASE, *layers, *read_overrides(overrides)])


def message(*data: dict, overrides: tuple[str, ...] = ()) -> str:
    with pytest.raises(ConfigError) as caught:
        layered(*data, overrides=overrides)
    return str(caught.value)


def test_options_merge_while_the_name_stays() -> None:
    config = layered({"layout_planner": {"options": {"shots": 1, "prompt": {"tone": "loud"}}}})
    assert config.layout_planner.name == "gemini"
    assert config.layout_planner.options == {"shots": 1, "prompt": {"tone": "loud", "length": 2}}


def test_another_name_drops_the_options_beneath() -> None:
    config = layered({"layout_planner": {"name": "gpt4o", "options": {"temperature": 0.5}}})
    assert (config.layout_planner.name, config.layout_planner.options) == ("gpt4o", {"temperature": 0.5})
    assert layered(overrides=("layout_planner=gpt4o",)).layout_planner.options == {}
    assert layered(overrides=("layout_planner.name=gpt4o",)).layout_planner.options == {}


def test_overrides_win_and_read_yaml() -> None:
    config = layered(overrides=("layout_planner.options.objects=[car, bus]", "run.seed=7", "run.device=cpu"))
    assert config.layout_planner.options["objects"] == ["car", "bus"]
    assert (config.run.seed, config.run.device) == (7, "cpu")


def test_extractors_are_replaced_as_a_list_and_changed_by_name() -> None:
    config = layered({"cue_extractors": ["loudness", "interaural"]})
    assert [(item.name, dict(item.options)) for item in config.cue_extractors] == [
        ("loudness", {}),
        ("interaural", {"lag": 1}),
    ]
    changed = layered(overrides=("cue_extractors.interaural.options.lag=5",))
    assert changed.cue_extractors[0].options == {"lag": 5}


def test_interpolations_are_resolved() -> None:
    config = layered({"run": {"seed": 4}, "layout_planner": {"options": {"seed": "${run.seed}"}}})
    assert config.layout_planner.options["seed"] == 4


def test_registries_are_relative_to_their_file_and_add_up(tmp_path: Path) -> None:
    one, two = (
        Layer({"registries": ["a.yaml"]}, "one", tmp_path / "x"),
        Layer({"registries": "b.yaml"}, "two", tmp_path),
    )
    assert merge([BASE, one, two]).registries == (str(tmp_path / "x/a.yaml"), str(tmp_path / "b.yaml"))


REFUSED = [
    (
        {"layout_planer": "x"},
        "unknown key 'layout_planer'\n  in layer0.yaml\n  did you mean 'layout_planner'?",
    ),
    ({"layout_planner": {"nme": "x"}}, "layout_planner: unknown key 'nme'\n  in layer0.yaml\n  did you mean 'name'?"),
    ({"layout_planner": 3}, "layout_planner: 3\n  in layer0.yaml\n  expected {name: ..., options: {...}}, or a name"),
    ({"layout_planner": {"options": [1]}}, "layout_planner.options: [1] is not a mapping\n  in layer0.yaml"),
    ({"cue_extractors": "loudness"}, "cue_extractors: 'loudness'\n  in layer0.yaml\n  expected a list"),
    ({"cue_extractors": ["a", "a"]}, "cue_extractors: a name stands twice in ['a', 'a']"),
    (
        {"cue_extractors": {"loud": {}}},
        "cue_extractors: 'loud' is not in the list\n  in layer0.yaml\n  the list: interaural, loudness",
    ),
    ({"run": {"sed": 1}}, "unknown key 'run.sed'\n  did you mean 'seed'?"),
    ({"run": {"seed": 1.5}}, "run.seed: 1.5\n  expected a whole number from 0 to 4294967295"),
    ({"run": {"device": [1]}}, "run.device: [1]\n  expected text"),
    ({"run": 3}, "run: 3 is not a mapping\n  in layer0.yaml"),
    ({"audio": {"start_s": -1}}, "audio.start_s: -1\n  expected a number from 0 to 1000000"),
    ({"registries": 5}, "registries: 5\n  in layer0.yaml\n  expected a list of paths"),
    ({"run": {"device": "${nothing.here}"}}, "the config cannot be resolved\n  Interpolation key 'nothing.here' not"),
    ({"run": {"device": "${oc.env:OPENAI_API_KEY}"}}, "a config may not read a key from the environment"),
]


@pytest.mark.parametrize(("data", "text"), REFUSED, ids=[text[:30] for _, text in REFUSED])
def test_refusals(data: dict, text: str) -> None:
    assert message(data).startswith(text)


def test_everything_wrong_is_told_at_once() -> None:
    text = message({"layout_planer": "x", "run": 3}, {"motion_backbone": 1})
    assert text.startswith("3 things are wrong with the config\n  unknown key 'layout_planer'\n")
    assert "  run: 3 is not a mapping" in text
    assert "  motion_backbone: 1" in text


@pytest.mark.parametrize("text", ["run.seed", "=3", "--seed=3"])
def test_overrides_have_a_form(text: str) -> None:
    with pytest.raises(ConfigError, match="is not of the form key=value"):
        read_overrides([text])


def test_a_role_must_be_named() -> None:
    with pytest.raises(ConfigError, match="the config names no motion_backbone"):
        merge([Layer({"layout_planner": "a", "grounding_injector": "b"}, "x")])


def catalog(folder: Path) -> Catalog:
    return Catalog(config_files(folder, "here"))


def test_presets_and_files(tmp_path: Path) -> None:
    (tmp_path / "default.yaml").write_text("{layout_planner: a, grounding_injector: b, motion_backbone: c}")
    (tmp_path / "small.yaml").write_text("motion_backbone: tiny")
    mine = tmp_path / "mine" / "own.yaml"
    mine.parent.mkdir()
    mine.write_text("run: {seed: 2}")
    config = load(["small", mine], ["run.seed=3"], catalog(tmp_path))
    assert (config.layout_planner.name, config.motion_backbone.name, config.run.seed) == ("a", "tiny", 3)
    with pytest.raises(ConfigError) as caught:
        load(["smal"], [], catalog(tmp_path))
    assert str(caught.value) == "unknown preset 'smal'\n  did you mean 'small'?\n  a file ends in .yaml"
    with pytest.raises(ConfigError, match=r"cannot read the config 'gone\.yaml'"):
        load(["gone.yaml"], [], catalog(tmp_path))
    (tmp_path / "bad.yaml").write_text("{a: [")
    with pytest.raises(ConfigError, match="cannot read the config"):
        load([tmp_path / "bad.yaml"], [], catalog(tmp_path))
    (tmp_path / "list.yaml").write_text("[a, b]")
    with pytest.raises(ConfigError, match="is not a mapping"):
        load([tmp_path / "list.yaml"], [], catalog(tmp_path))


def test_a_config_never_makes_objects(tmp_path: Path) -> None:
    (tmp_path / "default.yaml").write_text("run: !!python/object/apply:os.system ['true']")
    with pytest.raises(ConfigError, match="cannot read the config"):
        load([], [], catalog(tmp_path))


def test_a_resolved_config_reads_back(tmp_path: Path) -> None:
    config = layered({"run": {"seed": 5}})
    (tmp_path / "default.yaml").write_text(config.to_yaml())
    assert load([], [], catalog(tmp_path)) == config


def test_a_file_is_merged_over_those_it_includes(tmp_path: Path) -> None:
    """Presets by name, files beside it; a chain that comes back to itself is refused."""
    merged = Layer(layered().to_dict(), "x")
    (tmp_path / "default.yaml").write_text(layered({"run": {"seed": 1}}).to_yaml())
    (tmp_path / "fast.yaml").write_text("run: {seed: 2, device: cpu}\n")
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "part.yaml").write_text("run: {dtype: float32}\n")
    mine = tmp_path / "own" / "mine.yaml"
    mine.write_text("include: [fast, part.yaml]\nrun: {seed: 3}\n")
    config = load([mine], [], catalog(tmp_path))
    assert (config.run.seed, config.run.device, config.run.dtype) == (3, "cpu", "float32")
    assert config.layout_planner == merge([merged]).layout_planner
    (tmp_path / "own" / "part.yaml").write_text("include: mine.yaml\n")
    with pytest.raises(ConfigError, match=r"includes itself$"):
        load([mine], [], catalog(tmp_path))
    mine.write_text("include: {fast: 1}\n")
    with pytest.raises(ConfigError, match=r"^include: \{'fast': 1\}\n  in .*\n  expected presets or files$"):
        load([mine], [], catalog(tmp_path))
    mine.write_text("include: fats\n")
    with pytest.raises(ConfigError, match=r"^unknown preset 'fats'\n  did you mean 'fast'"):
        load([mine], [], catalog(tmp_path))
