"""The extension: tells spa2v what this package adds."""

from collections.abc import Mapping

import spa2v


@spa2v.hookimpl
def spa2v_layout_planners() -> Mapping[str, spa2v.Entry]:
    """The layout planners of this package, by name."""
    entry = spa2v.Entry(
        "spa2v_openmllm.component:OpenMllm",
        "An open audio-language model on this machine, through transformers.",
        needs=("torch", "transformers", "json_repair", "tenacity"),
        install="pip install 'spa2v[diffusion,openai]'",
    )
    return {"openmllm": entry}
