"""In-context examples: a candidate set with an index, and the choice of those that fit a recording."""
