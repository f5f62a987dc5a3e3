"""Small models with weights drawn at random, saved to disk the way full-size ones are; each with its option's name."""

from __future__ import annotations

import json
from pathlib import Path

import torch
import transformers

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "car", "piano", "dog", "red"]


def owlv2(folder: Path) -> tuple[str, Path]:
    torch.manual_seed(0)
    letters = [chr(code) for code in range(97, 123)]
    pieces = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({piece: i for i, piece in enumerate(pieces)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = transformers.CLIPTokenizer.from_pretrained(folder, model_max_length=32)
    layers = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    ids = {"bos_token_id": 52, "eos_token_id": 53, "pad_token_id": tokenizer.pad_token_id}
    text = {**layers, **ids, "vocab_size": len(pieces), "max_position_embeddings": 32}
    vision = {**layers, "image_size": 64, "patch_size": 16}
    config = transformers.Owlv2Config(text_config=text, vision_config=vision, projection_dim=16)
    transformers.Owlv2ForObjectDetection(config).save_pretrained(folder)
    images = transformers.Owlv2ImageProcessor(size={"height": 64, "width": 64})
    transformers.Owlv2Processor(image_processor=images, tokenizer=tokenizer).save_pretrained(folder)
    return "model", folder


def grounding_dino(folder: Path) -> tuple[str, Path]:
    torch.manual_seed(0)
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    tokenizer = transformers.BertTokenizer.from_pretrained(folder)
    swin = {"embed_dim": 8, "depths": [1, 1, 1, 1], "num_heads": [1, 1, 2, 2], "window_size": 2, "image_size": 64}
    bert = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    config = transformers.GroundingDinoConfig(
        backbone_config=transformers.SwinConfig(**swin, out_features=["stage2", "stage3", "stage4"]),
        text_config=transformers.BertConfig(vocab_size=len(WORDS), **bert),
        **{"d_model": 32, "num_queries": 6, "encoder_layers": 1, "decoder_layers": 2},
        **{"encoder_ffn_dim": 16, "decoder_ffn_dim": 16, "encoder_attention_heads": 2, "decoder_attention_heads": 2},
    )
    transformers.GroundingDinoForObjectDetection(config).save_pretrained(folder)
    images = transformers.GroundingDinoImageProcessor(size={"shortest_edge": 64, "longest_edge": 96})
    transformers.GroundingDinoProcessor(image_processor=images, tokenizer=tokenizer).save_pretrained(folder)
    return "model", folder


def text_encoder(folder: Path, clip: bool = False) -> tuple[str, Path]:
    torch.manual_seed(0)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "car", "red", "dog"]
    (folder / "vocab.txt").write_text("\n".join(words))
    transformers.BertTokenizer.from_pretrained(folder).save_pretrained(folder)
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    if clip:
        config = transformers.CLIPTextConfig(vocab_size=8, projection_dim=6, eos_token_id=3, **sizes)
        transformers.CLIPTextModelWithProjection(config).save_pretrained(folder)
    else:
        transformers.BertModel(transformers.BertConfig(vocab_size=8, **sizes)).save_pretrained(folder)
    return "model", folder


class SmallI3D(torch.nn.Module):
    """With the three switches of the I3D exports."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = torch.nn.Conv3d(3, 5, (3, 8, 8), (2, 8, 8))
        self.drop = torch.nn.Dropout(0.5)

    def forward(
        self, x: torch.Tensor, rescale: bool = True, resize: bool = True, return_features: bool = False
    ) -> torch.Tensor:
        if rescale or resize or not return_features:
            return x
        return self.drop(torch.relu(self.conv(x))).mean([2, 3, 4])


def i3d(folder: Path) -> tuple[str, Path]:
    torch.manual_seed(0)
    torch.jit.script(SmallI3D()).save(str(folder / "i3d_small.pt"))
    return "weights", folder / "i3d_small.pt"
