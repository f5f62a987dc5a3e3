"""The words that small weights know: a CLIP tokenizer in which each of them is one token.

Other words fall apart into pieces and bytes; nothing is unknown. Names of things beyond ToyWorld have a table of the
nearest class in the base model's folder (`vocabulary.json`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spa2v.core.media.files import write_json
from spa2v.training import captions
from spa2v.world.classes import CLASSES
from spa2v.world.drawing.look import PAINT, PALETTES

START, END = "<|startoftext|>", "<|endoftext|>"
END_OF_WORD = "</w>"
LENGTH = 77  # as CLIP's
VOCABULARY = "vocabulary.json"
MORE_WORDS = """
the a an and or of with in on at to from by near far close closer away behind beside between over under its it is are
left right center middle front back side sides scene video view picture camera toward towards
moves moving move passes passing drives driving comes coming goes going approaches approaching recedes receding
crosses crossing stands standing stays still stationary plays playing play sings singing walks walking runs running
rides riding rolls rolling flies flying sails sailing barks barking meows neighs moos bleats chirps rings located
past slowly quickly loud quiet sound sounds music voice engine horn siren noise song heard hears hear nothing empty
street road railway rails track room living hall stage indoors outdoors outside inside place open field city sky grass
meadow farm nature water lake pond river sea air pavement path
tree trees house houses building buildings window wall floor clouds sunny day night bright small large big tall short
old new one two three another second third first same other each while then after before during background foreground
person people children men women buses guitarist pianist drummer violinist harpist musician singer player driver rider
animal animals vehicle kit acoustic grand upright electric wooden shirt dress
worst low quality bad anatomy watermark text blurry best masterpiece photo realistic cartoon drawing
"""
NEAREST = {
    "bike": "bicycle", "motorbike": "motorcycle", "scooter": "motorcycle",
    "tram": "train", "subway": "train", "locomotive": "train", "streetcar": "train", "metro": "train",
    "van": "truck", "lorry": "truck", "tractor": "truck", "fire truck": "fire engine",
    "coach": "bus", "minibus": "bus", "taxi": "car", "automobile": "car", "vehicle": "car", "jeep": "car",
    "car horn": "car", "siren": "police car", "police": "police car",
    "ship": "boat", "motorboat": "boat", "sailboat": "boat", "ferry": "boat",
    "plane": "airplane", "aeroplane": "airplane", "aircraft": "airplane", "jet": "airplane",
    "viola": "violin", "fiddle": "violin", "double bass": "cello",
    "keyboard": "piano", "organ": "piano", "synthesizer": "piano", "xylophone": "piano", "marimba": "piano",
    "ukulele": "guitar", "banjo": "guitar", "bass": "guitar", "lute": "guitar", "sitar": "guitar",
    "drums": "drum", "drum kit": "drum", "drum set": "drum", "percussion": "drum", "cymbal": "drum",
    "lyre": "harp", "zither": "harp",
    "clarinet": "saxophone", "oboe": "saxophone", "trumpet": "saxophone", "trombone": "saxophone",
    "french horn": "saxophone", "flute": "saxophone",
    "lady": "woman", "singer": "woman", "woman singing": "woman", "choir": "woman",
    "guy": "man", "person": "man", "people": "man", "crowd": "man", "man singing": "man",
    "girl": "child", "boy": "child", "kid": "child", "baby": "child",
    "puppy": "dog", "wolf": "dog", "fox": "dog", "kitten": "cat", "lion": "cat", "pony": "horse", "donkey": "horse",
    "calf": "cow", "bull": "cow", "ox": "cow", "lamb": "sheep", "goat": "sheep", "pig": "sheep",
    "chicken": "bird", "rooster": "bird", "hen": "bird", "duck": "bird", "goose": "bird", "pigeon": "bird",
    "crow": "bird", "owl": "bird", "gull": "bird",
    "church bell": "bell", "doorbell": "bell", "speaker": "loudspeaker", "radio": "loudspeaker",
}  # fmt: skip
"""What a name beyond the classes is drawn as: the class of the most similar outline."""
SIMILAR = {
    "bicycle": "motorcycle", "police car": "car", "fire engine": "truck", "ambulance": "truck",
    "cello": "violin", "saxophone": "man", "child": "woman", "boy": "man",
}  # fmt: skip
"""What a name is drawn as by weights that do not know its class; others are drawn as `OTHERWISE` then."""
OTHERWISE = "loudspeaker"  # no class is claimed for what is in no table
COLORS = ("gray", "grey", "brown", "purple", "pink", "golden", "dark", "light", "colorful")
PALE = ("white", "silver", "black")  # windows and wheels are hard to tell from such paint


def vocabulary(classes: Sequence[str] = tuple(CLASSES)) -> dict[str, Any]:
    """The table that goes with weights that know some classes; others become the first without `OTHERWISE`."""
    known = list(dict.fromkeys(classes))
    chains = {name: _chain(name) for name in (*NEAREST, *SIMILAR) if name not in known}
    nearest = {name: next((each for each in chain if each in known), None) for name, chain in chains.items()}
    looks = {name: [word for word in PALETTES[name] if word not in PALE] for name in known if name in PALETTES}
    return {
        "classes": known,
        "nearest": {name: found for name, found in nearest.items() if found},
        "otherwise": OTHERWISE if OTHERWISE in known else known[0],
        "looks": looks,
        "look_words": [*PALE, *COLORS],
        "directions": dict(captions.DIRECTIONS),
    }


def _chain(name: str) -> list[str]:
    """The classes that a name may be drawn as, the nearest first."""
    first = NEAREST.get(name, name)
    return [first, *filter(None, [SIMILAR.get(name) or SIMILAR.get(first)])]


def known_words() -> list[str]:
    """Every word of the captions, the classes, the colors, and some that other planners use."""
    texts = [
        *CLASSES,
        *(f"{name}s" for name in CLASSES),
        *NEAREST,
        *PAINT,
        captions.NEAR,
        captions.FAR,
        *captions.NOTHING,
    ]
    texts += [word for kind in CLASSES.values() for word in (kind.act, kind.way)]
    for table in (captions.PLACES, captions.MOVES, captions.SETTINGS):
        texts += [text.format(act="", way="") for forms in table.values() for text in forms]
    texts += captions.DIRECTIONS.values()
    words = {word.strip(".,;").lower() for text in texts for word in text.split()}
    return sorted(words | set(MORE_WORDS.split()))


def write_tokenizer(folder: Path) -> None:
    """Writes the files of a CLIP tokenizer in which each known word is one token."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    engine = Tokenizer(models.BPE(end_of_word_suffix=END_OF_WORD))
    engine.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=100_000, min_frequency=1, end_of_word_suffix=END_OF_WORD, show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    )  # fmt: skip
    engine.train_from_iterator(known_words(), trainer)
    model = json.loads(engine.to_str())["model"]
    vocab = _vocabulary(model["vocab"])
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "vocab.json", vocab)
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]]
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n", encoding="utf-8")
    _tokenizer(folder).save_pretrained(folder)


