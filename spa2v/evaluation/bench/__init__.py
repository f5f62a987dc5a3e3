"""Benchmarks on disk: reading them with every fault counted, checking them, building them."""
