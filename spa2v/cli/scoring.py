"""How clips are scored, from the options of the command line: metrics, labels, conventions, detector, features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spa2v.core.types.benchmark import BenchmarkClip
    from spa2v.evaluation.chosen import Chosen
    from spa2v.evaluation.engine.scoring import Stage


@dataclass(frozen=True)
class Conventions:
    """What the options of `spa2v evaluate` and `spa2v ablate` say about scoring; see their help."""

    metrics: tuple[str, ...] = ()
    labels: str = "exact"
    one_empty: float | None = None
    orientation: str = "intended"
    spatial: bool = False
    detector: str | None = None
    features: str | None = None
    features_sha256: str | None = None
    registries: tuple[Path, ...] = ()
    device: str = "auto"

    def stages(self, clips: Sequence[BenchmarkClip]) -> tuple[Stage, Stage]:
        """Both stages.

        Raises:
            ConfigError: a name or an argument that is not known.
        """
        from spa2v.evaluation.engine.scoring import Stage

        words = frozenset(item.name for clip in clips for item in clip.objects)
        labels = f"table:{self.labels}" if self.labels.endswith(".json") else self.labels
        detector = self._chosen("detectors", self.detector, "--detector")
        more = {"sha256": self.features_sha256} if self.features_sha256 else {}
        features = self._chosen("feature_extractors", self.features, "--features", **more)
        chosen = self._chosen("label_maps", labels, "--labels")
        assert chosen is not None  # there is a default
        bare = [
            Stage(1, (), chosen, vocabulary=words, device=self.device),
            Stage(2, (), chosen, detector, features, words, device=self.device),
        ]
        first, second = (replace(stage, metrics=self._metrics(stage)) for stage in bare)
        return first, second

    def _chosen(self, family: str, word: str | None, where: str, **options: str) -> Chosen | None:
        from spa2v.evaluation.chosen import Chosen

        return None if word is None else Chosen.parse(family, word, self.registries, where, **options)

    def _metrics(self, stage: Stage) -> tuple[Chosen, ...]:
        """The default metrics and the chosen ones, as far as their inputs are there."""
        from spa2v.core.errors import ConfigError
        from spa2v.evaluation.chosen import Chosen
        from spa2v.evaluation.engine.scoring import DEFAULTS

        options: dict[str, dict[str, Any]] = {
            "lt_sim": {"one_empty": self.one_empty} if self.one_empty is not None else {},
            "doc_sim": {"orientation": self.orientation} if self.orientation != "intended" else {},
        }
        names = [*DEFAULTS[stage.number], *(["spatial_alignment"] if self.spatial and stage.number == 1 else [])]
        found = [Chosen("metrics", name, options.get(name), self.registries) for name in names]
        for word in self.metrics:
            extra = Chosen.parse("metrics", word, self.registries, "--metric")
            if extra.describe() not in [item.describe() for item in found]:
                found.append(extra)
        kept = tuple(item for item in found if not stage.lacks(item.component))
        values = [stage.named(item.component, value) for item in kept for value in item.component.values]
        if twice := sorted({value for value in values if values.count(value) > 1}):
            raise ConfigError(f"two metrics give the value {twice[0]!r}", "leave out one of them")
        return kept
