"""The vocabulary is one table without contradictions."""

from __future__ import annotations

from collections import Counter

from spa2v.vocabulary import caption_of, is_background, object_of, vocabulary


def test_every_class_names_a_group_that_exists() -> None:
    known = vocabulary()
    assert {each.group for each in known.classes.values() if each.group} <= set(known.groups)


def test_groups_lie_below_groups_that_exist_and_come_before_them() -> None:
    known = vocabulary()
    order = list(known.groups)
    assert all(order.index(each.below) < order.index(name) for name, each in known.groups.items() if each.below)
    assert {"helicopter", "car"} <= set(known.under("vehicle"))
    assert "helicopter" not in known.members("vehicle")


def test_no_group_has_the_name_of_a_class() -> None:
    assert not set(vocabulary().groups) & set(vocabulary().classes)


def test_an_audioset_class_means_one_thing() -> None:
    known = vocabulary()
    used = [name for each in (*known.classes.values(), *known.groups.values()) for name in each.audioset]
    assert [name for name, count in Counter(used).items() if count > 1] == []


def test_the_classes_of_avlbench_are_in_it() -> None:
    nouns = {each.noun for each in vocabulary().classes.values()}
    assert nouns >= {"car", "bus", "truck", "motorcycle", "train", "piano", "guitar", "drum", "violin", "harp"}
    assert nouns >= {"woman", "man", "child"}


def test_a_background_plans_nothing_and_has_words() -> None:
    assert is_background("rain")
    assert object_of("rain") is None
    assert caption_of("rain") == "rain falling"


def test_a_label_gives_the_noun_that_is_drawn() -> None:
    assert object_of("man singing") == "man"
    assert object_of("siren") == "police car"
    assert object_of("person") == "person"
    assert object_of("stringed instrument") is None
    assert object_of("something else") is None
