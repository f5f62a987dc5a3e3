"""What a table must know of each metric: its title, which way is better, and the unit that papers print."""

from __future__ import annotations

from dataclasses import dataclass

from spa2v.evaluation.errors import MetricError


@dataclass(frozen=True)
class MetricInfo:
    """One metric.

    Args:
        title: as in the heads of tables.
        higher: whether more is better.
        scale: printed values are stored values times this.
        digits: after the point, when printed.
        stages: in which it is asked.
    """

    title: str
    higher: bool = True
    scale: float = 1.0
    digits: int = 3
    stages: tuple[int, ...] = (2,)

    def text(self, value: float | None) -> str:
        """A stored value as printed; a dash for none."""
        return "-" if value is None else f"{value * self.scale:.{self.digits}f}"


METRICS: dict[str, MetricInfo] = {
    "max_iou": MetricInfo("MaxIoU", scale=100.0, digits=2, stages=(1,)),
    "lt_sim": MetricInfo("LTSim", scale=100.0, digits=2, stages=(1, 2)),
    "doc_sim": MetricInfo("DocSim", scale=100.0, digits=2, stages=(1,)),
    "track_iou": MetricInfo("Track IoU", scale=100.0, digits=2, stages=(1, 2)),
    "max_iou_set": MetricInfo("MaxIoU of sets", scale=100.0, digits=2, stages=(1,)),
    "fvd": MetricInfo("FVD", higher=False, digits=2),
    "av_align": MetricInfo("AV-Align"),
    "spatial_alignment": MetricInfo("Spatial alignment"),
    "flicker": MetricInfo("Flicker", higher=False, digits=4),
}


def metric_info(name: str) -> MetricInfo:
    """Of a metric or one of its variants, whose title then carries the brackets.

    Raises:
        MetricError: an unknown metric.
    """
    base, bracket, rest = name.partition("[")
    if base not in METRICS:
        raise MetricError(f"there is no metric {name!r}", f"known: {', '.join(METRICS)}")
    info = METRICS[base]
    return MetricInfo(
        f"{info.title} [{rest}" if bracket else info.title, info.higher, info.scale, info.digits, info.stages
    )
