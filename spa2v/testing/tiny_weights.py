"""Small random weights in the real formats: a Stable Diffusion folder and a motion adapter, as diffusers reads them.

Widths, depths and text width differ from Stable Diffusion's on purpose: nothing may rely on them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

CHANNELS, TEXT_WIDTH, HEADS, GROUPS = (16, 32), 24, 4, 8
TOKENS = 48
"""Length of an encoded text; Stable Diffusion has 77."""


def tokenizer() -> Any:
    """A CLIP tokenizer whose words are bytes."""
    from transformers import CLIPTokenizer
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    letters = list(bytes_to_unicode().values())
    words = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {word: index for index, word in enumerate(words)}
    return CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=TOKENS)


def text_encoder(tokens: Any) -> Any:
    """A CLIP text model of two layers for a tokenizer."""
    from transformers import CLIPTextConfig, CLIPTextModel

    config = CLIPTextConfig(
        vocab_size=len(tokens),
        hidden_size=TEXT_WIDTH,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=HEADS,
        max_position_embeddings=TOKENS,
        eos_token_id=tokens.eos_token_id,
        bos_token_id=tokens.bos_token_id,
        pad_token_id=tokens.pad_token_id,
    )
    return CLIPTextModel(config)


def unet2d(**changes: Any) -> Any:
    """A denoiser of two levels, with attention in both and in the middle."""
    from diffusers import UNet2DConditionModel

    config = {
        "sample_size": 16,
        "block_out_channels": CHANNELS,
        "layers_per_block": 1,
        "norm_num_groups": GROUPS,
        "cross_attention_dim": TEXT_WIDTH,
        "attention_head_dim": HEADS,
        "down_block_types": ("CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
    }
    return UNet2DConditionModel(**{**config, **changes})


def autoencoder() -> Any:
    """A VAE that halves the frame twice."""
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=(8, 8, 16),
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        layers_per_block=1,
        norm_num_groups=4,
        latent_channels=4,
    )


def stable_diffusion(folder: Path, seed: int = 0) -> Path:
    """Writes a diffusers folder of Stable Diffusion's layout; frames have 4 times the latents' side."""
    import torch
    from diffusers import PNDMScheduler, StableDiffusionPipeline

    tokens = tokenizer()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        networks = {"vae": autoencoder(), "text_encoder": text_encoder(tokens), "unet": unet2d()}
    scheduler = PNDMScheduler(
        beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, steps_offset=1, skip_prk_steps=True
    )
    checkers = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
    StableDiffusionPipeline(tokenizer=tokens, scheduler=scheduler, **networks, **checkers).save_pretrained(folder)
    return folder


def adapter(**changes: Any) -> Any:
    """Motion modules for `unet2d`, of up to 12 frames."""
    from diffusers import MotionAdapter

    config = {
        "block_out_channels": CHANNELS,
        "motion_layers_per_block": 1,
        "motion_norm_num_groups": GROUPS,
        "motion_num_attention_heads": HEADS,
        "motion_max_seq_length": 12,
    }
    return MotionAdapter(**{**config, **changes})


def motion_adapter(folder: Path, seed: int = 1) -> Path:
    """Writes a diffusers folder of motion modules."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        adapter().save_pretrained(folder)
    return folder
