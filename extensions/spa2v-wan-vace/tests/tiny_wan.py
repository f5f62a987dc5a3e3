"""A small Wan VACE of random weights in the format of the hub: a folder of diffusers."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanVACEPipeline, WanVACETransformer3DModel
from transformers import T5TokenizerFast, UMT5Config, UMT5EncoderModel

LETTERS = [(piece, -1.0) for piece in ("▁", *"abcdefghijklmnopqrstuvwxyz.,")]


def make(folder: Path, transformers: int = 1) -> Path:
    """Writes the folder; frames have 8 times the latents' side, as in the real one.

    Args:
        transformers: 1 as in Wan 2.1; 2 as in Wan 2.2, for the early and the late steps.
    """
    vocabulary = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -2.0), *LETTERS]
    tokenizer = T5TokenizerFast(vocab=vocabulary, extra_ids=0, model_max_length=512)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        networks = {name: transformer() for name in ("transformer", "transformer_2")[:transformers]}
        parts = {"vae": autoencoder(), "text_encoder": text_encoder(len(tokenizer)), **networks}
    scheduler = UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0)
    boundary = 0.875 if transformers == 2 else None
    WanVACEPipeline(tokenizer=tokenizer, scheduler=scheduler, boundary_ratio=boundary, **parts).save_pretrained(folder)
    return folder


def transformer() -> WanVACETransformer3DModel:
    network = WanVACETransformer3DModel(
        num_attention_heads=2,
        attention_head_dim=12,
        text_dim=32,
        freq_dim=32,
        ffn_dim=32,
        num_layers=3,
        rope_max_seq_len=32,
        vace_layers=[0, 2],
    )
    for block in network.vace_blocks:
        torch.nn.init.normal_(block.proj_out.weight, std=0.5)  # so that the control is felt, as in trained weights
    return network


def autoencoder() -> AutoencoderKLWan:
    """A VAE whose latents have mean 0 and deviation 1 over noisy pictures, as those of the real one over videos."""
    sizes = {"base_dim": 3, "dim_mult": [1, 1, 1, 1], "num_res_blocks": 1, "temperal_downsample": [False, True, True]}
    vae = AutoencoderKLWan(**sizes)
    pictures = torch.nn.functional.interpolate(torch.rand(8, 3, 5, 8, 8) * 2 - 1, (5, 64, 64))
    with torch.no_grad():
        found = vae.encode(pictures).latent_dist.mode().transpose(0, 1).flatten(1)
    vae.register_to_config(latents_mean=found.mean(1).tolist(), latents_std=found.std(1).tolist())
    return vae


def text_encoder(words: int) -> UMT5EncoderModel:
    return UMT5EncoderModel(
        UMT5Config(vocab_size=words, d_model=32, d_kv=8, d_ff=32, num_layers=1, num_heads=4, decoder_start_token_id=0)
    )
