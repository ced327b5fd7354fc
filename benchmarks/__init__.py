"""How well, and at what cost, the samplers search: `python -m benchmarks.run`."""

import sys
from pathlib import Path

# Made-up searches and slow networks, which the tests use too.
sys.path.append(str(Path(__file__).parents[1] / "tests" / "kit"))