def _vocabulary(learned: dict[str, int]) -> dict[str, int]:
    """Bytes first, alone and at the end of a word, then what was learned, then the two marks."""
    from tokenizers import pre_tokenizers

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = dict.fromkeys([*letters, *(letter + END_OF_WORD for letter in letters), *sorted(learned, key=learned.get)])  # type: ignore[arg-type]
    return {token: index for index, token in enumerate([*tokens, START, END])}


def _tokenizer(folder: Path) -> Any:
    from transformers import CLIPTokenizer

    return CLIPTokenizer(
        str(folder / "vocab.json"),
        str(folder / "merges.txt"),
        unk_token=END, bos_token=START, eos_token=END, pad_token=END,
        model_max_length=LENGTH,
    )  # fmt: skip


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer in a folder."""
    from transformers import CLIPTokenizer

    return CLIPTokenizer.from_pretrained(folder)


def make_text_encoder(tokenizer: Any, width: int, layers: int, heads: int) -> Any:
    """An untrained `CLIPTextModel` for a tokenizer."""
    from transformers import CLIPTextConfig, CLIPTextModel

    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        max_position_embeddings=LENGTH,
        projection_dim=width,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return CLIPTextModel(config)


def knows_words(tokenizer: Any) -> bool:
    """Whether each of `known_words` is one token."""
    return {f"{word}{END_OF_WORD}" for word in known_words()} <= set(tokenizer.get_vocab())


def with_vocabulary(encoder: Any, old: Any, new: Any) -> Any:
    """A text encoder, changed in place for the tokens of another tokenizer: known ones keep their embeddings."""
    weights = encoder.get_input_embeddings().weight.detach().clone()
    table = encoder.resize_token_embeddings(len(new)).weight.data
    table.normal_(std=float(weights.std()))
    places = old.get_vocab()
    for token, row in new.get_vocab().items():
        if token in places:
            table[row] = weights[places[token]]
    body = getattr(encoder, "text_model", encoder)  # the same module in newer versions of transformers
    for config in (encoder.config, body.config):
        config.update({name: getattr(new, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")})
    body.eos_token_id = new.eos_token_id
    return encoder
