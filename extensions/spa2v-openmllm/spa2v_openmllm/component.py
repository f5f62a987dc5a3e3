"""The `openmllm` planner: an open audio-language model on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from spa2v import ConfigError, MotionBackbone, Run, Weights
from spa2v.plugins.layout_planners.mllm import MllmPlanner, Service

from spa2v_openmllm.service import LocalService
from spa2v_openmllm.sources import need

OFFLOADS = ("none", "auto")


@dataclass(kw_only=True, eq=False)
class OpenMllm(MllmPlanner):
    """Plans with an open model that hears: the recording mixed to one channel, the measured cues as a table.

    Device and dtype are those of the run. The options of `MllmPlanner` that are about prices and services elsewhere
    (`price`, `attempts`, waits) have nothing to do here.

    Args:
        model: hub id or folder, in the format of transformers with safetensors: Qwen2.5-Omni, Qwen3-Omni, Qwen2-Audio.
        box_units: thousandths by default: whole numbers take fewer tokens than fractions.
        max_output_tokens: of one answer, at most. Needs a number here.
        timeout_s: of one answer, in seconds; a longer one is cut.
        offload: "none" puts the whole model on the run's device; "auto" spreads it over all GPUs and the CPU's memory.
        seed: of the sampling when `temperature` is set; None for the run's.

    Raises:
        ConfigError: an option is out of range.
    """

    model: str = "Qwen/Qwen2.5-Omni-7B"
    box_units: str = "permille"
    max_output_tokens: int | None = 6_000
    timeout_s: float = 900.0
    offload: str = "none"
    service: LocalService = field(init=False, repr=False)

    def make_service(self) -> Service:
        if self.answer_mode != "text":
            raise ConfigError(f"answer_mode: {self.answer_mode!r}", "this planner reads plain text: answer_mode=text")
        if self.offload not in OFFLOADS:
            raise ConfigError(f"offload: {self.offload!r}", f"expected one of: {', '.join(OFFLOADS)}")
        limit = self.max_output_tokens
        if isinstance(limit, bool) or not isinstance(limit, int) or not 16 <= limit <= 100_000:
            raise ConfigError(f"max_output_tokens: {limit!r}", "expected a whole number from 16 to 100000")
        if self.temperature is not None and not 0.0 < self.temperature <= 5.0:
            raise ConfigError(f"temperature: {self.temperature!r}", "expected more than 0, at most 5; null for none")
        self.service = LocalService(self.model, self.temperature, self.seed, limit, self.timeout_s, self.offload)
        return self.service

    def weights(self) -> Sequence[Weights]:
        """The weights that the first plan loads."""
        return (need(self.model),)

    def check_weights(self, backbone: MotionBackbone, run: Run) -> None:
        """Loads the model, as a plan would.

        Raises:
            WeightsError: it is missing, damaged, or hears nothing.
        """
        self.service.loaded(run)
