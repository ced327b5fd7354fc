"""Studies of Optuna, which Optuna itself has stored."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest
from optuna.storages.journal import JournalFileBackend

from hpo_magic import load_study, read_study, search
from hpo_magic.core.domains import Choice, Float, Int
from hpo_magic.core.trial import Direction, State
from hpo_magic.errors import HpoError, OptionError, StudyNotFound

pytestmark = pytest.mark.usefixtures("optuna_closes")


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Studies are stored in the test's folder, and Optuna is quiet."""
    monkeypatch.chdir(tmp_path)
    optuna.logging.set_verbosity(optuna.logging.WARNING)


def objective(trial: optuna.Trial) -> float:
    """Return a value, end as pruned or fail, by the trial's number."""
    lr = trial.suggest_float("lr", 1e-4, 1e-1, log=True)
    units = trial.suggest_int("units", 8, 64, step=8)
    if trial.suggest_categorical("act", ["relu", None, True, 1]) == "relu":
        trial.suggest_float("slope", 0.0, 1.0)
    for epoch in (1, 2):
        trial.report(lr * epoch, epoch)
    if trial.number == 1:
        raise optuna.TrialPruned
    if trial.number == 2:
        raise ValueError("no memory")
    return lr * units


def stored(storage: object, **options: object) -> optuna.Study:
    """Return a study of ten trials in a storage of Optuna's."""
    study = optuna.create_study(storage=storage, **options)  # type: ignore[arg-type]
    study.optimize(objective, n_trials=10, catch=ValueError)
    return study


@pytest.mark.parametrize("place", ["old.db", "sqlite:///old.db", Path("old.db")])
def test_a_study_of_a_database_is_stored_as_it_was(place: str | Path) -> None:
    """States, values, settings, curves, times and ranges are Optuna's."""
    theirs = stored("sqlite:///old.db", study_name="my study", direction="maximize")
    ours = read_study(place)
    assert ours.name == load_study("my_study").name == "my_study"
    assert ours.snapshot.goals[0].direction is Direction.MAXIMIZE
    assert [t.state for t in ours.trials[:4]] == [
        State.COMPLETE,
        State.PRUNED,
        State.FAILED,
        State.COMPLETE,
    ]
    for mine, one in zip(ours.trials, theirs.trials, strict=True):
        assert dict(mine.params) == one.params
        assert mine.value == (one.value if one.state.name == "COMPLETE" else None)
        assert {p.step: p.metrics["value"] for p in mine.curve} == one.intermediate_values
        assert one.duration is not None
        assert mine.duration_s == pytest.approx(one.duration.total_seconds())
    assert ours.best_params == theirs.best_params
    assert ours.space["lr"].domain == Float(1e-4, 1e-1, log=True)
    assert ours.space["units"].domain == Int(8, 64, step=8)
    assert ours.space["act"].domain == Choice(("relu", None, True, 1))


def test_a_journal_file_is_read() -> None:
    """It is known by its first line, whatever its name."""
    journal = optuna.storages.JournalStorage(JournalFileBackend("old.log"))
    theirs = stored(journal, study_name="j")
    assert read_study("old.log", "mine").best_seen == theirs.best_value


def test_it_guides_a_new_search_and_is_never_continued() -> None:
    """Under its own name a new revision begins, and by `from_study` it guides another study."""
    from hpo_magic import hp

    def cell() -> float:
        return hp.Float("lr", 1e-4, 1e-1, sampling="log") * hp.Int("units", 8, 64, step=8)

    stored("sqlite:///old.db", study_name="old")
    old = read_study("old.db")
    best = {name: old.best_params[name] for name in ("lr", "units")}
    for name, options in {"new": {"from_study": "old"}, "old": {}}.items():
        new = search(cell, name, trials=3, minimize="value", ui="none", recheck="0", **options)
        assert len(new.trials) == 3
        assert new.record.guides == (("old", 1),)
        assert {n: new.trials[1].params[n] for n in best} == best
    assert load_study("old").record.revision == 2
    with pytest.raises(OptionError, match=r"a search here has the name 'old'.*'old_old'"):
        read_study("old.db")


