"""The table of trials."""

from __future__ import annotations

from dataclasses import replace

from made_up_searches import a_search

from hpo_magic.core.domains import Float
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.space import Parameter, Space
from hpo_magic.core.trial import Direction, Goal, Kind, State, Trial
from hpo_magic.views.table import (
    best_and_last,
    cut_text,
    failures,
    html_table,
    ranked,
    sort_keys,
    table,
    text_table,
    trial_details,
)


def test_ranked_by_value_has_the_best_first_and_the_failed_last() -> None:
    """What has no value comes after what has one."""
    trials = ranked(a_search(20))
    values = [t.value for t in trials if t.value is not None]
    assert values == sorted(values, reverse=True)
    assert all(t.value is None for t in trials[len(values) :])


def test_ranked_by_anything_that_is_offered() -> None:
    """Every sort key gives all trials; numbers come latest first, parameters ascending."""
    made = a_search(20)
    for key in sort_keys(made):
        assert len(ranked(made, key)) == len(made.trials)
    assert [t.number for t in ranked(made, "number")] == list(range(20, -1, -1))
    rates = [t.params["lr"] for t in ranked(made, "lr")]
    assert rates == sorted(rates)


def test_a_parameter_that_was_not_active_comes_last() -> None:
    """Sorted by a branch's parameter, the other branch is at the end."""
    reached = ["units[1]" in t.params for t in ranked(a_search(20), "units[1]")]
    assert reached == sorted(reached, reverse=True)


def test_ranked_filters_by_state() -> None:
    """Only the trials in that state."""
    assert {t.state for t in ranked(a_search(20), state=State.FAILED)} == {State.FAILED}


def test_columns_are_the_active_parameters() -> None:
    """A column that no shown trial reached is not there; an inactive place is empty."""
    made = a_search(20)
    single = [t for t in made.trials if "units[1]" not in t.params]
    assert "units[1]" not in table(made, single).header
    whole = table(made, made.trials)
    column = whole.header.index("units[1]")
    assert {whole.rows[t.number][column] == "" for t in single} == {True}


def test_state_is_told_by_sign_and_word() -> None:
    """Colour is not needed to read a state."""
    cells = {row[1] for row in table(a_search(20), a_search(20).trials).rows}
    assert cells == {"▶ running", "✓ complete", "✗ failed"}


def test_html_escapes_names_values_and_messages() -> None:
    """A choice with markup stays text, everywhere."""
    made = a_search(20)
    failed = next(t for t in made.trials if t.failure)
    pages = html_table(table(made, made.trials), "<i>") + trial_details(made, failed)
    assert "<script" not in pages
    assert "<i>" not in pages
    assert "&lt;script&gt;" in pages


def test_details_have_the_message_and_the_traceback() -> None:
    """All that is known of a failed trial can be read."""
    made = a_search(20)
    failed = next(t for t in made.trials if t.failure)
    page = trial_details(made, failed)
    assert "failed on line 8 of the cell: ValueError: diverged" in page
    assert "frame" in page


def test_best_and_last_leaves_out_the_middle_of_a_long_a_search() -> None:
    """Ten of each, no trial twice; a short search is whole."""
    chosen = best_and_last(a_search(200))
    numbers = [t.number for t in chosen]
    assert len(numbers) == len(set(numbers)) <= 20
    assert numbers[-1] >= 190
    assert len(best_and_last(a_search(20))) == 21


def test_a_cut_is_said() -> None:
    """How many of how many; nothing where the table is whole."""
    assert cut_text(20, 1200, "The best") == "The best: 20 of 1,200 trials."
    assert cut_text(5, 5, "The best") == ""


def test_text_table_is_aligned_and_marks_the_best() -> None:
    """One star, in the best trial's row."""
    made = a_search(20)
    lines = text_table(table(made, ranked(made))).splitlines()
    assert lines[1].startswith("★")
    assert sum("★" in line for line in lines) == 1


def test_failures_are_one_line_each() -> None:
    """The first lines of the messages, the first ten of them."""
    sentences = failures(a_search(200).trials)
    assert len(sentences) == 10
    assert sentences[0].startswith("Trial 3 failed on line 8 of the cell: ValueError: diverged")
    assert not any("\n" in sentence for sentence in sentences)


def test_a_parameter_called_like_a_column_is_told_apart() -> None:
    """In the head of its column, and among what the table is sorted by."""
    space = Space({name: Parameter(name, Float(0, 1), 0.5) for name in ("value", "state", "lr")})
    trials = tuple(
        Trial(k, State.COMPLETE, {"value": x, "state": 0.1, "lr": 0.2}, value=abs(x - 0.31))
        for k, x in enumerate((0.3, 0.1, 0.2))
    )
    snapshot = Snapshot("s", (Goal("value", Direction.MINIMIZE),), space, trials)
    heads = table(snapshot, trials).header
    assert heads == (
        "trial",
        "state",
        "value",
        "time",
        "value (parameter)",
        "state (parameter)",
        "lr",
    )
    assert [t.number for t in ranked(snapshot, "value")] == [0, 2, 1]
    assert "value (parameter)" in sort_keys(snapshot)
    assert [t.number for t in ranked(snapshot, "value (parameter)")] == [1, 2, 0]


def test_reruns_stand_beside_their_setting() -> None:
    """A column has their values; they have no row of their own."""
    snapshot = a_search(20, is_running=False)
    best = snapshot.history.ranked[0]
    again = tuple(
        replace(best, number=number, kind=Kind.RECHECK, value=value)
        for number, value in ((20, 0.81), (21, 0.82))
    )
    with_reruns = replace(snapshot, trials=(*snapshot.trials, *again))
    rows = best_and_last(with_reruns)
    assert [trial.number for trial in rows] == [t.number for t in best_and_last(snapshot)]
    made = table(with_reruns, rows)
    place = made.header.index("run again")
    assert made.rows[0][place] == "0.8100, 0.8200"
    assert {row[place] for row in made.rows[1:]} == {""}
    assert "run again" not in table(snapshot, rows).header
