"""Other tools' search spaces, value by value."""

from __future__ import annotations

from typing import Any

import ConfigSpace
import numpy as np
import optuna
import pytest
from hyperopt import hp as dist
from hyperopt.pyll import scope
from scipy import stats
from skopt.space import Categorical, Integer, Real

from hpo_magic import hp
from hpo_magic.core.domains import Choice, Float, Int
from hpo_magic.core.events import Run
from hpo_magic.core.trial import Kind
from hpo_magic.errors import SpaceError
from hpo_magic.language.trial_context import TrialContext, running


def asked(space: Any, **params: Any) -> tuple[Any, dict[str, Any]]:
    """Return the value of a space in a trial with these values, and the domains by name."""
    trial = TrialContext(Run(1, params, Kind.ENQUEUED, 0), lambda step, metrics: None)
    with running(trial):
        value = hp.from_space(space)
    return value, {name: parameter.domain for name, parameter in trial.asked.items()}


@pytest.mark.parametrize(
    ("space", "domain"),
    [
        ([1, 10, 100], Choice((1, 10, 100), ordered=True)),
        (stats.uniform(1, 2), Float(1.0, 3.0)),
        (stats.loguniform(1e-3, 1.0), Float(1e-3, 1.0, log=True)),
        (stats.randint(2, 9), Int(2, 8)),
        (Real(1e-3, 1.0, "log-uniform"), Float(1e-3, 1.0, log=True)),
        (Integer(1, 9), Int(1, 9)),
        (Categorical(["a", "b"]), Choice(("a", "b"))),
        (optuna.distributions.IntDistribution(2, 8, step=2), Int(2, 8, 2)),
        (optuna.distributions.FloatDistribution(1e-3, 1, log=True), Float(1e-3, 1.0, log=True)),
        (dist.uniform("p", 0, 2), Float(0.0, 2.0)),
        (dist.loguniform("p", 0, 1), Float(1.0, 2.71828, log=True)),
        (dist.quniform("p", 0, 10, 5), Float(0.0, 10.0, 5.0)),
        (dist.qloguniform("p", 0, 3, 2), Float(2.0, 20.0, 2.0)),
        (dist.normal("p", 1, 2), Float(-5.0, 7.0)),
        (dist.qnormal("p", 0, 1, 1), Float(-3.0, 3.0, 1.0)),
        (dist.randint("p", 5), Int(0, 4)),
        (dist.randint("p", 2, 5), Int(2, 4)),
        (dist.choice("p", [None, "a"]), Choice((None, "a"))),
    ],
)
def test_the_range_of_a_dimension(space: Any, domain: Any) -> None:
    """Bounds, steps and scales are those of the other tool."""
    assert asked({"p": space})[1]["p"] == domain


def test_a_distribution_without_bounds_has_the_range_of_nearly_all_its_values() -> None:
    """Three deviations to either side of a normal one."""
    domain = asked({"p": stats.norm(0, 2)})[1]["p"]
    assert domain.low == pytest.approx(-6, abs=1e-3)
    assert domain.high == pytest.approx(6, abs=1e-3)
    assert asked(dist.lognormal("p", -3 * 2.3, 0.8))[1]["p"].log


def test_a_branch_is_asked_for_where_it_is_chosen() -> None:
    """And has the values by the names that the space gives them."""
    space = dist.choice(
        "kind",
        [
            ("svm", dist.uniform("C", 1, 3)),
            ("tree", scope.int(dist.quniform("depth", 1, 9, 1))),
        ],
    )
    assert asked(space, kind="tree", depth=4.0) == (
        ("tree", 4),
        {"kind": Choice(("svm", "tree")), "depth": Float(1.0, 9.0, 1.0)},
    )
    assert asked(space, kind="svm", C=2.0)[0] == ("svm", 2.0)


def test_pchoice_starts_with_the_most_probable_option() -> None:
    """The search finds out itself which one is good."""
    space = dist.pchoice("p", [(0.2, "rare"), (0.8, 2 ** dist.uniform("e", 0, 2))])
    assert hp.from_space(space) == 2.0
    assert asked(space, p="option 0")[0] == "rare"


def test_options_of_an_array_are_called_by_their_numbers() -> None:
    """The value is NumPy's, as Hyperopt gives it."""
    space = dist.choice("depth", np.arange(1, 30, 5))
    value, domains = asked(space, depth=16)
    assert value == 16
    assert isinstance(value, np.integer)
    assert domains["depth"].values == (1, 6, 11, 16, 21, 26)
    assert domains["depth"].ordered


def test_dimensions_in_a_list_have_values_in_their_order() -> None:
    """Short forms of scikit-optimize included; unnamed ones are numbered."""
    dimensions = [Real(0, 1, name="rate"), (1, 9), (1e-4, 1.0, "log-uniform"), ["a", "b"]]
    value, domains = asked(dimensions, rate=0.5, x1=3, x2=0.01, x3="b")
    assert value == [0.5, 3, 0.01, "b"]
    assert domains["x1"] == Int(1, 9)
    assert domains["x2"].log


def test_dimensions_of_one_name_have_values_of_their_own() -> None:
    """The later ones are numbered, as scikit-optimize's examples have several dummies."""
    value, domains = asked([Integer(0, 9, name="d"), Real(0, 1, name="d")], d=3, d_2=0.25)
    assert value == [3, 0.25]
    assert list(domains) == ["d", "d_2"]


def test_one_of_several_dicts_is_chosen() -> None:
    """As scikit-learn has them; a name that has other values in each is told apart."""
    grids = [{"kernel": ["linear"], "C": [1, 2]}, {"kernel": ["rbf"], "C": [3], "gamma": [0.1]}]
    value, domains = asked(grids, grid=1)
    assert value == {"kernel": "rbf", "C": 3, "gamma": 0.1}
    assert set(domains) == {"grid", "grid1/kernel", "grid1/C", "gamma"}


def test_conditions_of_configspace() -> None:
    """A parameter whose condition does not hold is not there."""
    space = ConfigSpace.ConfigurationSpace()
    kind = ConfigSpace.Categorical("kind", ["svm", "tree"], default="tree")
    c = ConfigSpace.Float("C", (1e-3, 10), log=True)
    depth = ConfigSpace.Integer("depth", (1, 9), default=5)
    space.add(kind, c, depth, ConfigSpace.EqualsCondition(c, kind, "svm"))
    space.add(ConfigSpace.InCondition(depth, kind, ["tree"]), ConfigSpace.Constant("one", 1))
    assert hp.from_space(space) == {"kind": "tree", "one": 1, "depth": 5}
    assert set(asked(space, kind="svm")[1]) == {"kind", "one", "C"}
    clause = ConfigSpace.ForbiddenEqualsClause(depth, 9)
    space.add(clause)
    with pytest.raises(SpaceError, match=r"the space forbids .*raise ValueError"):
        hp.from_space(space)


def test_what_is_no_space_is_refused() -> None:
    """With the name of the part, and what to write."""
    with pytest.raises(SpaceError, match=r"7 is no search space that is known\. It takes a dict"):
        hp.from_space(7)
    with pytest.raises(SpaceError, match=r"lr is \(0\.1, 0\.5\)\. Tools differ.*write a list"):
        hp.from_space({"lr": (0.1, 0.5)})
    with pytest.raises(SpaceError, match=r"'p' is uniform\(…\) with bounds that are no numbers"):
        hp.from_space(dist.uniform("p", 0, dist.uniform("high", 1, 2)))
    with pytest.raises(SpaceError, match=r"'p' was asked for with another range"):
        asked([dist.uniform("p", 0, 1), dist.uniform("p", 0, 2)])
