"""The component `animatediff`: its options and methods. `engine`, imported on first use, does the work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from spa2v.core.errors import ConfigError
from spa2v.core.protocols import AttentionSite, Denoising, EncodedText, MotionBackbone
from spa2v.core.runtime import Run
from spa2v.core.types import GeneratedVideo, VideoSceneLayout, count_for
from spa2v.core.weights import Weights
from spa2v.plugins.motion_backbones.animatediff.options import RANGES, WeightSources, check
from spa2v.plugins.motion_backbones.animatediff.vocabulary import Vocabulary, vocabulary_file

if TYPE_CHECKING:
    from torch import nn

    from spa2v.plugins.motion_backbones.animatediff.engine import Engine

NEGATIVE = "worst quality, low quality, bad anatomy, watermark, text, blurry"


class AnimateDiff:
    """A frozen image model with motion modules.

    Args:
        base: Stable Diffusion 1.x: hub id, diffusers folder, or one checkpoint file in the original format.
        motion: motion modules: hub id, folder of a `MotionAdapter`, or one file of its tensors.
        vae: another VAE (hub id or folder), or None for the base model's.
        base_config: source of sizes and tokenizer when `base` is one file (hub id or diffusers folder).
        loras: LoRA files to merge: `{source, scale}` each; style, motion or LCM.
        width, height: size of a frame in pixels.
        frames: number of frames, 1 to 256; they span the whole clip. "auto" takes `fps` a second, at least 16;
            FreeNoise joins windows beyond what the motion modules take at once.
        fps: frames a second where `frames` is "auto".
        steps: denoising steps.
        guidance: classifier-free guidance scale; 1 or less runs without uncond rows, at half the cost.
        negative_prompt: text of the uncond rows.
        captions: each frame's text: "mix" (the video's caption, then the frame's), "global" or "local".
        prompt_prefix: text before every prompt.
        vocabulary: JSON file of the class names that small weights were trained on; `reword` replaces other names by
            the nearest of them. "auto" is `vocabulary.json` in the folder of `base`, where there is one; None is none.
        scheduler: `name` of a diffusers sampler, and its options; AnimateDiff's linear schedule is the default.
        free_noise: FreeNoise's windows over time: "auto" (for more frames than the motion modules take), "on" or "off".
        context_frames, context_stride: length of a window (at most what the motion modules take), and the distance
            between the starts of windows.
        noise_follows: 0..1, share of the variance of the initial noise inside a box that moves with the box (noise
            warping), so that a moving object keeps its appearance.
        noise_stride: draw the noise of this many times as many frames and take each n-th of them: a clip of half the
            frames, with a stride of 2, starts from the noise of every second frame of the whole clip, as its preview.
        free_init: options of FreeInit (`iterations`, `filter`, `order`, `spatial_stop`, `temporal_stop`), or None.
        offload: "none", "model" (networks visit the GPU in turn) or "sequential" (layer by layer; slow, least memory).
        vae_dtype: type that the VAE computes in: "auto" (the run's), "float32", "bfloat16" or "float16". VAEs that
            overflow in half precision need "float32".
        vae_slicing: decode frame by frame inside a chunk.
        decode_chunk: frames decoded at once; few, because their feature maps are large.
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
        noise_stride: int = 1,
        free_init: Mapping[str, Any] | None = None,
        offload: str = "none",
        vae_dtype: str = "auto",
        vae_slicing: bool = False,
        decode_chunk: int = 2,
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
        self.noise_follows, self.noise_stride, self.free_init, self.offload = (
            noise_follows,
            noise_stride,
            free_init,
            offload,
        )
        self.vae_dtype, self.vae_slicing, self.decode_chunk, self.compile = (
            vae_dtype,
            vae_slicing,
            decode_chunk,
            compile,
        )
        self.denoising = Denoising()
        check(self)

    @property
    def sources(self) -> WeightSources:
        """The sources of all weights."""
        return WeightSources(self.base, self.motion, self.vae, self.base_config, self.loras)

    @cached_property
    def engine(self) -> Engine:
        """The networks, not loaded yet; imports torch, diffusers and transformers."""
        from spa2v.plugins.motion_backbones.animatediff.engine import Engine

        return Engine(self)

    def weights(self) -> tuple[Weights, ...]:
        """The weights that the first generation loads."""
        return self.sources.weights()

    def fit_frames(self, layouts: Sequence[VideoSceneLayout]) -> None:
        """Where `frames` is "auto": as many as the longest of the layouts needs."""
        longest_s = max(layout.duration_s for layout in layouts)
        self.frames = count_for(self._given_frames, longest_s, self.fps, int(RANGES["frames"][1]))

    def check_weights(self, backbone: MotionBackbone, run: Run) -> None:
        """Loads all weights, as a generation would.

        Raises:
            WeightsError: weights are missing or do not fit.
        """
        self.engine.pipeline(run)

    def reword(self, layout: VideoSceneLayout, run: Run) -> VideoSceneLayout:
        """Returns the layout in words that the weights were trained on, where the base model has a vocabulary.

        Each object gets one appearance for all texts; boxes and ids stay. `generate` takes texts as they are.
        """
        path = vocabulary_file(self.vocabulary, self.base)
        return layout if path is None else Vocabulary.read(path).reword(layout, run)

    def generate(self, layout: VideoSceneLayout, run: Run) -> GeneratedVideo:
        """Draws one layout; the frames span the clip: fps = frames / duration.

        Raises:
            WeightsError: weights are missing or do not fit.
            ConfigError: the networks cannot take the frame size, or memory ran out.
        """
        return self.generate_many([layout], run)[0]

    def generate_many(
        self, layouts: Sequence[VideoSceneLayout], run: Run, seeds: Sequence[int] | None = None
    ) -> list[GeneratedVideo]:
        """Draws several layouts in one batch, each as `generate` would alone.

        Args:
            layouts: the plans; an injector must be attached with the same ones, in the same order.
            run: seed, device, dtype, progress.
            seeds: one for each layout; None uses the run's seed for each, as `generate` does.
        """
        if seeds is not None and len(seeds) != len(layouts):
            raise ConfigError(f"animatediff: {len(seeds)} seeds for {len(layouts)} layouts")
        return self.engine.generate(list(layouts), run, seeds)

    def generate_seeds(
        self, layouts: Sequence[VideoSceneLayout], seeds: Sequence[int], run: Run
    ) -> list[GeneratedVideo]:
        """As `generate_many`, with a seed for each layout."""
        return self.generate_many(layouts, run, seeds)

    def denoiser(self, run: Run) -> nn.Module:
        """The UNet with motion modules."""
        return self.engine.pipeline(run).unet

    def attention_sites(self, run: Run) -> tuple[AttentionSite, ...]:
        """Every attention layer of the UNet: name, resolution, width, spatial or temporal."""
        return self.engine.attention_sites(run)

    def latent_size(self, run: Run) -> tuple[int, int]:
        """(height, width) of the latents of a frame.

        Raises:
            ConfigError: the frame size is not a multiple of the VAE's factor.
        """
        return self.engine.latent_size(run)

    def encode_text(self, texts: Sequence[str], run: Run) -> EncodedText:
        """Embeddings of each text by the base model's text encoder."""
        return self.engine.encode_text(texts, run)

    def find_phrases(
        self, layout: VideoSceneLayout, phrases: Sequence[str], run: Run
    ) -> tuple[tuple[tuple[int, ...], ...], ...]:
        """For each frame and each phrase, the positions of the phrase's tokens in the frame's prompt."""
        return self.engine.find_phrases(layout, phrases, run)
