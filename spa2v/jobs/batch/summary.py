"""What a batch came to: for the screen, for summary.json and for the exit code."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from spa2v.core.errors import ConfigError, counted
from spa2v.core.manifest import MAX_MANIFEST_BYTES
from spa2v.core.media.files import write_json
from spa2v.core.untrusted import FAULTS, read_json, reason_of
from spa2v.jobs.batch.folders import ClipFolder
from spa2v.jobs.batch.runner import Batch
from spa2v.jobs.batch.stages import planning_cost

NAME = "summary.json"
STATUSES = ("done", "skipped", "failed", "left")
SHOWN_FAILURES = 10
SHOWN_SLOWEST = 3


@dataclass(frozen=True)
class Summary:
    """Of a batch.

    Args:
        clips: one entry each: id, folder, status ("done", "skipped", "failed", or "left" where the batch was stopped
            before), seconds of each stage, cost_usd, and for failed ones error and exit_code.
        wall_s: of this process, from the first clip to the last.
        processes: of the launch.
    """

    clips: tuple[Mapping[str, Any], ...]
    wall_s: float
    processes: int

    @classmethod
    def of(cls, batch: Batch, wall_s: float) -> Summary:
        """Reads the manifests of all clips, whichever process wrote them."""
        return cls(tuple(_entries(batch)), wall_s, batch.processes.count)

    @classmethod
    def read(cls, folder: Path) -> Summary:
        """What `write_summary` left in the output folder of a batch.

        Raises:
            ConfigError: it cannot be read, or is no summary.
        """
        path = folder / NAME
        try:
            data = read_json(path, MAX_MANIFEST_BYTES)
            return cls(tuple(map(_checked, data["clips"])), float(data["wall_s"]), int(data["processes"]))
        except FAULTS as error:
            raise ConfigError(f"{str(path)!r} is no summary of a batch: {reason_of(error)}") from error

    def count(self, status: str) -> int:
        return sum(clip["status"] == status for clip in self.clips)

    @property
    def exit_code(self) -> int:
        """0 if no clip failed; 3 if all that failed did so because of an outside service; else 1."""
        codes = {clip["exit_code"] for clip in self.clips if clip["status"] == "failed"}
        return 0 if not codes else 3 if codes == {3} else 1

    @property
    def cost_usd(self) -> float | None:
        """Of the plans that this launch made, as far as their planner estimates it."""
        costs = [clip["cost_usd"] for clip in self.clips if clip["status"] != "skipped"]
        known = [cost for cost in costs if cost is not None]
        return round(sum(known), 6) if known else None

    def seconds(self, stage: str) -> dict[str, float] | None:
        """Median, maximum and sum over the clips that this launch finished."""
        done = [clip["seconds"] for clip in self.clips if clip["status"] == "done"]
        values = [seconds[stage] for seconds in done if stage in seconds]
        if not values:
            return None
        return {"median": round(median(values), 3), "max": max(values), "sum": round(sum(values), 3)}

    def slowest(self) -> list[tuple[str, float]]:
        """The clips that took longest of those that this launch finished, with their seconds; none of a few."""
        done = [(str(clip["id"]), sum(clip["seconds"].values())) for clip in self.clips if clip["status"] == "done"]
        return sorted(done, key=lambda item: -item[1])[:SHOWN_SLOWEST] if len(done) > SHOWN_SLOWEST else []

    def to_json(self) -> dict[str, Any]:
        return {
            "format": 1,
            "counts": {"clips": len(self.clips), **Counter(clip["status"] for clip in self.clips)},
            "processes": self.processes,
            "wall_s": round(self.wall_s, 3),
            "seconds": {stage: self.seconds(stage) for stage in ("plan", "render")},
            "cost_usd_estimated": self.cost_usd,
            "clips": [dict(clip) for clip in self.clips],
        }

    def lines(self) -> Iterator[str]:
        """For a person."""
        counts = ", ".join(f"{self.count(status)} {status}" for status in ("done", "skipped", "failed"))
        left = f", {self.count('left')} left" if self.count("left") else ""
        by = counted(self.processes, "process", "processes")
        yield f"{counted(len(self.clips), 'clip')}: {counts}{left}, in {self.wall_s:.1f} s by {by}"
        if self.count("skipped"):
            yield "  skipped: made before with the same code, settings and sound; --fresh makes them again"
        for stage in ("plan", "render"):
            if found := self.seconds(stage):
                yield f"  {stage}: {found['median']:.2f} s a clip (median), {found['max']:.2f} s at most"
        if slowest := self.slowest():
            yield "  slowest: " + ", ".join(f"{clip!r} {seconds:.1f} s" for clip, seconds in slowest)
        if self.cost_usd is not None:
            yield f"  planner: about {self.cost_usd:.4f} USD"
        failed = [clip for clip in self.clips if clip["status"] == "failed"]
        for clip in failed[:SHOWN_FAILURES]:
            yield f"  failed: {clip['id']!r}: {str(clip['error']).splitlines()[0]}"
        if len(failed) > SHOWN_FAILURES:
            yield f"  and {len(failed) - SHOWN_FAILURES} more, see {NAME}"


def _checked(entry: Any) -> dict[str, Any]:
    """A clip of a summary that was read; its folder is a name, never a path.

    Raises:
        ValueError, LookupError, TypeError, AttributeError: it is none.
    """
    name, folder, status = (str(entry[key]) for key in ("id", "folder", "status"))
    if status not in STATUSES or folder in ("", "..") or Path(folder).name != folder:
        raise ValueError(f"clip {name[:80]!r} has the status {status[:80]!r} and the folder {folder[:80]!r}")
    seconds = {str(stage): float(value) for stage, value in entry["seconds"].items()}
    if not all(map(math.isfinite, seconds.values())):
        raise ValueError(f"clip {name[:80]!r} has seconds that are not finite")
    checked = {"id": name, "folder": folder, "status": status, "seconds": seconds, "cost_usd": None}
    return checked | ({"error": str(entry.get("error", ""))} if status == "failed" else {})


def _entries(batch: Batch) -> Iterator[dict[str, Any]]:
    for item in batch.items:
        folder = ClipFolder(batch.out, item)
        manifest = folder.manifest()
        status = batch.status.get(item.id, "left")
        stages = manifest.get("stages", {}) if isinstance(manifest.get("stages"), dict) else {}
        entry: dict[str, Any] = {"id": item.id, "folder": folder.path.name, "status": status}
        entry["seconds"] = {
            name: record["seconds"]
            for name, record in stages.items()
            if isinstance(record.get("seconds"), (int, float)) and (status == "skipped" or _ours(record, batch))
        }
        entry["cost_usd"] = _cost(manifest, stages, status, batch)
        if status == "failed":
            entry["error"] = manifest.get("error", "unknown: its manifest cannot be read")
            entry["exit_code"] = manifest.get("exit_code", 1)
        yield entry


def _ours(record: Mapping[str, Any], batch: Batch) -> bool:
    return bool(record.get("launch") == batch.processes.launch)


def _cost(manifest: Mapping[str, Any], stages: Mapping[str, Any], status: str, batch: Batch) -> float | None:
    """Of the plan; a clip that failed in planning may have cost something, too."""
    plan = stages.get("plan", {})
    if status == "failed" and not plan:
        record = manifest.get("record")
        return planning_cost(record if isinstance(record, dict) else {})
    cost = plan.get("cost_usd")
    return cost if isinstance(cost, (int, float)) and (status == "skipped" or _ours(plan, batch)) else None


def write_summary(batch: Batch, wall_s: float) -> Summary:
    """Writes summary.json into the output of a batch and gives what is in it.

    Raises:
        MediaError: the file cannot be written.
    """
    summary = Summary.of(batch, wall_s)
    write_json(batch.out / NAME, summary.to_json())
    return summary
