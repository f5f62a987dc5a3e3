"""Small models in the format of the hub: a folder with config, weights, tokenizer, feature extractor, chat template.

They start random. `teach` trains one for some seconds, on real conversations, to answer as told.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from spa2v.plugins.layout_planners.mllm import Conversation
from spa2v.testing import toy_run
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from spa2v_openmllm.service import LocalService

SPECIAL = {
    "audio_token": "<|AUDIO|>",
    "audio_bos_token": "<|audio_bos|>",
    "audio_eos_token": "<|audio_eos|>",
    "image_token": "<|IMAGE|>",
    "video_token": "<|VIDEO|>",
    "vision_bos_token": "<|vision_bos|>",
    "vision_eos_token": "<|vision_eos|>",
}
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'audio' %}<|audio_bos|><|AUDIO|><|audio_eos|>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
MELS, WIDTH, CONTEXT, LONGEST_S = 16, 32, 16_384, 5


def tokenizer(texts: Iterable[str]) -> Any:
    """A byte-level BPE, as Qwen's, learned from some texts; every text can be written with it."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *SPECIAL.values()]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=700, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    made.train_from_iterator(texts, trainer)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=made, eos_token="<|im_end|>", pad_token="<|endoftext|>", extra_special_tokens=SPECIAL
    )


def make(kind: str, folder: Path, texts: Iterable[str]) -> Path:
    """Writes a random model of a kind ("qwen2_5_omni", "qwen3_omni_moe", "qwen2_audio") and all that belongs to it."""
    tokens = tokenizer(texts)
    tokens.save_pretrained(folder)
    ears = transformers.WhisperFeatureExtractor(feature_size=MELS, chunk_length=LONGEST_S, return_attention_mask=True)
    ears.save_pretrained(folder)
    if kind != "qwen2_audio":  # its processor brings its own
        (folder / "chat_template.json").write_text(json.dumps({"chat_template": TEMPLATE}))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        _network(kind, tokens).save_pretrained(folder)
    return folder


def _network(kind: str, tokens: Any) -> Any:
    text = {
        "vocab_size": len(tokens),
        "hidden_size": WIDTH,
        "intermediate_size": 2 * WIDTH,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "max_position_embeddings": CONTEXT,
    }
    hearing = {
        "num_mel_bins": MELS,
        "encoder_layers": 1,
        "encoder_attention_heads": 2,
        "encoder_ffn_dim": 32,
        "d_model": 16,
        "max_source_positions": 50 * LONGEST_S,
    }
    ids = {name: tokens.convert_tokens_to_ids(token) for name, token in SPECIAL.items()}
    if kind == "qwen2_audio":
        config = transformers.Qwen2AudioConfig(
            text_config={"model_type": "qwen2", **text},
            audio_config={"model_type": "qwen2_audio_encoder", **hearing},
            audio_token_index=ids["audio_token"],
        )
        return transformers.Qwen2AudioForConditionalGeneration(config)
    omni = _omni(kind, text, hearing, ids, tokens.pad_token_id)
    if kind == "qwen2_5_omni":
        config = transformers.Qwen2_5OmniConfig(thinker_config=omni, enable_audio_output=False)
        return transformers.Qwen2_5OmniForConditionalGeneration(config)
    config = transformers.Qwen3OmniMoeConfig(thinker_config=omni, enable_audio_output=False)
    return transformers.Qwen3OmniMoeForConditionalGeneration(config)


def _omni(kind: str, text: dict[str, Any], hearing: dict[str, Any], ids: dict[str, int], pad: int) -> dict[str, Any]:
    """The configuration of a thinker."""
    rope = {"rope_type": "default", "mrope_section": [2, 3, 3], "rope_theta": 1e6}
    seeing = {"depth": 1, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2, "out_hidden_size": WIDTH}
    if kind == "qwen2_5_omni":
        seeing |= {"fullatt_block_indexes": [0]}
        hearing = hearing | {"output_dim": WIDTH, "n_window": 25}
    else:
        seeing |= {"deepstack_visual_indexes": [0], "num_position_embeddings": 16}
        hearing = hearing | {"output_dim": WIDTH, "downsample_hidden_size": 8}
        text = text | {"head_dim": 16, "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32}
    suffix = "index" if kind == "qwen2_5_omni" else "id"
    return {
        "text_config": {**text, "rope_parameters": rope},
        "audio_config": hearing,
        "vision_config": seeing,
        "pad_token_id": pad,
        **{f"{name}_{suffix}": ids[name] for name in ("audio_token", "image_token", "video_token")},
        "audio_start_token_id": ids["audio_bos_token"],
        "audio_end_token_id": ids["audio_eos_token"],
        "vision_start_token_id": ids["vision_bos_token"],
        "vision_end_token_id": ids["vision_eos_token"],
    }


def teach(folder: Path, lessons: Sequence[tuple[Conversation, str]], rounds: int, *, steady: bool = False) -> float:
    """Trains the model in a folder to give each conversation its answer.

    Returns the loss of a token of the worst answer at the end. A `steady` model looks at nothing but the last token, so
    that it answers all conversations alike.
    """
    service = LocalService(str(folder), None, None, 256, 60.0)
    run = toy_run()
    loaded = service.loaded(run)
    examples = [_example(service, talk, answer) for talk, answer in lessons]
    model = loaded.model.train().requires_grad_(True)
    looking = [
        weight for name, weight in model.named_parameters() if steady and name.endswith("self_attn.o_proj.weight")
    ]
    for weight in looking:
        weight.requires_grad_(False).zero_()
    adam = torch.optim.Adam([weight for weight in model.parameters() if weight.requires_grad], lr=5e-3)
    loss = 0.0
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for _ in range(rounds):
            losses = [_loss(model, *example) for example in examples]
            loss = max(float(one.detach()) for one in losses)
            if loss < 1e-2:
                break
            adam.zero_grad()
            torch.stack(losses).mean().backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            adam.step()
    _save(model, folder)
    return loss


def _example(service: LocalService, talk: Conversation, answer: str) -> tuple[dict[str, Any], torch.Tensor]:
    """The input with the answer behind it, and the answer's tokens."""
    run = toy_run()
    loaded = service.loaded(run)
    inputs = dict(service.inputs(loaded, talk, run))
    wanted = loaded.processor.tokenizer(answer + "<|im_end|>", return_tensors="pt").input_ids
    inputs["input_ids"] = torch.cat([inputs["input_ids"], wanted], dim=1)
    inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
    return inputs, wanted


def _loss(model: Any, inputs: dict[str, Any], wanted: torch.Tensor) -> torch.Tensor:
    logits = model(**inputs).logits[0, -wanted.shape[1] - 1 : -1]
    return torch.nn.functional.cross_entropy(logits, wanted[0])


def _save(model: Any, folder: Path) -> None:
    """Writes the weights over those in the folder, as the whole model saves them."""
    if not hasattr(model.config, "vision_config"):  # it is the whole model
        model.save_pretrained(folder)
        return
    config = transformers.AutoConfig.from_pretrained(folder)
    whole = getattr(transformers, config.architectures[0])(config)
    whole.thinker.load_state_dict(model.state_dict())
    whole.save_pretrained(folder)
