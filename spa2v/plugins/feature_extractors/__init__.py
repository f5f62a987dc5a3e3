"""Feature extractors: videos as vectors, for FVD."""
