"""Metrics: pure formulas on arrays."""
