"""The signal library: what is measured in sound."""
