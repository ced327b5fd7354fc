"""What a cell's text shows of its value: training rows, the training loss, one fold."""

from __future__ import annotations

import ast
from textwrap import dedent

import pytest

from hpo_magic.source.doubts import (
    AskedInFolds,
    OneFold,
    OtherWeights,
    TrainingBatch,
    TrainingLoss,
    TrainingScore,
)
from hpo_magic.source.value_text import doubts_of
from hpo_magic.views.words.value_text import doubt_texts


def doubts(cell: str, metric: str | None = "score") -> list:
    """Return the doubts of a cell; its line 1 is that of the magic."""
    return doubts_of(ast.parse(f"\n{dedent(cell)}"), metric)


@pytest.mark.parametrize(
    "cell",
    [
        "m = T().fit(A, b)\nscore = m.score(A, b)",
        "m.fit(A, b)\nscore = accuracy_score(b, m.predict(A))",
        "m.fit(A, b)\np = m.predict_proba(A)[:, 1]\nscore = 100 * roc_auc_score(b, p)",
        "m.fit(A, b)\np = m.predict(A)\nscore = np.sqrt(mean_squared_error(b, p > .5))",
        "m.fit(A, b, epochs=3)\nloss, score = m.evaluate(A, b, verbose=0)",
        "m.fit(A, b)\nm.score(A, b)",
        "T().fit(A, b).score(A, b)",
        "for e in range(3):\n    m.fit(A[i], b[i])\n    score = m.score(A[i], b[i])",
        "m.fit(A, b)\nscore = hp.score('accuracy', b, m.predict(A))",
        "m.fit(A, b)\nacc = m.score(A, b)\nscore = round(acc, 3)\nprint(score)",
        "m.fit(C, d)\nm.fit(A, b)\nscore = f1_score(m.predict(A), b)",
        "m.fit(A, b)\nscore = np.mean(m.predict(A) != b)",
        "h = m.fit(A, b)\nscore = h.history['accuracy'][-1]",
        "h = m.fit(A, b)\naccs = h.history['acc']\nscore = max(accs)",
        "m = MLP().fit(A, b)\nscore = m.loss_curve_[-1]",
        "m = T().fit(A, b)\nscore = m.score(A[300:], b[300:])",
        "m.fit(A, b)\np = m.predict(A)\nscore = (b == p).mean()",
    ],
)
def test_a_score_on_the_rows_of_the_fit_is_found(cell: str) -> None:
    """By its call, whichever way it comes to be the value."""
    (found,) = doubts(cell)
    assert isinstance(found, TrainingScore)
    assert doubt_texts([found])[0].startswith("The value is measured on the training rows: ")


@pytest.mark.parametrize(
    "cell",
    [
        "m.fit(A, b)\nscore = m.score(C, d)",
        "m.fit(A, b)\ntrain = m.score(A, b)\nscore = m.score(C, d)",
        "m.fit(A, b)\nscore = m.score(A, b) - m.score(C, d)",
        "m.fit(A, b)\nA, b = C, d\nscore = m.score(A, b)",
        "m.fit(A, b)\nscore = cross_val_score(m, A, b).mean()",
        "m.fit(A, b)\np = cross_val_predict(m, A, b)\nscore = accuracy_score(b, p)",
        "m.fit(A)\nscore = silhouette_score(A, m.labels_)",
        "m.fit(A)\nscore = adjusted_rand_score(b, m.predict(A))",
        "m.fit(A, b)\nm.fit(C, d)\nscore = m.score(A, b)",
        "m.fit(A, b)\nn.fit(C, d)\nscore = n.score(A, b)",
        "m.fit(A, b)\nm.score(A, b)\nscore = 3",
        "score = f(A, b)",
        "m.fit(A, b)\nscore = (m.predict(C) == d).mean()",
        "m.fit(A, b)\nscore = (m.predict(A) > 3).mean()",
        "def f():\n    m.fit(A, b)\n    return m.score(A, b)\nscore = 3",
        "h = m.fit(A, b)\nscore = h.history['val_accuracy'][-1]",
        "m.fit(A[:300], b[:300])\nscore = m.score(A[300:], b[300:])",
        "m.fit(A[c], A.t)\nscore = m.score(B[c], B.t)",
        "h = m.fit(A, b).history\nscore = 2 * h['val_acc'][-1]",
        "h = m.fit(A, b)\ngap = h.history['acc'][-1]\nscore = h.history['val_acc'][-1] - gap",
    ],
)
def test_other_scores_are_not_claimed(cell: str) -> None:
    """Other rows, other models, differences, and what the text does not show."""
    assert doubts(cell) == []


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("loss = f(m(A), b)\nloss.backward()", "loss.backward()"),
        (
            "total = 0\nfor x, y in d:\n    l = f(m(x), y)\n    l.backward()\n"
            "    total += l.item()\nloss = total / n",
            "l.backward()",
        ),
        (
            "losses = []\nfor x, y in d:\n    l = f(m(x), y)\n    losses.append(l.item())\n"
            "    l.backward()\nloss = np.mean(losses)",
            "l.backward()",
        ),
        ("loss = f(m(A), b)\nloss.backward()\nopt.step()", "loss.backward()"),
        ("loss = f(m(A), b)\ng = tape.gradient(loss, w)", "tape.gradient(loss, w)"),
    ],
)
def test_the_training_loss_is_found(cell: str, text: str) -> None:
    """By the call that trains with it, also where it is summed or averaged."""
    (found,) = doubts(cell, "loss")
    assert isinstance(found, TrainingLoss)
    assert found.text == text
    assert doubt_texts([found])[0].startswith("The value is the training loss: ")


