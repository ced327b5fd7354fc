"""Colab's form lines as hyperparameters."""

from __future__ import annotations

import pytest

from hpo_magic.dialects import Translation, translated
from hpo_magic.errors import SpaceError
from hpo_magic.source.freeze import freeze


@pytest.mark.parametrize(
    ("value", "form", "call"),
    [
        ("5", "{type:'slider', min:1, max:9}", "hp.Int(1, 9, default=5)"),
        ("64", '{type:"slider", min:16, max:256, step:16}', "hp.Int(16, 256, step=16, default=64)"),
        ("1", '{type:"slider", min:0.5, max:2}', "hp.Float(0.5, 2, default=1)"),
        ("-1.5", '{"type":"slider","min":-2,"max":0}', "hp.Float(-2, 0, default=-1.5)"),
        (
            "0.001",
            '{type:"slider", min:1e-5, max:1e-1}',
            'hp.Float(1e-05, 0.1, sampling="log", default=0.001)',
        ),
        (
            "0.5",
            '{type:"slider", min:0.001, max:1, step:0.001}',
            "hp.Float(0.001, 1, step=0.001, default=0.5)",
        ),
        ("3", '{type:"integer", min:1, max:5}', "hp.Int(1, 5, default=3)"),
        ("'relu'", '["relu", "tanh"]', "hp.Choice(['relu', 'tanh'], default='relu')"),
        ("'x'", '["a", "]"] {allow-input: true}', "hp.Choice(['x', 'a', ']'], default='x')"),
        ("32", '["16", "32"] {type:"raw"}', "hp.Choice([16, 32], default=32)"),
        ("16", '["32", "64"] {type:"raw"}', "hp.Choice([16, 32, 64], default=16)"),
        ("None", '["None", "0.1"] {type:"raw"}', "hp.Choice([None, 0.1], default=None)"),
        ("np.cos", '["np.sin", "np.cos"] {type:"raw"}', "hp.Choice([np.cos, np.sin])"),
        ("f(2)", '["f( 2 )", "f(3)"] {type:"raw"} #', "hp.Choice([f(2), f(3)])"),
        ("32", "[16, 32]", "hp.Choice([16, 32], default=32)"),
        ("32", "[16, 32] the batch", "hp.Choice([16, 32], default=32)"),
        ("50", '{type:"slider", min:16, max:64, step:16}', "hp.Int(16, 64, step=16, default=48)"),
        ("99", "{min:1, max:9}", "hp.Int(1, 9, default=9)"),
        ("True", '{type:"boolean"}', "hp.Boolean(default=True)"),
    ],
)
def test_forms_that_leave_a_choice(value: str, form: str, call: str) -> None:
    """The literal is the start; the line stays a form."""
    for comment in (f" # @param {form}", f"  #@param {form}"):
        assert translated(f"x = {value}{comment}").text == f"x = {call}{comment}"
    assert translated(f"x: object = {value}  # @param {form}").text.startswith(
        f"x: object = {call}"
    )


@pytest.mark.parametrize(
    "line",
    [
        'x = 5  # @param {type:"integer"}',
        'x = 0.1  # @param {type:"number"}',
        'x = "a"  # @param {type:"string"}',
        "x = 5  # @param",
        "x = 5  # a @param [1, 5] in words",
        "x = f(5)  # @param [1, 5]",
        "x, y = 5, 6  # @param [1, 5]",
        "if True:\n    x = 5  # @param [1, 5]",
        "x = '# @param [1, 5]'",
    ],
)
def test_other_lines_stay_as_they_are(line: str) -> None:
    """A number that can be anything has no range to search."""
    assert translated(line) == Translation(line)


@pytest.mark.parametrize(
    "other",
    ["lr = hp.Float(0, 1)", "model = build_model(hp)", "lr = trial.suggest_float('lr', 0, 1)"],
)
def test_a_cell_that_says_otherwise_what_varies_keeps_its_forms(other: str) -> None:
    """Then a form is a setting: the best score over two data sets would be that of the easy one."""
    text = f'dataset = "a"  # @param ["a", "b"]\n{other}'
    assert translated(text) == Translation(text)
    template = "dataset = 'a'  # @param ['a', 'b']\nlr = {{uniform(0, 1)}}"
    assert translated(template).text.startswith("dataset = 'a'")


def test_the_user_is_told_what_is_searched() -> None:
    """And how to keep a line as it is."""
    lines = ["a = 1  # @param [1, 2]", "b = 1  # @param {type:'integer'}", "c = 1  # @param [1, 2]"]
    (note,) = translated("\n".join(lines)).notes
    assert note == (
        "The search varies what the form leaves open: a, c. To keep one as it is, take its "
        "# @param away."
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "x = 1  # @param {type:'slider'}",
            r"^the form of x on line 2: a slider needs min and max",
        ),
        (
            "x = 1  # @param {type:'slider', min:a, max:2}",
            r"line 2: a number was expected, got a\.",
        ),
        ('x = 1  # @param ["1", "a b"] {type:"raw"}', r"an option of .* is no Python expression"),
        ("x = 'a'  # @param {min:1, max:2}", r"a range from min to max needs a number to start f"),
        ("x = 1  # @param [1, two]", r"^the form of x on line 2: the list \[1, two\] cannot be"),
    ],
)
def test_forms_that_cannot_be_read(line: str, message: str) -> None:
    """By name and line."""
    with pytest.raises(SpaceError, match=message):
        translated(line)


def test_a_frozen_form_is_a_form_again() -> None:
    """With the winning value."""
    line = 'lr = 0.001  # @param {type:"slider", min:1e-5, max:1e-1}'
    assert freeze(translated(line).text, {"lr": 0.02}) == line.replace("0.001", "0.02")


def test_a_form_behind_a_comment() -> None:
    """As Colab reads it."""
    line = "n = 5  # how many #@param [1, 5]"
    assert translated(line).text == "n = hp.Choice([1, 5], default=5)  # how many #@param [1, 5]"


def test_a_rate_is_searched_on_a_log_scale() -> None:
    """Also where its slider has a step: three powers of ten are no even range."""
    line = "learning_rate = 0.001  # @param {type:'slider', min:0.0001, max:0.1, step:0.0001}"
    call = 'hp.Float(0.0001, 0.1, sampling="log", default=0.001)'
    assert call in translated(line).text


def test_a_start_that_is_no_value_of_its_slider_is_told() -> None:
    """The search starts beside it."""
    notes = translated("units = 50  # @param {type:'slider', min:16, max:64, step:16}").notes
    assert notes[1] == "The search starts units at 48: 50 is no value of its slider."
