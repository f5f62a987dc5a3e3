"""Every built-in component, as the catalog lists it, keeps the contract of its family."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from spa2v.core.host import Host
from spa2v.testing import check_component, toy_layout
from spa2v.testing.backbone import TINY, tiny_animatediff
from spa2v.testing.contract import rules

Options = dict[str, Any]
Setup = Callable[[Path, pytest.MonkeyPatch], AbstractContextManager[Options]]


def with_options(**options: Any) -> Setup:
    @contextmanager
    def setup(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Options]:
        yield options

    return setup


@contextmanager
def a_layout_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Options]:
    """A plan without things, which fits silence as well as any other sound."""
    path = folder / "layout.json"
    path.write_text(replace(toy_layout(0), notes=("Nothing is heard.",)).dumps())
    yield {"path": str(path)}


@contextmanager
def tiny_networks(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Options]:
    yield {**tiny_animatediff(), **TINY}


@contextmanager
def tiny_clap(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Options]:
    from tests.kit.tiny_clap import clap

    yield {"model": str(clap(folder / "clap")), "local_files_only": True}


def tiny_file(name: str) -> Setup:
    """A checkpoint with modules for the layers of the tiny backbone."""

    @contextmanager
    def setup(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Options]:
        from tests.kit import tiny_weights

        yield {"weights": str(tiny_weights.home() / name)}

    return setup


@contextmanager
def a_label_table(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Options]:
    (folder / "words.json").write_text('{"automobile": "car"}')
    yield {"path": str(folder / "words.json")}


def a_tiny_model(kind: str, **options: Any) -> Setup:
    """A small model with weights drawn at random, saved as the full-size one is."""

    @contextmanager
    def setup(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Options]:
        from tests.kit import tiny_models

        option, path = getattr(tiny_models, kind)(folder)
        yield {option: str(path), **options}

    return setup


@contextmanager
def the_published_yamnet(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Options]:
    """The model itself, where it is at hand: there is no small one in its format."""
    path = Path(os.environ.get("SPA2V_REFERENCE", folder)) / "reference" / "yamnet" / "yamnet.tflite"
    if not path.is_file():
        pytest.skip("SPA2V_REFERENCE names no folder with YAMNet")
    pytest.importorskip("ai_edge_litert", reason="LiteRT is not installed")
    yield {"weights": str(path)}


def a_service(name: str, **options: Any) -> Setup:
    """A loopback server that answers as the service does; the real client asks it."""

    @contextmanager
    def setup(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Options]:
        from tests.kit.loopback import kit
        from tests.kit.loopback.server import serving

        kit.use_keys(monkeypatch)
        with serving(kit.answer(name)) as server:
            kit.aim(monkeypatch, server)
            yield {"shots": 0, "first_wait_s": 0.01, **options}

    return setup


SETUPS: dict[tuple[str, str], Setup] = {
    ("cue_extractors", "semantic_clap"): tiny_clap,
    ("cue_extractors", "semantic_yamnet"): the_published_yamnet,
    ("layout_planners", "layout_file"): a_layout_file,
    ("layout_planners", "gemini"): a_service("gemini"),
    ("layout_planners", "gpt4o"): a_service("openai"),
    ("layout_planners", "caption_lvd"): a_service("openai", caption="a car drives by"),
    ("grounding_injectors", "migc"): tiny_file("migc.ckpt"),
    ("grounding_injectors", "gligen"): tiny_file("gligen.safetensors"),
    ("motion_backbones", "animatediff"): tiny_networks,
    ("detectors", "owlv2"): a_tiny_model("owlv2", threshold=0.0, most=2),
    ("detectors", "grounding_dino"): a_tiny_model("grounding_dino", threshold=0.0, most=2),
    ("feature_extractors", "i3d"): a_tiny_model("i3d"),
    ("label_maps", "embeddings"): a_tiny_model("text_encoder"),
    ("label_maps", "table"): a_label_table,
}
"""What a component needs that cannot be here: small weights in the real format, or a server on this machine."""

OF_CLIPS = (
    "av_align",
    "doc_sim",
    "flicker",
    "lt_sim",
    "max_iou",
    "grounding",
    "seld",
    "spatial_alignment",
    "spatial_av_align",
    "track_iou",
)
TAGGERS = ("semantic_tagger", "semantic_yamnet")
UNCHECKED: dict[tuple[str, str], set[str]] = {
    ("motion_backbones", "storyboard"): {"sites", "text", "loop", "steer", "several", "rewords"},
    ("layout_planners", "stereo_rules"): {"prompt"},
    ("layout_planners", "layout_file"): {"prompt"},
    **{
        ("cue_extractors", item.name): {"tag"}
        for item in Host(extensions=[]).registry.components("cue_extractors")
        if item.name not in TAGGERS
    },
    **{("metrics", name): {"sets"} for name in OF_CLIPS},
}
"""Rules that do not apply; nothing else may go unchecked."""

COMPONENTS = [(item.family, item.name) for item in Host(extensions=[]).registry.components()]


@pytest.fixture(autouse=True)
def _no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.parametrize(("family", "name"), COMPONENTS, ids=[f"{family}-{name}" for family, name in COMPONENTS])
def test_a_built_in_component_keeps_its_contract(
    family: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SETUPS.get((family, name), with_options())(tmp_path, monkeypatch) as options:
        report = check_component(family, name, **options)
    unchecked = UNCHECKED.get((family, name), set())
    assert set(report.unchecked) == unchecked
    assert set(report.kept) | unchecked == {rule.name for rule in rules(family)}
    if family == "grounding_injectors":
        assert report.facts["grounds"] is (name != "ungrounded")


def test_the_tables_name_components_that_exist() -> None:
    assert {*SETUPS, *UNCHECKED} <= {*COMPONENTS}