def test_reading_again_stores_only_what_is_new() -> None:
    """Unchanged files give the same revision, further trials a new one; one of them guides."""
    from hpo_magic import hp

    theirs = stored("sqlite:///old.db", study_name="old")
    assert read_study("old.db").record.id == read_study("old.db").record.id
    theirs.optimize(objective, n_trials=2)
    again = read_study("old.db")
    assert (again.record.revision, len(again.trials)) == (2, 12)
    new = search(
        lambda: hp.Float("lr", 1e-4, 1e-1), "new", trials=1, minimize="value", ui="none",
        recheck="0", from_study="old",
    )  # fmt: skip
    assert new.record.guides == (("old", 2),)


def test_several_objectives_keep_names_and_directions() -> None:
    """Without names they are numbered."""
    study = optuna.create_study(storage="sqlite:///two.db", directions=["minimize", "maximize"])
    study.optimize(lambda t: (t.suggest_float("x", 0, 1), t.params["x"] ** 2), n_trials=3)
    ours = read_study("two.db", "two")
    assert [str(g) for g in ours.snapshot.goals] == ["minimize value_0", "maximize value_1"]
    assert ours.trials[1].metrics["value_1"] == study.trials[1].values[1]
    with pytest.raises(OptionError, match="Leave minimize and maximize out"):
        read_study("two.db", "two", minimize="loss")


def test_an_infeasible_trial_is_pruned() -> None:
    """As in a search here."""

    def limited(trial: optuna.Trial) -> float:
        x = trial.suggest_float("x", 0, 1)
        if hasattr(trial, "set_constraint"):
            trial.set_constraint("size", x - 0.5)
        else:  # as samplers of Optuna 4 store it
            trial.storage.set_trial_system_attr(trial._trial_id, "constraints", (x - 0.5,))
        return x

    study = optuna.create_study(storage="sqlite:///c.db")
    study.enqueue_trial({"x": 0.9})
    study.enqueue_trial({"x": 0.1})
    study.optimize(limited, n_trials=2)
    states = [trial.state for trial in read_study("c.db", "c").trials]
    assert states == [State.PRUNED, State.COMPLETE]


def test_what_is_changed_or_left_out_is_said() -> None:
    """Steps from 0, and a trial that still runs."""
    study = optuna.create_study(storage="sqlite:///old.db")
    study.optimize(lambda t: (t.report(t.suggest_float("x", 0, 1), 0), 1.0)[1], n_trials=1)
    study.ask()
    with pytest.warns(UserWarning, match=r"not ended are left out: 1\..*one higher") as said:
        ours = read_study("old.db", "old")
    assert said[0].filename == __file__
    assert [p.step for trial in ours.trials for p in trial.curve] == [1]


def test_errors_name_the_way_out() -> None:
    """And no file is made or changed."""
    stored("sqlite:///old.db", study_name="one", direction="maximize")
    optuna.create_study(storage="sqlite:///old.db", study_name="two")
    for arguments, error, sentence in [
        (("gone.db",), StudyNotFound, "no file or folder gone.db"),
        (("sqlite:///gone.db",), StudyNotFound, "no file gone.db"),
        (("old.db",), StudyNotFound, "Name one, as study=…: 'one', 'two'"),
        (("old.db", "mine", {"study": "oe"}), StudyNotFound, "There are: 'one', 'two'"),
        (("old.db", "my study", {}), OptionError, "Try my_study"),
        (("old.db", "mine", {"study": "one", "minimize": "f1"}), OptionError, "maximize='f1'"),
    ]:
        place, name, options = (*arguments, None, {})[:3]
        with pytest.raises(error, match=sentence):
            read_study(place, name, **options)  # type: ignore[arg-type]
    assert not Path("gone.db").exists()
    assert not Path("hpo_studies").exists()


def test_a_study_file_of_our_own_stays_as_it_is() -> None:
    """Optuna would put its tables into it."""
    from hpo_magic import hp

    search(lambda: hp.Float("x", 0, 1), "s", trials=1, minimize="value", ui="none", recheck="0")
    (ours,) = (path for path in Path("hpo_studies").iterdir() if path.suffix in (".db", ".sqlite"))
    before = ours.read_bytes()
    with pytest.raises(HpoError, match="opened with load_study"):
        read_study(ours)
    assert ours.read_bytes() == before
