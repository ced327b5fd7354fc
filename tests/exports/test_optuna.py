"""A search as a study of Optuna: read back by Optuna itself, from a storage."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from made_up_searches import a_search

from hpo_magic.core.domains import Choice, Domain, Float, Int
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.space import Parameter, Space
from hpo_magic.core.trial import Direction, Goal, Kind, State, Trial
from hpo_magic.errors import HpoError
from hpo_magic.exports.optuna import to_optuna

pytestmark = pytest.mark.usefixtures("optuna_closes")


@pytest.fixture(autouse=True)
def quiet() -> None:
    """Optuna tells of every study it makes."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)


def test_optuna_reads_the_search_from_its_storage(tmp_path: Path) -> None:
    """Values, states, active parameters, curves and ranges are those of the search."""
    search = a_search(30, is_running=True)
    to_optuna(search, tmp_path / "studies.db")
    read = optuna.load_study(study_name="digits", storage=f"sqlite:///{tmp_path / 'studies.db'}")
    ours = [t for t in search.trials if t.state is not State.RUNNING]
    assert len(read.trials) == len(ours) == 30
    assert read.direction.name == "MAXIMIZE"
    best = search.history.best()
    assert best is not None
    assert read.best_value == best.value
    assert read.best_params == dict(best.params)
    for mine, theirs in zip(ours, read.trials, strict=True):
        assert theirs.value == mine.value
        assert theirs.params == dict(mine.params)
        assert theirs.intermediate_values == {p.step: p.metrics["val_accuracy"] for p in mine.curve}
        assert theirs.user_attrs["kind"] == mine.kind.value
        assert (theirs.state.name == "FAIL") == (mine.state is State.FAILED)
        assert theirs.duration is not None
        assert theirs.duration.total_seconds() == pytest.approx(mine.duration_s)
    lr = read.best_trial.distributions["lr"]
    assert lr == optuna.distributions.FloatDistribution(1e-4, 1e-1, log=True)


def test_optuna_s_importance_runs_on_it() -> None:
    """The parameter that decides is the first there too."""
    study = to_optuna(a_search(60, is_running=False))
    complete = [t for t in study.trials if "units[1]" in t.params]
    assert complete
    importance = optuna.importance.get_param_importances(study, params=["lr", "act", "layers"])
    assert next(iter(importance)) == "lr"


def test_pruned_trials_stay_pruned_and_re_runs_are_left_out() -> None:
    """So that the best trial there is the best seen here."""
    search = a_search(12, is_running=False)
    pruned = replace(search.trials[1], state=State.PRUNED, value=None)
    rerun = replace(search.trials[2], number=99, kind=Kind.RECHECK, value=1.0)
    study = to_optuna(replace(search, trials=(search.trials[0], pruned, rerun)))
    assert [t.state.name for t in study.trials] == ["COMPLETE", "PRUNED"]
    assert study.trials[1].intermediate_values


DOMAINS: list[tuple[Domain, object]] = [
    (Int(1, 10, 4), 9),
    (Int(2, 64, 2, log=True), 16),
    (Float(0.0, 1.0, 0.3), 0.6),
    (Float(0.5, 0.999, reverse_log=True), 0.9),
    (Choice((None, "a", 3)), "a"),
    (Choice((1, True, "x")), True),
    (Choice(((3, 3), (5, 5))), (5, 5)),
]


@pytest.mark.parametrize(("domain", "value"), DOMAINS, ids=str)
def test_every_domain_has_a_distribution(domain: Domain, value: object) -> None:
    """The value, or its text where Optuna has no such choice, comes back."""
    space = Space({"p": Parameter("p", domain, value)})  # type: ignore[arg-type]
    trial = Trial(0, State.COMPLETE, {"p": value}, value=1.0)  # type: ignore[dict-item]
    study = to_optuna(Snapshot("s", (Goal("loss", Direction.MINIMIZE),), space, (trial,)))
    assert study.best_params["p"] in (value, repr(value))


def test_a_name_that_is_taken_is_said(tmp_path: Path) -> None:
    """With what to do; another name works."""
    search = a_search(5, is_running=False)
    to_optuna(search, tmp_path / "s.db")
    with pytest.raises(HpoError, match=r"has a study 'digits' already\. Give another name"):
        to_optuna(search, tmp_path / "s.db")
    assert to_optuna(search, tmp_path / "s.db", "again").study_name == "again"
