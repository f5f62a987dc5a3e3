"""A small model that is made once a session."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
import tiny_wan

_KEEP = tempfile.TemporaryDirectory(prefix="spa2v_wan_vace_", ignore_cleanup_errors=True)
FOLDER = Path(_KEEP.name) / "wan"
TINY = {"base": str(FOLDER), "width": 96, "height": 64, "frames": 3, "model_frames": 5, "steps": 2}


@pytest.fixture(scope="session", autouse=True)
def tiny_model() -> Path:
    return tiny_wan.make(FOLDER)
