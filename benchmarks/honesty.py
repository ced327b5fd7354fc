"""How far off the numbers of a search are on small data: best seen, honest, and what the test says.

    python -m benchmarks.honesty                # all problems, 20 repeats: some minutes of CPU
    python -m benchmarks.honesty --repeats 2

Real data that ships with scikit-learn. Of each data set a small pool is searched (three quarters to
train, one quarter to validate), and all other rows are the test, which is large and so near the
truth. Every search goes through `hpo_magic.search` with the same 40 runs: once with the re-check,
whose runs are taken from the search, and once without, with the honest number from the rows alone.
"""

from __future__ import annotations

import argparse
import inspect
import json
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from benchmarks.honesty_problems import (
    LOG_LOSSES,
    LOSSES,
    NOISE,
    OTHER_PROBLEMS,
    OTHERS,
    PROBLEMS,
    Problem,
)
from hpo_magic import hp, search
from hpo_magic.language.scores import scored
from hpo_magic.language.trial_context import current_trial

RESULTS = Path(__file__).parent / "results" / "honesty.json"
N_TRIALS = 40
WAYS = {"auto": "re-check", "0": "rows alone"}  # by the value of --recheck
VALIDATION_SHARE = 0.25


@dataclass(frozen=True)
class Found:
    """One search; all numbers are higher is better.

    `test` is that of the setting to take, `test_of_best` that of the best seen. `half_width` is 0
    where there is none.
    """

    problem: str
    way: str
    repeat: int
    best_seen: float
    honest: float
    half_width: float
    test: float
    test_of_best: float


def run(problem: Problem, repeat: int, recheck: str, n_trials: int = N_TRIALS) -> Found:
    """Search a pool of the data, and measure what comes out on all other rows."""
    x, y = problem.load()
    stratify = y if problem.is_of_classes else None
    x, x_test, y, y_test = train_test_split(
        x, y, train_size=problem.n_pool, random_state=repeat, stratify=stratify
    )
    tests: dict[str, float] = {}

    def objective() -> float:
        strata = y if problem.is_of_classes else None
        x_train, x_val, y_train, y_val = train_test_split(
            x, y, test_size=VALIDATION_SHARE, random_state=hp.seed(), stratify=strata
        )
        model = make_pipeline(StandardScaler(), problem.model()).fit(x_train, y_train)
        predict = predictions_for(problem.metric, model)
        predicted = predict(x_val)
        if problem.metric in OTHERS:
            value = OTHERS[problem.metric][0](y_val, predicted)
        else:
            value = hp.score(problem.metric, y_val, predicted)
        if not problem.knows_rows:
            current_trial().scored.clear()
        # The search never learns of this: it is what the benchmark knows of every training.
        tests[key(hp.values, hp.seed())] = score(problem.metric, y_test, predict(x_test))
        return value

    sign = problem.sign
    goal = {"maximize" if sign > 0 else "minimize": "value"}
    study = search(
        objective,
        trials=n_trials,
        sampler="random",
        seed=repeat,
        recheck=recheck,
        ui="none",
        **goal,
    )
    best = study.snapshot.history.best()
    assert best is not None
    assert study.honest is not None
    return Found(
        problem.name,
        WAYS.get(recheck, recheck),
        repeat,
        sign * study.best_seen,
        sign * study.honest.value,
        study.honest.half_width or 0.0,
        sign * tests[key(study.best_params, study.best_trial.seed)],
        sign * tests[key(best.params, best.seed)],
    )


def key(params: Any, seed: int) -> str:
    """Return what tells one training from another."""
    return json.dumps([dict(params), seed], sort_keys=True)


def predictions_for(metric: str, model: Any) -> Callable[[np.ndarray], np.ndarray]:
    """Return what gives the predictions that a metric is of."""
    if metric in OTHERS and OTHERS[metric][1] == "chance":
        return lambda x: model.predict_proba(x)[:, 1]
    return model.predict_proba if metric == "log_loss" else model.predict


def score(metric: str, truth: np.ndarray, predicted: np.ndarray) -> float:
    """Return the score on the test rows, past what would take them for the trial's."""
    if metric in OTHERS:
        function = OTHERS[metric][0]
        known = function.keywords if isinstance(function, partial) else {}
        return inspect.unwrap(getattr(function, "func", function))(truth, predicted, **known)
    return scored(metric, truth, predicted).value


