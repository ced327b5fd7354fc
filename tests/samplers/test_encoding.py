"""Settings as numbers and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo_magic.core.activity import Activity, units_of
from hpo_magic.core.domains import Choice, Float, Int
from hpo_magic.samplers.encoding import Encoding
from hpo_magic.samplers.surrogate import optimize_result
from hpo_magic.testing.samplers import SPACES, space_of


def encoding_of(space):
    """Return the encoding with what is declared alone."""
    return Encoding(space, Activity.of(space))


@pytest.mark.parametrize("name", SPACES)
@given(seed=st.integers(0, 2**32))
def test_encode_and_decode_are_inverse(name, seed):
    """A setting that becomes units and a setting again is the same."""
    encoding = encoding_of(SPACES[name])
    units = encoding.snap(np.random.default_rng(seed).random((1, len(SPACES[name]))))
    params = encoding.params(units[0])
    again = units_of(SPACES[name], [params])
    for parameter, before, after in zip(SPACES[name].values(), units[0], again[0], strict=True):
        domain = parameter.domain
        if domain.n_levels is None or (domain.n_levels > 2**53 and domain.kind == "int"):
            assert after == pytest.approx(before, abs=1e-9)
        else:
            assert domain.value(after) == params[parameter.name]


# It has no reverse log scale.
@pytest.mark.parametrize("name", [name for name in SPACES if name != "reverse scales"])
def test_features_are_those_of_scikit_optimize(name):
    """A model of ours can be asked through `Space.transform`."""
    space = SPACES[name]
    encoding = encoding_of(space)
    units = encoding.snap(np.random.default_rng(1).random((20, len(space))))
    settings = [encoding.params(row) for row in units]
    result = optimize_result(space, settings, [0.0] * 20, None)
    theirs = result.space.transform(result.x_iters)
    np.testing.assert_allclose(encoding.features(units), theirs, atol=1e-9)


def test_an_ordered_choice_is_one_column_and_others_one_for_each_value():
    """Two values need one column, whatever they are."""
    space = space_of(
        batch=Choice((16, 32, 64), ordered=True), act=Choice(("a", "b", "c")), norm=Choice((0, 1))
    )
    encoding = encoding_of(space)
    np.testing.assert_array_equal(encoding.owner, [0, 1, 1, 1, 2])
    units = units_of(space, [{"batch": 32, "act": "c", "norm": 1}])
    np.testing.assert_array_equal(encoding.features(units), [[0.5, 0, 0, 1, 1]])


def test_what_is_not_reached_stands_at_its_default():
    """Settings that differ only there have the same features."""
    space = SPACES["conditional"]
    encoding = encoding_of(space)
    settings = [
        {**space.defaults(), "optimizer": "adam", "momentum": momentum} for momentum in (0.1, 0.7)
    ]
    features = encoding.features(encoding.settled(units_of(space, settings)))
    np.testing.assert_array_equal(features[0], features[1])
    settings = [{**setting, "optimizer": "sgd"} for setting in settings]
    features = encoding.features(encoding.settled(units_of(space, settings)))
    assert (features[0] != features[1]).sum() == 1


def test_snapping_moves_to_values_that_exist():
    """Snapped units are where their values are; a continuous range stays."""
    space = space_of(n=Int(1, 4), m=Int(1, 100, log=True), x=Float(0.0, 1.0))
    encoding = encoding_of(space)
    units = np.linspace(0, 1, 33)[:, np.newaxis].repeat(3, axis=1)
    snapped = encoding.snap(units)
    there = units_of(space, [encoding.params(row) for row in snapped])
    np.testing.assert_allclose(snapped, there, atol=1e-12)
    np.testing.assert_array_equal(snapped[:, 2], units[:, 2])
