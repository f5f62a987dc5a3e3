"""`spa2v bench build`: source, filter, annotate, augment: a benchmark from anyone's own stereo videos."""
