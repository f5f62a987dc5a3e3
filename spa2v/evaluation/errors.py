"""What can go wrong in an evaluation."""

from spa2v.core.errors import Spa2vError


class MetricError(Spa2vError):
    """A score is not defined for what was given, or the inputs of a metric do not fit together."""
