"""The extension: tells spa2v what this package adds."""

from collections.abc import Mapping

import spa2v


@spa2v.hookimpl
def spa2v_grounding_injectors() -> Mapping[str, spa2v.Entry]:
    """The grounding injectors of this package, by name."""
    entry = spa2v.Entry(
        "spa2v_attention_guidance.component:AttentionGuidance",
        "Box guidance without training: latents follow the gradient of an energy on cross-attention maps (LVD).",
        needs=("torch", "diffusers"),
        install="pip install 'spa2v[diffusion]'",
    )
    return {"attention_guidance": entry}
