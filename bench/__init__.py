"""Benchmarks of sse_django against its peers, for any machine with Python: `python -m bench.streams`."""
