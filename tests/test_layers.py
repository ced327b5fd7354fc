"""The layers of the package: imports point down, and one third-party library lives in one module.

Modules are read, not imported. Imports for type checkers alone do not count: they load nothing.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import hpo_magic

PACKAGE = Path(hpo_magic.__file__).parent

# What stands where, lowest first. A name is a package or a module of hpo_magic.
LAYERS = (
    {"errors"},
    {"core"},
    {"source"},
    {"language", "inputs"},
    {"samplers", "pruners", "honesty", "dialects", "tools"},
    {"views", "waiting"},
    {"storage", "executors", "frameworks", "exports"},
    {"study", "readers"},
    {"search"},
    {"scripts"},
    {"notebook"},
    {"api"},
)
LAYER = {part: number for number, parts in enumerate(LAYERS) for part in parts}
# Packages of one layer that do not know each other.
SIDE_BY_SIDE = {part for parts in LAYERS for part in parts}

# Where a library may be imported: a module, or a package whose subject it is.
HOMES = {
    "numpy": (
        "core",
        "samplers",
        "pruners",
        "honesty",
        "views",
        "waiting",
        "frameworks",
        "storage.sqlite",
        "study.test_result",
        "study.vote",
        "study.compare",
        "language",
        "inputs",
        "source",
        "notebook",
        "scripts.skopt",  # its result has arrays
        "testing",
    ),
    "scipy": (
        "samplers",
        "waiting.curve_process",
        "honesty.quantiles",
        "pruners.optimistic_extrapolation",
    ),
    "threadpoolctl": ("samplers.gaussian_process",),
    "skopt": ("samplers.surrogate",),
    "hyperopt": ("samplers.tpe", "scripts.hyperopt"),
    "keras_tuner": ("exports.keras_tuner", "scripts.keras_tuner"),
    "pymoo": ("samplers.genetic",),
    "keras": (
        "frameworks.keras",
        "frameworks.keras_fit",
        "frameworks.keras_memory",
        "frameworks.keras_models",
        "frameworks.keras_evaluate",
        "frameworks.keras_row_scores",
    ),
    "sklearn": (
        "frameworks.scikit_learn",
        "frameworks.scikit_learn_fits",
        "frameworks.scikit_learn_scores",
        "frameworks.lightgbm_models",
    ),
    "lightgbm": (
        "frameworks.lightgbm",
        "frameworks.lightgbm_fit",
        "frameworks.lightgbm_models",
    ),
    "torch": (
        "frameworks.torch",
        "frameworks.torch_models",
    ),
    "catboost": ("frameworks.catboost", "frameworks.catboost_fit"),
    "skorch": ("frameworks.skorch", "frameworks.skorch_fit"),
    "fastai": ("frameworks.fastai", "frameworks.fastai_fit"),
    "safetensors": ("frameworks.torch_models",),
    "lightning": ("frameworks.lightning",),
    "pytorch_lightning": ("frameworks.lightning",),
    "transformers": ("frameworks.huggingface", "frameworks.huggingface_fit"),
    "xgboost": ("frameworks.xgboost", "frameworks.xgboost_fit", "frameworks.xgboost_models"),
    "optuna": ("exports.optuna", "scripts.optuna", "readers.optuna"),
    "tensorboard": ("exports.tensorboard",),
    "mlflow": ("exports.mlflow",),
    "tensorflow": ("frameworks.keras_memory",),
    "pandas": ("exports.frame",),
    "cloudpickle": ("executors.training_task",),
    "distributed": (
        "executors.cluster",
        "executors.connection",
        "executors.dask",
        "executors.dask_worker",
    ),
    "dask": ("executors.cluster",),
    "psutil": ("executors.dask_worker", "executors.room", "storage.mounts", "storage.process"),
    "matplotlib": ("views",),
    "ipywidgets": ("notebook",),
    "anywidget": ("notebook.panel.plots",),
    "traitlets": ("notebook.panel.plots",),
    "IPython": ("notebook", "api"),
    "pytest": ("testing",),
    "hypothesis": ("testing",),
}


def modules() -> dict[str, ast.Module]:
    """Return the package's modules by their names without `hpo_magic.`."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts).removesuffix("__init__").removesuffix(".")
        found[name] = ast.parse(path.read_text(encoding="utf-8"))
    return found


MODULES = modules()


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and module of each import that is carried out at some time."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module, "imports are absolute"
            # `from hpo_magic import errors` is of the module, `from hpo_magic.errors import …` too.
            if node.module == "hpo_magic":
                yield from ((node.lineno, f"hpo_magic.{alias.name}") for alias in node.names)
            else:
                yield node.lineno, node.module
        else:
            yield from imports(node)


def our_imports() -> Iterator[tuple[str, str, str]]:
    """Yield place, importing and imported part of the package, for imports of our own."""
    for name, tree in MODULES.items():
        if name in ("", "testing") or name.startswith("testing."):
            continue
        for line, imported in imports(tree):
            if imported.startswith("hpo_magic."):
                place = f"{name}, line {line}: imports {imported}"
                yield place, name.split(".")[0], imported.split(".")[1]


def test_every_part_has_a_layer() -> None:
    """A new module is put in its place here first."""
    parts = {name.split(".")[0] for name in MODULES} - {"", "testing"}
    assert sorted(parts - set(LAYER)) == []


def test_the_architecture_page_has_the_same_layers() -> None:
    """Its picture names every part in its layer, the highest first."""
    page = (PACKAGE / "README.md").read_text(encoding="utf-8")
    picture = re.search(r"```\n(\d+ .*?)```", page, re.DOTALL)
    assert picture is not None
    rows = re.findall(r"^(\d+) ((?:\w+(?:/|\.py)\s*)+)", picture[1], re.MULTILINE)
    drawn = {int(number): set(re.findall(r"(\w+)(?:/|\.py)", parts)) for number, parts in rows}
    assert drawn == dict(enumerate(LAYERS))


