"""What a training sets for the whole process is put back, and what cannot be is named."""

from __future__ import annotations

import decimal
import gc
import io
import locale
import logging
import os
import sys
import warnings
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import pytest
import sklearn

from hpo_magic.executors.process_settings import SETTINGS
from hpo_magic.executors.process_state import ProcessState, settings_kept
from hpo_magic.executors.setting import Setting


def change_rc() -> None:
    """Set a parameter of matplotlib."""
    matplotlib.rcParams["figure.dpi"] = 31


def change_folder() -> None:
    """Go to another folder."""
    os.chdir("/")


def change_warnings() -> None:
    """Add a filter."""
    warnings.simplefilter("ignore")


def change_logging() -> None:
    """Set up logging as a script does."""
    logging.root.addHandler(logging.StreamHandler(io.StringIO()))
    logging.root.setLevel(logging.DEBUG)
    logging.getLogger("of.a.trial").addHandler(logging.StreamHandler(io.StringIO()))
    logging.disable(logging.CRITICAL)


def state_of_logging() -> Any:
    """Return what `change_logging` changes."""
    root = logging.root
    made = logging.getLogger("of.a.trial").handlers
    return root.level, list(root.handlers), root.manager.disable, list(made)


CHANGES: list[tuple[Callable[[], object], Callable[[], Any]]] = [
    (lambda: os.environ.update(NEW_OF_A_TRIAL="1"), lambda: dict(os.environ)),
    (lambda: os.environ.pop("PATH"), lambda: dict(os.environ)),
    (change_folder, os.getcwd),
    (lambda: sys.path.insert(0, "/nowhere"), lambda: list(sys.path)),
    (change_logging, state_of_logging),
    (change_warnings, lambda: list(warnings.filters)),
    (lambda: sys.setrecursionlimit(7_777), sys.getrecursionlimit),
    (lambda: setattr(decimal.getcontext(), "prec", 3), lambda: decimal.getcontext().prec),
    (lambda: locale.setlocale(locale.LC_ALL, "C"), lambda: locale.setlocale(locale.LC_ALL)),
    (gc.disable, gc.isenabled),
    (lambda: setattr(sys, "excepthook", print), lambda: sys.excepthook),
    (lambda: np.seterr(all="raise"), np.geterr),
    (lambda: np.set_printoptions(precision=2), lambda: np.get_printoptions()["precision"]),
    (lambda: sklearn.set_config(transform_output="pandas"), sklearn.get_config),
    (change_rc, lambda: matplotlib.rcParams["figure.dpi"]),
    (lambda: pd.set_option("display.max_rows", 3), lambda: pd.get_option("display.max_rows")),
]


@pytest.mark.parametrize(("change", "state"), CHANGES)
def test_a_setting_is_put_back(change: Callable[[], object], state: Callable[[], Any]) -> None:
    """Whatever the training set is as it was before."""
    before = state()
    stays: list[str] = []
    with settings_kept(stays.extend):
        change()
        assert state() != before
    assert state() == before
    assert stays == []


def test_an_exception_leaves_the_settings_as_they_were() -> None:
    """A training that fails is no different."""
    before = np.geterr()
    with pytest.raises(ValueError, match=r"^no$"), settings_kept(lambda names: None):  # noqa: PT012
        np.seterr(all="ignore")
        raise ValueError("no")
    assert np.geterr() == before


def a_library(monkeypatch: pytest.MonkeyPatch, **state: Any) -> Any:
    """Return a module of that state, as if it were imported."""
    made: Any = SimpleNamespace(**state)
    monkeypatch.setitem(sys.modules, "a_library", made)
    return made


def refuse(module: ModuleType, before: Any) -> None:
    """Fail, as a library does that has begun its work."""
    raise RuntimeError("too late")


@pytest.mark.parametrize("put", [None, refuse])
def test_what_cannot_be_put_back_is_named(put: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once for each training that changed it."""
    library = a_library(monkeypatch, threads=1)
    setting = Setting("the threads of a library", lambda m: m.threads, put, "a_library")
    state = ProcessState([setting])
    assert state.put_back() == []
    library.threads = 4
    assert state.put_back() == ["the threads of a library"]


def put_mode(module: Any, before: Any) -> None:
    """Set the mode."""
    module.mode = before


def test_a_library_that_the_training_loads_is_put_to_its_fresh_state(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing was taken of it before."""
    known = Setting("m", lambda m: m.mode, put_mode, "a_library", fresh=lambda m: "fresh")
    unknown = Setting("m", lambda m: m.mode, put_mode, "a_library")
    states = ProcessState([unknown]), ProcessState([known])
    library = a_library(monkeypatch, mode="set")
    assert states[0].put_back() == []
    assert library.mode == "set"
    assert states[1].put_back() == []
    assert library.mode == "fresh"


def test_what_an_import_sets_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library is not imported again, and may need it."""
    monkeypatch.setenv("SET_BY_AN_IMPORT", "0")
    with settings_kept(lambda names: None):
        monkeypatch.setitem(sys.modules, "imported_by_the_trial", ModuleType("imported"))
        monkeypatch.setenv("SET_BY_AN_IMPORT", "1")
    assert os.environ["SET_BY_AN_IMPORT"] == "1"
    with settings_kept(lambda names: None):
        monkeypatch.setenv("SET_BY_AN_IMPORT", "2")
    assert os.environ["SET_BY_AN_IMPORT"] == "1"


def test_a_state_that_cannot_be_read_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Another version of the library may have no such name; the log says so."""
    a_library(monkeypatch)
    state = ProcessState([Setting("the mode", lambda m: m.mode, put_mode, "a_library")])
    with caplog.at_level(logging.DEBUG, "hpo_magic"):
        assert state.put_back() == []
    assert "the mode could not be read" in caplog.text


def test_every_setting_can_be_read_where_its_library_is_loaded(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """No name in the table is wrong for the versions that are installed."""
    with caplog.at_level(logging.DEBUG, "hpo_magic"):
        ProcessState(SETTINGS)
    assert caplog.text == ""


@pytest.mark.slow
def test_only_a_changed_choice_of_deterministic_algorithms_is_put_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """PyTorch loads its compiler for it, which crashes beside TensorFlow in some builds."""
    import torch

    chosen: list[bool] = []
    monkeypatch.setattr(
        torch, "use_deterministic_algorithms", lambda mode, **options: chosen.append(mode)
    )
    with settings_kept(lambda names: None):
        torch.set_grad_enabled(False)
    assert torch.is_grad_enabled()
    assert chosen == []


@pytest.mark.slow
def test_the_settings_of_torch_and_keras_are_put_back() -> None:
    """Default types, gradients, precision policy."""
    import keras
    import torch

    def state() -> Any:
        return (
            torch.get_default_dtype(),
            torch.is_grad_enabled(),
            keras.config.dtype_policy().name,
            keras.config.floatx(),
        )

    before = state()
    with settings_kept(lambda names: None):
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(False)
        keras.mixed_precision.set_global_policy("mixed_float16")
        assert state()[:3] == (torch.float64, False, "mixed_float16")
    assert state() == before
    with settings_kept(lambda names: None):
        keras.config.set_floatx("float64")
    assert state() == before
