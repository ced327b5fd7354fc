"""Which modules are searched for doctests: not those of libraries that are not installed here.

A hook imports the library that it watches. `make trainers` installs the large ones.
"""

from __future__ import annotations

from importlib.util import find_spec

HOOKS = {
    "catboost": "catboost_fit.py",
    "fastai": "fastai_fit.py",
    "skorch": "skorch_fit.py",
    "transformers": "huggingface_fit.py",
}

collect_ignore = [
    f"hpo_magic/frameworks/{hook}" for library, hook in HOOKS.items() if find_spec(library) is None
]
