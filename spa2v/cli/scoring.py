"""How scores are made, from the words of the command line: labels, conventions, detectors, features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spa2v.core.errors import ConfigError

if TYPE_CHECKING:
    from spa2v.core.runtime import Run
    from spa2v.core.types.benchmark import BenchmarkClip
    from spa2v.evaluation.detectors.base import Detector
    from spa2v.evaluation.engine.stage1 import Stage1
    from spa2v.evaluation.engine.stage2 import Stage2
    from spa2v.evaluation.labels import LabelMapping
    from spa2v.evaluation.metrics.video_features import VideoFeatures

DETECTORS = ("toyworld", "owlv2", "grounding_dino")
ORIENTATIONS = ("intended", "reference")


@dataclass(frozen=True)
class Conventions:
    """What the options of `spa2v evaluate` and `spa2v ablate` say about scoring; see their help."""

    labels: str = "exact"
    one_empty: float | None = None
    orientation: str = "intended"
    spatial: bool = False
    detector: str | None = None
    features: str | None = None
    features_sha256: str | None = None


def stage_options(asked: Conventions, clips: Sequence[BenchmarkClip], run: Run) -> tuple[Stage1, Stage2]:
    """Both stages.

    Raises:
        ConfigError: a word that is not known.
    """
    from spa2v.evaluation.engine.stage1 import Stage1
    from spa2v.evaluation.engine.stage2 import Stage2
    from spa2v.evaluation.metrics.layout_scores import LayoutOptions
    from spa2v.evaluation.metrics.lt_sim import WORST

    if asked.orientation not in ORIENTATIONS:
        raise ConfigError(f"--orientation: {asked.orientation!r}", f"expected one of: {', '.join(ORIENTATIONS)}")
    words = frozenset(item.name for clip in clips for item in clip.objects)
    options = LayoutOptions(
        labels=label_mapping(asked.labels, run),
        orientation="reference" if asked.orientation == "reference" else "intended",
        one_empty=WORST if asked.one_empty is None else asked.one_empty,
        vocabulary=words if asked.labels.startswith("embeddings") else None,
    )
    found = detector(asked.detector)
    return Stage1(options, spatial=asked.spatial), Stage2(
        options, found, video_features(asked.features, asked.features_sha256)
    )


def label_mapping(word: str, run: Run) -> LabelMapping:
    """The rule by which labels are one."""
    from spa2v.evaluation.labels import EmbeddingLabels, ExactLabels, NormalizedLabels, TableLabels

    if word.endswith(".json"):
        return TableLabels.read(word)
    kind, _, model = word.partition(":")
    if kind == "embeddings" and model:
        from spa2v.evaluation.text_embeddings import TextEmbeddings

        return EmbeddingLabels(TextEmbeddings(model, run), model)
    plain: dict[str, LabelMapping] = {"exact": ExactLabels(), "normalized": NormalizedLabels()}
    if word not in plain:
        raise ConfigError(f"--labels: {word!r}", "expected exact, normalized, a .json table, or embeddings:MODEL")
    return plain[word]


def detector(word: str | None) -> Detector | None:
    """The detector of that name; nothing is loaded yet."""
    if word is None:
        return None
    kind, _, model = word.partition(":")
    if kind == "toyworld":
        from spa2v.cli.toyworld_detector import ToyWorldDetector

        return ToyWorldDetector(model or None)
    from spa2v.evaluation.detectors.zero_shot import GroundingDinoDetector, Owlv2Detector

    kinds = {"owlv2": Owlv2Detector, "grounding_dino": GroundingDinoDetector}
    if kind not in kinds:
        raise ConfigError(f"--detector: {word!r}", f"expected one of: {', '.join(DETECTORS)}, or NAME:MODEL")
    return kinds[kind](model) if model else kinds[kind]()


def video_features(word: str | None, sha256: str | None) -> VideoFeatures | None:
    """The features of FVD; nothing is loaded yet."""
    if word is None:
        return None
    kind, _, weights = word.partition(":")
    if kind == "toyworld":
        from spa2v.world.video_features import ToyWorldFeatures

        return ToyWorldFeatures(weights or None)
    if kind != "i3d" or not weights:
        raise ConfigError(f"--features: {word!r}", "expected i3d:FILE, i3d:owner/repository:file, or toyworld[:FILE]")
    from spa2v.evaluation.metrics.video_features import I3DFeatures

    return I3DFeatures(weights, sha256)
