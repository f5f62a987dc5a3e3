"""Valid answers and the ways to break them, for the tests of the tolerant reader."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np

Answer = dict[str, Any]
Mutation = Callable[[Answer, np.random.Generator], str]

FRAMES = 16
WIDTH, HEIGHT = 512, 320
NAMES = ("car", "bus", "woman", "grand piano", "drum", "truck")


def make_answer(rng: np.random.Generator, things: int | None = None, frames: int = FRAMES) -> Answer:
    """A valid answer: 1 to 3 things that stand, cross, or come nearer at a steady pace."""
    things = things or int(rng.integers(1, 4))
    names = [str(name) for name in rng.choice(NAMES, things, replace=False)]
    tracks = [_track(rng, (index + 0.5) / things, frames) for index in range(things)]
    listed = [
        {
            "caption": f'Moment {f + 1}: a {names[0]}, it\'s "here" {{really}}.',
            "objects": [
                {"id": i, "name": names[i], "box": [round(float(v), 4) for v in tracks[i][f]]} for i in range(things)
            ],
        }
        for f in range(frames)
    ]
    reasoning = f"The {names[0]} is louder on the left; it's near, [about] 3 dB."
    return {"reasoning": reasoning, "caption": f"A {names[0]} in the street.", "frames": listed}


def _track(rng: np.random.Generator, lane: float, frames: int) -> np.ndarray:
    """Boxes at a steady pace, always inside the frame; things keep to their lane of height, so they never touch."""
    width, height = rng.uniform(0.12, 0.3), rng.uniform(0.25, 0.3)
    start, end = rng.uniform(width / 2, 1 - width / 2, 2) if rng.random() < 0.7 else [rng.uniform(0.3, 0.7)] * 2
    x = np.linspace(start, end, frames)
    y = np.full(frames, 0.35 + 0.5 * lane * rng.uniform(0.8, 1.0))
    grow = np.linspace(1.0, rng.uniform(0.85, 1.0), frames)
    boxes = [x - width / 2 * grow, y - height / 2 * grow, x + width / 2 * grow, y + height / 2 * grow]
    return np.stack(boxes, axis=1)


def truth(answer: Answer) -> list[dict[str, list[float]]]:
    """Per frame, name to box; names are unique in the answers made here."""
    return [{item["name"]: item["box"] for item in frame["objects"]} for frame in answer["frames"]]


def copied(answer: Answer) -> Answer:
    return json.loads(json.dumps(answer))


def _objects(answer: Answer) -> list[dict[str, Any]]:
    return [item for frame in answer["frames"] for item in frame["objects"]]


def _each_box(change: Callable[[list[float]], Any]) -> Mutation:
    def mutate(answer: Answer, rng: np.random.Generator) -> str:
        answer = copied(answer)
        for item in _objects(answer):
            item["box"] = change(item["box"])
        return json.dumps(answer)

    return mutate


def _some_boxes(change: Callable[[list[float], np.random.Generator], Any], share: float = 0.25) -> Mutation:
    def mutate(answer: Answer, rng: np.random.Generator) -> str:
        answer = copied(answer)
        items = _objects(answer)
        for index in rng.choice(len(items), max(1, int(share * len(items))), replace=False):
            items[index]["box"] = change(items[index]["box"], rng)
        return json.dumps(answer)

    return mutate


def _text(change: Callable[[str, np.random.Generator], str]) -> Mutation:
    return lambda answer, rng: change(json.dumps(answer, indent=int(rng.integers(0, 3)) or None), rng)


def _drop_frames(answer: Answer, rng: np.random.Generator) -> str:
    answer = copied(answer)
    for index, frame in enumerate(answer["frames"]):
        frame["frame"] = index + 1
    gone = set(rng.choice(np.arange(1, FRAMES - 1), int(rng.integers(1, 5)), replace=False).tolist())
    answer["frames"] = [frame for index, frame in enumerate(answer["frames"]) if index not in gone]
    return json.dumps(answer)


def _drop_unnumbered(answer: Answer, rng: np.random.Generator) -> str:
    answer = copied(answer)
    gone = set(rng.choice(np.arange(1, FRAMES - 1), int(rng.integers(1, 5)), replace=False).tolist())
    answer["frames"] = [frame for index, frame in enumerate(answer["frames"]) if index not in gone]
    return json.dumps(answer)


def _early_end(answer: Answer, rng: np.random.Generator) -> str:
    return json.dumps({**answer, "frames": answer["frames"][: int(rng.integers(12, 16))]})


def _null_frames(answer: Answer, rng: np.random.Generator) -> str:
    answer = copied(answer)
    for index in rng.choice(np.arange(1, FRAMES - 1), 3, replace=False):
        answer["frames"][index] = [None, {"caption": "?"}, "..."][int(rng.integers(3))]
    return json.dumps(answer)


def _new_ids(answer: Answer, rng: np.random.Generator) -> str:
    answer = copied(answer)
    start = int(rng.integers(1, FRAMES))
    for frame in answer["frames"][start:]:
        for item in frame["objects"]:
            item["id"] = [item["id"] + 10, str(item["id"] + 10), f"obj-{item['id'] + 10}"][start % 3]
    return json.dumps(answer)


def _random_ids(answer: Answer, rng: np.random.Generator) -> str:
    answer = copied(answer)
    for item in _objects(answer):
        item["id"] = int(rng.integers(0, 1000))
    return json.dumps(answer)


def _same_ids(answer: Answer, rng: np.random.Generator) -> str:
    answer = copied(answer)
    for item in _objects(answer):
        item["id"] = 0
    return json.dumps(answer)


def _no_ids(answer: Answer, rng: np.random.Generator) -> str:
    answer = copied(answer)
    for item in _objects(answer):
        del item["id"]
    return json.dumps(answer)


def _keys(renamed: dict[str, str]) -> Mutation:
    def mutate(answer: Answer, rng: np.random.Generator) -> str:
        def walk(value: Any) -> Any:
            if isinstance(value, dict):
                return {renamed.get(key, key): walk(item) for key, item in value.items()}
            return [walk(item) for item in value] if isinstance(value, list) else value

        return json.dumps(walk(answer))

    return mutate


def _many_objects(answer: Answer, rng: np.random.Generator) -> str:
    answer = copied(answer)
    for frame in answer["frames"]:
        for index in range(20):
            x = 0.04 * index
            frame["objects"].append({"id": 100 + index, "name": f"leaf{index}", "box": [x, 0.0, x + 0.02, 0.02]})
    return json.dumps(answer)


def _doubled(answer: Answer, rng: np.random.Generator) -> str:
    answer = copied(answer)
    for frame in answer["frames"]:
        frame["objects"] = frame["objects"] * int(rng.integers(1, 6))
    return json.dumps(answer)


def _renamed(answer: Answer, rng: np.random.Generator) -> str:
    answer = copied(answer)
    for item in _objects(answer)[len(answer["frames"][0]["objects"]) :]:
        if rng.random() < 0.3:
            item["name"] = item["name"].title()
    return json.dumps(answer)


def _numbered(answer: Answer, rng: np.random.Generator) -> str:
    numbered = {f"frame_{i + 1}": frame for i, frame in enumerate(answer["frames"])}
    return json.dumps({"caption": answer["caption"], "reasoning": answer["reasoning"], "frames": numbered})


def _gemini_boxes(answer: Answer, rng: np.random.Generator) -> str:
    answer = copied(answer)
    for item in _objects(answer):
        x1, y1, x2, y2 = (round(value * 1000) for value in item.pop("box"))
        item["box_2d"] = [y1, x1, y2, x2]
    return json.dumps(answer)


REPAIRABLE: dict[str, Mutation] = {
    "untouched": _text(lambda text, rng: text),
    "code fence": _text(lambda text, rng: f"```json\n{text}\n```"),
    "open fence": _text(lambda text, rng: f"```\n{text}"),
    "text before and after": _text(lambda text, rng: f"Sure! Here {{is}} the plan:\n{text}\nHope this helps :-]"),
    "thoughts": _text(lambda text, rng: f'<think>Maybe {{"frames": []}}?</think>\n{text}'),
    "trailing commas": _text(lambda text, rng: text.replace("}]", "},]").replace("]}", "],}")),
    "single quotes": lambda answer, rng: repr(answer),
    "last braces gone": _text(lambda text, rng: text.rstrip("]} \n")),
    "closing brackets gone": _text(lambda text, rng: text.rstrip("]} \n") + "}]}"),
    "half a last frame": lambda answer, rng: json.dumps(answer)[: json.dumps(answer).rindex('"box"') + 9],
    "byte order mark": _text(lambda text, rng: "\ufeff" + text),
    "comments": _text(lambda text, rng: text.replace('"frames":', '// the frames\n"frames":', 1)),
    "list in a list": lambda answer, rng: json.dumps([answer]),
    "wrapped": lambda answer, rng: json.dumps({"answer": answer}),
    "pixels": _each_box(lambda b: [b[0] * WIDTH, b[1] * HEIGHT, b[2] * WIDTH, b[3] * HEIGHT]),
    "whole pixels": _each_box(lambda b: [round(v * s) for v, s in zip(b, (WIDTH, HEIGHT) * 2, strict=True)]),
    "permille": _each_box(lambda b: [round(v * 1000) for v in b]),
    "percent": _each_box(lambda b: [v * 100 for v in b]),
    "percent signs": _each_box(lambda b: [f"{v * 100:.1f}%" for v in b]),
    "texts for numbers": _each_box(lambda b: [f"{v}" for v in b]),
    "box as text": _each_box(lambda b: str(b)),
    "box as corners": _each_box(lambda b: {"x1": b[0], "y1": b[1], "x2": b[2], "y2": b[3]}),
    "box as size": _each_box(lambda b: {"x": b[0], "y": b[1], "width": b[2] - b[0], "height": b[3] - b[1]}),
    "box as points": _each_box(lambda b: [[b[0], b[1]], [b[2], b[3]]]),
    "box_2d as Gemini writes it": _gemini_boxes,
    "swapped corners": _some_boxes(lambda b, rng: [b[2], b[1], b[0], b[3]]),
    "swapped both": _some_boxes(lambda b, rng: [b[2], b[3], b[0], b[1]]),
    "one unit in the middle of another": _some_boxes(lambda b, rng: [v * 1000 for v in b], 0.2),
    "NaN": _some_boxes(lambda b, rng: [math.nan, *b[1:]]),
    "null": _some_boxes(lambda b, rng: [*b[:3], None], 0.15),
    "infinite": _some_boxes(lambda b, rng: [b[0], math.inf, *b[2:]], 0.15),
    "too few numbers": _some_boxes(lambda b, rng: b[:3], 0.15),
    "no area": _some_boxes(lambda b, rng: [b[0], b[1], b[0], b[3]], 0.15),
    "missing frames": _drop_frames,
    "missing frames without numbers": _drop_unnumbered,
    "early end": _early_end,
    "unreadable frames": _null_frames,
    "ids that change": _new_ids,
    "ids at random": _random_ids,
    "one id for all": _same_ids,
    "no ids": _no_ids,
    "too many objects": _many_objects,
    "doubled objects": _doubled,
    "names in capitals": _renamed,
    "other keys": _keys(
        {"frames": "keyframes", "objects": "layout", "box": "bbox", "name": "label", "id": "object_id"}
    ),
    "frames by number": _numbered,
}
"""Broken in a way that keeps the truth recoverable."""


def _scramble(text: str, rng: np.random.Generator) -> str:
    chars = list(text)
    for _ in range(int(rng.integers(1, 40))):
        where = int(rng.integers(len(chars)))
        chars[where] = str(rng.choice(list("{}[]\",:'0\\\n\x00e-\u00e9")))
    return "".join(chars)


def _chunks(text: str, rng: np.random.Generator) -> str:
    a, b = sorted(int(v) for v in rng.integers(0, len(text), 2))
    return text[b:] + text[:a] if rng.random() < 0.5 else text[:a] + text[b:]


def _other_types(answer: Answer, rng: np.random.Generator) -> str:
    answer = copied(answer)
    junk: list[Any] = [None, True, -1, 1e308, 10**400, "x" * 3000, [], {}, [[[]]], {"a": {"b": []}}, "\ud800"]
    holders: list[Any] = [answer, *answer["frames"], *_objects(answer)]
    for _ in range(6):
        holder = holders[int(rng.integers(len(holders)))]
        key = str(rng.choice(list(holder)))
        holder[key] = junk[int(rng.integers(len(junk)))]
    return json.dumps(answer)


HOSTILE: dict[str, Mutation] = {
    "cut anywhere": _text(lambda text, rng: text[: int(rng.integers(1, len(text)))]),
    "cut at the front": _text(lambda text, rng: text[int(rng.integers(1, len(text))) :]),
    "scrambled": _text(_scramble),
    "pieces": _text(_chunks),
    "other types": _other_types,
    "deep": _text(lambda text, rng: "[" * int(rng.integers(1, 100_000)) + text),
    "deep objects": _text(lambda text, rng: '{"frames":' * int(rng.integers(1, 30_000)) + text),
    "huge numbers": _each_box(lambda b: [10**300, -(10**300), 10**30, 1e308]),
    "very long": _text(lambda text, rng: text + " " * 500_000),
    "many braces": _text(lambda text, rng: "{" * 20_000 + '"' * 20_000 + "[{" * 1_000 + text),
    "only prose": lambda answer, rng: "I am sorry, I cannot hear any sound in this recording.",
    "html": lambda answer, rng: "<html><body><h1>502 Bad Gateway</h1>{}[]</body></html>",
    "empty": lambda answer, rng: " \n",
    "no objects key": _keys({"objects": "nothing"}),
    "code": lambda answer, rng: "__import__('os').system('touch /tmp/owned') or {'frames': [{'objects': []}]}",
}
"""Broken in any way: a layout or a LayoutError must come of it, nothing else."""
