"""A scripted stand-in for an MLLM: it answers by copying the layout of the in-context example that sounds most alike.

    python -m tests.kit.loopback.nearest_example [--port 8765]
    GOOGLE_GEMINI_BASE_URL=http://127.0.0.1:8765 GEMINI_API_KEY=none spa2v plan clip.wav --config gemini
    OPENAI_BASE_URL=http://127.0.0.1:8765/v1 OPENAI_API_KEY=none spa2v plan clip.wav --config gpt4o

It is no language model. It compares the query with the examples of the conversation by what it was given of them: the
cue table where there is one, else the levels of the channels in the sounds. So the number of examples, their
selection and the spatial input change its answers as they would change a model's; prompts and temperature do not.
Without an example it puts one "thing" in the middle. Spatial reasoning is copied with the answer and changes no box.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import io
import json
import re
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from tests.kit.loopback.server import Act, Loopback, Request
from tests.kit.loopback.wire import gemini_answer, openai_answer

Array = NDArray[np.float64]
SEGMENTS = 8
MODEL = "nearest-example-stand-in"

Turn = tuple[str, list[str], list[Array]]
"""Role ("user" or "model"), texts, sounds of shape (n, channels)."""


def react(request: Request) -> Act:
    """The answer to a request in either wire format."""
    if ":generateContent" in request.path:
        system, turns = _gemini_turns(request.data)
        return gemini_answer(copied_answer(system, turns), model=request.path.rsplit("/", 1)[-1].partition(":")[0])
    if request.path.endswith("/chat/completions"):
        system, turns = _openai_turns(request.data)
        return openai_answer(copied_answer(system, turns), model=request.data.get("model", MODEL))
    return Act(404, {"error": {"code": 404, "message": f"no such path: {request.path}", "status": "NOT_FOUND"}})


def copied_answer(system: str, turns: list[Turn]) -> str:
    """The answer of the example whose recording is nearest to the query's; the later one of equals."""
    query = _features(turns[-1])
    best, answer = np.inf, ""
    for user, model in zip(turns[:-1:2], turns[1:-1:2], strict=False):
        distance = float(np.linalg.norm(_features(user) - query))
        if distance <= best:
            best, answer = distance, "".join(model[1])
    return answer or _without_example(system)


def _without_example(system: str) -> str:
    wanted = re.search(r"exactly (\d+) frames", system)
    box = [0.35, 0.35, 0.65, 0.75]
    frames = [
        {"frame": index + 1, "caption": "A thing.", "objects": [{"id": 0, "name": "thing", "box": box}]}
        for index in range(int(wanted.group(1)) if wanted else 16)
    ]
    return json.dumps({"reasoning": "Nothing to go by.", "caption": "A thing.", "frames": frames})


def _gemini_turns(data: dict[str, Any]) -> tuple[str, list[Turn]]:
    system = "".join(part.get("text", "") for part in data.get("systemInstruction", {}).get("parts", []))
    turns = []
    for turn in data["contents"]:
        sounds = [part.get("inlineData") or part.get("inline_data") for part in turn["parts"]]
        texts = [part["text"] for part in turn["parts"] if "text" in part]
        turns.append((turn.get("role", "user"), texts, [_sound(sound["data"]) for sound in sounds if sound]))
    return system, turns


def _openai_turns(data: dict[str, Any]) -> tuple[str, list[Turn]]:
    system, turns = "", []
    for message in data["messages"]:
        content = message["content"]
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        texts = [part["text"] for part in parts if part["type"] == "text"]
        sounds = [_sound(part["input_audio"]["data"]) for part in parts if part["type"] == "input_audio"]
        if message["role"] in ("system", "developer"):
            system += "".join(texts)
        else:
            turns.append((message["role"], texts, sounds))
    return system, turns


def _sound(data: str) -> Array:
    try:
        raw = base64.b64decode(data.replace("-", "+").replace("_", "/"))
        samples, _ = soundfile.read(io.BytesIO(raw), always_2d=True)
    except (binascii.Error, soundfile.LibsndfileError):
        return np.zeros((SEGMENTS, 1))
    return np.asarray(samples, dtype=np.float64)


def _features(turn: Turn) -> Array:
    """Level difference and relative level in `SEGMENTS` parts, in units of 3 and 5 dB; what is not known is 0."""
    table = _table("\n".join(turn[1]))
    difference, level = (_column(table, title) for title in ("R-L dB", "level dBFS"))
    if level is None and turn[2]:
        difference, level = _levels(turn[2])
    difference = np.zeros(SEGMENTS) if difference is None else difference
    level = np.zeros(SEGMENTS) if level is None else level
    return np.concatenate([np.clip(difference / 3.0, -3, 3), (level - level.mean()) / 5.0])


def _levels(sounds: list[Array]) -> tuple[Array | None, Array]:
    """From the sounds alone: two mono sounds are left and right, one stereo sound is both, one mono neither."""
    both = np.concatenate(sounds[:2], axis=1) if len(sounds) > 1 else sounds[0]
    power = np.array([np.mean(part**2, axis=0) for part in np.array_split(both, SEGMENTS)]) + 1e-9
    decibels = 10 * np.log10(power)
    difference = decibels[:, 1] - decibels[:, 0] if both.shape[1] > 1 else None
    return difference, 10 * np.log10(power.sum(axis=1))


def _table(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")] for line in text.splitlines() if line.count("|") > 1]


def _column(table: list[list[str]], title: str) -> Array | None:
    """A column of the cue table times its confidence, in `SEGMENTS` parts."""
    where = [number for number, cell in enumerate(table[0]) if cell.startswith(title)] if table else []
    if not where:
        return None
    cells = [row[where[0]] for row in table[1:] if len(row) > where[0]]
    numbers = [re.match(r"([-+]?[\d.]+)(?: \(([\d.]+)\))?", cell) for cell in cells]
    values = np.array([float(found[1]) * float(found[2] or 1) if found else 0.0 for found in numbers])
    return np.interp(np.linspace(0, 1, SEGMENTS), np.linspace(0, 1, len(values)), values) if len(values) else None


def main() -> None:
    parser = argparse.ArgumentParser(description="Answers like an MLLM that copies the nearest in-context example.")
    parser.add_argument("--port", type=int, default=8765)
    server = Loopback([react], parser.parse_args().port)
    print(f"listening on {server.url}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.close()


if __name__ == "__main__":
    main()
