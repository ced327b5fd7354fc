"""Older studies guide a new revision: which ones, what is said, and that nothing is taken over."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hpo_magic import hp, load_study, search
from hpo_magic.core.trial import Kind, State, Trial
from hpo_magic.errors import OptionError, StudyNotFound
from hpo_magic.storage.older_studies import older_studies
from hpo_magic.views.words.notices import messages

OPTIONS: dict[str, Any] = {"minimize": "loss", "recheck": "0", "ui": "none"}


def bowl() -> dict[str, float]:
    """Return a loss with its minimum, 0, at x = 0.3, k = 7."""
    loss = (hp.Float("x", 0.0, 1.0) - 0.3) ** 2 + abs(hp.Int("k", 1, 64, sampling="log") - 7)
    return {"loss": loss, "gain": -loss}


def edited() -> dict[str, float]:
    """Return the loss of the same search after an edit."""
    loss = 5 + (hp.Float("x", 0.0, 1.0) - 0.35) ** 2 + abs(hp.Int("k", 1, 64, sampling="log") - 6)
    return {"loss": loss, "gain": -loss}


def settings(study: Any) -> list[dict[str, Any]]:
    """Return the settings in the order in which they were tried."""
    return [dict(trial.params) for trial in study.trials]


def notice(study: Any) -> str:
    """Return what is said of older trials; "" if nothing is."""
    return " ".join(text for text in messages(study.snapshot) if "guide the search" in text)


SAID = "their values are not taken over (without them: --fresh --from none)."


def test_the_revision_before_guides_the_next_one(tmp_path: Path) -> None:
    """After the start its best setting comes first; no trial and no value of it is in the study."""
    old = search(bowl, "s", trials=12, storage=tmp_path, **OPTIONS)
    new = search(edited, "s", trials=6, storage=tmp_path, **OPTIONS)
    assert new.record.guides == (("s", 1),)
    assert settings(new)[1] == dict(old.best_trial.params)
    assert notice(new) == f"12 trials of the revision before guide the search; {SAID}"
    assert [trial.kind for trial in new.trials[1:]] == [Kind.SEARCH] * 5
    assert len(new.trials) == len(new.to_frame()) == 6
    assert all(trial.value is not None and trial.value >= 5 for trial in new.trials)
    assert new.best_seen >= 5
    assert load_study("s", storage=tmp_path).record.guides == (("s", 1),)


def test_a_resumed_search_has_the_same_guides(tmp_path: Path) -> None:
    """Four trials and then eight more are the same twelve as at once."""
    for folder, parts in (("once", [12]), ("twice", [4, 8, 12])):
        search(bowl, "s", trials=12, storage=tmp_path / folder, **OPTIONS)
        for trials in parts:
            search(edited, "s", trials=trials, storage=tmp_path / folder, **OPTIONS)
    once, twice = (load_study("s", storage=tmp_path / f) for f in ("once", "twice"))
    assert settings(once) == settings(twice)
    alone = search(edited, "alone", trials=12, storage=tmp_path / "once", **OPTIONS)
    assert settings(alone) != settings(once)


def test_trials_that_an_older_study_gets_later_do_not_guide(tmp_path: Path) -> None:
    """Its trials count as they were when the revision began."""
    search(bowl, "old", trials=5, storage=tmp_path, **OPTIONS)
    new = search(edited, "new", trials=2, from_study="old", storage=tmp_path, **OPTIONS)
    before = older_studies(new.storage, new.record)
    search(bowl, "old", trials=9, storage=tmp_path, **OPTIONS)
    assert older_studies(new.storage, new.record) == before
    assert len(before[0].history.trials) == 5


def test_a_search_without_older_studies_is_asked_for(tmp_path: Path) -> None:
    """`none` makes it what it is in an empty folder, and nothing is said."""
    search(bowl, "s", trials=12, storage=tmp_path / "a", **OPTIONS)
    alone = search(edited, "s", trials=5, from_study="none", storage=tmp_path / "a", **OPTIONS)
    first = search(edited, "s", trials=5, storage=tmp_path / "b", **OPTIONS)
    assert settings(alone) == settings(first)
    assert notice(alone) == ""


def test_several_older_studies(tmp_path: Path) -> None:
    """Each is counted; settings of both come first, and one of a maximized metric is turned."""
    storage = tmp_path
    search(bowl, "a", trials=12, storage=storage, **OPTIONS)
    turned = {**OPTIONS, "minimize": None, "maximize": "gain"}
    search(bowl, "b", trials=15, storage=storage, seed=3, **turned)
    new = search(edited, "new", trials=4, from_study=["a", "b"], storage=storage, **OPTIONS)
    assert notice(new) == f"12 trials of study a and 15 trials of study b guide the search; {SAID}"
    known = [load_study(name, storage=storage) for name in ("a", "b")]
    assert all(setting in settings(known[0]) + settings(known[1]) for setting in settings(new)[1:4])
    assert new.best_seen < 7


def test_revisions_are_taken_back_to_the_third(tmp_path: Path) -> None:
    """Short ones add up; the sentence says how many there are."""

    def shifted(by: float) -> Any:
        return lambda: {"loss": by + (hp.Float("x", 0.0, 1.0) - by) ** 2}

    for k in range(5):
        study = search(shifted(k / 10), "s", trials=3, fresh=True, storage=tmp_path, **OPTIONS)
    assert study.record.guides == (("s", 4), ("s", 3), ("s", 2))
    assert notice(study) == f"9 trials of the 3 revisions before guide the search; {SAID}"


def test_another_seed_and_samplers_that_learn_nothing_are_not_guided_unasked(
    tmp_path: Path,
) -> None:
    """Both are asked to be what they are; `--from` overrules."""
    search(bowl, "s", trials=6, storage=tmp_path, **OPTIONS)
    assert search(bowl, "s", trials=2, seed=1, storage=tmp_path, **OPTIONS).record.guides == ()
    drawn = search(edited, "s", trials=9, seed=1, sampler="random", storage=tmp_path, **OPTIONS)
    assert drawn.record.guides == ()
    named = {"sampler": "random", "from_study": "s", "storage": tmp_path}
    asked = search(edited, "t", trials=2, **named, **OPTIONS)
    assert asked.record.guides[0] == ("s", 3)
    assert settings(asked)[1] == dict(drawn.best_trial.params)


def test_renamed_parameters_do_not_guide_and_it_is_said(tmp_path: Path) -> None:
    """The search is that of an empty folder."""

    def renamed() -> dict[str, float]:
        return {"loss": (hp.Float("y", 0.0, 1.0) - 0.3) ** 2}

    search(bowl, "s", trials=7, storage=tmp_path / "a", **OPTIONS)
    new = search(renamed, "s", trials=5, storage=tmp_path / "a", **OPTIONS)
    assert settings(new) == settings(search(renamed, "s", trials=5, storage=tmp_path, **OPTIONS))
    assert (
        "7 older trials cannot guide the search: no parameter has the name of one of theirs."
        in (messages(new.snapshot))
    )


def test_a_study_that_is_not_there_is_said(tmp_path: Path) -> None:
    """With the one that was meant; one without a result is named as such."""
    search(bowl, "older", trials=2, storage=tmp_path, **OPTIONS)
    with pytest.raises(StudyNotFound, match=r"--from: no study 'oldr' here\. Did you mean older\?"):
        search(bowl, "new", trials=4, from_study="oldr", storage=tmp_path, **OPTIONS)
    with pytest.raises(StudyNotFound, match=r"--from: no study 'new' here\. There are: older\."):
        search(bowl, "new", trials=4, from_study="new", storage=tmp_path, **OPTIONS)


@pytest.mark.parametrize("wrong", ["", "none,older", "a b", ["x", 3], ()])
def test_what_names_no_study_is_refused(wrong: Any, tmp_path: Path) -> None:
    """Before anything runs."""
    with pytest.raises(OptionError, match=r"expected names of studies|none stands alone"):
        search(bowl, "new", trials=4, from_study=wrong, storage=tmp_path, **OPTIONS)


def test_an_option_that_comes_too_late_is_said(tmp_path: Path) -> None:
    """A study that continues keeps its guides, or none."""
    search(bowl, "a", trials=3, storage=tmp_path, **OPTIONS)
    search(bowl, "s", trials=2, storage=tmp_path, **OPTIONS)
    late = search(bowl, "s", trials=3, from_study="a", storage=tmp_path, **OPTIONS)
    assert (
        "Continues: 2 of 3 trials are done. --from counts when a revision begins, and none "
        "guides it; --fresh begins one."
    ) in messages(late.snapshot)
    assert late.record.guides == ()


def test_two_objectives_are_guided_by_one_and_one_by_two(tmp_path: Path) -> None:
    """The settings come first in either case, the most balanced ones of a front."""
    both = {**OPTIONS, "minimize": ["loss", "gain"], "storage": tmp_path}
    one = search(bowl, "s", trials=10, storage=tmp_path, **OPTIONS)
    two = search(edited, "s", trials=8, **both)
    assert settings(two)[1] in settings(one)
    again = search(bowl, "s", trials=5, fresh=True, storage=tmp_path, **OPTIONS)
    assert settings(again)[1] in [*settings(two), *settings(one)]
    assert all(trial.state is State.COMPLETE for trial in again.trials)


def test_a_space_that_grows_and_a_choice_that_was_added(tmp_path: Path) -> None:
    """An older branch is reached at once, with its parameters; the new choice is tried, too."""

    def cell(choices: list[str]) -> Any:
        def objective() -> dict[str, float]:
            kind = hp.Choice("kind", choices)
            if kind == "deep":
                return {"loss": abs(hp.Float("depth", 0.0, 1.0) - 0.7)}
            return {"loss": {"flat": 1.0, "new": 0.9}[kind] + hp.Float("x", 0.0, 1.0)}

        return objective

    old = search(cell(["flat", "deep"]), "s", trials=20, storage=tmp_path, **OPTIONS)
    assert old.best_params["kind"] == "deep"
    new = search(
        cell(["flat", "deep", "new"]), "s", trials=15, fresh=True, storage=tmp_path, **OPTIONS
    )
    assert settings(new)[1] == old.best_params
    assert new.best_seen <= old.best_seen + 1e-9
    assert "new" in {setting["kind"] for setting in settings(new)}


def test_an_older_study_that_is_gone_is_left_out(tmp_path: Path) -> None:
    """The search continues without it."""
    study = search(bowl, "s", trials=2, storage=tmp_path, **OPTIONS)
    record = replace(study.record, guides=(("gone", 1), ("s", 1)))
    found = older_studies(study.storage, record)
    assert [older.name for older in found] == ["s"]


@pytest.mark.parametrize("state", [State.RUNNING, State.WAITING])
def test_an_older_trial_that_has_not_ended_does_not_guide(state: State, tmp_path: Path) -> None:
    """Another process may still end it, and the search would not be the same when it continues."""
    search(bowl, "s", trials=3, storage=tmp_path, **OPTIONS)
    study = search(edited, "s", trials=2, storage=tmp_path, **OPTIONS)
    before = older_studies(study.storage, study.record)
    older = study.storage.revisions("s")[0]
    study.storage.save_trial(older.id, Trial(3, state, {"x": 0.1, "k": 3}, started=0.0))
    assert older_studies(study.storage, study.record) == before
