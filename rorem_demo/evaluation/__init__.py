"""Numbers compare removers: metrics and benchmarks."""
