"""Measurements: pytest-benchmark files (`bench_*.py`, run by `make bench`) and runners that take any file."""
