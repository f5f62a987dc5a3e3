"""A small CLAP model, made from a config and saved to disk: real files, real loading."""

from __future__ import annotations

from pathlib import Path


def clap(place: Path) -> Path:
    """Writes a CLAP of about 60 thousand weights with a tokenizer over the letters, as transformers reads it."""
    import torch
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    letters = ["<s>", "<pad>", "</s>", "<unk>", *"abcdefghijklmnopqrstuvwxyz '-"]
    tokenizer = Tokenizer(models.WordLevel({letter: i for i, letter in enumerate(letters)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A </s>", None, [("<s>", 0), ("</s>", 2)])
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<unk>",
        model_max_length=60,
    )  # fmt: skip
    extractor = transformers.ClapFeatureExtractor(feature_size=32, max_length_s=2, truncation="rand_trunc")
    text = {"vocab_size": len(letters), "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    text |= {"intermediate_size": 16, "max_position_embeddings": 64, "projection_dim": 8}
    audio = {
        "num_mel_bins": 32,
        "spec_size": 128,
        "patch_embeds_hidden_size": 8,
        "depths": [1, 1],
        "num_attention_heads": [1, 1],
    }
    audio |= {"hidden_size": 16, "window_size": 4, "projection_dim": 8, "num_hidden_layers": 2}
    torch.manual_seed(0)
    config = transformers.ClapConfig(text_config=text, audio_config=audio, projection_dim=8)
    transformers.ClapModel(config).save_pretrained(place)
    transformers.ClapProcessor(extractor, fast).save_pretrained(place)
    return place
