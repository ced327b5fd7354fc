"""Hyperas's cells, read as a text: templates, the functions around them, what is not run."""

from __future__ import annotations

import ast

import pytest

from hpo_magic.dialects import Translation, translated
from hpo_magic.errors import SpaceError
from hpo_magic.source.freeze import freeze

DATA = "def data():\n    return x, y\n"
MODEL = "def create_model(x, y):\n    return {'loss': {{uniform(0, 1)}}}\n"


def last(text: str, defined: tuple[str, ...] = ()) -> str:
    """Return the last line of a cell's translation."""
    return translated(text, defined).text.strip().split("\n")[-1]


# Templates.


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("rate = {{uniform(0, 1)}}", "rate = hp.Float(0, 1)"),
        ("rate = { {uniform(0, 1)} }  # wide", "rate = hp.Float(0, 1)  # wide"),
        ("n = 2 * {{randint(5)}} + 1", "n = 2 * hp.Int(0, 4) + 1"),
        ("n = {{qloguniform(0, 9, 2)}} ** 2", None),
        ("f'{{uniform(0, 1)}}', '{{x}}', {{uniform(0, 1)}}", None),
        ("f = {{choice([{{uniform(0, 1)}}, 2])}}", "f = hp.Choice([hp.Float(0, 1), 2])"),
        ("ß = {{choice(['ä', 'ö'])}}", "ß = hp.Choice(['ä', 'ö'])"),
        ("!ls\nx = {{uniform(0, 1)}}", "!ls\nx = hp.Float(0, 1)"),
    ],
)
def test_templates_give_way_to_calls(text: str, written: str | None) -> None:
    """In any expression; texts with braces stay."""
    found = translated(text).text
    if written is not None:
        assert found == written
    if text.startswith("n = {{qlog"):
        assert found == 'n = (round(hp.Float(1.0, 8103.08, sampling="log") / 2) * 2) ** 2'
    if text.startswith("f'"):
        assert found == "f'{{uniform(0, 1)}}', '{{x}}', hp.Float(0, 1)"


def test_lines_keep_their_numbers() -> None:
    """What fails is shown by its line."""
    text = "a = {{\n  choice([\n    1,\n    2])\n}}\nb = {{uniform(\n0, 1)}}\nc"
    found = translated(text).text
    assert found.count("\n") == text.count("\n")
    tree = ast.parse(found)
    assert [node.lineno for node in tree.body] == [1, 6, 8]


def test_what_is_no_template_stays() -> None:
    """A cell without one is as it was; so is a translation."""
    plain = "x = {frozenset({1}), 2}\nprint(f'{{1}}')"
    assert translated(plain) == Translation(plain)
    assert translated("not python {{") == Translation("not python {{")
    once = translated(DATA + MODEL).text
    assert translated(once).text == once


def test_a_mistake_in_a_template_is_told_by_its_line() -> None:
    """Line 1 is that of `%%hpo`."""
    with pytest.raises(SpaceError, match=r"^\{\{unifrm\(0, 1\)\}\} on line 3: there is no dist"):
        translated("a = 1\nb = {{unifrm(0, 1)}}")


# Names.


def test_calls_that_nothing_names_are_named_by_the_word_before() -> None:
    """The list that takes it, the function it is passed to, or that it is a condition."""
    text = (
        "sizes = []\n"
        "for i in range({{choice([1, 2])}}):\n"
        "    sizes.append({{uniform(0, 1)}})\n"
        "if {{choice([True, False])}} or {{choice([1, 2])}} == 1:\n"
        "    model.add({{choice([a, b])}})\n"
        "{{randint(3)}}\n"
        "sum([{{randint(3)}}])\n"
    )
    assert list(translated(text).names.values()) == [
        "range", "sizes", "condition", "condition_2", "int", "sum",
    ]  # fmt: skip


# Functions that the cell only defines.


def test_the_model_is_called_with_the_data() -> None:
    """As Hyperas does behind the scenes; the data once."""
    found = translated(DATA + MODEL)
    assert found.text.endswith("\n\ncreate_model(*data())\n")
    assert found.once == "data"
    assert found.inputs == ("x", "y")


@pytest.mark.parametrize(
    ("returned", "call"),
    [
        ("x, y", "create_model(*data())"),
        ("a, b", "create_model(*data())"),
        ("y, x", "(lambda y, x: create_model(x, y))(*data())"),
        ("x, y, z", "(lambda x, y, z: create_model(x, y))(*data())"),
        ("load(), y", "create_model(*data())"),
        ("both", "create_model(*data())"),
    ],
)
def test_what_data_returns_goes_where_it_is_named(returned: str, call: str) -> None:
    """Hyperas pastes the functions together, so order does not matter there."""
    assert last(f"def data():\n    return {returned}\n{MODEL}") == call


def test_a_single_input() -> None:
    """It is not unpacked."""
    text = "def data():\n    return x\ndef model(x):\n    return {{uniform(0, 1)}}"
    assert last(text) == "model(data())"


def test_data_of_the_notebook() -> None:
    """A function of another cell, or variables."""
    assert last(MODEL, ("data",)) == "create_model(*data())"
    assert last(MODEL, ("x", "y")) == "create_model(x, y)"
    assert translated(MODEL, ("x", "y")).once == ""


