"""What a trial prints is kept with it, and what it sets for the process is put back."""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys

import numpy as np
import pytest
from one_training import executed, failure_of

from hpo_magic.executors.trial_execution import OUTPUT_KEPT


def test_prints_are_kept_with_the_trial(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing of them reaches the notebook."""

    def train() -> float:
        print("to stdout")
        print("to stderr", file=sys.stderr)
        return 0.5

    assert executed(train).outcome.output == "to stdout\nto stderr\n"
    assert capsys.readouterr() == ("", "")


WARNING = """
import warnings
from hpo_magic.core.events import Run
from hpo_magic.core.trial import Direction, Kind
from hpo_magic.executors.trial_execution import TrialExecution
from hpo_magic.testing.fakes import FakeObjective

def train():
    warnings.warn("mind the gap")
    return 0.5

execution = TrialExecution(FakeObjective(train), goals=Direction.MINIMIZE)
run = Run(0, {}, Kind.START, 0)
done = execution(run, lambda step, metrics, n_steps=None: None, lambda: None)
print(repr(done.event.outcome.output))
"""


def test_warnings_are_kept_with_the_trial() -> None:
    """In a program of its own, since pytest collects the warnings of this one."""
    done = subprocess.run(
        [sys.executable, "-c", WARNING], capture_output=True, text=True, check=True, timeout=60
    )
    assert "UserWarning: mind the gap" in done.stdout
    assert done.stderr == ""


def test_the_end_of_a_long_output_is_kept() -> None:
    """The last lines tell most."""

    def train() -> float:
        for epoch in range(10_000):
            print(f"epoch {epoch}")
        return 0.5

    output = executed(train).outcome.output
    assert len(output) == OUTPUT_KEPT
    assert output.endswith("epoch 9998\nepoch 9999\n")


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt()])
def test_the_output_of_a_failed_or_stopped_trial_is_kept(error: BaseException) -> None:
    """It may say why."""

    def train() -> float:
        print("about to fail")
        raise error

    assert executed(train).outcome.output == "about to fail\n"


def test_the_streams_of_a_trial_are_those_of_a_program() -> None:
    """Libraries ask them for an encoding, a descriptor and the bytes below."""

    def train() -> float:
        assert sys.stdout.encoding == "utf-8"
        assert not sys.stdout.isatty()
        assert isinstance(sys.stdout.fileno(), int)
        sys.stdout.buffer.write(b"below\n")
        sys.stdout.writelines(["one\n", "two\n"])
        sys.stdout.flush()
        subprocess.run([sys.executable, "-c", "pass"], stdout=sys.stdout, check=True)
        return 0.5

    with open(os.devnull, "w") as real, contextlib.redirect_stdout(real):  # noqa: PTH123
        assert executed(train).outcome.output == "below\none\ntwo\n"


def test_what_a_trial_sets_for_the_process_is_put_back() -> None:
    """Also where it fails."""

    def train() -> float:
        os.environ["OF_THE_TRIAL"] = "1"
        np.seterr(all="ignore")
        logging.getLogger("of.the.trial").addHandler(logging.StreamHandler())
        raise ValueError("no")

    before = np.geterr()
    failure_of(train)
    assert np.geterr() == before
    assert "OF_THE_TRIAL" not in os.environ
    assert logging.getLogger("of.the.trial").handlers == []
