"""Detectors: boxes of named objects in frames, for stage 2 and for benchmarks of videos."""