def summary(found: Sequence[Found]) -> dict[str, float]:
    """Return means over searches, in points (hundredths), and the share of covered tests."""
    n = len(found)
    too_high = np.array([one.best_seen - one.test for one in found])
    honest = np.array([one.honest - one.test for one in found])
    printed = [one for one in found if one.half_width]
    inside = [abs(one.honest - one.test) <= one.half_width for one in printed]
    return {
        "n": n,
        "best seen": 100 * float(too_high.mean()),
        "honest": 100 * float(honest.mean()),
        "error": 100 * float(honest.std(ddof=1) / np.sqrt(n)) if n > 1 else float("nan"),
        "printed": 100 * len(printed) / n,
        "covered": 100 * float(np.mean(inside)) if printed else float("nan"),
        "half": 100 * float(np.mean([one.half_width for one in printed])) if printed else 0.0,
        "test": 100 * float(np.mean([one.test for one in found])),
    }


def table(found: Sequence[Found]) -> str:
    """Return the results as a table in Markdown."""
    lines = [
        "| problem | honest number by | best seen - test | honest - test | has a ± | which covers |"
        " half-width | test of the choice |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    names = [*dict.fromkeys(one.problem for one in found), "all"]
    for name in names:
        for way in dict.fromkeys(one.way for one in found):
            chosen = [o for o in found if o.way == way and name in (o.problem, "all")]
            if not chosen:
                continue
            s = summary(chosen)
            lines.append(
                f"| {name} | {way} | {s['best seen']:+.1f} | {s['honest']:+.1f} ± "
                f"{1.96 * s['error']:.1f} | {s['printed']:.0f}% | {s['covered']:.0f}% | "
                f"{s['half']:.1f} | {s['test']:.1f} |"
            )
    return "\n".join(lines)


def choice_difference(found: Sequence[Found], way: str, other: str) -> str:
    """Return by how much better one way's choices are than another's, in points, paired."""
    tests = {(one.problem, one.repeat, one.way): one.test for one in found}
    apart = np.array([value - tests[p, r, other] for (p, r, w), value in tests.items() if w == way])
    error = 196 * float(apart.std(ddof=1)) / np.sqrt(len(apart)) if len(apart) > 1 else np.nan
    return f"choice by {way} - by {other}: {100 * apart.mean():+.2f} ± {error:.2f} points"


def main() -> None:
    """Run the problems named on the command line, or all; print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--first", type=int, default=0, help="the first repeat's seed")
    parser.add_argument("--noise", action="store_true", help="the problems without a signal")
    parser.add_argument("--losses", action="store_true", help="six losses")
    parser.add_argument("--log-losses", action="store_true", help="eight log-losses of sure models")
    parser.add_argument("--others", action="store_true", help="metrics that are no means over rows")
    parser.add_argument(
        "--way", action="append", help="a value of --recheck; by default auto, and 0"
    )
    parser.add_argument("--problem", action="append", help="a part of a name; may be repeated")
    asked = parser.parse_args()
    problems = NOISE if asked.noise else LOSSES if asked.losses else PROBLEMS
    problems = LOG_LOSSES if asked.log_losses else OTHER_PROBLEMS if asked.others else problems
    chosen = [p for p in problems if not asked.problem or any(w in p.name for w in asked.problem)]
    found: list[Found] = []
    # Short trainings are what makes small searches noisy; scikit-learn warns of each.
    warnings.filterwarnings("ignore", category=ConvergenceWarning)
    with threadpool_limits(1):
        for problem in chosen:
            for repeat in range(asked.first, asked.first + asked.repeats):
                found += [run(problem, repeat, way) for way in asked.way or ("auto", "0")]
            print(table([one for one in found if one.problem == problem.name]), flush=True)
    kind = "_noise" if asked.noise else "_losses" if asked.losses else ""
    kind = "_log_losses" if asked.log_losses else "_others" if asked.others else kind
    results = RESULTS.with_name(f"honesty{kind}.json")
    results.write_text(json.dumps([asdict(one) for one in found], indent=1), encoding="utf-8")
    print(table(found))
    for other in dict.fromkeys(one.way for one in found if one.way != "re-check"):
        if any(one.way == "re-check" for one in found):
            print(choice_difference(found, "re-check", other))


if __name__ == "__main__":
    main()
