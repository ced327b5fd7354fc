"""What a cell's last expression may be, and what it names."""

from __future__ import annotations

import ast

import pytest

from hpo_magic.source.fingerprint import code_fingerprint
from hpo_magic.source.function import as_function
from hpo_magic.source.ipython_text import without_timing
from hpo_magic.source.last_expression import is_chore, words_of
from hpo_magic.source.only_predicted import only_predicted
from hpo_magic.source.script import with_last_printed


@pytest.mark.parametrize(
    "text",
    ["gc.collect()", "collect()", "f.write(line)", "Path(p).write_text(t)", "os.system('ls')"],
)
def test_numbers_of_chores_are_no_scores(text: str) -> None:
    """Objects freed, characters written, exit codes."""
    assert is_chore(ast.parse(text, mode="eval").body)


@pytest.mark.parametrize(
    "text", ["m.score(x, y)", "acc", "collect(x)", "round(acc, 3)", "m.evaluate(x, y)[1]", "-loss"]
)
def test_other_ends_may_be_scores(text: str) -> None:
    """Calls, variables, arithmetic."""
    assert not is_chore(ast.parse(text, mode="eval").body)


def test_the_words_of_an_expression() -> None:
    """Names, attributes and strings."""
    assert {"h", "history", "val_acc"} <= words_of(ast.parse("max(h.history['val_acc'])").body[0])


def test_a_timed_statement_keeps_its_columns() -> None:
    """Only where `hp` is in it: any other is IPython's to time."""
    timed = "if a:\n    %time m = fit(hp.Int(1, 9))\n%time n = fit(3)"
    plain = without_timing(timed)
    assert plain.splitlines()[1].index("m =") == timed.splitlines()[1].index("m =")
    assert plain.splitlines()[2] == "%time n = fit(3)"
    ast.parse("\n".join(plain.splitlines()[:2]))


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("s += m.predict_proba(X_test)[:, 1] / 5", True),
        ("sub = pd.DataFrame({'id': test_ids, 'y': m.predict(X_test[cols])})", True),
        ("p = m.predict(sc.transform(X_test))", True),
        ("p = m.predict(X_test)\nacc = accuracy_score(labels, p)", False),
        ("acc = (m.predict(X_test) == labels).mean()", False),
        ("p = m.predict(X_test)\nq = p > 0.5\nf = f1_score(labels, q)", False),
        ("m.score(X_test, y_test)", False),
        ("m.fit(x, y, validation_data=(X_test, y))", False),
    ],
)
def test_rows_that_are_predicted_alone(cell: str, expected: bool) -> None:
    """They have no part in a score, in whatever steps."""
    assert ("X_test" in only_predicted(ast.parse(cell))) is expected


def test_ranges_in_a_timed_statement_are_ranges() -> None:
    """Another range is no other code."""
    one, other, changed = (
        code_fingerprint(f"%time m = fit(hp.Int({bounds}), {seed})")
        for bounds, seed in (("1, 9", 0), ("1, 12", 0), ("1, 9", 1))
    )
    assert one.code == other.code != changed.code
    assert one.ranges == changed.ranges != other.ranges


def test_a_frozen_function_returns_the_metric_and_no_chore() -> None:
    """A script does not print it, either."""
    cell = "acc = train(hp.Int('n', 1, 9))\ngc.collect()"
    text = as_function(cell, {"n": 3}, metric="acc")
    assert text.rstrip().endswith("gc.collect()\n    return acc")
    assert with_last_printed(cell) == cell
