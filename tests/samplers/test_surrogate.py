"""What we take from scikit-optimize, and whether it is still what it was."""

import matplotlib as mpl
import numpy as np
import skopt
from skopt.plots import plot_convergence, plot_evaluations, plot_objective

from hpo_magic.core.domains import Choice, Float, Int
from hpo_magic.core.space import Parameter
from hpo_magic.core.trial import History
from hpo_magic.samplers.bayes import BayesSampler, to_optimize_result
from hpo_magic.samplers.gaussian_process import Theta
from hpo_magic.samplers.surrogate import Surrogate, skopt_space
from hpo_magic.testing.samplers import searched, space_of

OWNER = np.array([0, 1, 1, 1, 2])
THETA = Theta(np.log([0.3, 0.8, 2.0]), 0.2, -4.0)
RNG = np.random.default_rng(0)
X, Y = RNG.random((25, 5)), RNG.standard_normal(25)


def test_our_prediction_is_that_of_scikit_optimize():
    """Ours is faster, not different. If this fails, a new release has broken the adapter."""
    surrogate = Surrogate(OWNER, THETA).fit(X, Y)
    points = RNG.random((40, 5))
    ours = surrogate.predict(points, return_std=True)
    theirs = super(Surrogate, surrogate).predict(points, return_std=True)
    why = f"scikit-optimize {skopt.__version__} no longer computes what hpo_magic expects of it"
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-7, err_msg=why)
    np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-5, err_msg=why)


def test_its_fit_leads_to_the_same_model():
    """scikit-learn's own `fit`, with the kernel's parameters given, predicts the same."""
    ours = Surrogate(OWNER, THETA).fit(X, Y)
    theirs = skopt.learning.GaussianProcessRegressor(ours.kernel, ours.alpha, optimizer=None)
    theirs.fit(X, Y)
    points = RNG.random((40, 5))
    np.testing.assert_allclose(ours.predict(points), theirs.predict(points), rtol=1e-7)


def test_gradients_and_covariances_are_scikit_optimizes():
    """What we do not speed up still works."""
    surrogate = Surrogate(OWNER, THETA).fit(X, Y)
    point = RNG.random((1, 5))
    mean, std, slope, _ = surrogate.predict(
        point, return_std=True, return_mean_grad=True, return_std_grad=True
    )
    step = np.array([[1e-6, 0, 0, 0, 0]])
    change = (surrogate.predict(point + step) - surrogate.predict(point - step)) / 2e-6
    np.testing.assert_allclose(slope[0], change[0], rtol=1e-4)
    _, covariance = surrogate.predict(point, return_cov=True)
    np.testing.assert_allclose(covariance[0, 0], std[0] ** 2, rtol=1e-6)
    np.testing.assert_allclose(mean, surrogate.predict(point))


def test_the_plots_of_scikit_optimize_work():
    """A search can be looked at with `skopt.plots`."""
    mpl.use("Agg")
    kind = Choice(("a", "b", "c"))
    space = space_of(kind=kind, x=Float(0.0, 1.0), n=Choice((1, 2, 4), ordered=True), one=Int(3, 3))
    space = space.declare(Parameter("only_a", Float(0.0, 1.0), 0.5, (("kind", ("a",)),)))
    trials = tuple(searched(BayesSampler, space, 12))
    result = to_optimize_result(space, History(trials))
    assert plot_convergence(result).lines
    for grid in (plot_evaluations(result), plot_objective(result, n_points=3, n_samples=5)):
        assert len(np.ravel(grid)[0].figure.axes) >= 16
    mpl.pyplot.close("all")


def test_the_model_of_a_result_answers_in_the_metrics_unit():
    """Predictions at the trials come near their values."""
    space = space_of(x=Float(0.0, 1.0), act=Choice(("relu", "tanh", "gelu")))
    trials = tuple(searched(BayesSampler, space, 20, lambda number, params: 100 + params["x"] ** 2))
    result = to_optimize_result(space, History(trials))
    points = result.space.transform(result.x_iters)
    mean, std = result.models[-1].predict(points, return_std=True)
    np.testing.assert_allclose(mean, result.func_vals, atol=0.2)
    assert ((std >= 0) & (std < 0.3)).all()


def test_a_result_has_a_model_of_each_stage_of_the_search():
    """As scikit-optimize's own: `models[k]` knows what was known then; none is fitted twice."""
    space = space_of(x=Float(0.0, 1.0), y=Float(0.0, 1.0))
    trials = tuple(searched(BayesSampler, space, 12))
    models = to_optimize_result(space, History(trials)).models
    known = [len(model.X_train_) for model in models]
    assert known == list(range(12 - len(models) + 1, 13))
    assert known[0] < 8
    assert models[-1] is models[len(models) - 1]
    assert models[-2:] == [models[-2], models[-1]]
    assert plot_objective(to_optimize_result(space, History(trials)), n_points=3) is not None
    mpl.pyplot.close("all")


def test_choices_that_scikit_optimize_cannot_tell_apart_become_text():
    """`True` and `1`, and tuples, are shown as they are written."""
    space = space_of(
        flag=Choice((True, 1, "1")), shape=Choice(((1, 2), (3,))), act=Choice(("relu", "tanh")),
        size=Choice((16, 32, 64), ordered=True),
    )  # fmt: skip
    categories = [dimension.categories for dimension in skopt_space(space).dimensions]
    assert categories == [
        ("True", "1", "'1'"), ("(1, 2)", "(3,)"), ("relu", "tanh"), (16, 32, 64)
    ]  # fmt: skip


def test_ranges_that_scikit_optimize_refuses_are_let_in():
    """One-value ranges and whole numbers beyond 64 bits."""
    space = space_of(a=Int(3, 3), b=Float(1.0, 1.0), n=Int(0, 10**30), m=Int(1, 10, step=4))
    kinds = [type(dimension).__name__ for dimension in skopt_space(space).dimensions]
    assert kinds == ["Categorical", "Categorical", "Real", "Integer"]
    assert skopt_space(space).dimensions[3].bounds == (1, 9)
