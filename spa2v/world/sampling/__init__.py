"""Random scenes in the proportions of AVLBench. A scene is a function of its seed and nothing else.

AVLBench (7,274 clips, 14,546 objects): stationary indoors 2,698 clips with one thing and 2,004 with several;
translational outdoors 2,392 with one and 180 with several. Attributes: left 3,083, center 5,616, right 3,083; crossing
582 each way; approaching and receding 800 each. Its clips with several stationary things hold 4.5 on average; ours hold
2 to 5, since more cannot be drawn apart on a small picture.
"""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np

from spa2v.core.errors import ConfigError
from spa2v.world.classes import moving, standing
from spa2v.world.sampling.choice import Choice
from spa2v.world.sampling.draws import new_receiver, pick, receiver_of
from spa2v.world.sampling.motion import ALONE, THEMES, in_motion
from spa2v.world.sampling.resting import at_rest, with_events
from spa2v.world.sampling.visibility import is_true
from spa2v.world.scene import Scene

__all__ = ["Choice", "sample_scene"]

CLIPS = {("stationary", 1): 2698, ("stationary", 2): 2004, ("translational", 1): 2392, ("translational", 2): 180}
ATTEMPTS = 50


def sample_scene(seed: int, choice: Choice | None = None) -> Scene:
    """A random scene in which every thing can be seen.

    Args:
        seed: 0 or more; the same seed and choice give the same scene.
        choice: what is fixed.

    Raises:
        ConfigError: a negative seed, or a choice that no scene meets.
    """
    if seed < 0:
        raise ConfigError(f"the seed is {seed}", "expected 0 or more")
    wanted = choice or Choice()
    kind = _kind(np.random.default_rng([seed, 0x5C0]), wanted)
    for attempt in range(ATTEMPTS):
        scene = _attempt(seed, attempt + 1, wanted, *kind)
        if is_true(scene):
            return scene
    raise ConfigError(f"no scene of seed {seed} shows every thing on its side", "take another seed or fix less")


def _attempt(seed: int, attempt: int, wanted: Choice, scenario: str, several: bool) -> Scene:
    rng, more = (np.random.default_rng([seed, stream, attempt]) for stream in (0x5CE, 0x9ACE))
    place = pick(more, _places(wanted, scenario, several))
    if scenario == "stationary":
        scene = with_events(more, at_rest(seed, rng, wanted, several, place))
    else:
        scene = in_motion(seed, rng, wanted, several, place)
    receiver = new_receiver(rng) if wanted.receiver is None else receiver_of(rng, wanted.receiver)
    return replace(scene, receiver=receiver, snr_db=wanted.snr_db if wanted.snr_db is not None else scene.snr_db)


def _places(wanted: Choice, scenario: str, several: bool) -> dict[str, float]:
    """Where a scene may be, with how often it is there: where enough classes are, and the wanted one is."""
    found = {}
    for place in ("room", "meadow") if scenario == "stationary" else THEMES:
        names = wanted.allowed(standing(place) if scenario == "stationary" else moving(*THEMES[place]))
        enough = (
            len(names) > several
            if scenario == "stationary"
            else not (several and (set(names) <= ALONE or wanted.name in ALONE))
        )
        if names and enough and wanted.name in (None, *names):
            found[place] = sum(names.values())
    return found


def _kind(rng: np.random.Generator, wanted: Choice) -> tuple[str, bool]:
    """Scenario, and whether there are several things."""
    options = [
        (scenario, things)
        for scenario, things in CLIPS
        if scenario in wanted.scenarios
        and wanted.quantity in (None, "single" if things == 1 else "multiple")
        and _places(wanted, scenario, things > 1)
    ]
    if not options:
        fixed = {key: value for key, value in asdict(wanted).items() if value is not None}
        hint = f"a {wanted.name} has the track to itself" if wanted.name in ALONE else "fix less"
        raise ConfigError(f"no scene is all of: {', '.join(f'{k} {v}' for k, v in fixed.items())}", hint)
    weights = np.array([CLIPS[key] for key in options], dtype=float)
    scenario, things = options[int(rng.choice(len(options), p=weights / weights.sum()))]
    return scenario, things > 1
