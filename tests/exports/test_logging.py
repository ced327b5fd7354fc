"""Logging while the search runs: what is logged, and a log that fails."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer

from hpo_magic import hp, search
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.trial import Point, State, Trial
from hpo_magic.errors import HpoError, OptionError
from hpo_magic.exports import checked_log, make_log
from hpo_magic.exports.logging import Logging


def steps() -> float:
    """Return a value that gets better by the step; above 0.9 it fails."""
    x = hp.Float("x", 0.0, 1.0)
    for step in range(1, 4):
        hp.report(step, loss=x / step)
    if x > 0.9:
        raise ValueError("too large")
    return x / 3


class Kept:
    """A log that keeps what it is given; or fails at a trial."""

    def __init__(self, fails_at: int | None = None) -> None:
        self.points: list[tuple[int, int]] = []
        self.trials: list[Trial] = []
        self.is_closed = False
        self._fails_at = fails_at

    def point(self, trial: Trial, point: Point) -> None:
        self.points.append((trial.number, point.step))

    def trial(self, trial: Trial, snapshot: Snapshot) -> None:
        if trial.number == self._fails_at:
            raise ConnectionError("the server is gone")
        self.trials.append(trial)

    def close(self, snapshot: Snapshot) -> None:
        self.is_closed = True


def searched(log: Kept, notes: list[str], monkeypatch: pytest.MonkeyPatch) -> Snapshot:
    """Return a search of six trials that kept such a log."""
    import hpo_magic.api as api

    listener = Logging(lambda: log, "mlflow", notes.append)
    monkeypatch.setattr(api, "_listeners", lambda *_: [listener])
    found = search(steps, trials=6, minimize="value", sampler="random", recheck="0", ui="none")
    return found.snapshot


def test_points_come_before_their_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every point, every ended trial once, and then the end."""
    log = Kept()
    snapshot = searched(log, [], monkeypatch)
    assert [t.number for t in log.trials] == [t.number for t in snapshot.trials]
    assert log.trials == list(snapshot.trials)
    assert log.points == [(n, step) for n in range(6) for step in (1, 2, 3)]
    assert log.is_closed


def test_a_log_that_fails_ends_itself_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The search goes on, and the user is told once."""
    log, notes = Kept(fails_at=2), list[str]()
    snapshot = searched(log, notes, monkeypatch)
    assert sum(t.state.is_finished for t in snapshot.trials) == 6
    assert [t.number for t in log.trials] == [0, 1]
    (note,) = notes
    assert note.startswith("--log mlflow failed (ConnectionError: the server is gone) and is off")


def test_tensorboard_is_logged_live(tmp_path: Path) -> None:
    """By the option, into a folder with the study's name."""
    study = search(
        steps, trials=4, minimize="value", log=f"tensorboard:{tmp_path}", recheck="0", ui="none"
    )
    runs = EventMultiplexer()
    runs.AddRunsFromDirectory(str(tmp_path))
    runs.Reload()
    losses = runs.Tensors("study/trial_0000", "loss")
    assert [event.step for event in losses] == [1, 2, 3]
    complete = [t for t in study.trials if t.state is State.COMPLETE]
    values = [runs.Tensors(f"study/trial_{t.number:04d}", "value") for t in complete]
    assert [v[0].tensor_proto.float_val[0] for v in values] == pytest.approx(
        [t.value for t in complete]
    )


@pytest.mark.parametrize("text", ["tensorboad:x", "tensorboard", "tensorboard:", "mlflow:x", ""])
def test_a_place_that_is_none_is_refused(text: str) -> None:
    """With those that there are."""
    with pytest.raises(OptionError, match=r"is no log. Write tensorboard:DIR or mlflow"):
        checked_log(text)


@pytest.mark.parametrize(
    ("text", "library"), [("tensorboard:x", "tensorboard"), ("mlflow", "mlflow")]
)
def test_what_is_missing_is_said_with_the_command(
    text: str, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the search begins."""
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(HpoError, match=rf'pip install "hpo_magic\[{library}\]"$'):
        make_log(text, "study", print)
