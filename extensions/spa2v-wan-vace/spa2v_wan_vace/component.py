"""The `wan_vace` backbone: Wan VACE with the layout's boxes as its control video."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from spa2v import GeneratedVideo, MotionBackbone, NumericalError, Run, VideoSceneLayout, Weights, locate

from spa2v_wan_vace import control, wording
from spa2v_wan_vace.limits import check
from spa2v_wan_vace.sources import need

if TYPE_CHECKING:
    from torch import Tensor

NEGATIVE = "worst quality, low quality, blurry, static, still picture, rectangles, outlines, subtitles, watermark"


class WanVace:
    """A video model that reads the layout itself; use it with the injector `ungrounded`.

    Args:
        base: hub id, or folder of a `WanVACEPipeline` of diffusers with safetensors.
        width, height: of a frame in pixels, multiples of 16.
        frames: of the video; they span the whole clip.
        model_frames: that the model draws, 1, 5, 9, ...; `frames` of them are picked, the nearest in time. Wan was
            trained on 81 frames at 16 a second; 61 meet 16 frames exactly.
        steps: denoising steps.
        guidance: classifier-free guidance scale; 1 or less runs without, at half the cost.
        negative_prompt: what guidance steers away from.
        captions: the text: "mix" (the video's caption, then those of the key frames), "global" or "local".
        prompt_prefix: put before the text.
        strength: of the control video, 0 (none) to 2.
        line_px: thickness of a box's outline.
        colors: of outlines, by the name of a thing: {car: [0, 128, 0]}; black for the others, as VACE has it.
        flow_shift: of the sampler: 3 for 480p, 5 for 720p.
        offload: "none", "model" (networks visit the GPU in turn) or "sequential" (layer by layer; slow, least memory).
        vae_tiling: encode and decode in tiles.

    Raises:
        ConfigError: a value is out of range or not on its list.
    """

    def __init__(
        self,
        *,
        base: str = "Wan-AI/Wan2.1-VACE-1.3B-diffusers",
        width: int = 832,
        height: int = 480,
        frames: int = 16,
        model_frames: int = 61,
        steps: int = 30,
        guidance: float = 5.0,
        negative_prompt: str = NEGATIVE,
        captions: str = "mix",
        prompt_prefix: str = "",
        strength: float = 1.0,
        line_px: int = 3,
        colors: Mapping[str, Sequence[int]] | None = None,
        flow_shift: float = 3.0,
        offload: str = "none",
        vae_tiling: bool = False,
    ) -> None:
        self.base, self.width, self.height = base, width, height
        self.frames, self.model_frames, self.steps = frames, model_frames, steps
        self.guidance, self.negative_prompt = guidance, negative_prompt
        self.captions, self.prompt_prefix = captions, prompt_prefix
        self.strength, self.line_px, self.colors = strength, line_px, dict(colors or {})
        self.flow_shift, self.offload, self.vae_tiling = flow_shift, offload, vae_tiling
        self._pipeline: Any = None
        self._made_for: object = None
        check(self)

    def weights(self) -> tuple[Weights, ...]:
        """The weights that the first generation loads."""
        return (need(self.base),)

    def check_weights(self, backbone: MotionBackbone, run: Run) -> None:
        """Loads everything, as a generation would.

        Raises:
            WeightsError: something is missing or does not fit.
        """
        self._loaded(run)

    def generate(self, layout: VideoSceneLayout, run: Run) -> GeneratedVideo:
        """Draws one layout; `fps` is such that the frames span the clip.

        Raises:
            WeightsError: weights are missing or do not fit.
            ConfigError: not enough memory; says what was tried and what helps.
        """
        from spa2v_wan_vace.memory import explained

        with explained(self, run):
            drawn = self._draw(layout, run)
        run.record["wan_vace"] = {
            "prompt": wording.prompt(layout, self.captions, self.prompt_prefix),
            "drawn_frames": self.model_frames,
            "frame_off_its_time_s": round(control.pick_error_s(layout.duration_s, self.frames, self.model_frames), 6),
        }
        return GeneratedVideo(drawn[control.picks(self.frames, self.model_frames)], self.frames / layout.duration_s)

    def _draw(self, layout: VideoSceneLayout, run: Run) -> NDArray[np.uint8]:
        """Every frame that the model draws, (model_frames, height, width, 3)."""
        pipeline = self._loaded(run)
        told, negative = self._text(layout, pipeline, run)
        with run.progress("denoising", self.steps) as tick:

            def moved(pipeline: Any, step: int, time: Any, tensors: dict[str, Any]) -> dict[str, Any]:
                tick(1)
                if not bool(tensors["latents"].isfinite().all()):
                    raise NumericalError(*_not_finite(f"the latents after step {step + 1} of {self.steps}", run))
                return tensors

            video = pipeline(
                **self.conditions(layout),
                prompt_embeds=told,
                negative_prompt_embeds=negative,
                height=self.height,
                width=self.width,
                num_frames=self.model_frames,
                num_inference_steps=self.steps,
                guidance_scale=self.guidance,
                conditioning_scale=self.strength,
                generator=run.torch_generator("wan_vace/noise"),
                output_type="np",
                callback_on_step_end=moved,
            ).frames[0]
        if not np.isfinite(video).all():
            raise NumericalError(*_not_finite(f"the frames after the last of {self.steps} steps", run))
        return np.round(np.asarray(video) * 255.0).astype(np.uint8)

    def conditions(self, layout: VideoSceneLayout) -> dict[str, Any]:
        """What the model is shown of a layout: control frames, and masks that leave every pixel to it.

        A layout without things gives none, which is text-to-video.
        """
        if not layout.names:
            return {}
        moments = control.scenes(layout, self.frames, self.model_frames)
        colors = {name: (color[0], color[1], color[2]) for name, color in self.colors.items()}
        return {
            "video": control.control_video(moments, self.width, self.height, self.line_px, colors),
            "mask": control.everywhere(self.model_frames, self.width, self.height),
        }

    def _text(self, layout: VideoSceneLayout, pipeline: Any, run: Run) -> tuple[Tensor, Tensor | None]:
        """Features of the prompt, and of the negative prompt where there is guidance."""
        texts = [wording.prompt(layout, self.captions, self.prompt_prefix)]
        texts += [self.negative_prompt] if self.guidance > 1 else []
        rows = wording.encode(texts, pipeline.tokenizer, pipeline.text_encoder, run)
        return rows[:1], rows[1:] if self.guidance > 1 else None

    def _loaded(self, run: Run) -> Any:
        """The pipeline, loaded on first use and again when the device or dtype changes."""
        from spa2v_wan_vace.loading import load
        from spa2v_wan_vace.memory import place

        wanted = (run.device, run.dtype)
        if self._pipeline is None or self._made_for != wanted:
            self._pipeline = None  # two of them may not fit
            pipeline = load(locate(need(self.base)), run)
            sampler = pipeline.scheduler
            shift = "flow_shift" if "flow_shift" in sampler.config else "shift"
            pipeline.scheduler = type(sampler).from_config(sampler.config, **{shift: self.flow_shift})
            pipeline.set_progress_bar_config(disable=True)
            place(pipeline, self, run)
            self._pipeline, self._made_for = pipeline, wanted
        return self._pipeline


def _not_finite(what: str, run: Run) -> tuple[str, str]:
    """The lines of an error about values that are not finite."""
    dtype = str(run.dtype).removeprefix("torch.")
    return f"wan_vace: {what} are not finite, in {dtype}", "what helps: run.dtype=bfloat16, or run.dtype=float32"
