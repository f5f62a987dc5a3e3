"""The contract of label maps."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from spa2v.core.types.layout import MAX_NAME
from spa2v.testing.common import COMMON, RUN_MEND, RUN_SAYS, SEED_MEND, state, untouched
from spa2v.testing.rules import Rule, Subject, demand, trying
from spa2v.testing.toys import toy_run

VOCABULARY = ("car", "grand piano", "dog")
INPUTS: dict[str, Collection[str]] = {
    "known labels": VOCABULARY,
    "other spellings": ("A Car", "grand  Piano", "the dog"),
    "other words": ("automobile", "keyboard", "violin"),
    "one label": ("car",),
    "no label": (),
}


def _table(subject: Subject, what: str, labels: Collection[str], vocabulary: Collection[str]) -> Mapping[str, str]:
    with trying(f"on {what}"):
        found = subject.make().table(labels, vocabulary, toy_run())
    demand(isinstance(found, Mapping), f"on {what}: a {type(found).__name__} came back, expected a mapping")
    return found


def _name(subject: Subject) -> None:
    with trying("reading `name`"):
        name = subject.make().name
    demand(isinstance(name, str) and name.strip(), f"`name` is {name!r}")


def _labels(subject: Subject) -> None:
    for what, labels in INPUTS.items():
        for vocabulary in (VOCABULARY, ()):
            found = _table(subject, what, labels, vocabulary)
            for label in labels:
                demand(label in found, f"on {what}: {label!r} is missing")
                text = found[label]
                usable = isinstance(text, str) and text.strip() and len(text) <= MAX_NAME
                demand(usable, f"on {what}: {label!r} becomes {text!r}")


def _alone(subject: Subject) -> None:
    for what, labels in INPUTS.items():
        together = _table(subject, what, labels, VOCABULARY)
        for label in labels:
            alone = _table(subject, what, [label], VOCABULARY)[label]
            demand(alone == together[label], f"{label!r} becomes {alone!r} alone and {together[label]!r} among others")


def _same(subject: Subject) -> None:
    for what, labels in INPUTS.items():
        first, second = (_table(subject, what, labels, VOCABULARY) for _ in range(2))
        demand(dict(first) == dict(second), f"on {what}, again: another table")


def _run(subject: Subject) -> None:
    run = toy_run()
    before = state(run)
    with trying("on known labels"):
        subject.make().table(VOCABULARY, VOCABULARY, run)
    untouched(run, before)


RULES = (
    *COMMON,
    Rule("name", "`name` is the rule with all that changes it.", "put the model and its threshold into it", _name),
    Rule(
        "labels",
        f"table returns a text of 1 to {MAX_NAME} characters for every label, with and without a vocabulary.",
        "return the label itself where nothing replaces it",
        _labels,
    ),
    Rule("alone", "What a label becomes does not depend on the other labels.", "decide for each label alone", _alone),
    Rule("same", "The same labels become the same.", SEED_MEND, _same),
    Rule("run", RUN_SAYS, RUN_MEND, _run),
)
