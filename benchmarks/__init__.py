"""Measures the product beside a bare loop, in one run (docs/performance.md)."""
