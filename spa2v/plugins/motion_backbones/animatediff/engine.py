"""The networks of one `AnimateDiff` backbone, and a generation with them.

Everything heavy (torch, diffusers, transformers) is imported here or below.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from spa2v.core.errors import ConfigError, NumericalError
from spa2v.core.protocols import AttentionSite, EncodedText
from spa2v.core.runtime import Run
from spa2v.core.types import GeneratedVideo, VideoSceneLayout
from spa2v.plugins.motion_backbones.animatediff import noise as noises
from spa2v.plugins.motion_backbones.animatediff.attention_sites import attention_sites
from spa2v.plugins.motion_backbones.animatediff.loading import load
from spa2v.plugins.motion_backbones.animatediff.memory import explain_out_of_memory, place
from spa2v.plugins.motion_backbones.animatediff.options import FreeInit
from spa2v.plugins.motion_backbones.animatediff.prompts import encode, find_tokens, frame_prompts, text_length
from spa2v.plugins.motion_backbones.animatediff.sampling import Sampler, make_scheduler, name_of

if TYPE_CHECKING:
    from spa2v.plugins.motion_backbones.animatediff.backbone import AnimateDiff


class Engine:
    """The networks, loaded on first use.

    Args:
        options: the component; its options are read at each call.
    """

    def __init__(self, options: AnimateDiff) -> None:
        self.options = options
        self._pipeline: Any = None
        self._loaded_for: object = None

    def pipeline(self, run: Run) -> Any:
        """The networks in an `AnimateDiffPipeline`; loaded again when device, dtype or windows change."""
        wanted = (run.device, run.dtype, None if self._pipeline is None else self._window(self._pipeline))
        if self._pipeline is None or self._loaded_for != wanted:
            pipeline = load(self.options.sources, run.dtype)
            if self.options.vae_dtype != "auto":
                pipeline.vae.to(getattr(torch, self.options.vae_dtype))
            if window := self._window(pipeline):
                pipeline.enable_free_noise(*window)
            place(pipeline, self.options, run)
            self._pipeline, self._loaded_for = pipeline, (run.device, run.dtype, window)
        return self._pipeline

    def generate(
        self, layouts: Sequence[VideoSceneLayout], run: Run, seeds: Sequence[int] | None
    ) -> list[GeneratedVideo]:
        """Draws V layouts in one batch; see `AnimateDiff.generate_many`."""
        with explain_out_of_memory(self.options, len(layouts), run):
            pipeline = self.pipeline(run)
            runs = [run if seeds is None else Run(seed=seed) for seed in seeds or [run.seed] * len(layouts)]
            latents = self.draw_latents(layouts, [one.torch_generator("animatediff/noise") for one in runs], run)
            videos = self._decode(pipeline.vae, latents, run)
            pipeline.maybe_free_model_hooks()
        frames = self.options.frames
        return [GeneratedVideo(x, frames / layout.duration_s) for x, layout in zip(videos, layouts, strict=True)]

    def draw_latents(
        self, layouts: Sequence[VideoSceneLayout], generators: Sequence[torch.Generator], run: Run
    ) -> Tensor:
        """The denoised latents (V, C, F, h, w), float32, from one generator for each layout."""
        pipeline, text = self.pipeline(run), self.text_rows(layouts, run)
        noise = self._initial_noise(pipeline, layouts, generators, run)
        return self._sample(pipeline, noise, text, generators, run)

    def text_rows(self, layouts: Sequence[VideoSceneLayout], run: Run) -> Tensor:
        """Text embeddings (rows, tokens, width): one cond row for each frame of each video, after as many uncond rows.

        Without guidance there are no uncond rows.
        """
        prompts = [prompt for layout in layouts for prompt in self._prompts(layout)]
        states = self.encode_text([self.options.negative_prompt, *prompts], run).states
        uncond, cond = states[:1], states[1:]
        return torch.cat([uncond.expand_as(cond), cond]) if self.options.guidance > 1 else cond

    def encode_text(self, texts: Sequence[str], run: Run) -> EncodedText:
        """See `DenoisingBackbone.encode_text`."""
        pipeline = self.pipeline(run)
        return encode(texts, pipeline.tokenizer, pipeline.text_encoder, run.device, run)

    def find_phrases(
        self, layout: VideoSceneLayout, phrases: Sequence[str], run: Run
    ) -> tuple[tuple[tuple[int, ...], ...], ...]:
        """See `SteerableBackbone.find_phrases`."""
        tokenizer = self.pipeline(run).tokenizer
        length = text_length(tokenizer, self.pipeline(run).text_encoder)
        return tuple(find_tokens(text, phrases, tokenizer, length) for text in self._prompts(layout))

    def attention_sites(self, run: Run) -> tuple[AttentionSite, ...]:
        """See `DenoisingBackbone.attention_sites`."""
        return attention_sites(self.pipeline(run).unet, self.latent_size(run))

    def latent_size(self, run: Run) -> tuple[int, int]:
        """See `AnimateDiff.latent_size`."""
        options, factor = self.options, self.pipeline(run).vae_scale_factor
        if options.height % factor or options.width % factor:
            raise ConfigError(
                f"animatediff: a frame of {options.width} x {options.height} pixels",
                f"the VAE of {options.base!r} takes multiples of {factor}",
            )
        return options.height // factor, options.width // factor

    def _prompts(self, layout: VideoSceneLayout) -> list[str]:
        return frame_prompts(layout, self.options.frames, self.options.captions, self.options.prompt_prefix)

    def _window(self, pipeline: Any, stride: int = 1) -> tuple[int, int] | None:
        """FreeNoise's (length, stride) of windows over time, at most what the motion modules take; None when off.

        With a stride, those of the whole clip of which each n-th frame is drawn.
        """
        options, longest = self.options, pipeline.motion_adapter.config.motion_max_seq_length
        frames = options.frames * stride
        if options.free_noise == "off" and frames > longest:
            raise ConfigError(
                f"animatediff: {frames} frames without free_noise",
                f"these motion modules take {longest} at once; set free_noise to 'auto'",
            )
        if options.free_noise == "on" or (options.free_noise == "auto" and frames > longest):
            length = min(options.context_frames, longest, frames)
            return length, min(options.context_stride, length)
        return None

    def _initial_noise(
        self, pipeline: Any, layouts: Sequence[VideoSceneLayout], generators: Sequence[torch.Generator], run: Run
    ) -> Tensor:
        """Unit-variance noise (V, C, F, h, w) on the CPU."""
        stride = self.options.noise_stride
        shape = (pipeline.unet.config.in_channels, self.options.frames * stride, *self.latent_size(run))
        noise = noises.draw(shape, generators)
        if window := self._window(pipeline, stride):
            noise = noises.rearrange(noise, *window, generators)
        if share := self.options.noise_follows:
            noise = noises.warp(noise, layouts, share, generators)
        return noise[:, :, ::stride]

    def _sample(
        self, pipeline: Any, noise: Tensor, text: Tensor, generators: Sequence[torch.Generator], run: Run
    ) -> Tensor:
        options = self.options
        scheduler = make_scheduler(options.scheduler, pipeline.scheduler.config)
        free_init = FreeInit(**options.free_init) if options.free_init else FreeInit(iterations=1)
        with run.progress("denoising", options.steps * free_init.iterations) as tick:
            sampler = Sampler(pipeline.unet, scheduler, options.steps, options.guidance, options.denoising, tick)
            return sampler.sample_with_free_init(noise, text, generators, free_init)

    def _decode(self, vae: Any, latents: Tensor, run: Run) -> Any:
        """The frames of latents (V, C, F, h, w), through the VAE in chunks: uint8 (V, F, H, W, 3).

        Raises:
            NumericalError: a frame is not finite.
        """
        flat = (latents / vae.config.scaling_factor).transpose(1, 2).flatten(0, 1).to(vae.dtype)
        frames = []
        with torch.no_grad(), run.progress("decoding", len(flat)) as tick:
            for chunk in flat.split(self.options.decode_chunk):
                pixels = vae.decode(chunk, return_dict=False)[0].float()
                if not bool(pixels.isfinite().all()):
                    raise NumericalError(
                        f"the VAE of {self.options.vae or self.options.base!r} gave frames that are not finite",
                        f"decoded in {name_of(vae.dtype)} after the last of {self.options.steps} steps",
                        "what helps: motion_backbone.options.vae_dtype=float32; run.dtype=bfloat16; another VAE",
                    )
                frames.append(((pixels / 2 + 0.5).clamp(0, 1) * 255).round().byte().cpu())
                tick(len(chunk))
        stacked = torch.cat(frames).permute(0, 2, 3, 1).contiguous().numpy()
        return stacked.reshape(len(latents), self.options.frames, *stacked.shape[1:])
