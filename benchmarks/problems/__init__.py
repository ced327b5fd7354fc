"""The project's own problems: `load(name)` for a name of `NAMES`."""

from .problem import Outcome, Problem, active_names, is_reached
from .spaces import DEFINITIONS
from .tables import load

__all__ = ["NAMES", "Outcome", "Problem", "active_names", "is_reached", "load"]

NAMES = tuple(DEFINITIONS)
