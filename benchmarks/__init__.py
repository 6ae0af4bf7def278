"""Speed as ratios against stated limits: one file a make target, which writes its part of docs/benchmarks.md."""
