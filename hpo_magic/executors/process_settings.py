"""The settings that a training can make for the whole process.

To add one: a line in `PYTHON` or in `LIBRARIES`.
"""

from __future__ import annotations

from hpo_magic.executors.library_settings import LIBRARIES
from hpo_magic.executors.python_settings import PYTHON

SETTINGS = (*PYTHON, *LIBRARIES)
