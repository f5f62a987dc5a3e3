"""The extension: tells spa2v what this package adds."""

from collections.abc import Mapping

import spa2v


@spa2v.hookimpl
def spa2v_layout_planners() -> Mapping[str, spa2v.Entry]:
    """The layout planners of this package, by name."""
    entry = spa2v.Entry(
        "spa2v_template_name.component:TemplateName",
        "TEMPLATE_SUMMARY",
    )
    return {"template_name": entry}
