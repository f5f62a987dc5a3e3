"""Random scenes in the proportions of AVLBench. A scene is a function of its seed and nothing else.

AVLBench (7,274 clips, 14,546 objects): stationary indoors 2,698 clips with one thing and 2,004 with several;
translational outdoors 2,392 with one and 180 with several. Attributes: left 3,083, center 5,616, right 3,083; crossing
582 each way; approaching and receding 800 each. Its clips with several stationary things hold 4.5 on average; ours hold
2 to 5, since more cannot be drawn apart on a small picture.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spa2v.core.errors import ConfigError
from spa2v.world.sampling.choice import Choice
from spa2v.world.sampling.draws import new_receiver, receiver_of
from spa2v.world.sampling.indoors import indoors
from spa2v.world.sampling.outdoors import outdoors
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
        scene = _attempt(seed, np.random.default_rng([seed, 0x5CE, attempt + 1]), wanted, *kind)
        if is_true(scene):
            return scene
    raise ConfigError(f"no scene of seed {seed} shows every thing on its side", "take another seed or fix less")


def _attempt(seed: int, rng: np.random.Generator, wanted: Choice, scenario: str, several: bool) -> Scene:
    scene = (indoors if scenario == "stationary" else outdoors)(seed, rng, wanted, several)
    receiver = new_receiver(rng) if wanted.receiver is None else receiver_of(rng, wanted.receiver)
    return replace(scene, receiver=receiver, snr_db=wanted.snr_db if wanted.snr_db is not None else scene.snr_db)


def _kind(rng: np.random.Generator, wanted: Choice) -> tuple[str, bool]:
    options = [
        key
        for key in CLIPS
        if wanted.forced_scenario in (None, key[0])
        and wanted.quantity in (None, "single" if key[1] == 1 else "multiple")
    ]
    weights = np.array([CLIPS[key] for key in options], dtype=float)
    scenario, things = options[int(rng.choice(len(options), p=weights / weights.sum()))]
    return scenario, things > 1
