"""The extension: what this package adds to spa2v."""

from collections.abc import Mapping
from pathlib import Path

import spa2v


@spa2v.hookimpl
def spa2v_grounding_injectors() -> Mapping[str, spa2v.Entry]:
    """The grounding injectors of this package, by name."""
    entry = spa2v.Entry(
        "spa2v_template_name.component:TemplateName",
        "TEMPLATE_SUMMARY",
        needs=("torch",),
        install="pip install 'spa2v[diffusion]'",
    )
    return {"template_name": entry}


@spa2v.hookimpl
def spa2v_configs() -> Path:
    """The folder of this package's presets, as in `--config template_name`."""
    return Path(__file__).with_name("configs")