def test_imports_point_down() -> None:
    """No part knows one above it."""
    offenders = [place for place, part, used in our_imports() if LAYER[used] > LAYER[part]]
    assert offenders == []


def test_packages_side_by_side_do_not_know_each_other() -> None:
    """A sampler knows no pruner, a storage no executor."""
    offenders = [
        place
        for place, part, used in our_imports()
        if part in SIDE_BY_SIDE and used != part and LAYER[used] == LAYER[part]
    ]
    assert offenders == []


def test_no_imports_in_a_circle() -> None:
    """Also none that an import inside of a function closes."""
    needs: dict[str, set[str]] = {name: set() for name in MODULES}
    for name, tree in MODULES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("hpo_magic."):
                base = str(node.module).removeprefix("hpo_magic.")
                parts = {f"{base}.{alias.name}" for alias in node.names} & MODULES.keys()
                needs[name] |= (parts or {base}) - {name}
    while leaves := [name for name, needed in needs.items() if not needed & needs.keys()]:
        for name in leaves:
            del needs[name]
    assert sorted(needs) == []


def test_nothing_of_the_package_needs_its_test_kit() -> None:
    """`testing` may import anything, and is imported by tests alone."""
    offenders = [
        f"{name}, line {line}"
        for name, tree in MODULES.items()
        if not name.startswith("testing")
        for line, imported in imports(tree)
        if imported.startswith("hpo_magic.testing")
    ]
    assert offenders == []


def third_party() -> Iterator[tuple[str, str, str]]:
    """Yield place, module and library, for imports of what others wrote."""
    for name, tree in MODULES.items():
        for line, imported in imports(tree):
            library = imported.split(".")[0]
            if library != "hpo_magic" and library not in sys.stdlib_module_names:
                yield f"{name}, line {line}: imports {library}", name, library


def test_a_library_is_at_home_in_one_place() -> None:
    """Whoever wants to replace it knows where to look."""
    offenders = [
        place
        for place, name, library in third_party()
        if not any(f"{name}.".startswith(f"{home}.") for home in HOMES.get(library, ()))
    ]
    assert offenders == []


def test_core_needs_numpy_alone() -> None:
    """It decides; what it decides about comes to it as values."""
    offenders = [
        p for p, name, library in third_party() if name.startswith("core") and library != "numpy"
    ]
    assert offenders == []


HEAVY = (
    "skopt", "matplotlib", "tensorflow", "keras", "pandas", "sklearn", "scipy", "IPython",
    "ipywidgets", "distributed", "hyperopt", "pymoo", "optuna",
    "tensorboard", "mlflow",
)  # fmt: skip


def test_importing_is_light() -> None:
    """Nothing heavy is loaded before it is used, `hp` included."""
    program = (
        "import sys, hpo_magic\n"
        "from hpo_magic import hp\n"
        "hp.Int(1, 9)\n"
        f"print(*(m for m in {HEAVY} if m in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == []


def test_public_names_are_there() -> None:
    """`__all__` of each module that has one is exact: every name exists, none is private."""
    for name, tree in MODULES.items():
        listed = [
            ast.literal_eval(node.value)
            for node in tree.body
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
        ]
        defined = set(names_of(tree))
        for public in listed[0] if listed else ():
            assert public in defined or name == "", f"{name}: {public}"
            assert not public.startswith("_"), f"{name}: {public}"


def names_of(tree: ast.Module) -> Iterator[str]:
    """Yield the names that a module binds at its top."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in node.names)


def test_the_front_door_opens() -> None:
    """Every public name can be had, though most are loaded when they are used."""
    assert [name for name in hpo_magic.__all__ if not hasattr(hpo_magic, name)] == []
    assert set(hpo_magic.__all__) <= set(dir(hpo_magic))
    with pytest.raises(AttributeError, match="module 'hpo_magic' has no attribute 'sarch'"):
        hpo_magic.sarch  # noqa: B018


# What a narrow `suppress` may let pass without a line in the log: ways of control, no failures.
CONTROL = {"TrialStopped", "Empty", "PackageNotFoundError", "LookupError", "KeyError", "TypeError"}


def ends_unseen(handler: ast.ExceptHandler) -> bool:
    """Return whether an error ends in this handler: neither raised, nor logged, nor shown."""
    inside = [node for statement in handler.body for node in ast.walk(statement)]
    names = {node.id for node in inside if isinstance(node, ast.Name)}
    is_raised = any(isinstance(node, ast.Raise) for node in inside)
    return not (is_raised or names & {"caught", "log", handler.name})


def unlogged() -> Iterator[str]:
    """Yield the places where an error of any kind ends without a line in the log."""
    for name, tree in MODULES.items():
        for node in ast.walk(tree) if not name.startswith("testing") else ():
            if isinstance(node, ast.ExceptHandler):
                kinds = set(ast.unparse(node.type).strip("()").split(", ")) if node.type else {""}
                is_broad = bool(kinds & {"", "Exception", "BaseException"})
                is_silent = all(isinstance(s, ast.Pass | ast.Continue) for s in node.body)
                if (is_broad or is_silent) and ends_unseen(node):
                    yield f"{name}, line {node.lineno}: except {', '.join(kinds)}"
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("suppress"):
                kinds = {ast.unparse(argument).rpartition(".")[2] for argument in node.args}
                if not kinds <= CONTROL:
                    yield f"{name}, line {node.lineno}: {ast.unparse(node)}"


def test_whatever_is_suppressed_is_logged() -> None:
    """By `caught` or `suppressed` of `core.log`, so that a bug report has it."""
    assert list(unlogged()) == []
