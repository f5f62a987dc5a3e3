"""The page itself: templates with autoescape, a policy that lets nothing from outside in, media as data URIs."""

from __future__ import annotations

import base64
import hashlib
import io
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_MEDIA_BYTES = 64 * 1024**2
_MIME = {".mp4": "video/mp4", ".webm": "video/webm", ".mov": "video/quicktime", ".gif": "image/gif"}


@cache
def _environment() -> Any:
    from jinja2 import ChainableUndefined, Environment, FileSystemLoader

    loader = FileSystemLoader(Path(__file__).parent / "templates")
    return Environment(loader=loader, autoescape=True, undefined=ChainableUndefined, trim_blocks=True)


def render(template: str, script_name: str = "report.js", **values: Any) -> str:
    """The page of a template. Every value is escaped; only our own style and script run.

    The palette and the drawing of boxes are shared with the editor's page; the script is a module in one piece.
    """
    style = _asset("palette.css") + _asset("report.css")
    script = _asset("boxes.js") + _asset(script_name)
    policy = (
        "default-src 'none'; img-src data:; media-src data:; "
        f"style-src 'sha256-{_hash(style)}'; script-src 'sha256-{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    made = _environment().get_template(template).render(style=style, script=script, policy=policy, **values)
    return str(made)


def _asset(name: str) -> Any:
    from markupsafe import Markup

    text = (Path(__file__).parent / "templates" / name).read_text(encoding="utf-8")
    return Markup(text)


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def media_uri(path: Path) -> str | None:
    """A video as a data URI; None where it is missing, too large, or of a kind that browsers do not play."""
    mime = _MIME.get(path.suffix.lower())
    try:
        if mime is None or path.stat().st_size > MAX_MEDIA_BYTES:
            return None
        return f"data:{mime};base64,{base64.b64encode(path.read_bytes()).decode()}"
    except OSError:
        return None


def picture_uri(frame: NDArray[np.uint8], width: int = 256) -> str:
    """A frame, uint8 RGB (H, W, 3), as a JPEG data URI, at most `width` wide."""
    from PIL import Image

    picture = Image.fromarray(frame)
    if picture.width > width:
        picture = picture.resize((width, round(picture.height * width / picture.width)), Image.Resampling.LANCZOS)
    data = io.BytesIO()
    picture.save(data, format="JPEG", quality=82)
    return f"data:image/jpeg;base64,{base64.b64encode(data.getvalue()).decode()}"
