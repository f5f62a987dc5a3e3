"""The extension: what this package adds to spa2v."""

from collections.abc import Mapping

import spa2v


@spa2v.hookimpl
def spa2v_metrics() -> Mapping[str, spa2v.Entry]:
    """The metrics of this package, by name."""
    entry = spa2v.Entry(
        "spa2v_template_name.component:TemplateName",
        "TEMPLATE_SUMMARY",
    )
    return {"template_name": entry}