def test_a_cell_that_calls_its_function_itself_is_left_to_it() -> None:
    """Also a helper with templates that the model calls."""
    text = DATA + MODEL + "value = create_model(*data())['loss']\nvalue"
    assert last(text) == "value"
    assert translated(text).once == ""
    helper = "def block():\n    return {{uniform(0, 1)}}\ndef build(k=2):\n    return k * block()\n"
    assert last(helper).strip() == "return k * block()"
    assert last(helper.replace("k *", "{{randint(3)}} *")) == "build()"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (MODEL, r"^create_model takes x, y, and there is neither a function data\(\) that returns"),
        (
            f"def data():\n    return a, b, c\n{MODEL}",
            r"^create_model takes x, y, and data\(\) returns a, b, c\. Make them the same\.$",
        ),
        (
            "def data():\n    n = 3\n    return f(n)\ndef model(x):\n    return n * {{randint(3)}}",
            r"^model reads n of data\(\), which returns no variables on line 4\. Have it return n,",
        ),
        (
            "def a():\n    return {{randint(3)}}\ndef b():\n    return {{randint(3)}}",
            r"^the cell does not say which function builds the model, a or b\. End it with the",
        ),
    ],
)
def test_functions_that_cannot_be_called(text: str, message: str) -> None:
    """What is missing, and what to write."""
    with pytest.raises(SpaceError, match=message):
        translated(text)


@pytest.mark.parametrize(
    ("data", "model", "returned", "head", "call"),
    [
        ("n = 3\n    return x, y", "model(x, y)", "return x, y, n", "model(x, y, n)", "*data()"),
        (
            "n = 3\n    return (x, y)",
            "model(x, y)",
            "return (x, y, n)",
            "model(x, y, n)",
            "*data()",
        ),
        ("n = 3\n    return n", "model()", "return n", "model(n)", "model(data())"),
        ("n = 3\n    return x, n", "model(x)", "return x, n", "model(x, n)", "*data()"),
        ("import n\n    return x", "model(x)", "return x, n", "model(x, n)", "*data()"),
        ("n: int = 3\n    return y, x", "model(x, y=2)", "return y, x, n", "model(x, n, y=2)", ""),
        (
            "for n in r:\n        n\n    return x,",
            "model(\n x)",
            "return x, n",
            "model(\n x, n)",
            "",
        ),
    ],
)
def test_variables_of_data_are_read_as_there(
    data: str, model: str, returned: str, head: str, call: str
) -> None:
    """Hyperas pastes the functions together: the one returns what the other reads of it."""
    found = translated(f"def data():\n    {data}\ndef {model}:\n    return n * {{{{randint(9)}}}}")
    assert f"    {returned}\n" in found.text
    assert f"def {head}:\n" in found.text
    assert call in found.text.rstrip().split("\n")[-1]


def test_what_data_only_shares_a_name_with_is_left_alone() -> None:
    """A variable that the model sets itself, and what the cell imports."""
    text = (
        "import numpy as np\ndef data():\n    import numpy as np\n    n = np.ones(3)\n"
        "    return n, n\ndef model(x, y):\n    n = np.sum(x)\n    return n * {{randint(9)}}\n"
    )
    assert translated(text).text.endswith("model(*data())\n")
    assert "def model(x, y):" in translated(text).text


# What is not run.


def test_hyperas_and_what_follows_its_search_are_left_out() -> None:
    """They stand there as comments, and the user is told."""
    text = (
        "import numpy as np\n"
        "from hyperopt import Trials, STATUS_OK, tpe\n"
        "from hyperas import optim\n"
        "from hyperas.distributions import (choice,\n"
        "                                   uniform, conditional)\n"
        f"{DATA}"
        "def create_model(x, y):\n"
        "    if conditional({{choice(['a', 'b'])}}) == 'b':\n"
        "        pass\n"
        "    return {'loss': 1, 'status': STATUS_OK}\n"
        "if __name__ == '__main__':\n"
        "    best_run, best_model = optim.minimize(model=create_model, data=data)\n"
        "print(best_run)\n"
    )
    found = translated(text)
    assert found.text == (
        "import numpy as np\n"
        "# from hyperopt import Trials, STATUS_OK, tpe\n"
        "# from hyperas import optim\n"
        "# from hyperas.distributions import (choice,\n"
        "#                                    uniform, conditional)\n"
        f"{DATA}"
        "def create_model(x, y):\n"
        "    if hp.Choice(['a', 'b']) == 'b':\n"
        "        pass\n"
        "    return {'loss': 1, 'status': 'ok'}\n"
        "# if __name__ == '__main__':\n"
        "#     best_run, best_model = optim.minimize(model=create_model, data=data)\n"
        "# print(best_run)\n"
        "\n"
        "create_model(*data())\n"
    )
    (note,) = found.notes
    assert note == (
        "From line 13 on the cell is left out: optim.minimize is what %%hpo does. --trials says "
        "how many, and the study has best_params and best_model()."
    )


def test_imports_of_hyperopt_that_are_needed_stay() -> None:
    """And so does a status that the notebook or the cell defines."""
    text = "from hyperopt import STATUS_OK, hp as space\nspace, STATUS_OK\n{{uniform(0, 1)}}"
    assert translated(text).text.startswith("from hyperopt import STATUS_OK, hp as space\nspace, S")
    assert translated("STATUS_OK, {{randint(2)}}", ("STATUS_OK",)).text.startswith("STATUS_OK")
    assert translated("STATUS_FAIL = 1\nSTATUS_FAIL, {{randint(2)}}").text.count("STATUS_FAIL") == 2


def test_a_translation_freezes_to_a_plain_cell() -> None:
    """The values stand in the functions, and the call at the end runs them."""
    found = translated(DATA + MODEL)
    frozen = freeze(found.text, {"loss": 0.25}, {"4:20": "loss"})
    assert frozen == DATA + MODEL.replace("{{uniform(0, 1)}}", "0.25") + "\ncreate_model(*data())\n"
