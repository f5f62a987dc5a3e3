"""The extension: tells spa2v what this package adds."""

from collections.abc import Mapping

import spa2v


@spa2v.hookimpl
def spa2v_cue_extractors() -> Mapping[str, spa2v.Entry]:
    """The cue extractors of this package, by name."""
    entry = spa2v.Entry(
        "spa2v_template_name.component:TemplateName",
        "TEMPLATE_SUMMARY",
    )
    return {"template_name": entry}
