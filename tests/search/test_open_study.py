"""Going on: what changed since, and what becomes of what is there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hpo_magic.core.domains import Int
from hpo_magic.core.space import Parameter, Space
from hpo_magic.core.trial import Direction, Goal, Kind, State, Trial
from hpo_magic.search.fingerprint import Fingerprint
from hpo_magic.search.open_study import Opened, open_study
from hpo_magic.search.options import Options
from hpo_magic.source.fingerprint import code_fingerprint
from hpo_magic.storage.sqlite import SqliteStorage

ACC = Goal("acc", Direction.MAXIMIZE)
MARK = Fingerprint("model.fit(x)", "c1", "r1", "d1")
SPACE = Space({"units": Parameter("units", Int(1, 9), 5)})


def a_study(n_trials: int = 3, **options: Any) -> SqliteStorage:
    """Return a storage with a study of some complete trials."""
    storage = SqliteStorage(None)
    opened = open_study(storage, "digits", Options(**options), MARK)
    storage.save_space(opened.record.id, SPACE)
    for number in range(n_trials):
        kind = Kind.START if number == 0 else Kind.SEARCH
        trial = Trial(number, State.COMPLETE, {"units": number + 1}, kind, value=0.5)
        storage.save_trial(opened.record.id, trial)
    return storage


def reopened(storage: SqliteStorage, mark: Fingerprint = MARK, **options: Any) -> Opened:
    """Return the study as the next run of the cell finds it."""
    return open_study(storage, "digits", Options(**{"trials": 5, **options}), mark)


def test_a_new_study_starts_without_a_word() -> None:
    """There is nothing to say."""
    opened = open_study(SqliteStorage(None), "digits", Options(goals=(ACC,), seed=3), MARK)
    record = opened.record
    assert (record.name, record.revision, record.metric) == ("digits", 1, "acc")
    assert (record.goals, record.seed) == ((ACC,), 3)
    assert (record.source, record.code, record.ranges, record.data) == (
        "model.fit(x)", "c1", "r1", "d1",
    )  # fmt: skip
    assert (opened.space, opened.trials, opened.queue, opened.sentence) == (Space(), (), (), "")
    assert not opened.ranges_changed


def test_nothing_changed_goes_on() -> None:
    """What is missing is run, with what is there."""
    opened = reopened(a_study())
    assert opened.record.revision == 1
    assert opened.space == SPACE
    assert [t.number for t in opened.trials] == [0, 1, 2]
    assert not opened.ranges_changed
    assert opened.sentence == "Continues: 3 of 5 trials are done."


def test_nothing_changed_and_nothing_missing() -> None:
    """The sentence says how to get more."""
    assert reopened(a_study(), trials=3).sentence == (
        "No trial is left to run: 3 of 3 trials are done. For more: --trials 4, or start over with "
        "--fresh."
    )


def test_nothing_changed_before_the_first_trial() -> None:
    """A study that was only opened goes on without a word."""
    opened = reopened(a_study(0))
    assert (opened.record.revision, opened.sentence) == (1, "")


def test_changed_ranges_keep_the_trials() -> None:
    """The start runs again; what does not fit is set aside, not lost."""
    storage = a_study()
    opened = reopened(storage, replace(MARK, ranges="r2", source="other"))
    assert opened.ranges_changed
    assert opened.record.revision == 1
    assert (opened.record.ranges, opened.record.source) == ("r2", "other")
    assert (opened.space, len(opened.trials)) == (SPACE, 3)
    assert opened.sentence == (
        "The ranges changed: the start runs again, then the search continues with those of the 3 "
        "trials that are inside the new ranges; the others stay on disk."
    )
    assert storage.revisions("digits") == [opened.record]


def test_changed_ranges_are_traced_though_the_kernel_dies_before() -> None:
    """The next run finds no space, so that its start traces the new ranges."""
    storage = a_study()
    mark = replace(MARK, ranges="r2")
    reopened(storage, mark)
    opened = reopened(storage, mark)
    assert not opened.ranges_changed
    assert opened.space == Space()
    assert len(opened.trials) == 3


def test_trials_that_were_set_aside_are_not_counted() -> None:
    """Done are those that fit the space as it is."""
    storage = a_study()
    storage.save_space(1, Space({"units": Parameter("units", Int(2, 9), 5)}))
    assert reopened(storage).sentence == "Continues: 2 of 5 trials are done."


@pytest.mark.parametrize(
    ("mark", "options", "why"),
    [
        (replace(MARK, code="c2"), {}, "The code changed"),
        (replace(MARK, code="c2", ranges="r2"), {}, "The code changed"),
        (replace(MARK, data="d2"), {}, "What the cell reads changed"),
        (MARK, {"fresh": True}, "Started over (--fresh)"),
        (MARK, {"seed": 1}, "The seed changed from 0 to 1"),
        (MARK, {"goals": (Goal("auc", Direction.MAXIMIZE),)}, "The metric changed from acc to auc"),
        (MARK, {"goals": Direction.MINIMIZE}, "The direction changed"),
    ],
)
def test_other_code_data_or_goal_is_a_new_revision(
    mark: Fingerprint, options: dict[str, Any], why: str
) -> None:
    """It starts empty; the old one stays as it was."""
    storage = a_study(goals=(ACC,))
    opened = reopened(storage, mark, **options)
    assert opened.record.revision == 2
    assert (opened.trials, opened.space, opened.ranges_changed) == ((), Space(), False)
    assert opened.sentence == f"{why}: a new revision (2); the old ones stay."
    assert len(storage.trials(1)) == 3
    assert storage.space(1) == SPACE


def test_a_metric_that_was_not_known_before_is_a_new_revision() -> None:
    """The first run never found one, though it has results; the sentence does not speak of None."""
    opened = reopened(a_study(), goals=(Goal("auc", Direction.MAXIMIZE),))
    assert opened.sentence == "The metric changed to auc: a new revision (2); the old ones stay."


def test_a_revision_without_results_is_left_without_a_word() -> None:
    """Nothing that anybody wants to go back to is there."""
    opened = reopened(a_study(0), replace(MARK, code="c2"))
    assert (opened.record.revision, opened.sentence) == (2, "")


def test_the_metric_may_be_left_out_or_repeated() -> None:
    """The study's goal stands."""
    storage = a_study(goals=(ACC,))
    assert reopened(storage).record.revision == 1
    same = reopened(storage, goals=(ACC,))
    assert same.record.revision == 1


