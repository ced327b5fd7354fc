"""What the cells before did with rows that are split later, by their text alone."""

# ruff: noqa: E501  (a notebook is a line)
from __future__ import annotations

import ast
from collections.abc import Sequence

import pytest

from hpo_magic.source.flow import Finding, Kind, Place, flow_of

PARTS = "X_train, X_val, y_train, y_val = train_test_split(X, y)"
SEARCHED = "m = Ridge(hp.Float(0, 1)).fit(X_train, y_train)\nm.score(X_val, y_val)"
CROSSED = "cross_val_score(Ridge(hp.Float(0, 1)), X, y)"
LOADED = "X, y = load_wine(return_X_y=True)\n"
TABLE = "df = pd.read_csv('a.csv')\nX, y = df.drop(columns='t'), df['t']\n"


def findings(*cells: str) -> list[Finding]:
    """Return what is found in cells; the last one is searched."""
    *before, searched = [(i, text, ast.parse(text)) for i, text in enumerate(cells, start=1)]
    return flow_of(before, (0, *searched[1:]), tables=["df"])


def kinds(*cells: str) -> set[Kind]:
    """Return the kinds of what is found."""
    return {one.kind for one in findings(*cells)}


def test_the_place_of_a_fit_and_of_the_split() -> None:
    """Cell, line and text; the searched cell has the number 0."""
    (found,) = findings(LOADED, "\nX = StandardScaler().fit_transform(X)", PARTS, SEARCHED)
    line = Place(2, 2, "X = StandardScaler().fit_transform(X)")
    assert found == Finding(Kind.FITTED, "StandardScaler", line, Place(3, 1, PARTS))
    (found,) = findings(LOADED + "X = scale(X)", CROSSED)
    assert found.split == Place(0, 1, CROSSED)


LEAKS = [
    (Kind.FITTED, [LOADED, "s = MinMaxScaler().fit(X)", PARTS, "X_train, X_val = s.transform(X_train), s.transform(X_val)", SEARCHED]),
    (Kind.FITTED, [LOADED + "norm = Normalization()\nnorm.adapt(X)\nX = norm(X)", PARTS, SEARCHED]),
    (Kind.FITTED, [LOADED + "p = make_pipeline(StandardScaler(), PCA(3))\nX = p.fit_transform(X)", CROSSED]),
    (Kind.FITTED, [LOADED + "def prepare(a):\n    return PCA(2).fit_transform(a)\nX = prepare(X)", CROSSED]),
    (Kind.FITTED, [LOADED + "class P:\n    def run(self, a):\n        return PCA(2).fit(a).transform(a)\nX = P().run(X)", CROSSED]),
    (Kind.FITTED, [LOADED + PARTS + "\ns = StandardScaler().fit(np.vstack([X_train, X_val]))\nX_train = s.transform(X_train)", SEARCHED]),
    (Kind.FITTED, ["t = pd.read_csv('t.csv')\nX, y = TfidfVectorizer().fit_transform(t.text), t.label", CROSSED]),
    (Kind.FITTED, [LOADED + "X = KBinsDiscretizer(4).fit_transform(X)", "model.fit(X, y, validation_split=0.2)"]),
    (Kind.STATISTIC, [TABLE + "X = (X - X.mean()) / X.std()", PARTS, SEARCHED]),
    (Kind.STATISTIC, [LOADED + "m = {'a': X.mean(axis=0)}", PARTS, "X_train = X_train - m['a']\n" + SEARCHED]),
    (Kind.STATISTIC, ["df = pd.read_csv('a.csv')\ndf['a'] = df['a'].fillna(df['a'].median())\nX, y = df[['a']], df.t", CROSSED]),
    (Kind.STATISTIC, [TABLE + "X = X.apply(lambda c: (c - c.min()) / (c.max() - c.min()))", CROSSED]),
    (Kind.STATISTIC, [LOADED + "X -= X.mean(0)\norder = rng.permutation(len(X))\na, b = order[:80], order[80:]", "m = Ridge().fit(X[a], y[a])\nm.score(X[b], y[b])"]),
    (Kind.STATISTIC, ["x, y = load()\nx = x - x.mean(0)\nd = from_tensor_slices((x, y))\nt, v = d.take(80), d.skip(80)", "model.fit(t, validation_data=v)"]),
    (Kind.GROUPS, ["df = pd.read_csv('a.csv')\ndf['e'] = df.groupby('c')['t'].transform('mean')\nX, y = df[['e']], df.t", CROSSED]),
    (Kind.GROUPS, ["X, t = load_x()\ndf = pd.DataFrame({'c': X[:, 0], 't': t})\ndf['e'] = df.groupby('c')['t'].transform('mean')\nX, y = df[['e']], df.t", CROSSED]),
    (Kind.GROUPS, ["df = pd.read_csv('a.csv')\nm = df.groupby('c').t.mean().to_dict()\ndf['e'] = df.c.map(lambda c: m[c])\nX, y = df[['e']], df.t", CROSSED]),
    (Kind.SELECTED, [TABLE + "best = X.columns[np.argsort(mutual_info_classif(X, y))[-5:]]\nX = X[best]", CROSSED]),
    (Kind.SELECTED, [TABLE + "good = []\nfor c in X:\n    if abs(X[c].corr(y)) > 0.1:\n        good.append(c)\nX = X[good]", CROSSED]),
    (Kind.COPIES, [LOADED + "X, y = SMOTE().fit_resample(X, y)", PARTS, SEARCHED]),
    (Kind.COPIES, [LOADED + "X, y = np.concatenate([X, X[:, ::-1]]), np.concatenate([y, y])", PARTS, SEARCHED]),
    (Kind.MODEL, [LOADED + PARTS, "m = Ridge().fit(X, y)\nm.score(X_val, y_val)"]),
    (Kind.TIME, [TABLE + "X['lag'] = y.shift(1)", PARTS, SEARCHED]),
    (Kind.TIME, ["s = np.load('s.npy')\nX = np.array([s[i:i + 9] for i in range(90)])\ny = s[9:]", "cross_val_score(Ridge(hp.Float(0, 1)), X, y, cv=KFold(3, shuffle=True))"]),
    (Kind.TIME, [TABLE + "X = X.sample(frac=1)", "cross_val_score(Ridge(hp.Float(0, 1)), X, y, cv=TimeSeriesSplit(3))"]),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "cells"), LEAKS)
