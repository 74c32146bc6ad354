"""That the benchmarks run. What they find is for docs/performance.md: nothing here looks at a figure."""
