"""The bundled recording: a car that passes from left to right. `spa2v.demo.make` synthesizes it."""

from importlib.resources import files
from pathlib import Path


def demo_recording() -> Path:
    """The path of the bundled recording, stereo FLAC, 4 s."""
    return Path(str(files("spa2v.demo") / "car_passing.flac"))
