"""The extension: tells spa2v what this package adds."""

from collections.abc import Mapping

import spa2v


@spa2v.hookimpl
def spa2v_motion_backbones() -> Mapping[str, spa2v.Entry]:
    """The motion backbones of this package, by name."""
    entry = spa2v.Entry(
        "spa2v_wan_vace.component:WanVace",
        "Wan VACE, a video model that takes the layout's boxes as its control video.",
        needs=("torch", "diffusers", "transformers"),
        install="pip install 'spa2v[diffusion]'",
    )
    return {"wan_vace": entry}
