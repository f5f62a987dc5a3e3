"""Text for pictures: made printable, broken into lines, cut to fit. Pillow's bundled font, nothing else."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from PIL import ImageFont

MAX_CHARACTERS = 600
NO_GLYPHS = "(in a script that the built-in font lacks)"
# Replacements of characters that the bundled font lacks.
_REPLACED = str.maketrans(
    {"–": "-", "—": "-", "‐": "-", "‑": "-", "−": "-", "→": ">", "←": "<", "ß": "ss", "æ": "ae", "œ": "oe"}
    | {"ø": "o", "ł": "l", "đ": "d", "ı": "i", "×": "x", "„": "“", "′": "'", "″": '"', "•": "·"}
)
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@lru_cache(maxsize=64)
def font(size: float) -> Font:
    """The bundled font at a size in pixels; a fixed bitmap font where Pillow lacks FreeType."""
    return ImageFont.load_default(max(4.0, size))


@lru_cache(maxsize=4096)
def _has_glyph(char: str) -> bool:
    """Whether the font draws this character as something other than its sign for an unknown one."""
    sample = font(20)
    if not isinstance(sample, ImageFont.FreeTypeFont):
        return char.isascii()
    return bytes(sample.getmask(char)) != bytes(sample.getmask("\uffff"))


def printable(text: str, limit: int = MAX_CHARACTERS) -> str:
    """The text in characters that the font has, on one line; "" where nothing of it can be drawn.

    Accents are dropped where the font lacks them, other characters that it lacks are left out.
    """
    plain = unicodedata.normalize("NFKC", text[: 4 * limit]).translate(_REPLACED)
    chars = (char if char.isascii() or _has_glyph(char) else _base(char) for char in plain)
    kept = "".join(char if char.isprintable() else " " for char in chars if char)
    return " ".join(kept.split())[:limit]


def _base(char: str) -> str:
    decomposed = unicodedata.normalize("NFKD", char)
    return "".join(part for part in decomposed if part.isascii()) or (" " if char.isspace() else "")


def caption(text: str) -> str:
    """A caption in drawable characters, or a note where its script cannot be drawn."""
    drawn = printable(text)
    letters = any(char.isalnum() for char in drawn)
    return drawn if letters or not text.strip() else NO_GLYPHS


def width(text: str, of: Font) -> float:
    return float(of.getlength(text))


def cut(text: str, of: Font, limit: float) -> str:
    """The text if it fits into `limit` pixels, else its start with an ellipsis."""
    if width(text, of) <= limit:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if width(text[:middle].rstrip() + "…", of) <= limit else (low, middle - 1)
    return text[:low].rstrip() + "…" if low else ""


def wrap(text: str, of: Font, limit: float, lines: int) -> list[str]:
    """The text in at most `lines` lines of `limit` pixels; a last line that is not the end carries an ellipsis."""
    words = text.split()
    made: list[str] = []
    while words and len(made) < lines:
        if len(made) == lines - 1:
            made.append(cut(" ".join(words), of, limit))
            break
        count = _fitting(words, of, limit)
        if count == 0:
            part = _fitting_part(words[0], of, limit)
            made.append(words[0][:part])
            words[0] = words[0][part:]
        else:
            made.append(" ".join(words[:count]))
            del words[:count]
    return made


def _fitting(words: list[str], of: Font, limit: float) -> int:
    count = 0
    while count < len(words) and width(" ".join(words[: count + 1]), of) <= limit:
        count += 1
    return count


def _fitting_part(word: str, of: Font, limit: float) -> int:
    part = 1
    while part < len(word) and width(word[: part + 1], of) <= limit:
        part += 1
    return part
