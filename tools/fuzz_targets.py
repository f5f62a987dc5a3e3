"""Readers of everything that comes from outside, as targets for fuzzing: bytes in, nothing out.

A target may raise nothing. It lets the errors pass that the reader documents, and asserts what the reader promises of a
result. `tools.fuzz` looks for bytes that break one; `tests/core/test_fuzz_corpus.py` gives each the kept ones.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from spa2v import (
    AudioError,
    ConfigError,
    LayoutError,
    MediaError,
    RegistryError,
    Spa2vError,
    VideoSceneLayout,
    WeightsError,
)
from spa2v.core.untrusted import parse_json

MAX_MESSAGE = 40_000

Target = Callable[[bytes, Path], None]
"""Reads bytes; the folder is for files of its own."""


@contextlib.contextmanager
def refusing(*kinds: type[Spa2vError]) -> Iterator[None]:
    """Lets the documented errors pass, if their message is one that a person can read."""
    try:
        yield
    except kinds as refusal:
        if len(str(refusal)) > MAX_MESSAGE:
            raise AssertionError(f"a message of {len(str(refusal))} characters") from refusal


def stored(data: bytes, folder: Path, name: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def layout(data: bytes, folder: Path) -> None:
    """A Video Scene Layout: what is read is written and read again as the same, and gives any number of frames."""
    with refusing(LayoutError):
        found = VideoSceneLayout.loads(data)
        assert VideoSceneLayout.loads(found.dumps()) == found
        assert len(found.frames(16)) == 16


def answer(data: bytes, folder: Path) -> None:
    """The answer of a language model."""
    from spa2v.plugins.layout_planners.mllm.answer.reader import read_answer
    from spa2v.plugins.layout_planners.mllm.answer.schema import AnswerForm

    with refusing(LayoutError):
        found = read_answer(data.decode("utf-8", "replace"), AnswerForm(duration_s=2.56)).layout
        assert VideoSceneLayout.loads(found.dumps()).dumps() == found.dumps()


def benchmark(data: bytes, folder: Path) -> None:
    """A benchmark manifest or a list of recordings: names of folders are plain and unique."""
    from spa2v.jobs.batch import read_items

    with refusing(ConfigError):
        names = [item.folder_name for item in read_items(stored(data, folder, "m.jsonl"))]
        assert len(set(names)) == len(names)
        assert all(name == Path(name).name and name not in ("", ".", "..") for name in names)


def bench_validate(data: bytes, folder: Path) -> None:
    """The same file as `spa2v bench validate` and `spa2v evaluate` read it: faults are listed, not raised."""
    from spa2v.evaluation.bench.reading import read_bench

    with refusing(ConfigError):
        found = read_bench(stored(data, folder, "bench/manifest.jsonl"))
        assert all(".." not in Path(clip.audio).parts and not Path(clip.audio).is_absolute() for clip in found.clips)


def config(data: bytes, folder: Path) -> None:
    """A preset."""
    from spa2v import Pipeline
    from spa2v.core import config as configs
    from spa2v.core.host import Host

    with refusing(Spa2vError):
        Pipeline(configs.load([stored(data, folder, "c.yaml")], [], Host(extensions=[]).configs)).check()


def override(data: bytes, folder: Path) -> None:
    """A `key=value` word."""
    from spa2v.core import config as configs

    with refusing(ConfigError):
        configs.read_overrides([data.decode("utf-8", "surrogateescape")])


def registry(data: bytes, folder: Path) -> None:
    """A registry file."""
    from spa2v.core.host import RegistryFile

    with refusing(RegistryError):
        RegistryFile(stored(data, folder, "r.yaml"))


def ablation(data: bytes, folder: Path) -> None:
    """An ablation file."""
    from spa2v.evaluation.ablation.spec import read_ablation

    with refusing(ConfigError):
        read_ablation(stored(data, folder, "a.yaml"), folder)


def run_manifest(data: bytes, folder: Path) -> None:
    """The manifest of a run that is replayed."""
    from spa2v import Pipeline
    from spa2v.jobs.replay import Replay

    with refusing(Spa2vError):
        replay = Replay.read(stored(data, folder, "run/manifest.json").parent)
        replay.audio(), replay.layout()
        list(replay.changes(Pipeline(replay.config))), list(replay.compare({"video": "1"}))


def run_page(data: bytes, folder: Path) -> None:
    """The files of a run folder on its page: nothing in them becomes markup, and the page asks nobody for anything.

    The bytes are manifest, cues and layout, with a line of three dashes between them.
    """
    from spa2v.evaluation.report.run_page import run_page as page

    parts = [*data.split(b"\n---\n"), b"", b""]
    for name, part in zip(("manifest.json", "cues.json", "layout.json"), parts, strict=False):
        stored(part, folder, f"page/{name}")
    with refusing(ConfigError):
        text = page(folder / "page")
        assert "<fuzz" not in text.lower()
        assert not re.search(r"""(?:src|href)=["']?\s*(?:https?:|//|javascript:)""", text, re.IGNORECASE)


def checkpoint(data: bytes, folder: Path) -> None:
    """Weights; the first byte says whether as safetensors or as a torch file."""
    from spa2v.core.weights import read_tensors, stated_license

    path = stored(data[1:], folder, "x.safetensors" if data[:1] == b"s" else "x.ckpt")
    with refusing(WeightsError):
        stated_license(path)
        read_tensors(path)


