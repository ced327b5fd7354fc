"""`hpo_magic.search` and `load_study`: what `%%hpo` does, for functions."""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Any

import pytest

from hpo_magic import hp, load_study, search
from hpo_magic.core.events import Reason
from hpo_magic.core.trial import Direction, Goal, State
from hpo_magic.errors import (
    HpoError,
    MetricError,
    OptionError,
    SearchFailed,
    SpaceError,
    StudyNotFound,
)
from hpo_magic.study.study import Study
from hpo_magic.views.words.notices import messages


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder of the test's own."""
    monkeypatch.chdir(tmp_path)


def parabola() -> float:
    """Return a value that is least at 3; the start is at 5."""
    x = hp.Float(0.0, 10.0, default=5.0)
    return (x - 3) ** 2


def both() -> dict[str, float]:
    """Return two metrics."""
    x = hp.Float(0.0, 10.0)
    return {"size": x, "score": -x}


def searched(objective: Any, name: str | None = None, trials: int = 4, **options: Any) -> Study:
    """Search without a word, on the random sampler for speed."""
    return search(objective, name, trials, **{"ui": "none", "sampler": "random", **options})


def test_a_function_is_searched_in_memory() -> None:
    """Without a name nothing is written, and the study is there all the same."""
    study = searched(parabola, minimize="value")
    assert (study.name, len(study.trials)) == ("study", 4)
    assert study.start is not None
    assert (study.start.params, study.start.value) == ({"x": 5.0}, 4.0)
    assert study.best_seen == min(trial.value for trial in study.trials if trial.value is not None)
    assert list(Path().iterdir()) == []


def test_a_metric_of_the_dict_that_is_returned() -> None:
    """By its name, in the direction that the option says."""
    study = searched(both, maximize="score")
    assert study.record.goals == (Goal("score", Direction.MAXIMIZE),)
    assert study.best_seen == -study.best_params["x"]
    assert study.trials[1].metrics.keys() == {"size", "score"}


def test_a_goal_of_none_is_none() -> None:
    """Whoever passes both along may leave one empty."""
    study = searched(both, minimize=None, maximize="score")
    assert study.record.goals[0].direction is Direction.MAXIMIZE


def test_a_metric_of_keras_s_needs_no_option() -> None:
    """As in a cell."""
    study = searched(lambda: {"val_loss": hp.Float("rate", 0.0, 1.0)})
    assert study.record.goals == (Goal("val_loss", Direction.MINIMIZE),)


def test_a_named_study_is_on_disk_and_goes_on() -> None:
    """Under its name, in the folder given."""
    first = searched(parabola, "parabola", minimize="value", storage="here")
    assert Path("here/studies.sqlite").is_file()
    again = searched(parabola, "parabola", trials=5, minimize="value", storage=Path("here"))
    assert again.trials[:4] == first.trials
    assert messages(again.snapshot) == ("Continues: 4 of 5 trials are done.",)


def test_another_function_is_a_new_revision() -> None:
    """Its source tells."""
    searched(parabola, "study", minimize="value")
    study = searched(lambda: hp.Float("rate", 0.0, 1.0), "study", minimize="value")
    assert study.record.revision == 2
    assert messages(study.snapshot) == ("The code changed: a new revision (2); the old ones stay.",)


def test_options_reach_the_search() -> None:
    """Those of the magic's line, by their names."""
    one, two, three = (searched(parabola, minimize="value", seed=s) for s in (1, 1, 2))
    assert [t.params for t in one.trials] == [t.params for t in two.trials]
    assert one.trials[1].params != three.trials[1].params
    timed = searched(parabola, trials=10_000, minimize="value", time="0.2s")
    assert timed.snapshot.ended is Reason.TIME
    named = searched(parabola, "s", minimize="value")
    fresh = searched(parabola, "s", minimize="value", fresh=True)
    assert (named.record.revision, fresh.record.revision) == (1, 2)


def test_text_is_written_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    """With `ui="text"`, and as a rule outside a notebook."""
    searched(parabola, minimize="value", ui="text")
    assert "4 of 4 trials done" in capsys.readouterr().out


def test_random_streams_go_on_as_if_nothing_had_been() -> None:
    """Whatever the function draws."""
    random.seed(3)
    searched(lambda: random.random() + hp.Int("n", 1, 9), minimize="value")
    assert random.random() == random.Random(3).random()


def test_a_search_inside_a_search() -> None:
    """Each `hp` call belongs to the search around it."""

    def outer() -> float:
        inner = searched(lambda: hp.Int("n", 1, 9), minimize="value")
        assert list(inner.space) == ["n"]
        return inner.best_seen + hp.Int("m", 1, 9)

    assert list(searched(outer, minimize="value").space) == ["m"]


