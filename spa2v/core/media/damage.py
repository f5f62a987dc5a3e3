"""What a sound lost on the way: counted while it is decoded, and said in one sentence."""

from __future__ import annotations

from dataclasses import dataclass, field

MIN_LOSS_S = 0.015  # the first time stamps of a Vorbis stream may be off by a short block
MIN_SHORT_S = 0.1  # below it lie the padding of codecs and rounded headers
_FRAME_SYNC = 0xE0


@dataclass
class Damage:
    """The losses of one track, in the order of decoding.

    Args:
        raw: whether the file is a stream without a container, which anything may follow: tags, lyrics, zeros.
    """

    raw: bool = False
    failed: int = 0
    trailing_bytes: int = 0
    _lost: list[tuple[float, float]] = field(default_factory=list)
    _pending: list[tuple[float, int, bool]] = field(default_factory=list)
    _ends: list[str] = field(default_factory=list)

    def packet_failed(self, seconds: float, content: bytes) -> None:
        """Notes a packet that does not decode; whether it was in the middle or at the end shows later."""
        self.failed += 1
        frame = len(content) > 1 and content[0] == 0xFF and content[1] & _FRAME_SYNC == _FRAME_SYNC
        self._pending.append((seconds, len(content), frame))

    def went_on(self, at_s: float, missing_s: float) -> None:
        """A frame decodes again; `missing_s` is what its time stamp skips, where that means a loss, else 0."""
        failed_s = sum(seconds for seconds, _, _ in self._pending)
        if self._pending or missing_s > MIN_LOSS_S:
            self._lost.append((at_s, max(failed_s, missing_s)))
        self._pending.clear()

    def stopped(self, why: str) -> None:
        """The rest of the file cannot be used."""
        self._ends.append(why)

    def ended(self, end_s: float, declared_s: float | None) -> None:
        """The end of the track, by its time stamps and by its container's word."""
        if declared_s is not None and declared_s - end_s > MIN_SHORT_S:
            self._ends.append(f"it ends {declared_s - end_s:.3f} s before the {declared_s:.3f} s that it declares")
        elif self.raw and not any(frame for _, _, frame in self._pending):
            self.trailing_bytes = sum(size for _, size, _ in self._pending)
        elif self._pending and not self._ends:
            self._ends.append("it ends in the middle of a frame")
        self._pending.clear()

    def sentence(self) -> str:
        """What was lost; empty where nothing was."""
        parts = []
        if self._lost:
            seconds, (first_s, _) = sum(lost for _, lost in self._lost), self._lost[0]
            where = (
                f"near {first_s:.1f} s"
                if len(self._lost) == 1
                else f"in {len(self._lost)} places from {first_s:.1f} s on"
            )
            amount = f"{seconds:.3g} s" if seconds > 0 else "a little"
            parts.append(f"{amount} {where} could not be decoded")
        return "; ".join((*parts, *dict.fromkeys(self._ends)))