@pytest.mark.parametrize(
    "cell",
    [
        "for e in range(3):\n    l = f(m(A), b)\n    l.backward()\n    loss = f(m(C), d)",
        "for e in range(3):\n    loss = f(m(A), b)\n    loss.backward()\n    loss = f(m(C), d)",
        "l = f(m(A), b)\nl.backward()\nl = f(m(C), d)\nloss = l.item()",
        "def step():\n    loss = f(m(A), b)\n    loss.backward()\nstep()\nloss = f(m(C), d)",
    ],
)
def test_a_loss_on_other_rows_is_no_training_loss(cell: str) -> None:
    """Also where the variable had the training loss before."""
    assert doubts(cell, "loss") == []


@pytest.mark.parametrize(
    "cell",
    [
        "for a, b in kf.split(X):\n    m.fit(X[a], y[a])\n    score = m.score(X[b], y[b])",
        "for i, (a, b) in enumerate(kf.split(X, y)):\n    score = f(a, b)\nprint(score)",
        "for a, b in kf.split(X):\n    score = f(a, b)\nscore",
        "for a, b in kf.split(X):\n    m.fit(X[a], y[a], validation_data=(X[b], y[b]))",
    ],
)
def test_a_value_of_the_last_fold_is_found(cell: str) -> None:
    """What each pass gives anew, by assignment or by a fit that logs it."""
    (found,) = doubts(cell)
    assert found == OneFold(2, "score")


@pytest.mark.parametrize(
    "cell",
    [
        "scores = []\nfor a, b in kf.split(X):\n    s = f(a, b)\n    scores.append(s)\n"
        "score = np.mean(scores)",
        "score = 0\nfor a, b in kf.split(X):\n    score += f(a, b) / 5",
        "score = 0\nfor a, b in kf.split(X):\n    score = max(score, f(a, b))",
        "for a, b in kf.split(X):\n    score = f(a, b)\n    scores.append(score)\nnp.mean(scores)",
        "for word in text.split(','):\n    score = f(word)",
        "for epoch in range(9):\n    score = f(epoch)",
        "for a, b in kf.split(X):\n    oof[b] = f(a, b)\nscore = g(y, oof)",
    ],
)
def test_other_loops_are_not_claimed(cell: str) -> None:
    """Sums, means, predictions of all folds, epochs."""
    assert doubts(cell) == []


@pytest.mark.parametrize(
    "cell",
    [
        "for a, b in batches:\n    loss, acc = m.train_on_batch(a, b)",
        "out = m.train_on_batch(a, b)\nacc = out[1]\ngc.collect()",
        "s = []\nfor a, b in d:\n    s.append(m.train_on_batch(a, b)[1])\nacc = np.mean(s)",
    ],
)
def test_a_value_of_the_batches_that_are_trained_on_is_found(cell: str) -> None:
    """It is what `train_on_batch` returns, also averaged."""
    (found,) = doubts(cell, "acc")
    assert isinstance(found, TrainingBatch)
    assert doubt_texts([found])[0].startswith("The value is measured on the batches that are tr")


def test_a_value_of_other_batches_is_not_claimed() -> None:
    """The last one assigned counts."""
    assert (
        doubts("loss, acc = m.train_on_batch(a, b)\nloss, acc = m.test_on_batch(c, d)", "acc") == []
    )


@pytest.mark.parametrize(
    "end",
    ["m = keras.models.load_model('a.keras')", "m.load_weights(path)", "load_model('a')\nprint(m)"],
)
def test_weights_that_are_loaded_after_the_fit_are_found(end: str) -> None:
    """The value is that of the fit's last epoch, and the model another one."""
    (found,) = doubts(f"m.fit(A, b, validation_data=(C, d))\n{end}", "val_accuracy")
    assert isinstance(found, OtherWeights)
    assert found.line == 3
    assert "val_accuracy is that of the model as the fit left it, and " in doubt_texts([found])[0]


