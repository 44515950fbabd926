"""How fast, how large, how many: ``python -m benchmarks`` measures, RESULTS.md says what came out."""
