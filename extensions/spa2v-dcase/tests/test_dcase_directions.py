"""The contract of cue extractors, and what `dcase_directions` serves."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from recordings import add, lines, stereo
from spa2v import AudioClip, ConfigError, Pipeline, Run, read_audio
from spa2v.testing import toy_audio, toy_run

from spa2v_dcase.clips import Recipe
from spa2v_dcase.component import DcaseDirections
from spa2v_dcase.convert import convert

NAME = "fold4_room1_mix001_deg000_start0000"
PRESET = Path(__file__).parents[1] / "dcase_directions.yaml"


@pytest.mark.spa2v_component("cue_extractors", "dcase_directions")
def test_contract(spa2v_rule: Callable[[], None]) -> None:
    spa2v_rule()


@pytest.fixture(scope="module")
def benchmark_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A woman at the left for four seconds, a telephone behind for one."""
    root = tmp_path_factory.mktemp("data")
    rows = [*lines(range(40), 0, 1, 30, 200, 1), *lines(range(10, 20), 3, 0, -20, 100, 0)]
    add(root, "dev-test-tau", NAME, rows, stereo(5.0, 30.0), film=False)
    convert(root, root / "out", Recipe(), Run(device="cpu"))
    return root / "out"


def clip(folder: Path) -> AudioClip:
    return read_audio(folder / f"clips/{NAME}/{NAME}.flac")


def test_it_serves_what_is_annotated(benchmark_folder: Path) -> None:
    cues = DcaseDirections(str(benchmark_folder)).extract(clip(benchmark_folder), toy_run())
    assert [source.id for source in cues.sources] == ["woman_0", "telephone_0"]
    assert [tag.label for tag in cues.tags] == ["woman", "telephone"]
    azimuth, distance = (cues.sources[0].tracks[name] for name in ("azimuth", "distance"))
    assert cues.tracks["azimuth"] is azimuth
    assert set(azimuth.values) == {-30.0}, "negative is left in spa2v"
    assert azimuth.weights.sum() == 40
    assert set(distance.values) == {2.0}
    assert cues.sources[0].share == pytest.approx(0.8)
    assert cues.measures == {"lateral_evidence": 1.0}


def test_other_clips_are_not_annotated(benchmark_folder: Path) -> None:
    for extractor in (DcaseDirections(), DcaseDirections(str(benchmark_folder)), DcaseDirections("nowhere")):
        cues = extractor.extract(toy_audio("left"), toy_run())
        assert not cues.tracks
        assert cues.notes == ("No direction is annotated for 'toy_left'.",)
    sound = clip(benchmark_folder)
    mono = AudioClip(sound.samples[:1], sound.sample_rate, sound.source)
    assert not DcaseDirections(str(benchmark_folder)).extract(mono, toy_run()).tracks


def test_a_damaged_annotation_is_told(benchmark_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / f"clips/{NAME}"
    folder.mkdir(parents=True)
    (folder / "annotation.csv").write_text("0,1\n")
    with pytest.raises(ConfigError, match=r"annotation.csv line 1: 2 columns"):
        DcaseDirections(str(tmp_path)).extract(clip(benchmark_folder), toy_run())


def test_a_planner_puts_the_thing_where_it_is_annotated(benchmark_folder: Path) -> None:
    overrides = [
        f"cue_extractors.dcase_directions.options.data={benchmark_folder}",
        "layout_planner.options.max_objects=1",
    ]
    layout = Pipeline.from_preset(PRESET, overrides=overrides).plan(clip(benchmark_folder))
    (thing,) = layout.keyframes[0].objects
    assert thing.name == "woman"
    assert thing.box.center[0] == pytest.approx(0.258, abs=0.03), "0.5 - tan(30) / (2 tan(50))"


def test_the_config_shows_every_option() -> None:
    chosen = yaml.safe_load(PRESET.read_text())["cue_extractors"][-1]
    assert set(chosen["options"]) == set(inspect.signature(DcaseDirections).parameters)