@pytest.mark.parametrize(
    "cell",
    [
        "m.load_weights(path)\nm.fit(A, b, validation_data=(C, d))",
        "m.fit(A, b)\nm.load_weights(path)\nval_accuracy = m.evaluate(C, d)[1]",
        "m.fit(A, b)\nm.load_weights(path)\nm.evaluate(C, d, return_dict=True)",
        "m.fit(A, b)\nm.save_weights(path)",
    ],
)
def test_weights_that_the_value_has_are_no_others(cell: str) -> None:
    """Loaded before the fit, or evaluated after they are loaded."""
    assert [one for one in doubts(cell, "val_accuracy") if isinstance(one, OtherWeights)] == []


def test_a_call_of_hp_in_a_loop_over_folds_is_found() -> None:
    """Where it has no name, each fold gets its own value."""
    loop = "for a, b in kf.split(X):\n    s.append(f(T({}).fit(a), b))\nscore = np.mean(s)"
    (found,) = doubts(loop.format("depth=hp.Int(1, 6)"))
    assert found == AskedInFolds(3, "hp.Int(1, 6)")
    assert doubts(loop.format("hp.Int('depth', 1, 6)")) == []
    assert doubts(loop.format("hp.Int(1, 6, name='depth')")) == []
    assert doubts(loop.format("hp.Int(f'depth', 1, 6)")) == []
    assert doubts("for i in range(3):\n    m.add(D(hp.Int(1, 6)))\nscore = f(m)") == []


FIT = (
    "def fit(m, d):\n    for x, y in d:\n        loss = f(m(x), y)\n        loss.backward()\n"
    "    return loss.item()\n"
)


@pytest.mark.parametrize(
    ("cell", "kind", "inside"),
    [
        (FIT + "score = fit(m, d)", TrainingLoss, "fit"),
        (FIT + "train_loss = fit(m, d)\nscore = train_loss", TrainingLoss, "fit"),
        (
            "def run(p):\n    m = T(p).fit(A, b)\n    return m, m.score(A, b)\nm, score = run(3)",
            TrainingScore,
            "run",
        ),
        ("def run(p):\n    return fit(p)\n" + FIT + "score = run(3)", TrainingLoss, "fit"),
    ],
)
def test_a_value_of_a_function_is_followed_into_it(cell: str, kind: type, inside: str) -> None:
    """Its text is that of a cell which ends in what it returns."""
    (found,) = doubts(cell)
    assert isinstance(found, kind)
    assert found.inside == inside
    assert f" in {inside}, called on line " in doubt_texts([found])[0]


def test_a_function_of_an_earlier_cell_is_followed() -> None:
    """Where it is given."""
    function = ast.parse(FIT).body[0]
    assert isinstance(function, ast.FunctionDef)
    tree = ast.parse("\nloss = train(m, d)")
    (found,) = doubts_of(tree, "loss", {"train": function})
    assert found == TrainingLoss(2, "loss.backward()", "train")


@pytest.mark.parametrize(
    "cell",
    [
        FIT + "loss = fit(m, d)\nscore = evaluate(m, d)",
        "def run():\n    m.fit(A, b)\n    return m.score(A, b), m.score(C, d)\nx, score = run()",
        "def ev(x, y):\n    return f1_score(y, m.predict(x))\nm.fit(A, b)\nscore = ev(C, d)",
        "def f(p):\n    if p:\n        return 0\n    return m.fit(A, b).score(A, b)\nscore = f(1)",
        "def run(p):\n    return run(p - 1)\nscore = run(1)",
    ],
)
def test_other_values_of_functions_are_not_claimed(cell: str) -> None:
    """Scores on other rows, several ends, functions that call themselves."""
    assert doubts(cell) == []


LOOP = (
    "opt = Adam(m.parameters())\nfor x, y in d:\n    out = m(x)\n    loss = f(out, y)\n"
    "    {}\n    right += (out.argmax(1) == y).sum()\nscore = right / n"
)


def test_a_score_of_the_outputs_that_are_trained_with_is_found() -> None:
    """The accuracy that a training loop counts on its way."""
    (found,) = doubts(LOOP.format("loss.backward()"))
    assert found == TrainingBatch(6, "loss.backward()")


@pytest.mark.parametrize(
    "cell",
    [
        LOOP.format("if phase == 'train':\n        loss.backward()"),
        LOOP.format("loss.backward()") + "\nout = m(C)\nscore = (out.argmax(1) == e).mean()",
        "w = weights()\nfor x in d:\n    l = f(m(x), w)\n    l.backward()\nscore = f(m(C), w)",
        "loss = f(net(A), b)\nloss.backward()\nacc.update_state(b, net(A))\n"
        "acc.update_state(e, net(C))\nscore = acc.result()",
    ],
)
def test_scores_of_other_outputs_are_not_claimed(cell: str) -> None:
    """Of another phase, of outputs made after the training, of what both losses have in common."""
    assert doubts(cell) == []
