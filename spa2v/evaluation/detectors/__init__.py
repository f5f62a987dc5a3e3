"""Detectors: boxes of named things in frames, for stage 2. `base` holds the contract, the rest keeps it."""
