"""Tests that every storage must pass.

class TestMine(StorageContract):
    @pytest.fixture
    def storage(self):
        return MyStorage()
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from hpo_magic.core.domains import Choice, Float, Int
from hpo_magic.core.ledger import Ledger
from hpo_magic.core.ports import Storage
from hpo_magic.core.records import StudyRecord, TestEvaluation, UsedRows
from hpo_magic.core.row_scores import RowOrder, of_rows
from hpo_magic.core.space import Parameter, Space
from hpo_magic.core.trial import Direction, Failure, Goal, Kind, Point, State, Trial


def a_record(name: str = "digits") -> StudyRecord:
    """Return a study that is not yet stored."""
    return StudyRecord(
        id=0,
        name=name,
        revision=0,
        goals=(Goal("val_accuracy", Direction.MAXIMIZE),),
        seed=3,
        source="lr = hp.Float(1e-4, 1e-1)  # naïve\n",
        code="c0",
        ranges="r0",
        data="d0",
        line="digits --trials 30",
        created=1700000000.25,
        guides=(("letters", 2),),
    )


def a_trial(number: int, state: State = State.COMPLETE, value: float | None = 0.5) -> Trial:
    """Return a trial with a value in each field; `value` only if it is complete."""
    return Trial(
        number=number,
        state=state,
        params={"lr": 0.01, "units[0]": 64, "act": "relu", "norm": True, "shape": (3, None)},
        kind=Kind.ENQUEUED,
        seed=2**70,
        value=value if state is State.COMPLETE else None,
        metrics={"val_accuracy": 0.5},
        curve=(Point(1, {"loss": 1.25}), Point(2, {"loss": 0.1 + 0.2})),
        started=1700000000.25,
        duration_s=2.5,
        failure=Failure("ValueError", "no", 3, "…") if state is State.FAILED else None,
        output="epoch 1\n",
    )


class StorageContract:
    """Tests of a storage. A subclass has the fixture `storage`: an empty one for each test."""

    def test_a_new_storage_is_empty(self, storage: Storage) -> None:
        """It has no studies, no revisions and no test evaluations."""
        assert storage.names() == []
        assert storage.revisions("digits") == []
        assert storage.evaluations() == []

    def test_revisions_count_from_one(self, storage: Storage) -> None:
        """Each name has its own revisions, and each revision its own id."""
        first = storage.create(a_record())
        other = storage.create(a_record("other"))
        second = storage.create(a_record())
        assert (first.revision, other.revision, second.revision) == (1, 1, 2)
        assert len({first.id, other.id, second.id}) == 3
        assert storage.revisions("digits") == [first, second]

    def test_a_record_comes_back_as_it_was(self, storage: Storage) -> None:
        """All of its fields are kept."""
        created = storage.create(a_record())
        assert replace(created, id=0, revision=0) == a_record()
        assert storage.revisions("digits") == [created]

    def test_update_keeps_what_makes_the_study(self, storage: Storage) -> None:
        """Source, fingerprints and goals change; seed, name and time stay."""
        created = storage.create(a_record())
        edited = replace(created, source="s", code="c", ranges="r", data="d")
        edited = replace(edited, goals=(Goal("loss", Direction.MINIMIZE),))
        storage.update(replace(edited, seed=9, created=0.0))
        assert storage.revisions("digits") == [edited]

    def test_several_objectives_and_the_choice_are_kept(self, storage: Storage) -> None:
        """The choice is not part of the record: updating an older copy of it keeps the choice."""
        others = (Goal("n_params", Direction.MINIMIZE), Goal("f1", Direction.MAXIMIZE))
        goals = (Goal("val_accuracy", Direction.MAXIMIZE), *others)
        created = storage.create(replace(a_record(), goals=goals))
        storage.choose(created.id, 7)
        storage.update(replace(created, source="s"))
        assert storage.revisions("digits") == [replace(created, source="s", chosen=7)]
        storage.choose(created.id, None)
        assert storage.revisions("digits") == [replace(created, source="s")]

    def test_the_latest_used_name_is_last(self, storage: Storage) -> None:
        """A study is used by being created, updated, and given trials."""
        first = storage.create(a_record("first"))
        second = storage.create(a_record("second"))
        assert storage.names() == ["first", "second"]
        storage.save_trial(first.id, a_trial(0))
        assert storage.names() == ["second", "first"]
        storage.update(second)
        assert storage.names() == ["first", "second"]
        storage.create(a_record("first"))
        assert storage.names() == ["second", "first"]

    def test_numbers_count_from_zero(self, storage: Storage) -> None:
        """Each study has its own numbers, whether trials follow or not."""
        study, other = storage.create(a_record()).id, storage.create(a_record()).id
        assert [storage.claim(study) for _ in range(3)] == [0, 1, 2]
        assert storage.claim(other) == 0

    def test_a_saved_number_is_not_handed_out(self, storage: Storage) -> None:
        """Not even if nobody claimed it."""
        study = storage.create(a_record()).id
        storage.save_trial(study, a_trial(4))
        assert storage.claim(study) == 5

    def test_a_released_number_is_handed_out_again(self, storage: Storage) -> None:
        """A search that ends leaves no gap."""
        study = storage.create(a_record()).id
        storage.claim(study)
        storage.release(study, storage.claim(study))
        assert storage.claim(study) == 1

    def test_a_number_with_a_trial_cannot_be_released(self, storage: Storage) -> None:
        """The trial stays, and the number is not handed out again."""
        study = storage.create(a_record()).id
        number = storage.claim(study)
        storage.save_trial(study, a_trial(number, State.RUNNING))
        storage.release(study, number)
        assert storage.trials(study) == [a_trial(number, State.RUNNING)]
        assert storage.claim(study) == number + 1

    def test_threads_get_numbers_of_their_own(self, storage: Storage) -> None:
        """Claims at the same moment do not collide."""
        study = storage.create(a_record()).id
        with ThreadPoolExecutor(8) as pool:
            numbers = list(pool.map(lambda _: storage.claim(study), range(100)))
        assert sorted(numbers) == list(range(100))

    def test_trials_come_back_as_they_were(self, storage: Storage) -> None:
        """In every state, and by number."""
        study = storage.create(a_record()).id
        trials = [a_trial(number, state) for number, state in enumerate(State)]
        for trial in reversed(trials):
            storage.save_trial(study, trial)
        assert storage.trials(study) == trials

    def test_outcomes_come_back_bit_by_bit(self, storage: Storage) -> None:
        """Each way to read a trial returns them; a trial saved again without them has none."""
        study, other = storage.create(a_record()).id, storage.create(a_record()).id
        right = of_rows(
            np.array([True, False, True]),
            ["cat", "dog", "cat"],
            groups=["a", "b", "a"],
            n_trained=9.0,
            order=RowOrder.TIME,
            split_groups=0.5,
        )
        losses = of_rows(np.array([0.1, 2.5e-38, 3.0]), [0, 1, 2], worst=36.0)
        assert right is not None
        assert losses is not None
        trials = [replace(a_trial(0), row_scores=right), replace(a_trial(1), row_scores=losses)]
        for trial in (*trials, a_trial(2)):
            storage.save_trial(study, trial)
        storage.save_trial(other, a_trial(0))
        assert storage.trials(study) == [*trials, a_trial(2)]
        assert storage.changes(study, 0)[1] == [*trials, a_trial(2)]
        assert storage.trials(other) == [a_trial(0)]
        storage.save_trial(study, a_trial(0))
        assert storage.trials(study)[0].row_scores is None

    def test_numbers_that_are_not_finite_are_kept(self, storage: Storage) -> None:
        """In metrics, curves and settings."""
        study = storage.create(a_record()).id
        curve = (Point(1, {"loss": math.inf}),)
        odd = replace(a_trial(0), params={"clip": -math.inf}, metrics={"x": math.nan}, curve=curve)
        storage.save_trial(study, odd)
        (back,) = storage.trials(study)
        assert math.isnan(back.metrics["x"])
        assert replace(back, metrics={}) == replace(odd, metrics={})

    def test_a_saved_trial_replaces_the_one_before(self, storage: Storage) -> None:
        """The number tells which."""
        study = storage.create(a_record()).id
        number = storage.claim(study)
        storage.save_trial(study, a_trial(number, State.RUNNING))
        assert [trial.state for trial in storage.trials(study)] == [State.RUNNING]
        storage.save_trial(study, a_trial(number))
        assert storage.trials(study) == [a_trial(number)]

    def test_a_claimed_number_is_no_trial(self, storage: Storage) -> None:
        """Only what was saved is returned."""
        study = storage.create(a_record()).id
        storage.claim(study)
        assert storage.trials(study) == []
        assert storage.changes(study, 0) == (0, [])

    def test_changes_are_what_was_saved_since(self, storage: Storage) -> None:
        """Each trial once, as it is now, in the order of the saves."""
        study = storage.create(a_record()).id
        for number in range(3):
            storage.save_trial(study, a_trial(number, State.RUNNING))
        mark, trials = storage.changes(study, 0)
        assert [trial.number for trial in trials] == [0, 1, 2]
        assert storage.changes(study, mark) == (mark, [])
        for number in (2, 0):
            storage.save_trial(study, a_trial(number))
        later, trials = storage.changes(study, mark)
        assert trials == [a_trial(2), a_trial(0)]
        assert later > mark
        assert len(storage.changes(study, 0)[1]) == 3

    def test_changes_are_of_one_study(self, storage: Storage) -> None:
        """Changes of other studies are not returned."""
        study, other = storage.create(a_record()).id, storage.create(a_record()).id
        mark, _ = storage.changes(study, 0)
        storage.save_trial(other, a_trial(0))
        assert storage.changes(study, mark) == (mark, [])

    def test_a_running_trial_of_this_process_runs(self, storage: Storage) -> None:
        """It becomes a stopped trial only when its process has ended."""
        study = storage.create(a_record()).id
        storage.save_trial(study, a_trial(0, State.RUNNING))
        assert [trial.state for trial in storage.changes(study, 0)[1]] == [State.RUNNING]

    def test_the_space_is_kept(self, storage: Storage) -> None:
        """The latest one of each study; at first an empty one."""
        study, other = storage.create(a_record()).id, storage.create(a_record()).id
        assert storage.space(study) == Space()
        grown = Space().declare(Parameter("lr", Float(1e-4, 1e-1, log=True), 1e-3))
        storage.save_space(study, grown)
        clip = Choice((None, 1.0, math.inf, (2, "é")), ordered=True)
        grown = grown.declare(Parameter("clip", clip, math.inf, (("lr", (1e-3,)),)))
        grown = grown.declare(Parameter("units", Int(1, 9, 2), 3))
        storage.save_space(study, grown)
        assert storage.space(study) == grown
        assert storage.space(other) == Space()

    def test_enqueued_settings_are_taken_once(self, storage: Storage) -> None:
        """In the order in which they came, each study its own."""
        study, other = storage.create(a_record()).id, storage.create(a_record()).id
        storage.enqueue(study, {"shape": (3, 4), "lr": 0.1})
        storage.enqueue(other, {"lr": 0.3})
        storage.enqueue(study, {})
        assert storage.take_enqueued(study) == [{"shape": (3, 4), "lr": 0.1}, {}]
        assert storage.take_enqueued(study) == []
        assert storage.take_enqueued(other) == [{"lr": 0.3}]

    def test_the_ledger_keeps_every_look(self, storage: Storage) -> None:
        """Oldest first, equal ones and failed ones included."""
        evaluation = TestEvaluation("digits", 1, 7, 1700000000.25, "c", "d", 0.97, "accuracy", 360)
        failed = replace(evaluation, value=None, metric=None, n_rows=None)
        known = replace(evaluation, number=2, low=0.95, high=0.98, n_leaked=3, choice="a vote")
        for line in (evaluation, failed, evaluation, known):
            storage.add_evaluation(line)
        assert storage.evaluations() == [evaluation, failed, evaluation, known]

    def test_the_ledger_is_chained(self, storage: Storage) -> None:
        """Each entry has a head of its own, which its study keeps; all are as they were written."""
        record = storage.create(a_record())
        evaluation = TestEvaluation(record.name, record.revision, 7, 0.0, "c", "d", 0.97)
        assert storage.ledger() == Ledger()
        heads = [storage.add_evaluation(evaluation) for _ in range(2)]
        assert storage.ledger() == Ledger((evaluation, evaluation), tuple(heads))
        assert storage.revisions(record.name)[-1].ledger == heads[-1] != heads[0]

    def test_the_rows_that_a_study_used_are_kept_once(self, storage: Storage) -> None:
        """Each study its own, oldest first; rows that were read and then fitted are both."""
        study, other = storage.create(a_record()).id, storage.create(a_record()).id
        rows = np.array([2**64 - 1, 0, 7], dtype=np.uint64)
        given = [UsedRows(rows, False), UsedRows(rows[:1], True), UsedRows(rows, True)]
        for used in (*given, given[0]):
            storage.add_used(study, used)
        found = [(used.rows.tolist(), used.is_fitted) for used in storage.used(study)]
        assert found == [(used.rows.tolist(), used.is_fitted) for used in given]
        assert storage.used(other) == []
