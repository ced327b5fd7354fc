"""Whatever a trial holds comes back as it was."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpo_magic.core.ports import Storage
from hpo_magic.core.trial import Failure, Kind, Point, State, Trial
from hpo_magic.storage.sqlite import SqliteStorage
from hpo_magic.storage.strict_json import from_text, to_text
from hpo_magic.testing.storages import a_record

# Text with everything a print can hold, halves of surrogate pairs and NUL included.
texts = st.text(st.characters(), max_size=20)
finite = st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts
plain = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=5)
metrics = st.dictionaries(texts, st.floats(), max_size=3)
points = st.builds(Point, st.integers(1, 10**12), metrics)
failures = st.builds(Failure, texts, texts, st.none() | st.integers(1, 99), texts)
trials = st.builds(
    Trial,
    number=st.integers(0, 3),
    state=st.sampled_from(State),
    params=st.dictionaries(texts, plain, max_size=4),
    kind=st.sampled_from(Kind),
    seed=st.integers(0, 2**200),
    value=st.none() | finite,
    metrics=metrics,
    curve=st.lists(points, max_size=4).map(tuple),
    started=st.none() | finite,
    duration_s=st.none() | finite,
    failure=st.none() | failures,
    output=texts,
    n_steps=st.none() | st.integers(0, 10**12),
)


@pytest.fixture(params=["on disk", "in memory"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    """Give an empty storage, on disk and in memory."""
    with closing(SqliteStorage(tmp_path if request.param == "on disk" else None)) as made:
        yield made


def test_trials_round_trip(storage: Storage) -> None:
    """What is saved is returned, by `trials` and by `changes`, types included."""
    study = storage.create(a_record()).id
    mark = 0

    @given(trials)
    @settings(max_examples=200, deadline=None)
    def round_trip(trial: Trial) -> None:
        nonlocal mark
        storage.save_trial(study, trial)
        mark, changed = storage.changes(study, mark)
        stored = {t.number: t for t in storage.trials(study)}
        # repr, because NaN differs from itself, and 1 from True only there
        assert [repr(t) for t in changed] == [repr(trial)]
        assert repr(stored[trial.number]) == repr(trial)

    round_trip()


@given(st.dictionaries(texts, plain, max_size=4))
def test_json_is_strict(params: dict[str, object]) -> None:
    """What is written is ASCII without NaN or Infinity, and reads back equal."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    text = to_text(params)
    json.loads(text, parse_constant=refuse)
    assert text.isascii()
    assert to_text(from_text(text)) == text
