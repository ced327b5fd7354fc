"""Hyperopt's distributions in the words of `hp`: the same values, as far as they have bounds."""

from __future__ import annotations

import ast
import math

import hyperopt
import numpy as np
import pytest
from hyperopt.pyll.stochastic import sample

from hpo_magic.core.events import Run
from hpo_magic.core.space import Parameter
from hpo_magic.core.trial import Kind
from hpo_magic.dialects.distributions import call_text
from hpo_magic.errors import SpaceError
from hpo_magic.language.hp import hp
from hpo_magic.language.trial_context import TrialContext, running


def call(text: str) -> str:
    """Return what is written for a distribution."""
    node = ast.parse(text, mode="eval").body
    assert isinstance(node, ast.Call)
    return call_text(node, ast.unparse)


def parameter(text: str) -> Parameter:
    """Return the parameter that the call declares."""
    trial = TrialContext(Run(0, {}, Kind.START, 0), lambda step, metrics, n_steps=None: None)
    with running(trial):
        eval(call(text).replace("(", "('x', ", 1), {"hp": hp})
    return trial.asked["x"]


@pytest.mark.parametrize(
    ("distribution", "written"),
    [
        ("choice(['relu', 'tanh'])", "hp.Choice(['relu', 'tanh'])"),
        ("choice(sizes)", "hp.Choice(sizes)"),
        ("uniform(0, 1)", "hp.Float(0, 1)"),
        ("uniform(low, high=2 * low)", "hp.Float(low, 2 * low)"),
        ("loguniform(-2, 0)", 'hp.Float(0.135335, 1.0, sampling="log")'),
        ("loguniform(np.log(1e-5), math.log(0.1))", 'hp.Float(1e-05, 0.1, sampling="log")'),
        ("loguniform(a, 0)", f'hp.Float({math.e!r} ** a, 1.0, sampling="log")'),
        ("quniform(16, 128, 16)", "hp.Int(16, 128, step=16)"),
        ("quniform(0.1, 0.35, 0.1)", "hp.Float(0.1, 0.3, step=0.1)"),
        ("quniform(a, b, 2)", "hp.Float(a, b, step=2)"),
        ("qloguniform(0, np.log(64), 1)", 'hp.Int(1, 64, sampling="log")'),
        ("qloguniform(0, 2, 4)", 'round(hp.Float(1.0, 7.38906, sampling="log") / 4) * 4'),
        ("normal(10, 2)", "hp.Float(4, 16, default=10)"),
        ("normal(mu=0.5, sigma=0.1)", "hp.Float(0.2, 0.8, default=0.5)"),
        ("qnormal(50, 10, 8)", "hp.Int(24, 80, step=8, default=48)"),
        ("lognormal(0, 1)", 'hp.Float(0.0497871, 20.0855, sampling="log", default=1.0)'),
        ("randint(5)", "hp.Int(0, 4)"),
        ("randint(2, 5)", "hp.Int(2, 4)"),
        ("randint(n + 1)", "hp.Int(0, (n + 1) - 1)"),
        ("uniformint(1, 5)", "hp.Int(1, 5)"),
        ("hyperas.distributions.uniform(0, 1)", "hp.Float(0, 1)"),
    ],
)
def test_what_is_written(distribution: str, written: str) -> None:
    """Bounds as the user wrote them, where they need no arithmetic."""
    assert call(distribution) == written
    ast.parse(written, mode="eval")


@pytest.mark.parametrize(
    "distribution",
    [
        "uniform(-1, 2)",
        "quniform(1, 7.5, 2)",
        "quniform(0, 7, 2)",
        "quniform(0.05, 0.4, 0.1)",
        "loguniform(-8, -1)",
        "randint(3)",
        "randint(2, 6)",
        "uniformint(1, 4)",
        "choice(['a', 'b', 'c'])",
        "qloguniform(0, 3, 1)",
    ],
)
def test_hyperopt_draws_what_is_in_the_domain(distribution: str) -> None:
    """And of finitely many values every one."""
    name, _, rest = distribution.partition("(")
    space = eval(f"draw('x', {rest}", {"draw": getattr(hyperopt.hp, name)})
    rng = np.random.default_rng(0)
    drawn = {sample(space, rng) for _ in range(1000)}
    domain = parameter(distribution).domain
    nearest = {value if isinstance(value, str) else domain.nearest(value) for value in drawn}
    assert len(nearest) == len(drawn)
    pairs = zip(sorted(drawn), sorted(nearest), strict=True)
    assert all(v == n or v == pytest.approx(n) for v, n in pairs)
    if domain.n_levels is not None:
        assert len(drawn) == domain.n_levels


@pytest.mark.parametrize(
    ("distribution", "message"),
    [
        ("unifrm(0, 1)", r"^there is no distribution 'unifrm'\. Did you mean uniform\? Known: cho"),
        ("pchoice([(0.1, 'a')])", r"^the search finds out .* Write choice\(\[…\]\) with the val"),
        ("uniform(0)", r"^uniform takes low, high\.$"),
        ("uniform(0, 1, 2)", r"^uniform takes low, high\.$"),
        ("uniform(*bounds)", r"^uniform takes low, high\.$"),
        ("quniform(0, 1, 0)", r"^the step q must be above 0, got 0\.$"),
        ("normal(mu, 1)", r"^normal needs numbers that are written out.* uniform\(low, high\)\.$"),
        ("lognormal(0, -1)", r"^lognormal needs numbers that are written out, with a spread abov"),
    ],
)
def test_what_has_no_counterpart(distribution: str, message: str) -> None:
    """A sentence that says what to write."""
    with pytest.raises(SpaceError, match=message):
        call(distribution)
