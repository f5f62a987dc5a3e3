"""Label maps: which labels count as the same."""
