"""What small weights know by name: other names are replaced by that of the nearest thing, and the run says so.

A vocabulary is a JSON file in the folder of the base model: `classes`, the names that the weights know; `nearest`, from
other names to classes; `otherwise`, the class that stands in for a name that neither has; and, where there are
any, `looks`: words for the look of a class, such as colors, and `look_words`, further ones that are never chosen. A
class whose look no text of a layout tells gets one by the run's seed, so that a thing has one look in all frames and in
its box.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from spa2v.core.errors import WeightsError
from spa2v.core.runtime import Run
from spa2v.core.types import KeyFrame, VideoSceneLayout
from spa2v.core.types.layout import MAX_CAPTION, MAX_NAME
from spa2v.core.untrusted import read_json, reason_of
from spa2v.core.weights import local_path

PHRASE_WORDS = 3
FILE = "vocabulary.json"
MAX_BYTES = 1024**2


def found(option: str | None, base: str) -> Path | None:
    """The file that the option `vocabulary` means for a base model: a path, "auto" or None."""
    if option != "auto":
        return None if option is None else local_path(option)
    path = local_path(base) / FILE
    return path if path.is_file() else None


@dataclass(frozen=True)
class Vocabulary:
    """See the module.

    Args:
        classes: known names.
        nearest: other names, and the classes that they become.
        otherwise: for a short phrase without any of these.
        looks: for some classes, the words for how they may look.
        look_words: further words that tell a look.
    """

    classes: tuple[str, ...]
    nearest: Mapping[str, str]
    otherwise: str
    looks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    look_words: tuple[str, ...] = ()

    @classmethod
    def read(cls, path: Path) -> Vocabulary:
        """Reads a vocabulary.

        Raises:
            WeightsError: the file is missing, no JSON, or of another form.
        """
        try:
            data: Any = read_json(path, MAX_BYTES)
            looks = {str(name): tuple(map(str, words)) for name, words in dict(data.get("looks", {})).items() if words}
            look_words = tuple(map(str, data.get("look_words", [])))
            nearest = {str(name): str(known) for name, known in dict(data["nearest"]).items()}
            made = cls(tuple(map(str, data["classes"])), nearest, str(data["otherwise"]), looks, look_words)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            reason = f"missing: {error}" if isinstance(error, KeyError) else reason_of(error)
            raise WeightsError(f"the vocabulary {str(path)!r} cannot be used", reason) from error
        strange = sorted({*made.nearest.values(), made.otherwise, *made.looks} - set(made.classes))
        if strange:
            raise WeightsError(f"the vocabulary {str(path)!r} maps to names that are no classes", ", ".join(strange))
        words = (*made.classes, *made.nearest, *made._words())
        odd = [word for word in words if not word or word != word.lower().strip()]
        if odd:
            raise WeightsError(f"the vocabulary {str(path)!r} holds {odd[0]!r}", "expected words in lower case")
        return made

    def known(self, text: str) -> str:
        """The text `with_classes`; a short phrase that names nothing known is replaced altogether."""
        replaced = self.with_classes(text)
        words = re.findall(r"[^\W\d_]+", replaced.lower())
        named = any(word in self.classes or word.removesuffix("s") in self.classes for word in words)
        is_phrase = 0 < len(words) <= PHRASE_WORDS and "," not in text
        return self.otherwise if is_phrase and not named else replaced

    def with_classes(self, text: str) -> str:
        """The text with each name beyond the classes replaced."""
        if not self.nearest:
            return text

        def class_of(match: re.Match[str]) -> str:
            known = self.nearest.get(match[1].lower())  # none where case is ignored, but not kept: "bu\u017f" for "bus"
            return match[0] if known is None else known + (match[2] or "")

        return self._pattern().sub(class_of, text)

    def dressed(self, text: str, chosen: Mapping[str, str]) -> str:
        """The text with the chosen look before each name that has none: "a car" becomes "an orange car"."""
        if not chosen:
            return text
        has_none = "".join(rf"(?<!\b{re.escape(word)} )" for word in self._words())
        names = "|".join(map(re.escape, chosen))
        pattern = re.compile(rf"\b(an? )?{has_none}\b({names})(s?)\b", re.IGNORECASE)

        def with_look(match: re.Match[str]) -> str:
            article, name, plural = match.groups()
            look = chosen.get(name.lower())
            if look is None:
                return match[0]
            if article:
                article = article[0] + ("n " if look[0] in "aeiou" else " ")
            return f"{article or ''}{look} {name}{plural}"

        return pattern.sub(with_look, text)

    def looks_in(self, texts: Sequence[str], run: Run) -> dict[str, str]:
        """The look of each class: the one that the texts tell, or one by the run's seed; none where they differ."""
        words, found = "|".join(map(re.escape, self._words())), {}
        for name, choice in self.looks.items():  # without looks there are no words to match, either
            pattern = re.compile(rf"\b({words}) {re.escape(name)}s?\b", re.IGNORECASE)
            told = {match.lower() for text in texts for match in pattern.findall(text)}
            if not told:
                found[name] = str(run.rng(f"look of {name}").choice(choice))
            elif len(told) == 1:
                found[name] = told.pop()
        return found

    def reword(self, layout: VideoSceneLayout, run: Run) -> VideoSceneLayout:
        """The layout in known words, each thing with its look in captions and names; boxes and ids stay.

        What was replaced goes into the run's record, and looks as well. A text that would become too long stays.
        """
        captions = [layout.caption, *(frame.caption for frame in layout.keyframes)]
        names = list(layout.names.values())
        # A caption may be short and name nothing, as "an empty scene" does; a name may not.
        known = {text: self.with_classes(text) for text in captions}
        _record_renamed(known, run)
        known_names = dict(zip(names, self.translated(names, run), strict=True))
        looks = self.looks_in([*known.values(), *known_names.values()], run)

        def dressed(text: str, new: str, most: int) -> str:
            worded = self.dressed(new, looks)
            return worded if len(worded) <= most else text

        captions_in_words = {old: dressed(old, new, MAX_CAPTION) for old, new in known.items()}
        names_in_words = {old: dressed(old, new, MAX_NAME) for old, new in known_names.items()}
        worded = [*captions_in_words.values(), *names_in_words.values()]
        used = {name: look for name, look in looks.items() if any(f"{look} {name}" in text for text in worded)}
        if used:
            run.record.setdefault("looks", {}).update(used)

        def frame_in_words(frame: KeyFrame) -> KeyFrame:
            things = tuple(replace(item, name=names_in_words[item.name]) for item in frame.objects)
            return replace(frame, caption=captions_in_words[frame.caption], objects=things)

        frames = tuple(map(frame_in_words, layout.keyframes))
        return replace(layout, caption=captions_in_words[layout.caption], keyframes=frames)

    def translated(self, texts: Sequence[str], run: Run) -> list[str]:
        """`known` of each text; what was replaced goes into the run's record, and phrases into a notice."""
        out = [self.known(text) for text in texts]
        changed = _record_renamed(dict(zip(texts, out, strict=True)), run)
        for old, new in changed.items():
            if len(old.split()) <= PHRASE_WORDS:
                run.notice(f"These weights know no {old!r}; it is drawn as {new!r}.")
        return out

    def _words(self) -> list[str]:
        return sorted({*self.look_words, *(word for listed in self.looks.values() for word in listed)})

    def _pattern(self) -> re.Pattern[str]:
        names = sorted(self.nearest, key=len, reverse=True)  # "fire engine" before "engine"
        return re.compile(rf"\b({'|'.join(map(re.escape, names))})(s?)\b", re.IGNORECASE)


def _record_renamed(renamed: Mapping[str, str], run: Run) -> dict[str, str]:
    """Those texts that changed; they go into the run's record."""
    changed = {old: new for old, new in renamed.items() if old != new}
    if changed:
        run.record.setdefault("renamed_for_the_weights", {}).update(changed)
    return changed