def test_an_empty_fingerprint_is_not_compared() -> None:
    """A function has no cell whose text could have changed."""
    storage = a_study()
    opened = reopened(storage, Fingerprint())
    assert (opened.record.revision, opened.ranges_changed) == (1, False)


def test_comments_change_nothing_but_the_source() -> None:
    """The text on disk is the one that ran last."""
    storage = a_study()
    opened = reopened(storage, replace(MARK, source="model.fit(x)  # better"))
    assert not opened.ranges_changed
    assert storage.revisions("digits")[0].source == "model.fit(x)  # better"


def test_enqueued_settings_are_taken() -> None:
    """They are tried first, once."""
    storage = a_study()
    storage.enqueue(1, {"units": 7})
    assert reopened(storage).queue == ({"units": 7},)
    assert reopened(storage).queue == ()


# Several objectives.

SIZE = Goal("n_params", Direction.MINIMIZE)
TWO = (ACC, SIZE)


def test_several_objectives_go_on_in_any_order_or_unnamed() -> None:
    """The stored ones count, in their order."""
    storage = SqliteStorage(None)
    first = open_study(storage, "digits", Options(goals=TWO), MARK).record
    storage.save_trial(first.id, Trial(0, State.COMPLETE, {}, value=0.5))
    again = reopened(storage, goals=(SIZE, ACC)).record
    assert again == reopened(storage).record == first
    assert again.goals == TWO


@pytest.mark.parametrize(
    "changed",
    [
        (ACC,),
        (ACC, Goal("n_params", Direction.MAXIMIZE)),
        (*TWO, Goal("fit_seconds", Direction.MINIMIZE)),
    ],
    ids=["one fewer", "another direction", "one more"],
)
def test_other_objectives_are_a_new_revision(changed: tuple[Goal, ...]) -> None:
    """The trials may not have what is asked for now."""
    storage = SqliteStorage(None)
    first = open_study(storage, "digits", Options(goals=TWO), MARK).record
    storage.save_trial(first.id, Trial(0, State.COMPLETE, {}, value=0.5))
    opened = reopened(storage, goals=changed)
    assert opened.record.revision == 2
    assert opened.sentence.startswith(
        "The objectives changed from maximize acc, minimize n_params to maximize acc"
    )


CELL = "lr = hp.Float(0, 1)\nfit(x, lr)"


def stored_by_older_version(**changed: str) -> SqliteStorage:
    """Return a study whose fingerprints have no number of their format."""
    storage = a_study()
    (record,) = storage.revisions("digits")
    fields = {"source": CELL, "code": "0" * 32, "ranges": "1" * 32, "data": "2" * 32}
    storage.update(replace(record, **{**fields, **changed}))
    return storage


def now(cell: str = CELL, data: str = "2:d") -> Fingerprint:
    """Return the fingerprint that this version gives a cell."""
    return Fingerprint(cell, *code_fingerprint(cell), data)


NOT_COMPARED = (
    "An older version of hpo_magic stored this study, so whether the data changed since cannot be "
    "checked. If so, start over with --fresh."
)


def test_a_study_of_an_older_version_goes_on() -> None:
    """Its code is compared by its text; its data cannot be, which is said once."""
    storage = stored_by_older_version()
    opened = reopened(storage, now())
    assert opened.record.revision == 1
    assert not opened.ranges_changed
    assert opened.sentence == f"Continues: 3 of 5 trials are done. {NOT_COMPARED}"
    assert reopened(storage, now()).sentence == "Continues: 3 of 5 trials are done."
    assert reopened(storage, now(data="2:e")).sentence.startswith("What the cell reads changed")


def test_code_of_an_older_version_that_changed() -> None:
    """Is found in its text, and so are other ranges."""
    other = CELL.replace("x, lr", "y, lr")
    assert reopened(stored_by_older_version(), now(other)).sentence.startswith("The code changed")
    wider = CELL.replace("(0, 1)", "(0, 2)")
    opened = reopened(stored_by_older_version(), now(wider))
    assert opened.ranges_changed
    assert opened.sentence.startswith("The ranges changed")


def test_code_of_an_older_version_without_its_text() -> None:
    """Cannot be compared, which is said."""
    opened = reopened(stored_by_older_version(source=""), now())
    assert opened.record.revision == 1
    assert "whether the code or the data changed since cannot be checked" in opened.sentence
