"""Tags by the small network that comes with the package; offline, without torch."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from spa2v.core.runtime import Run
from spa2v.core.types import AudioClip, SpatialCues, Tag
from spa2v.core.weights import local_path
from spa2v.plugins.cue_extractors.tagging import Tagger, packaged_tagger, tags_of
from spa2v.plugins.cue_extractors.tagging.tagger import MARGIN

PACKAGED_WEIGHTS = "spa2v:weights/tagger/tagger.npz"


class SemanticTagger:
    """Names what sounds: kinds of vehicles, people, animals, instruments, machines, and backgrounds such as rain.

    Args:
        weights: an .npz file of `spa2v world train tagger`.
        top: how many tags are kept.
        min_confidence: classes that score below are left out.
        margin: of the score of the next best object; by so much a recording's best name is doubtful. 0 names more, and
            more of it wrong.

    The label of a tag is a class or a group of `spa2v.vocabulary`; its confidence is 0..1 and does not depend on the
    gain, nor on silence before and after. It hears the mixed channels. A separated source keeps its best name without
    the margin: what is left of the others in it is heard, too.
    """

    def __init__(
        self, weights: str = PACKAGED_WEIGHTS, top: int = 5, min_confidence: float = 0.05, margin: float = MARGIN
    ) -> None:
        self.weights_file, self.top, self.min_confidence, self.margin = weights, top, min_confidence, margin

    @cached_property
    def _tagger(self) -> Tagger:
        return (
            packaged_tagger() if self.weights_file == PACKAGED_WEIGHTS else Tagger.read(local_path(self.weights_file))
        )

    def extract(self, audio: AudioClip, run: Run) -> SpatialCues:
        """The best tags.

        Raises:
            WeightsError: the weights cannot be read.
        """
        return SpatialCues(audio.duration_s, tags=self._tags(audio.mono, audio.sample_rate, self.margin))

    def tag(self, samples: NDArray[np.floating], rate_hz: int) -> tuple[Tag, ...]:
        """The best tags of a separated source, mono samples (n,), best first; none for silence."""
        return self._tags(samples, rate_hz, 0.0)

    def _tags(self, samples: NDArray[np.floating], rate_hz: int, margin: float) -> tuple[Tag, ...]:
        scores = self.scores(samples, rate_hz)
        if not any(scores.values()):
            return ()
        return tags_of(scores, "heard by the tagger", self.top, self.min_confidence, margin)

    def scores(self, samples: NDArray[np.floating], rate_hz: int) -> dict[str, float]:
        """Scores 0..1 of the classes of the vocabulary for mono samples (n,) at a rate in Hz; all 0 for silence."""
        return self._tagger.tag(samples, rate_hz)