def vocabulary(data: bytes, folder: Path) -> None:
    """The vocabulary beside weights."""
    from spa2v.plugins.motion_backbones.animatediff.vocabulary import Vocabulary

    with refusing(WeightsError):
        found = Vocabulary.read(stored(data, folder, "vocabulary.json"))
        found.known("a red car on the left, and a dog")
        found.with_appearance("a car", dict.fromkeys(found.classes[:1], "red"))


def audio(data: bytes, folder: Path) -> None:
    """A recording of any container."""
    import numpy as np

    from spa2v.core.media.audio import read_audio

    with refusing(AudioError):
        clip = read_audio(stored(data, folder, "a"), max_duration_s=60)
        assert np.isfinite(clip.samples).all()


def video(data: bytes, folder: Path) -> None:
    """A video of any container."""
    from spa2v.core.media.video import read_video

    with refusing(MediaError):
        found = read_video(stored(data, folder, "v"), max_frames=64)
        assert found.fps > 0


def cues(data: bytes, folder: Path) -> None:
    """The measured cues of an in-context example."""
    from spa2v.plugins.layout_planners.mllm.examples.cues_json import cues_from_json

    with refusing(ConfigError):
        try:
            found = parse_json(data)
        except ValueError:
            return
        cues_from_json(found)


def example_index(data: bytes, folder: Path) -> None:
    """The index of a candidate set of one clip."""
    import numpy as np

    from spa2v.plugins.layout_planners.mllm.examples import features
    from spa2v.plugins.layout_planners.mllm.examples.index import read_index

    with refusing(ConfigError):
        path = stored(data, folder, "index/index.json")
        np.save(path.with_name("keys.npy"), np.zeros((1, features.blocks()[-1].stop), np.float32))
        read_index(path.parent)


def example_keys(data: bytes, folder: Path) -> None:
    """The array beside the index of a candidate set."""
    import numpy as np

    from spa2v.plugins.layout_planners.mllm.examples import features
    from spa2v.plugins.layout_planners.mllm.examples.index import VERSION, index_key, read_index

    built_from = {"key_version": features.VERSION}
    clip = dict.fromkeys(("id", "source_id", "audio", "layout", "fingerprint"), "a")
    facts = {"version": VERSION, "built_from": built_from, "key": index_key(built_from), "data": ".", "clips": [clip]}
    stored(data, folder, "keys/keys.npy")
    path = stored(json.dumps(facts).encode(), folder, "keys/index.json")
    with refusing(ConfigError):
        assert read_index(path.parent).keys.dtype == np.float32


def kept_answer(data: bytes, folder: Path) -> None:
    """An answer kept from an earlier run."""
    from spa2v.plugins.layout_planners.mllm.cache import AnswerCache

    key = "ab" + "0" * 62
    stored(data, folder, f"answers/ab/{key}.json")
    AnswerCache("read", folder / "answers").get(key)


def study(data: bytes, folder: Path) -> None:
    """The key of a study and a rater's file, with a line of three dashes between them."""
    from spa2v.evaluation.study.results import read_key, read_ranks, study_grid

    first, _, second = data.partition(b"\n---\n")
    with refusing(ConfigError):
        key = read_key(stored(first, folder, "key.json"))
        study_grid(read_ranks(stored(second, folder, "rater.json"), key), key)


def evaluation(data: bytes, folder: Path) -> None:
    """The result of an evaluation, which `spa2v report` and `spa2v ablate` read again."""
    from spa2v.evaluation.engine.result import Evaluation

    with refusing(ConfigError):
        Evaluation.read(stored(data, folder, "evaluation.json"))


def ablation_result(data: bytes, folder: Path) -> None:
    """The result of an ablation."""
    from spa2v.evaluation.ablation.cells import read_folder

    with refusing(ConfigError):
        read_folder(stored(data, folder, "ablated/ablation.json").parent)


def journal(data: bytes, folder: Path) -> None:
    """The journal of an evaluation that was stopped."""
    from spa2v.evaluation.engine.journal import Journal

    Journal(stored(data, folder, "journal.jsonl")).get("x")


def label_table(data: bytes, folder: Path) -> None:
    """A table of synonyms."""
    from spa2v.core.runtime import Run
    from spa2v.plugins.label_maps.table import TableLabels

    with refusing(ConfigError):
        TableLabels(str(stored(data, folder, "labels.json"))).table(["a car"], ["car"], Run())


def clip_folder(data: bytes, folder: Path) -> None:
    """The manifest in a clip's folder of a batch: anything odd means that the clip is not finished."""
    from spa2v.jobs.batch import Item
    from spa2v.jobs.batch.folders import ClipFolder

    stored(data, folder, "clips/clip/manifest.json")
    assert not ClipFolder(folder, Item("clip", folder / "a.wav")).stages()


TARGETS: Mapping[str, Target] = {
    made.__name__: made
    for made in (
        layout, answer, benchmark, bench_validate, config, override, registry, ablation, run_manifest, run_page,
        checkpoint, vocabulary, audio, video, cues, example_index, example_keys, kept_answer, study, evaluation,
        ablation_result, journal, label_table, clip_folder,
    )
}  # fmt: skip
