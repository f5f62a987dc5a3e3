"""Rewords layouts for small weights: names that they were not trained on become the nearest class, with a notice.

A vocabulary is a JSON file in the folder of the base model:

    classes     the class names that the weights were trained on
    nearest     other names, and the class that each becomes
    otherwise   the class for a name that is in neither
    looks       optional: for a class, adjectives of its appearance, such as colors
    look_words  optional: further adjectives, which are recognized but never chosen
    directions  optional: for left_to_right and right_to_left, the words that follow a name ("driving to the right")

A class without an adjective in any text of a layout gets one by the run's seed, so that an object has one appearance in
all frames and in its box.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from spa2v.core.errors import WeightsError
from spa2v.core.runtime import Run
from spa2v.core.types import KeyFrame, SceneObject, VideoSceneLayout
from spa2v.core.types.layout import MAX_CAPTION, MAX_NAME
from spa2v.core.untrusted import read_json, reason_of
from spa2v.core.weights import local_path

PHRASE_WORDS = 3
"""A text of at most this many words without a comma is a phrase, such as a name."""
FILE = "vocabulary.json"
SIDEWAYS = ("left_to_right", "right_to_left")
LEAST_WAY = 0.15
"""Of the width: with less between its first and last box an object has no direction."""
MAX_BYTES = 1024**2


def vocabulary_file(option: str | None, base: str) -> Path | None:
    """The file that the option `vocabulary` (a path, "auto" or None) means for a base model."""
    if option != "auto":
        return None if option is None else local_path(option)
    path = local_path(base) / FILE
    return path if path.is_file() else None


@dataclass(frozen=True)
class Vocabulary:
    """See the module.

    Args:
        classes: names that the weights were trained on.
        nearest: other names, and the classes that they become.
        otherwise: for a phrase without any of these.
        appearances: adjectives to choose from, by class.
        further_adjectives: adjectives that are recognized but never chosen.
        directions: words after the name of an object that moves sideways, by attribute; empty for weights without.
    """

    classes: tuple[str, ...]
    nearest: Mapping[str, str]
    otherwise: str
    appearances: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    further_adjectives: tuple[str, ...] = ()
    directions: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Vocabulary:
        """Reads a vocabulary.

        Raises:
            WeightsError: the file is missing, not JSON, or of another form.
        """
        try:
            data: Any = read_json(path, MAX_BYTES)
            looks = {str(name): tuple(map(str, words)) for name, words in dict(data.get("looks", {})).items() if words}
            further = tuple(map(str, data.get("look_words", [])))
            nearest = {str(name): str(known) for name, known in dict(data["nearest"]).items()}
            directions = {str(name): str(words) for name, words in dict(data.get("directions", {})).items()}
            found = cls(tuple(map(str, data["classes"])), nearest, str(data["otherwise"]), looks, further, directions)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            reason = f"missing: {error}" if isinstance(error, KeyError) else reason_of(error)
            raise WeightsError(f"the vocabulary {str(path)!r} cannot be used", reason) from error
        if strange := sorted(set(directions) - set(SIDEWAYS)):
            raise WeightsError(f"the vocabulary {str(path)!r} has a direction {strange[0]!r}", f"expected {SIDEWAYS}")
        unknown = sorted({*found.nearest.values(), found.otherwise, *found.appearances} - set(found.classes))
        if unknown:
            raise WeightsError(f"the vocabulary {str(path)!r} maps to names that are no classes", ", ".join(unknown))
        words = (*found.classes, *found.nearest, *found._adjectives())
        odd = [word for word in words if not word or word != word.lower().strip()]
        if odd:
            raise WeightsError(f"the vocabulary {str(path)!r} holds {odd[0]!r}", "expected words in lower case")
        return found

    def reword(self, layout: VideoSceneLayout, run: Run) -> VideoSceneLayout:
        """The layout with known names, each object with its appearance in captions and names; boxes and ids stay.

        Replacements and appearances go into the run's record, replaced names into notices as well. A text that would
        exceed its maximum length stays.
        """
        captions = [layout.caption, *(frame.caption for frame in layout.keyframes)]
        # A caption may be short and name no class, as "an empty scene" does; a name may not.
        known_captions = {text: self.with_classes(text) for text in captions}
        known_names = {name: self.known(name) for name in layout.names.values()}
        _record_replaced(known_captions, run)
        for old, new in _record_replaced(known_names, run).items():
            if len(old.split()) <= PHRASE_WORDS:
                run.notice(f"These weights know no {old!r}; it is drawn as {new!r}.")
        chosen = self.choose_appearances([*known_captions.values(), *known_names.values()], run)

        def described(known: Mapping[str, str], most: int) -> dict[str, str]:
            texts = {old: self.with_appearance(new, chosen) for old, new in known.items()}
            return {old: text if len(text) <= most else old for old, text in texts.items()}

        captions_in_words, names_in_words = described(known_captions, MAX_CAPTION), described(known_names, MAX_NAME)
        texts = [*captions_in_words.values(), *names_in_words.values()]
        used = {name: look for name, look in chosen.items() if any(f"{look} {name}" in text for text in texts)}
        if used:
            run.record.setdefault("looks", {}).update(used)

        moving = {key: words for key in layout.names if (words := self.directions.get(sideways(layout, key)))}

        def phrase(item: SceneObject) -> str:
            text = names_in_words[item.name]
            longer = f"{text} {moving[item.id]}" if item.id in moving else text
            return longer if len(longer) <= MAX_NAME else text

        def reworded(frame: KeyFrame) -> KeyFrame:
            objects = tuple(replace(item, name=phrase(item)) for item in frame.objects)
            return replace(frame, caption=captions_in_words[frame.caption], objects=objects)

        frames = tuple(map(reworded, layout.keyframes))
        return replace(layout, caption=captions_in_words[layout.caption], keyframes=frames)

    def known(self, name: str) -> str:
        """The text `with_classes`; a phrase that names no class becomes `otherwise`."""
        replaced = self.with_classes(name)
        words = re.findall(r"[^\W\d_]+", replaced.lower())
        named = re.search(rf"\b(?:{_any_of(self.classes)})s?\b", " ".join(words))
        is_phrase = 0 < len(words) <= PHRASE_WORDS and "," not in name
        return self.otherwise if is_phrase and not named else replaced

    def with_classes(self, text: str) -> str:
        """The text with each name of `nearest` replaced by its class."""
        if not self.nearest:
            return text

        def class_of(match: re.Match[str]) -> str:
            known = self.nearest.get(match[1].lower())  # none where case is ignored, but not kept: "bu\u017f" for "bus"
            return match[0] if known is None else known + (match[2] or "")

        names = _any_of([*self.nearest, *self.classes])  # of "police" and "police car" the class
        return re.sub(rf"\b({names})(s?)\b", class_of, text, flags=re.IGNORECASE)

    def choose_appearances(self, texts: Sequence[str], run: Run) -> dict[str, str]:
        """The appearance of each class: that of the texts, else one by the run's seed; none where the texts differ."""
        words, chosen = "|".join(map(re.escape, self._adjectives())), {}
        for name, choices in self.appearances.items():
            pattern = re.compile(rf"\b({words}) {re.escape(name)}s?\b", re.IGNORECASE)
            stated = {match.lower() for text in texts for match in pattern.findall(text)}
            if not stated:
                chosen[name] = str(run.rng(f"look of {name}").choice(choices))
            elif len(stated) == 1:
                chosen[name] = stated.pop()
        return chosen

    def with_appearance(self, text: str, chosen: Mapping[str, str]) -> str:
        """The text with the chosen adjective before each class name without one: "a car" becomes "an orange car"."""
        if not chosen:
            return text
        no_adjective = "".join(rf"(?<!\b{re.escape(word)} )" for word in self._adjectives())
        names = _any_of([*self.classes, *chosen])
        pattern = re.compile(rf"\b(an? )?{no_adjective}\b({names})(s?)\b", re.IGNORECASE)

        def with_adjective(match: re.Match[str]) -> str:
            article, name, plural = match.groups()
            look = chosen.get(name.lower())
            if look is None:
                return match[0]
            if article:
                article = article[0] + ("n " if look[0] in "aeiou" else " ")
            return f"{article or ''}{look} {name}{plural}"

        return pattern.sub(with_adjective, text)

    def _adjectives(self) -> list[str]:
        return sorted({*self.further_adjectives, *(word for words in self.appearances.values() for word in words)})


def _any_of(names: Sequence[str]) -> str:
    """A pattern of any of some names, the longest first: of "car" and "police car" the latter."""
    return "|".join(map(re.escape, sorted(names, key=len, reverse=True)))


def sideways(layout: VideoSceneLayout, key: str) -> str:
    """The attribute of `SIDEWAYS` that an object has, by the plan or else by its boxes; "" for others."""
    stated = layout.attributes.get(key)
    if stated is not None:
        return stated if stated in SIDEWAYS else ""
    boxes = [item.box for frame in layout.keyframes if (item := frame.get(key))]
    way = boxes[-1].center[0] - boxes[0].center[0]
    return "" if abs(way) < LEAST_WAY else SIDEWAYS[0] if way > 0 else SIDEWAYS[1]


def _record_replaced(replaced: Mapping[str, str], run: Run) -> dict[str, str]:
    """The texts that changed, which go into the run's record."""
    changed = {old: new for old, new in replaced.items() if old != new}
    if changed:
        run.record.setdefault("renamed_for_the_weights", {}).update(changed)
    return changed
