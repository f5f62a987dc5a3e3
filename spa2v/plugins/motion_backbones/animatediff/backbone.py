"""`animatediff`: Stable Diffusion 1.x with AnimateDiff's motion modules, each frame from its part of the layout."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from spa2v.core.errors import ConfigError
from spa2v.core.protocols import AttentionSite, Denoising, EncodedText, MotionBackbone
from spa2v.core.runtime import Run
from spa2v.core.types import GeneratedVideo, VideoSceneLayout, count_for
from spa2v.core.weights import Weights
from spa2v.plugins.motion_backbones.animatediff.options import RANGES, check

if TYPE_CHECKING:
    from torch import Tensor, nn

    from spa2v.plugins.motion_backbones.animatediff.sources import Sources

NEGATIVE = "worst quality, low quality, bad anatomy, watermark, text, blurry"


class AnimateDiff:
    """A frozen image model with motion modules.

    Args:
        base: Stable Diffusion 1.x: hub id, diffusers folder, or one checkpoint file in the original format.
        motion: motion modules: hub id, folder of a `MotionAdapter`, or one file of its tensors.
        vae: another VAE (hub id or folder), or None for the base model's.
        base_config: where sizes and tokenizer come from when `base` is one file (hub id or diffusers folder).
        loras: LoRA files to merge in: `{source, scale}` each; style, motion or LCM.
        width, height: of a frame in pixels.
        frames: of a video, 1 to 256; they span the whole clip. "auto" takes `fps` a second, at least 16; beyond what
            the motion modules take at once, FreeNoise joins windows.
        fps: frames a second where `frames` is "auto".
        steps: denoising steps.
        guidance: classifier-free guidance scale; 1 or less runs without unconditional rows, at half the cost.
        negative_prompt: what guidance steers away from.
        captions: each frame's text: "mix" (the video's caption, then the frame's), "global" or "local".
        prompt_prefix: put before every prompt.
        vocabulary: JSON file of the names that small weights know; other names become the nearest of them. "auto" takes
            the file `vocabulary.json` in the folder of `base`, if it has one; None takes none.
        scheduler: `name` of a diffusers sampler, and its options; AnimateDiff's linear schedule is the default.
        free_noise: windows over time: "auto" for more frames than the motion modules take, "on" or "off".
        context_frames, context_stride: length of a window (cut to what the motion modules take), and how far apart
            windows start.
        noise_follows: 0..1, how much of the initial noise inside a box goes along with its thing, so that what moves
            keeps its looks.
        free_init: options of FreeInit (`iterations`, `filter`, `order`, `spatial_stop`, `temporal_stop`), or None.
        offload: "none", "model" (networks visit the GPU in turn) or "sequential" (layer by layer; slow, least memory).
        vae_slicing: decode frame by frame inside a chunk.
        decode_chunk: frames that are decoded at once.
        compile: compile the denoiser with torch.compile; the first step takes minutes.

    Raises:
        ConfigError: a value is out of range or not on its list.
    """

    def __init__(
        self,
        *,
        base: str = "stable-diffusion-v1-5/stable-diffusion-v1-5",
        motion: str = "guoyww/animatediff-motion-adapter-v1-5-2",
        vae: str | None = None,
        base_config: str = "stable-diffusion-v1-5/stable-diffusion-v1-5",
        loras: Sequence[Mapping[str, Any]] = (),
        width: int = 512,
        height: int = 320,
        frames: int | str = 16,
        fps: float = 4.0,
        steps: int = 25,
        guidance: float = 7.5,
        negative_prompt: str = NEGATIVE,
        captions: str = "mix",
        prompt_prefix: str = "",
        vocabulary: str | None = "auto",
        scheduler: Mapping[str, Any] | None = None,
        free_noise: str = "auto",
        context_frames: int = 16,
        context_stride: int = 4,
        noise_follows: float = 0.0,
        free_init: Mapping[str, Any] | None = None,
        offload: str = "none",
        vae_slicing: bool = False,
        decode_chunk: int = 8,
        compile: bool = False,
    ) -> None:
        self.base, self.motion, self.vae, self.base_config, self.loras = base, motion, vae, base_config, tuple(loras)
        self.width, self.height, self.steps = width, height, steps
        self.frames: int = 16 if frames == "auto" else frames  # type: ignore[assignment]
        self._given_frames, self.fps = frames, fps
        self.guidance, self.negative_prompt, self.captions = guidance, negative_prompt, captions
        self.prompt_prefix, self.scheduler = prompt_prefix, dict(scheduler or {"name": "DDIMScheduler"})
        self.vocabulary = vocabulary
        self.free_noise, self.context_frames, self.context_stride = free_noise, context_frames, context_stride
        self.noise_follows, self.free_init, self.offload = noise_follows, free_init, offload
        self.vae_slicing, self.decode_chunk, self.compile = vae_slicing, decode_chunk, compile
        self.denoising = Denoising()
        self._pipeline: Any = None
        self._made_for: object = None
        check(self)

    def weights(self) -> tuple[Weights, ...]:
        """The weights that the first generation loads."""
        return self._sources().weights()

    def check_weights(self, backbone: MotionBackbone, run: Run) -> None:
        """Loads everything, as a generation would.

        Raises:
            WeightsError: something is missing or does not fit.
        """
        self._models(run)

    def fit_frames(self, layouts: Sequence[VideoSceneLayout]) -> None:
        """Where `frames` is "auto": as many as the longest of the layouts needs."""
        longest_s = max(layout.duration_s for layout in layouts)
        self.frames = count_for(self._given_frames, longest_s, self.fps, RANGES["frames"][1])

    def generate(self, layout: VideoSceneLayout, run: Run) -> GeneratedVideo:
        """Draws one layout; `fps` is such that the frames span the clip.

        Raises:
            WeightsError: weights are missing or do not fit.
            ConfigError: sizes that the networks cannot take; not enough memory (says what was tried and what helps).
        """
        return self.generate_many([layout], run)[0]

    def generate_many(
        self, layouts: Sequence[VideoSceneLayout], run: Run, seeds: Sequence[int] | None = None
    ) -> list[GeneratedVideo]:
        """Draws several layouts in one batch, each as it would come out alone.

        Args:
            layouts: the plans; an injector must be attached with the same ones, in the same order.
            seeds: one for each layout; None draws each with the run's seed, as `generate` does.
        """
        from spa2v.plugins.motion_backbones.animatediff.memory import explained

        layouts = list(layouts)
        if seeds is not None and len(seeds) != len(layouts):
            raise ConfigError(f"animatediff: {len(seeds)} seeds for {len(layouts)} layouts")
        with explained(self, len(layouts), run):
            return self._generate(layouts, run, seeds)

    def _generate(self, layouts: list[VideoSceneLayout], run: Run, seeds: Sequence[int] | None) -> list[GeneratedVideo]:
        from spa2v.plugins.motion_backbones.animatediff.noise import FreeInit, draw, rearrange
        from spa2v.plugins.motion_backbones.animatediff.noise_warping import follow
        from spa2v.plugins.motion_backbones.animatediff.sampling import Sampler
        from spa2v.plugins.motion_backbones.animatediff.schedulers import make_scheduler

        pipeline = self._models(run)
        text = self._text_rows(layouts, run)
        runs = [run if seeds is None else Run(seed=seed) for seed in seeds or [run.seed] * len(layouts)]
        generators = [one.torch_generator("animatediff/noise") for one in runs]
        shape = (pipeline.unet.config.in_channels, self.frames, *self.latent_size(run))
        noise = draw(shape, generators)
        if window := self._window(pipeline):
            noise = rearrange(noise, *window, generators)
        if self.noise_follows:
            noise = follow(noise, layouts, self.noise_follows, generators)
        scheduler = make_scheduler(self.scheduler, pipeline.scheduler.config)
        refining = FreeInit(**self.free_init) if self.free_init else FreeInit(iterations=1)
        with run.progress("denoising", self.steps * refining.iterations) as tick:
            sampler = Sampler(pipeline.unet, scheduler, self.steps, self.guidance, self.denoising, tick)
            latents = sampler.sample_refined(noise, text, generators, refining)
        frames = self._decode(latents, run)
        pipeline.maybe_free_model_hooks()
        return [
            GeneratedVideo(video, self.frames / layout.duration_s)
            for video, layout in zip(frames, layouts, strict=True)
        ]

    def denoiser(self, run: Run) -> nn.Module:
        """The UNet with motion modules."""
        return self._models(run).unet

    def attention_sites(self, run: Run) -> tuple[AttentionSite, ...]:
        """Every attention layer of the UNet: name, resolution, width, spatial or temporal."""
        from spa2v.plugins.motion_backbones.animatediff.attention_sites import attention_sites

        return attention_sites(self._models(run).unet, self.latent_size(run))

    def latent_size(self, run: Run) -> tuple[int, int]:
        """(height, width) of the latents of a frame.

        Raises:
            ConfigError: the frame size is no multiple of the VAE's factor.
        """
        factor = self._models(run).vae_scale_factor
        if self.height % factor or self.width % factor:
            raise ConfigError(
                f"animatediff: a frame of {self.width} x {self.height} pixels",
                f"the VAE of {self.base!r} takes multiples of {factor}",
            )
        return self.height // factor, self.width // factor

    def encode_text(self, texts: Sequence[str], run: Run) -> EncodedText:
        """Features of each text from the base model's text encoder."""
        from spa2v.plugins.motion_backbones.animatediff.prompts import encode

        pipeline = self._models(run)
        return encode(self._known(texts, run), pipeline.tokenizer, pipeline.text_encoder, run.device, run)

    def find_phrases(
        self, layout: VideoSceneLayout, phrases: Sequence[str], run: Run
    ) -> tuple[tuple[tuple[int, ...], ...], ...]:
        """For each frame and each phrase, the tokens of the frame's text that stand for the phrase."""
        from spa2v.plugins.motion_backbones.animatediff.prompts import find_tokens, text_length

        pipeline = self._models(run)
        length = text_length(pipeline.tokenizer, pipeline.text_encoder)
        known, found = self._known(phrases, run), []
        for text in self._known(self._prompts(layout), run):
            kinds = (find_tokens(text, words, pipeline.tokenizer, length) for words in (phrases, known))
            found.append(tuple(own or other for own, other in zip(*kinds, strict=True)))
        return tuple(found)

    def reword(self, layout: VideoSceneLayout, run: Run) -> VideoSceneLayout:
        """The layout in words that the weights know, each thing with one look, where the base has a vocabulary."""
        from spa2v.plugins.motion_backbones.animatediff.vocabulary import Vocabulary, found

        path = found(self.vocabulary, self.base)
        return layout if path is None else Vocabulary.read(path).reword(layout, run)

    def _known(self, texts: Sequence[str], run: Run) -> Sequence[str]:
        """The texts in words that the weights know."""
        from spa2v.plugins.motion_backbones.animatediff.vocabulary import Vocabulary, found

        path = found(self.vocabulary, self.base)
        return texts if path is None else Vocabulary.read(path).translated(texts, run)

    def _prompts(self, layout: VideoSceneLayout) -> list[str]:
        from spa2v.plugins.motion_backbones.animatediff.prompts import frame_prompts

        return frame_prompts(layout, self.frames, self.captions, self.prompt_prefix)

    def _text_rows(self, layouts: Sequence[VideoSceneLayout], run: Run) -> Tensor:
        """(rows, tokens, width): a row for each frame of each video, after as many unconditional ones if guided."""
        from spa2v.plugins.motion_backbones.animatediff.prompts import rows_of

        prompts = [prompt for layout in layouts for prompt in self._prompts(layout)]
        states = self.encode_text([self.negative_prompt, *prompts], run).states
        return rows_of(states[1:], states[:1] if self.guidance > 1 else None)

    def _decode(self, latents: Tensor, run: Run) -> Iterator[Any]:
        """Frames (F, H, W, 3) uint8 of each video, some at a time through the VAE."""
        import torch

        vae = self._models(run).vae
        flat = (latents / vae.config.scaling_factor).transpose(1, 2).flatten(0, 1).to(vae.dtype)
        pictures = []
        with torch.no_grad(), run.progress("decoding", len(flat)) as tick:
            for chunk in flat.split(self.decode_chunk):
                pixels = vae.decode(chunk, return_dict=False)[0].float()
                pictures.append(((pixels / 2 + 0.5).clamp(0, 1) * 255).round().byte().cpu())
                tick(len(chunk))
        stacked = torch.cat(pictures).permute(0, 2, 3, 1).contiguous().numpy()
        return iter(stacked.reshape(len(latents), self.frames, *stacked.shape[1:]))

    def _window(self, pipeline: Any) -> tuple[int, int] | None:
        """FreeNoise's (length, stride) of windows over time, at most what the motion modules take; None when off."""
        longest = pipeline.motion_adapter.config.motion_max_seq_length
        if self.free_noise == "off" and self.frames > longest:
            raise ConfigError(
                f"animatediff: {self.frames} frames without free_noise",
                f"these motion modules take {longest} at once; set free_noise to 'auto'",
            )
        if self.free_noise == "on" or (self.free_noise == "auto" and self.frames > longest):
            length = min(self.context_frames, longest, self.frames)
            return length, min(self.context_stride, length)
        return None

    def _models(self, run: Run) -> Any:
        """The networks, loaded on first use and again when the device or dtype changes."""
        from spa2v.plugins.motion_backbones.animatediff.loading import load
        from spa2v.plugins.motion_backbones.animatediff.memory import place

        wanted = (run.device, run.dtype, None if self._pipeline is None else self._window(self._pipeline))
        if self._pipeline is None or self._made_for != wanted:
            pipeline = load(self._sources(), run.dtype)
            if window := self._window(pipeline):
                pipeline.enable_free_noise(*window)
            place(pipeline, self, run)
            self._pipeline, self._made_for = pipeline, (run.device, run.dtype, window)
        return self._pipeline

    def _sources(self) -> Sources:
        from spa2v.plugins.motion_backbones.animatediff.sources import Sources

        return Sources(self.base, self.motion, self.vae, self.base_config, self.loras)
