"""Loads and builds a component in a fresh interpreter and reports the cost. Run as `python -m spa2v.testing.probe`.

Reads {"family", "name", "target", "options"} as JSON from stdin; writes one line of JSON to the file descriptor that
stdout had, so that a component that prints does not get in the way.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

HEAVY = ("torch", "diffusers", "transformers", "accelerate", "tensorflow", "jax", "google.genai", "openai")
WEIGHTS = (".safetensors", ".ckpt", ".pt", ".pth", ".bin", ".onnx", ".gguf")
TIMEOUT_S = 300


def probe(family: str, name: str, target: str, options: Mapping[str, Any]) -> dict[str, list[str]]:
    """What importing and building a component brings with it: heavy imports of each, weights read, hosts called.

    Raises:
        ValueError: it cannot be built there; holds the end of the traceback.
    """
    question = json.dumps({"family": family, "name": name, "target": target, "options": dict(options)})
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)}
    done = subprocess.run(
        [sys.executable, "-m", "spa2v.testing.probe"],
        input=question,
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    if done.returncode:
        raise ValueError("\n".join(done.stderr.strip().splitlines()[-3:]))
    return json.loads(done.stdout.splitlines()[-1])


def _answer(question: Mapping[str, Any]) -> dict[str, list[str]]:
    from spa2v.core.registry import Component, Entry, Registry

    seen: dict[str, list[str]] = {"weights": [], "calls": []}
    sys.addaudithook(lambda event, values: _note(seen, event, values))
    registry = Registry()
    registry.add_all([Component(question["family"], question["name"], Entry(question["target"]), "probe")])
    loaded = registry.load(question["family"], question["name"])
    imported = _heavy()
    loaded(**question["options"])
    return seen | {"import": imported, "build": sorted({*_heavy()} - {*imported})}


def _note(seen: dict[str, list[str]], event: str, values: tuple[Any, ...]) -> None:
    if event == "open" and isinstance(values[0], (str, bytes)) and os.fsdecode(values[0]).endswith(WEIGHTS):
        seen["weights"].append(os.fsdecode(values[0]))
    elif event in ("socket.connect", "socket.getaddrinfo"):
        seen["calls"].append(str(values[1] if event == "socket.connect" else values[0]))


def _heavy() -> list[str]:
    return [name for name in HEAVY if name in sys.modules]


if __name__ == "__main__":
    stdout = os.dup(1)
    os.dup2(2, 1)
    answer = _answer(json.load(sys.stdin))
    os.write(stdout, (json.dumps(answer) + "\n").encode())
