"""The extension: tells spa2v what this package adds."""

from collections.abc import Mapping

import spa2v


@spa2v.hookimpl
def spa2v_cue_extractors() -> Mapping[str, spa2v.Entry]:
    """The cue extractors of this package, by name."""
    entry = spa2v.Entry(
        "spa2v_dcase.component:DcaseDirections",
        "Directions and classes as people annotated them (DCASE Task 3), in place of measured ones.",
        needs=("numpy",),
        install="pip install numpy",
    )
    return {"dcase_directions": entry}
