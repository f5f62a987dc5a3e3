"""Cue extractors: what is measured in the sound."""
