"""In-context examples: the index, the key, the search, the choice, and that no twin is ever shown."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from spa2v import AudioClip, ConfigError, Run, SoundSource, SpatialCues, Tag, WeightsError
from spa2v.cli.bench import app
from spa2v.core.types import ATTRIBUTES
from spa2v.core.types.benchmark import BenchmarkClip, ClipObject, manifest_text
from spa2v.plugins.layout_planners.mllm.answer.reader import read_answer
from spa2v.plugins.layout_planners.mllm.answer.schema import AnswerForm, answer_of_layout
from spa2v.plugins.layout_planners.mllm.examples.building import build_index
from spa2v.plugins.layout_planners.mllm.examples.cues_json import cues_from_json, thinned
from spa2v.plugins.layout_planners.mllm.examples.features import blocks, retrieval_key
from spa2v.plugins.layout_planners.mllm.examples.index import (
    ExampleIndex,
    find_index,
    fingerprint,
    inside,
    read_index,
)
from spa2v.plugins.layout_planners.mllm.examples.search import SPECTRAL_ONLY, WEIGHTS, distances, key_weights, nearest
from spa2v.plugins.layout_planners.mllm.examples.selection import ExampleSelector, load_shot, twins
from tests.kit.cue_sounds import PANS, clip, guitar, road, sweep, with_noise
from tests.kit.localizer import cues_of as measured
from tests.kit.loopback.example_set import PLACES, clip_of, cues_of, layout_of, make_example_set
from tests.kit.loopback.kit import cues, recording


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("examples") / "set"
    make_example_set(folder)
    return folder


@pytest.fixture
def index(data: Path) -> ExampleIndex:
    return read_index(find_index(data))


def chosen(selector: ExampleSelector, audio: AudioClip, count: int = 3, seed: int = 0) -> list[str]:
    return [shot.id for shot in selector.select(audio, cues_of(audio), count, Run(seed))]


@pytest.mark.parametrize("attribute", PLACES)
def test_neighbors_share_the_movement_of_the_query(data: Path, attribute: str) -> None:
    audio = clip_of(attribute, seed=77)
    shots = ExampleSelector("knn", str(data)).select(audio, cues_of(audio), 3, Run())
    assert [shot.layout.caption for shot in shots] == [f"A car, {attribute}."] * 3


def test_a_mono_key_cannot_tell_left_from_right(index: ExampleIndex) -> None:
    left = clip_of("left", seed=77)
    keys = [retrieval_key(audio, cues_of(audio)).astype(np.float32) for audio in (left, left.swapped())]
    mono = key_weights(len(keys[0]), SPECTRAL_ONLY)
    allowed = np.ones(len(index.clips), dtype=bool)
    found = [nearest(distances(index.keys, key, mono), 6, allowed) for key in keys]
    assert list(found[0]) == list(found[1])
    spatial = [nearest(distances(index.keys, key, key_weights(len(key))), 6, allowed) for key in keys]
    assert not set(spatial[0]) & set(spatial[1])


def test_the_nearest_example_stands_last(index: ExampleIndex, data: Path) -> None:
    audio = clip_of("left", seed=77)
    key = retrieval_key(audio, cues_of(audio)).astype(np.float32)
    order = nearest(distances(index.keys, key, key_weights(len(key))), 3, ~twins(index, audio))
    assert chosen(ExampleSelector("knn", str(data)), audio) == [index.clips[row].id for row in order[::-1]]


@pytest.mark.parametrize("selection", ["knn", "random", "fixed"])
@pytest.mark.parametrize("change", ["itself", "mirrored", "reversed", "both"])
def test_neither_the_recording_nor_a_twin_is_an_example(data: Path, selection: str, change: str) -> None:
    audio = clip_of("left", seed=1)
    audio = {
        "itself": audio,
        "mirrored": audio.swapped(),
        "reversed": audio.reversed(),
        "both": audio.swapped().reversed(),
    }[change]
    renamed = AudioClip(audio.samples, audio.sample_rate, "some_name.wav")
    names = chosen(ExampleSelector(selection, str(data)), renamed, count=32)
    assert len(names) == 22
    assert not [name for name in names if name.startswith("left_1")]


def test_a_clip_is_known_by_the_name_of_its_file_too(index: ExampleIndex) -> None:
    noise = AudioClip(np.random.default_rng(0).normal(0, 0.1, (2, 16_000)), 16_000, "right_2_mirrored.wav")
    assert {index.clips[row].source_id for row in np.flatnonzero(twins(index, noise))} == {"right_2"}


def test_random_examples_depend_on_the_seed_and_the_recording_alone(data: Path) -> None:
    selector, audio = ExampleSelector("random", str(data)), clip_of("left", seed=77)
    assert chosen(selector, audio, seed=1) == chosen(selector, audio, seed=1)
    draws = {tuple(chosen(selector, audio, seed=seed)) for seed in range(5)}
    assert len(draws) > 1


def test_fixed_examples_are_those_that_are_named(data: Path) -> None:
    audio = clip_of("left", seed=77)
    assert chosen(ExampleSelector("fixed", str(data), ("right_2", "left_0")), audio) == ["right_2", "left_0"]
    assert len(chosen(ExampleSelector("fixed", str(data)), audio)) == 3
    with pytest.raises(ConfigError, match=r"^fixed_examples: no clip 'right_9' in the example set\n  did you mean"):
        chosen(ExampleSelector("fixed", str(data), ("right_9",)), audio)


def test_the_search_is_exact() -> None:
    rng = np.random.default_rng(0)
    keys, query = rng.normal(size=(500, 48)).astype(np.float32), rng.normal(size=48).astype(np.float32)
    weights = key_weights(48)
    slow = [float(np.sqrt(np.sum(weights * (row - query) ** 2))) for row in keys]
    assert np.allclose(distances(keys, query, weights), slow, rtol=1e-4)
    assert list(nearest(distances(keys, query, weights), 5, np.ones(500, dtype=bool))) == list(np.argsort(slow)[:5])


def test_what_was_not_measured_does_not_count() -> None:
    audio = recording()
    key = retrieval_key(audio, SpatialCues(1.0))
    assert len(key) == blocks()[-1].stop
    assert np.isnan(key[: blocks()[-1].start]).all()
    assert np.isfinite(key[blocks()[-1].start :]).all()
    full = retrieval_key(audio, cues()).astype(np.float32)
    only_spectrum = distances(full[None], key.astype(np.float32), key_weights(len(full)))
    assert only_spectrum[0] == pytest.approx(0.0)


def _part(name: str, key: np.ndarray) -> list[float]:
    block = next(block for block in blocks() if block.name == name)
    return np.round(key[block.start : block.stop], 3).tolist()


def test_the_key_holds_the_kinds_of_the_separated_sources_or_of_the_recording() -> None:
    audio, car, violin = recording(), Tag("car", 0.4), Tag("violin", 0.8)
    assert _part("kind", retrieval_key(audio, SpatialCues(1.0, tags=(car,)))) == [1, 0, 0, 0, 0, 0, 0]
    assert _part("kind", retrieval_key(audio, SpatialCues(1.0, tags=(violin, car)))) == [0.5, 0, 1, 0, 0, 0, 0]
    sources = (SoundSource("a", 0.5, {}, (car,)), SoundSource("b", 0.5, {}, (violin,)))
    both = SpatialCues(1.0, tags=(Tag("rain", 0.9),), sources=sources)
    assert _part("kind", retrieval_key(audio, both)) == [1, 0, 1, 0, 0, 0, 0]
    assert np.isnan(_part("kind", retrieval_key(audio, SpatialCues(1.0, tags=(Tag("car", 0.05),))))).all()


def test_the_key_holds_the_movement_and_mirrors_it_with_the_channels() -> None:
    mono = road(3.0, seed=3)
    crossing = clip(with_noise(PANS["both"](mono, sweep(-40, 40, len(mono))), 20))
    moves = [_part("motion", retrieval_key(audio, measured(audio))) for audio in (crossing, crossing.swapped())]
    assert moves == [[1, 1, 0, 0], [1, -1, 0, 0]]
    still = clip(with_noise(PANS["level"](guitar(2.0, seed=5), 18.0), 15))
    moves = [_part("motion", retrieval_key(audio, measured(audio))) for audio in (still, still.swapped())]
    assert moves[0][:3] == [0, 0, 0]
    assert moves[0][3] == -moves[1][3] > 0.8


def test_swapping_the_channels_mirrors_the_lateral_part_of_the_key_and_nothing_else() -> None:
    audio = clip_of("left_to_right", 4)
    key, mirrored = (retrieval_key(clip, cues_of(clip)) for clip in (audio, audio.swapped()))
    for block in blocks():
        part, other = key[block.start : block.stop], mirrored[block.start : block.stop]
        if np.isfinite(part).all():
            turned = part * [-1.0, -1.0, 1.0] if block.name == "level_difference" else part  # mean, change, spread
            assert np.allclose(turned, other, atol=1e-4), block.name


def test_cues_survive_the_index() -> None:
    full = SpatialCues(
        1.0,
        cues().tracks,
        {"lateral_evidence": 0.5},
        (SoundSource("s1", 0.7, cues().tracks, (Tag("engine", 0.9, "hum"),), 0.8),),
        (Tag("car", 0.6),),
        ("A note.",),
    )
    again = cues_from_json(json.loads(json.dumps(thinned(full).to_json())))
    assert again.to_json() == thinned(full).to_json()
    with pytest.raises(ConfigError, match=r"^the cues of an example cannot be read"):
        cues_from_json({"duration_s": 1.0, "tracks": {"level": {"times_s": [0, 0]}}})


def benchmark(folder: Path) -> Path:
    """A data set in the benchmark format: four clips in the database, one in the test split."""
    clips = []
    for number, attribute in enumerate([*PLACES, "left"]):
        place = folder / "clips" / f"{number:06d}"
        place.mkdir(parents=True)
        audio = clip_of(attribute, number)
        soundfile.write(place / "audio.flac", audio.samples.T, audio.sample_rate)
        (place / "layout.json").write_text(layout_of(attribute).dumps())
        paths = [f"clips/{number:06d}/{name}" for name in ("audio.flac", "layout.json")]
        split = "test" if number == 4 else "database"
        things = (ClipObject("car_0", "car", attribute),)
        clips.append(BenchmarkClip(f"{number:06d}", f"s{number}", split, "stationary", "single", 1.0, things, *paths))
    (folder / "manifest.jsonl").write_text(manifest_text(clips))
    return folder


def test_an_index_is_built_from_the_database_split_and_kept_until_something_changes(tmp_path: Path) -> None:
    data, folder = benchmark(tmp_path / "data"), tmp_path / "index"
    measured: list[str] = []

    def measure(audio: AudioClip) -> SpatialCues:
        measured.append(audio.source)
        return cues_of(audio)

    built = build_index(data, folder, measure, [{"name": "a"}], Run())
    assert [clip.id for clip in built.clips] == ["000000", "000001", "000002", "000003"]
    assert [clip.attributes for clip in built.clips] == [(place,) for place in PLACES]
    build_index(data, folder, measure, [{"name": "a"}], Run())
    assert len(measured) == 4, "an index that is up to date is left as it is"
    build_index(data, folder, measure, [{"name": "b"}], Run())
    assert len(measured) == 8, "other extractors, another index"
    assert len(build_index(data, folder, measure, [], Run(), split="all").clips) == 5
    query = AudioClip(clip_of("right", 9).samples, 16_000, "audio.flac")  # the name that all clips share
    assert len(ExampleSelector("knn", str(folder)).select(query, cues_of(query), 3, Run())) == 3


def test_a_changed_data_set_and_a_damaged_index_are_told(tmp_path: Path) -> None:
    data = benchmark(tmp_path / "data")
    build_index(data, data / "example_index", cues_of, [], Run())
    manifest = data / "manifest.jsonl"
    manifest.write_text(manifest.read_text().replace('"s1"', '"s9"'))
    with pytest.raises(ConfigError, match=r"^the data set in .* has changed since its index\n  build it again: spa2v"):
        read_index(find_index(data))
    build_index(data, data / "example_index", cues_of, [], Run())
    (data / "example_index" / "keys.npy").write_bytes(b"\x93NUMPY junk")
    with pytest.raises(ConfigError, match=r"^the example index in .* is damaged"):
        read_index(find_index(data))
    with pytest.raises(
        ConfigError, match=r"holds no example index\n  build it from a data set in the benchmark format"
    ):
        find_index(tmp_path)


def test_a_clip_that_cannot_be_read_is_left_out_and_told(tmp_path: Path) -> None:
    data = benchmark(tmp_path / "data")
    (data / "clips" / "000001" / "audio.flac").write_bytes(b"fLaC")
    run = Run()
    assert len(build_index(data, tmp_path / "index", cues_of, [], run).clips) == 3
    assert run.record["notices"][0].startswith("left out of the index: clip '000001': ")
    for number in range(4):
        (data / "clips" / f"{number:06d}" / "audio.flac").write_bytes(b"")
    with pytest.raises(ConfigError, match=r"^no clip of the split 'database' in .* can be indexed"):
        build_index(data, tmp_path / "other", cues_of, [], Run())
    with pytest.raises(ConfigError, match=r"^unknown split 'tests'\n  did you mean 'test'"):
        build_index(data, tmp_path / "other", cues_of, [], Run(), split="tests")


@pytest.mark.parametrize("name", ["../secret.wav", "/etc/passwd", "a/../../b", "a\0b"])
def test_a_path_never_leads_out_of_the_data_set(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="leads out of its data set"):
        inside(tmp_path, name)


def test_an_index_with_a_path_that_leads_out_is_refused(data: Path, tmp_path: Path) -> None:
    copy = tmp_path / "set"
    shutil.copytree(data, copy)
    file = copy / "example_index" / "index.json"
    file.write_text(file.read_text().replace('"layouts/left_0.json"', '"../left_0.json"'))
    index = read_index(find_index(copy))
    with pytest.raises(ConfigError, match="leads out of its data set"):
        load_shot(index, [clip.id for clip in index.clips].index("left_0"))


def test_a_choice_without_lateral_cues_is_told(data: Path) -> None:
    audio, run = clip_of("left", 77), Run()
    assert len(ExampleSelector("knn", str(data)).select(audio, SpatialCues(1.0), 3, run)) == 3
    told = "examples are chosen by sound alone: no cue extractor gives level_difference (add interaural)"
    assert run.record["notices"] == [told]


def test_the_fingerprint_is_blind_to_mirroring_and_reversal_only() -> None:
    audio = recording()
    marks = {fingerprint(clip) for clip in (audio, audio.swapped(), audio.reversed(), audio.swapped().reversed())}
    assert len(marks) == 1
    assert fingerprint(recording(seed=1)) not in marks


def test_the_command_builds_an_index_and_says_how_to_use_it(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    data = benchmark(tmp_path / "data")
    done = CliRunner().invoke(app, ["index", str(data), "--config", "default"])
    assert done.exit_code == 0, done.output
    assert f"use it: layout_planner.options.examples={data / 'example_index'}" in done.output
    assert read_index(data / "example_index").cues(0).tracks["level_difference"].unit == "dB"


@pytest.fixture(scope="module")
def small_clap(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CLAP with random weights in the hub's format."""
    import torch
    from transformers import (
        ClapAudioConfig,
        ClapConfig,
        ClapFeatureExtractor,
        ClapModel,
        ClapProcessor,
        ClapTextConfig,
        RobertaTokenizer,
    )

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("clap")
    audio = ClapAudioConfig(
        spec_size=64, num_mel_bins=16, patch_embeds_hidden_size=16, depths=[1, 1], num_attention_heads=[2, 2],
        window_size=4, hidden_size=32, projection_dim=24, patch_size=4, patch_stride=[4, 4], num_hidden_layers=2,
    )  # fmt: skip
    text = ClapTextConfig(
        vocab_size=40,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        projection_dim=24,
    )
    config = ClapConfig(text_config=text.to_dict(), audio_config=audio.to_dict(), projection_dim=24)
    ClapModel(config).save_pretrained(folder)
    vocabulary = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "<mask>": 4, "a": 5}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = RobertaTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"))
    extractor = ClapFeatureExtractor(feature_size=16, sampling_rate=48_000, max_length_s=1, truncation="rand_trunc")
    ClapProcessor(feature_extractor=extractor, tokenizer=tokenizer).save_pretrained(folder)
    return folder