def test_a_leak(kind: Kind, cells: Sequence[str]) -> None:
    """Of one kind, however it is written."""
    assert kinds(*cells) == {kind}


CLEAN = [
    [LOADED + PARTS, "s = StandardScaler()\nX_train = s.fit_transform(X_train)\nX_val = s.transform(X_val)", SEARCHED],
    [LOADED, "cross_val_score(make_pipeline(StandardScaler(), Ridge(hp.Float(0, 1))), X, y)"],
    [LOADED, "for a, b in KFold(3).split(X):\n    s = PCA(2).fit(X[a])\n    m = Ridge().fit(s.transform(X[a]), y[a])\n    m.score(s.transform(X[b]), y[b])"],
    [LOADED + PARTS + "\nm, s = X_train.mean(0), X_train.std(0)\nX_train, X_val = (X_train - m) / s, (X_val - m) / s", SEARCHED],
    [LOADED + "X = X / 255.0\nX = X / X.max()\nX = X / X.sum(axis=1, keepdims=True)", PARTS, SEARCHED],
    [LOADED + "X = Normalizer().fit_transform(PolynomialFeatures(2).fit_transform(X))", CROSSED],
    [LOADED + "y = LabelEncoder().fit_transform(y)\ny = (y - y.mean()) / y.std()", PARTS, SEARCHED],
    ["df = pd.read_csv('a.csv')\ndf['t'] = LabelEncoder().fit_transform(df['t'])\nX, y = df[[c for c in df.columns if c != 't']], df['t']", CROSSED],
    [TABLE + "X = pd.get_dummies(X.fillna(0)).drop(columns=['id'])\nX = X.loc[:, X.std() > 0]", PARTS, SEARCHED],
    ["df = pd.read_csv('a.csv')\ndf = df[(df.a - df.a.mean()).abs() < 3 * df.a.std()]\nX, y = df[['a']], df.t", PARTS, SEARCHED],
    ["b = pd.read_csv('b.csv')\nX = b.groupby('who')['euro'].agg(['mean', 'max'])\ny = load_y()", PARTS, SEARCHED],
    [LOADED + PARTS + "\nX_train, y_train = SMOTE().fit_resample(X_train, y_train)", SEARCHED],
    [LOADED + PARTS + "\nX_train = np.concatenate([X_train, X_train + 1])", SEARCHED],
    ["df = pd.read_csv('a.csv')\nfew, many = df[df.t == 1], df[df.t == 0]\ndf = pd.concat([few, many.sample(50)])\nX, y = df[['a']], df.t", PARTS, SEARCHED],
    [LOADED + PARTS + "\ns = StandardScaler().fit(X_train)\nX_train, X_val = s.transform(X_train), s.transform(X_val)\nX_train, y_train = X_train[:50], y_train[:50]", SEARCHED],
    [LOADED + PARTS + "\ns = StandardScaler().fit(X_train)\nX_train, X_val = s.transform(X_train), s.transform(X_val)", "for i in range(0, 90, 8):\n    m.fit(X_train[i:i + 8], y_train[i:i + 8])\nm.score(X_val, y_val)"],
    [TABLE + "X['lag'] = y.shift(1)\nX_train, X_val, y_train, y_val = train_test_split(X, y, shuffle=False)", SEARCHED],
    [TABLE + "X['mean'] = y.rolling(3).mean().shift(1)\nX_train, X_val = X[:80], X[80:]", "m = Ridge().fit(X_train, y[:80])\nm.score(X_val, y[80:])"],
    [LOADED + "p = cross_val_predict(SVC(), X, y)\nX = np.c_[X, p]", CROSSED],
    ["df = pd.DataFrame({'d': pd.date_range('2020', periods=99).repeat(3), 'n': np.tile(n, 99)})\ndf['y'] = df.n * 2", "a, b = df[df.d < '2020-03'], df[df.d >= '2020-03']\nm = Ridge().fit(a[['n']], a.y)\nm.score(b[['n']], b.y)"],
    [LOADED + "print(X.mean(0), X.std(0))\nw = {0: (y == 1).mean()}", PARTS, SEARCHED],
]  # fmt: skip


@pytest.mark.parametrize("cells", CLEAN)
def test_nothing_is_said_of_clean_cells(cells: Sequence[str]) -> None:
    """What is computed from the training rows, or from each row by itself."""
    assert findings(*cells) == []
