"""Narrower ranges in the text of a cell."""

from __future__ import annotations

from hpo_magic.source.narrow import NewRange, narrow


def test_bounds_move_and_the_rest_stays() -> None:
    """Comments, formatting, keywords, options; a default outside the new range moves too."""
    source = (
        "lr   = hp.Float(1e-4, 1e-1, sampling='log',  # rate\n"
        "                default=0.1)\n"
        "n = hp.Int(max_value=512, min_value=16, default=64)\n"
        "act = hp.Choice(['relu', 'tanh'])\n"
    )
    ranges = {"lr": NewRange(0.001, 0.01, 0.004), "n": NewRange(32, 128, 50)}
    assert narrow(source, ranges) == (
        "lr   = hp.Float(0.001, 0.01, sampling='log',  # rate\n"
        "                default=0.004)\n"
        "n = hp.Int(max_value=128, min_value=32, default=64)\n"
        "act = hp.Choice(['relu', 'tanh'])\n"
    )


def test_other_arguments_stay() -> None:
    """Scale and step, by name or by place."""
    source = "a = hp.Float(1e-4, 1e-1, None, 'log')\nb = hp.Int('b', 0, 512, step=32)\n"
    ranges = {"a": NewRange(0.001, 0.01, 0.004), "b": NewRange(64, 128, 96)}
    assert narrow(source, ranges) == (
        "a = hp.Float(0.001, 0.01, None, 'log')\nb = hp.Int('b', 64, 128, step=32)\n"
    )


def test_the_passes_of_a_loop_share_a_range() -> None:
    """It holds those of all of them."""
    source = "units = [hp.Int(16, 512) for _ in range(2)]"
    ranges = {"units[0]": NewRange(32, 64, 40), "units[1]": NewRange(100, 200, 150)}
    assert narrow(source, ranges) == "units = [hp.Int(32, 200) for _ in range(2)]"


def test_bounds_that_are_computed_stay() -> None:
    """Nobody can tell what they would be in the next trial."""
    source = "a = hp.Int('n', 1, 10 * layers)"
    assert narrow(source, {"n": NewRange(2, 5, 3)}) == source


def test_a_parameter_without_a_narrower_range_stays() -> None:
    """Its text is not touched."""
    assert narrow("a = hp.Int(1, 9)", {}) == "a = hp.Int(1, 9)"
