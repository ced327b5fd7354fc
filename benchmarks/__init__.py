"""How well, and at what cost, the samplers search: `python -m benchmarks.run`."""
