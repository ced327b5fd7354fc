"""What the live plots cost the kernel: CPU time and bytes of an epoch, a trial and a whole study.

`python -m benchmarks.panel` prints a table. The widget is not connected to a page: what is measured
is computing and packing a message, which is all that the training waits for. Bytes are those of the
message's content; Jupyter's envelope, signature and headers come to it (some 700 bytes).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from statistics import median

import numpy as np

from hpo_magic.core.domains import Choice, Float, Int
from hpo_magic.core.events import Completed, Outcome, Reported
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.space import Parameter, Space
from hpo_magic.core.trial import Direction, Goal, Point, State, Trial
from hpo_magic.notebook.panel.plots import LivePlots

ENDED = Completed(0, Outcome(), 0.0)


def a_study(n_trials: int, n_epochs: int) -> Snapshot:
    """Return a search with this many complete trials of this many epochs, and one in training."""
    rng = np.random.default_rng(0)
    parameters = [
        Parameter("layers", Int(1, 4), 1),
        Parameter("act", Choice(("relu", "tanh", "gelu")), "relu"),
        Parameter("lr", Float(1e-5, 1e-1, log=True), 1e-3),
        Parameter("units", Int(16, 512, log=True), 64),
        Parameter("dropout", Float(0, 0.5), 0.2),
        Parameter("norm", Choice((False, True)), False),
    ]
    space = Space({parameter.name: parameter for parameter in parameters})

    def trial(number: int) -> Trial:
        params = {name: p.domain.value(float(rng.random())) for name, p in space.items()}
        ends = 0.9 - 0.1 * float(rng.random())
        values = [ends * (1 - 2.0 ** (-epoch / 5)) for epoch in range(1, n_epochs + 1)]
        curve = tuple(Point(k, {"val_acc": v, "acc": v}) for k, v in enumerate(values, 1))
        times = {"started": 60.0 * number, "duration_s": 59.0}
        return Trial(number, State.COMPLETE, params, value=ends, curve=curve, **times)

    trials = [trial(number) for number in range(n_trials)]
    running = replace(trial(n_trials), state=State.RUNNING, value=None, duration_s=None, curve=())
    goals = (Goal("val_acc", Direction.MAXIMIZE),)
    return Snapshot("study", goals, space, (*trials, running), n_trials=2 * n_trials)


def cpu_ms(what: Callable[[], object], n: int) -> float:
    """Return the median CPU time of a call, in ms."""
    took = []
    for _ in range(n):
        began = time.process_time()
        what()
        took.append(1000 * (time.process_time() - began))
    return median(took)


def measured(n_trials: int, n_epochs: int) -> dict[str, float]:
    """Return CPU times in ms and sizes in bytes."""
    study = a_study(n_trials, n_epochs)
    now = [0.0]
    plots = LivePlots(study, clock=lambda: now[0])
    sizes: list[int] = []

    def pack(message: object, buffers: object = None) -> None:
        sizes.append(len(json.dumps(message)))

    plots.widget.send = pack
    step = [0]

    def epoch() -> None:
        now[0] += 1
        step[0] += 1
        metrics = {"val_acc": 0.87654321, "acc": 0.9}
        plots.notice(Reported(n_trials, step[0], metrics, 0.0, n_epochs), lambda: study)

    of_epoch = cpu_ms(epoch, 200)
    bytes_epoch = max(sizes)
    whole = cpu_ms(plots.described, 3)
    ended = [study]

    def trial() -> None:
        last = ended[0].trials[-1]
        done = replace(study.trials[0], number=last.number)
        begun = replace(last, number=last.number + 1)
        ended[0] = replace(study, trials=(*ended[0].trials[:-1], done, begun))
        plots.notice(ENDED, lambda: ended[0])

    of_trial = cpu_ms(trial, 20)
    return {
        "epoch, CPU ms": of_epoch,
        "epoch, bytes": bytes_epoch,
        "trial, CPU ms": of_trial,
        "trial, bytes": sizes[-1],
        "whole study, CPU ms": whole,
        "whole study, kB": len(plots.described()) / 1000,
    }


def main() -> None:
    """Print the table."""
    columns = {f"{n} x {m}": measured(n, m) for n, m in ((20, 10), (200, 50), (1000, 50))}
    print(f"{'':22}", *(f"{name:>12}" for name in columns))
    for row in next(iter(columns.values())):
        print(f"{row:22}", *(f"{column[row]:12.2f}" for column in columns.values()))


if __name__ == "__main__":
    main()
