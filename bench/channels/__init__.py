"""Benchmarks of channels: `python -m bench.channels`. What they measure stands in docs/performance.md, with figures."""
