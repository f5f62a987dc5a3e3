"""The loop over the clips of a batch: claim, prepare in the background, draw, settle."""

from __future__ import annotations

import errno
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from spa2v.core.errors import ComponentLoadError, MediaError, Spa2vError, WeightsError
from spa2v.core.manifest import make_folder
from spa2v.core.pipeline import Pipeline
from spa2v.core.runtime import Processes
from spa2v.jobs.batch.background import Background
from spa2v.jobs.batch.folders import CLAIMS, CLIPS, ClipFolder
from spa2v.jobs.batch.goals import Goal
from spa2v.jobs.batch.interrupts import Interrupts
from spa2v.jobs.batch.items import Item
from spa2v.jobs.batch.stages import Prepared, Stages

POLL_S = 1.0
_SAME_FOR_ALL = (WeightsError, ComponentLoadError)
_OUTPUT_FAULTS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)

PATIENCE_S, INTERRUPTED_S = 5.0, 1.0
"""How long a plan that nobody wants any more may hold up the end; what ends regularly has no plans left."""

Readied = list[tuple[ClipFolder, "Prepared | Exception | None"]]


@dataclass
class Batch:
    """A batch in one of its processes.

    Args:
        pipeline: its components are built once and used for all clips.
        items: all clips of the batch; which of them this process does is decided while it runs.
        out: the output folder, made if needed; it may be shared with other processes and machines.
        goal: what is wanted of each clip.
        processes: of this launch.
        together: clips that are drawn in one batch of the denoiser, where the components can. Neighbors of the
            manifest form the groups, so that the number of processes does not change what is drawn with what.
        planners: clips that are planned at once, ahead of the drawing.
        max_failures: stop after more than so many clips of this process failed; None for never.

    Attributes:
        status: of each clip that is settled, by id: "done", "skipped" or "failed".
    """

    pipeline: Pipeline
    items: Sequence[Item]
    out: Path
    goal: Goal
    processes: Processes
    together: int = 1
    planners: int = 1
    max_failures: int | None = None
    interrupts: Interrupts = field(default_factory=Interrupts)
    status: dict[str, str] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._stages = Stages(self.pipeline, self.goal, self.processes.launch)
        size = self.together
        starts = range(0, len(self.items), size)
        self._queue = deque(tuple(self.items[start : start + size]) for start in starts)
        self._once: set[str] = set()
        self._held: dict[str, ClipFolder] = {}
        self._pending: set[Future[Readied]] = set()
        self._drawing: list[Prepared] = []
        self._tick: Callable[[int], None] = lambda count: None

    def open(self) -> None:
        """Makes the output folder.

        Raises:
            ConfigError: it cannot be made.
        """
        for folder in (CLIPS, CLAIMS):
            make_folder(self.out / folder)

    def run(self, tick: Callable[[int], None] = lambda count: None) -> None:
        """Works until every clip is settled, by whichever process, or the user stops it.

        Raises:
            MediaError: the output folder cannot be written any more.
            WeightsError, ComponentLoadError: nothing can be drawn or planned with this configuration.
            KeyboardInterrupt: stopped at once.
        """
        self._tick = tick
        self.open()
        background = Background(self.planners)
        try:
            with self.interrupts.handled():
                while self._fill(background):
                    self._work(background)
        finally:
            self._give_up()
            background.close(INTERRUPTED_S if self.interrupts.asked else PATIENCE_S)

    def _fill(self, background: Background) -> bool:
        """Keeps the planners busy; whether anything is left to wait for."""
        while len(self._pending) < self.planners and (group := self._claimed()):
            self._pending.add(background.submit(self._ready, group))
        return bool(self._pending) or (bool(self._queue) and not self.interrupts.asked)

    def _work(self, background: Background) -> None:
        """Draws the group that is ready first; waits a little where other processes hold all that is left."""
        if not self._pending:
            time.sleep(POLL_S)
            return
        ready, _ = wait(self._pending, return_when=FIRST_COMPLETED)
        future = ready.pop()
        readied = future.result()
        self._drawing = [clip for _, clip in readied if isinstance(clip, Prepared)]
        self._pending.discard(future)
        self._fill(background)
        self._draw(readied)

    def _claimed(self) -> list[ClipFolder]:
        """The next group of which something can be claimed; empty where there is none at the moment."""
        for _ in range(len(self._queue)):
            if self.interrupts.asked:
                break
            group = self._queue.popleft()
            left, claimed = self._claim(group)
            if left:
                self._queue.append(tuple(left))
            if claimed:
                return claimed
        return []

    def _claim(self, group: Sequence[Item]) -> tuple[list[Item], list[ClipFolder]]:
        """Of a group: what is left for later, and what is claimed. Settled clips are in neither."""
        left, claimed = [], []
        for item in group:
            folder = ClipFolder(self.out, item)
            if self._settled(folder):
                continue
            if self._died(folder) or not self._lock(folder):
                left.append(item)
            elif self._settled(folder):  # by another process, just before the claim
                self._release(item)
            else:
                claimed.append(folder)
        return left, claimed

    def _settled(self, folder: ClipFolder) -> bool:
        manifest = folder.manifest()
        ours = manifest.get("launch") == self.processes.launch
        if ours and manifest.get("status") == "failed":
            self._settle(folder.item, "failed")
        elif (ours or not self.goal.fresh) and folder.finished(self.goal):
            self._settle(folder.item, "done" if ours else "skipped")
        return folder.item.id in self.status

    def _died(self, folder: ClipFolder) -> bool:
        """Whether a process ended in the middle of the clip; such a clip is put behind the others, once."""
        first = folder.item.id not in self._once
        self._once.add(folder.item.id)
        return first and folder.manifest().get("status") == "running"

    def _lock(self, folder: ClipFolder) -> bool:
        try:
            got = folder.claim()
        except OSError as error:
            raise self._stopped(error.strerror or str(error)) from error
        if got:
            self._held[folder.item.id] = folder
        return got

    def _release(self, item: Item) -> None:
        if (folder := self._held.pop(item.id, None)) is not None:
            with suppress(OSError):  # the lock file may be gone with its folder
                folder.release()

    def _settle(self, item: Item, status: str) -> None:
        self.status[item.id] = status
        self._tick(1)
        self._release(item)

    def _ready(self, group: Sequence[ClipFolder]) -> Readied:
        """In a planning thread: each clip of a group, prepared, or what went wrong."""
        return [(folder, self._try_prepare(folder)) for folder in group]

    def _try_prepare(self, folder: ClipFolder) -> Prepared | Exception | None:
        try:
            return self._stages.prepare(folder)
        except Exception as error:  # noqa: BLE001 - one bad clip must not stop the rest
            return error

    def _draw(self, readied: Readied) -> None:
        for folder, result in readied:
            if isinstance(result, Exception):
                self._failed(folder, result)
            elif result is None:
                self._settle(folder.item, "done")
        clips = list(self._drawing)
        for clip, video in zip(clips, self._stages.draw(clips), strict=True):
            try:
                self._stages.finish(clip, video)
            except Exception as error:  # noqa: BLE001 - one bad clip must not stop the rest
                self._failed(clip.folder, error)
            else:
                self._settle(clip.folder.item, "done")
            self._drawing.remove(clip)

    def _failed(self, folder: ClipFolder, error: Exception) -> None:
        """Notes a clip that failed; stops the batch where it is not the clip's fault."""
        reason = str(error) if isinstance(error, Spa2vError) else f"{type(error).__name__}: {error}"
        # Planners may make the output folder anew; what they cannot bring back is the folder of this clip.
        gone = isinstance(error, MediaError) and not os.path.lexists(folder.path)
        if gone or not (self.out / CLAIMS).is_dir() or _is_output_fault(error):
            raise self._stopped(reason) from error
        if isinstance(error, _SAME_FOR_ALL):
            raise error
        print(f"failed: clip {folder.item.id!r}: {reason}", file=sys.stderr)
        self._settle(folder.item, "failed")
        failures = sum(status == "failed" for status in self.status.values())
        if self.max_failures is not None and failures > self.max_failures:
            raise MediaError(f"the batch stopped after {failures} failed clips", "as --max-failures says")

    def _stopped(self, reason: str) -> MediaError:
        return MediaError(
            f"the batch stopped: {str(self.out)!r} cannot be written any more",
            reason,
            "when that is mended, run the same command again: finished clips are kept",
        )

    def _give_up(self) -> None:
        """Closes what is open, so that the manifests are true, and frees every claim."""
        for future in self._pending:
            if future.cancel() or not future.done() or future.exception() is not None:
                continue
            self._drawing += [clip for _, clip in future.result() if isinstance(clip, Prepared)]
        for clip in self._drawing:
            clip.interrupt()
        for folder in list(self._held.values()):
            self._release(folder.item)


def _is_output_fault(error: BaseException | None) -> bool:
    """Whether the disk refuses, somewhere along the causes."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _OUTPUT_FAULTS:
            return True
        error = error.__cause__ or error.__context__
    return False
