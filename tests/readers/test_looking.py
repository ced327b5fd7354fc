"""A study that another tool ran, as the user meets it here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import optuna
import pytest

from hpo_magic import Study, read_study
from hpo_magic.errors import HpoError
from hpo_magic.views.result import result_html
from hpo_magic.views.text import result_text


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, optuna_closes: None) -> Study:
    """Return a study of Optuna's, read."""
    monkeypatch.chdir(tmp_path)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    theirs = optuna.create_study(storage="sqlite:///old.db", study_name="old")
    theirs.optimize(lambda trial: trial.suggest_float("x", 0.0, 1.0) ** 2, n_trials=4)
    return read_study("old.db")


def test_no_cell_of_the_user_is_spoken_of(study: Study) -> None:
    """There is no start, nothing to test, and it is said why there is no honest number."""
    for text in (result_text(study.snapshot), result_html(study.snapshot)):
        assert "best seen" in text
        assert "another tool ran these trials: there is no model here to measure" in text
        for words in ("as you wrote it", "%%hpo_test", "not run yet", ">start<"):
            assert words not in text


@pytest.mark.parametrize(
    ("asks", "missing"),
    [
        (lambda study: study.freeze(), "no cell to freeze"),
        (lambda study: study.narrowed(), "no cell to narrow"),
        (lambda study: study.best_model(), "no model"),
        (lambda study: study.best_models(2), "no model"),
        (lambda study: study.vote(), "no model"),
        (lambda study: study.enqueue(x=0.5), "no search that could go on"),
    ],
)
def test_what_needs_the_code_is_refused_with_the_way_out(
    study: Study, asks: Callable[[Study], object], missing: str
) -> None:
    """The settings are there, and can guide a search."""
    with pytest.raises(HpoError) as refused:
        asks(study)
    assert f"Another tool ran the trials of study 'old': there is {missing} here." in str(
        refused.value
    )
    assert "%%hpo NEW --from old" in str(refused.value)
