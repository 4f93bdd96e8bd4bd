"""Measurements, as ratios or spans of one run: ``python -m benchmarks NAME [--json]``."""