@pytest.mark.filterwarnings("ignore")
def test_a_clap_embedding_joins_the_key(small_clap: Path, tmp_path: Path) -> None:
    data = benchmark(tmp_path / "data")
    index = build_index(data, tmp_path / "index", cues_of, [], Run(device="cpu"), clap=str(small_clap))
    size = blocks()[-1].stop
    assert index.keys.shape == (4, size + 24)
    assert np.allclose(np.linalg.norm(index.keys[:, size:], axis=1), 1.0, atol=1e-5)
    audio = clip_of("right", 9)
    shots = ExampleSelector("knn", str(tmp_path / "index")).select(audio, cues_of(audio), 1, Run(device="cpu"))
    assert shots[0].layout.caption == "A car, right."
    with pytest.raises(WeightsError, match=r"^cannot load the CLAP model '.*nothing'"):
        build_index(data, tmp_path / "other", cues_of, [], Run(device="cpu"), clap=str(tmp_path / "nothing"))


def test_the_weights_of_the_key_name_its_parts() -> None:
    assert {block.name for block in blocks()} | {"embedding"} == set(WEIGHTS)
    writer_weights = key_weights(blocks()[-1].stop + 3)
    assert list(writer_weights[-3:]) == [WEIGHTS["embedding"]] * 3


def test_the_set_that_comes_with_the_planners_shows_every_attribute() -> None:
    index = ExampleSelector().index
    assert index is not None
    assert {attribute for clip in index.clips for attribute in clip.attributes} == set(ATTRIBUTES)
    assert len({clip.source_id for clip in index.clips}) == len(index.clips)
    form = AnswerForm(duration_s=2.0)
    for number in range(len(index.clips)):
        shot = load_shot(index, number)
        answer = json.dumps(answer_of_layout(shot.layout, form))
        assert read_answer(answer, form).repairs == ()
        assert {"level", "level_difference", "azimuth"} <= set(shot.cues.tracks)
        assert "I hear" in shot.layout.reasoning
        assert shot.audio.channels == 2