def test_objects_that_can_be_called() -> None:
    """A class with `__call__` has no source of a function; it is searched all the same."""

    class Objective:
        def __call__(self) -> int:
            return hp.Int("n", 1, 9)

    assert list(searched(Objective(), "called", minimize="value").space) == ["n"]


def test_calls_outside_a_trial_give_their_defaults() -> None:
    """So the function can be tried by hand."""
    assert parabola() == 4.0


# What can go wrong.


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"minimise": "value"}, r"^search: no option 'minimise'\. Did you mean minimize\? There "),
        ({"minimize": True, "maximize": "b"}, r"^each of several objectives needs a name"),
        ({"trials": "5"}, r"^trials: must be a whole number from 1 up, got '5'\.$"),
        ({"sampler": "byaes"}, r"^sampler: 'byaes' is not one of .* Did you mean bayes\?$"),
        ({"time": "soon"}, r"^time: expected a length of time such as 90s, 10m or 2h, got 'soon'"),
        ({"name": "no name"}, r"Try no_name\.$"),
    ],
)
def test_options_that_cannot_be(options: dict[str, Any], message: str) -> None:
    """Nothing runs."""
    with pytest.raises(OptionError, match=message):
        searched(parabola, **options)


@pytest.mark.parametrize("objective", [3, None, lambda x: x])
def test_an_objective_that_cannot_be_called(objective: Any) -> None:
    """It is refused before the first trial."""
    with pytest.raises(OptionError, match=r"must be a function of no arguments .*, got "):
        searched(objective, minimize="value")


def test_a_metric_that_is_not_there() -> None:
    """The message lists those that are, and spells options as Python does."""
    with pytest.raises(MetricError, match=r'the metric "scores".* Did you mean maximize="score"\?'):
        searched(both, maximize="scores")
    with pytest.raises(MetricError, match=r"The function logged: size, score\. Write max"):
        searched(both)


def test_a_space_that_cannot_be_searched() -> None:
    """The first trial raises it."""
    with pytest.raises(SpaceError, match=r"the lower bound 9 is above the upper bound 1\. Swap"):
        searched(lambda: hp.Int("n", 9, 1), minimize="value")


def test_trials_that_keep_failing() -> None:
    """The cause is the function's own exception, the study on disk has its lines."""

    def broken() -> float:
        return 1 / (hp.Int("n", 1, 9) - hp.Int("n", 1, 9))

    with pytest.raises(SearchFailed, match=r"a trial failed: ZeroDivisionError: ") as caught:
        searched(broken, "broken", minimize="value")
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    failure = load_study("broken").trials[0].failure
    assert failure is not None
    assert "in broken" in failure.traceback
    assert "attempt.py" not in failure.traceback


def test_a_trial_that_fails_alone() -> None:
    """The search goes on; with `errors="raise"` it ends."""

    def picky() -> float:
        n = hp.Int("n", 1, 9, default=5)
        if n != 5:
            raise KeyError(n)
        return n

    states = [trial.state for trial in searched(picky, minimize="value").trials]
    assert states == [State.COMPLETE, *[State.FAILED] * 3]
    with pytest.raises(SearchFailed, match=r"KeyError"):
        searched(picky, minimize="value", errors="raise")


# `load_study`.


def test_a_study_is_loaded_anywhere() -> None:
    """With its trials, by name; the latest revision."""
    searched(parabola, "s", minimize="value", storage="here")
    study = searched(parabola, "s", minimize="value", storage="here", fresh=True)
    loaded = load_study("s", "here")
    assert loaded.record.revision == 2
    assert loaded.trials == study.trials
    assert repr(loaded).startswith("s: minimize value")


def test_a_study_that_is_not_there() -> None:
    """The message has the names that are, or the folder without any; nothing is created."""
    with pytest.raises(StudyNotFound, match=r"^no study 's': there are no studies in hpo_studies"):
        load_study("s")
    assert list(Path().iterdir()) == []
    searched(parabola, "digits", minimize="value")
    with pytest.raises(StudyNotFound, match=r"^no study 'digit' here\. Did you mean digits\? Ther"):
        load_study("digit")


@pytest.mark.parametrize(
    ("library", "options"),
    [
        ("hyperopt", {"sampler": "tpe"}),
        ("mlflow", {"log": "mlflow"}),
        ("tensorboard", {"log": "tensorboard:logs"}),
        ("distributed", {"jobs": 2}),
    ],
)
def test_an_extra_that_is_missing_leaves_no_revision(
    library: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The study that is there stays the latest, `fresh` or not."""
    before = searched(parabola, "s", minimize="value")
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(HpoError, match=r'pip install "hpo_magic\['):
        searched(parabola, "s", minimize="value", fresh=True, **options)
    assert load_study("s").record == before.record
