"""Forty notebooks without a leak: nothing is to be said about them."""

from __future__ import annotations

from benchmarks.leak_notebooks.planted import (
    IMPORTS,
    LINE,
    LOSS,
    ON_PARTS,
    RIDGE,
    SERIES,
    SPLIT_INSIDE,
    TABLE,
)

PARTS = "X_train, X_val, y_train, y_val = train_test_split(X, y, random_state=0)"
PIPELINE = (
    LINE
    + """
model = make_pipeline(StandardScaler(), LogisticRegression(C=hp.Float(0.01, 10, name="C")))
accuracy = cross_val_score(model, X, y, cv=3).mean()
"""
)

CLEAN: dict[str, list[str]] = {
    "a pipeline in cross-validation": [
        IMPORTS + "X, y = load_breast_cancer(return_X_y=True)",
        PIPELINE,
    ],
    "a pipeline on parts": [
        IMPORTS + "X, y = load_wine(return_X_y=True)\n" + PARTS,
        LINE + "pipe = Pipeline([('s', MinMaxScaler()), ('pca', PCA(hp.Int(2, 6, name='n'))),\n"
        "                 ('m', LogisticRegression(max_iter=300))])\n"
        "pipe.fit(X_train, y_train)\naccuracy = pipe.score(X_val, y_val)",
    ],
    "scaler fitted on the training rows": [
        IMPORTS + "X, y = load_breast_cancer(return_X_y=True)\n" + PARTS,
        "scaler = StandardScaler().fit(X_train)\nX_train = scaler.transform(X_train)\n"
        "X_val = scaler.transform(X_val)",
        ON_PARTS,
    ],
    "fit_transform of the training rows, transform of the others": [
        IMPORTS + "X, y = load_breast_cancer(return_X_y=True)\n" + PARTS,
        "sc = RobustScaler()\nX_train = sc.fit_transform(X_train)\nX_val = sc.transform(X_val)",
        ON_PARTS,
    ],
    "scaled in each fold": [
        IMPORTS + "X, y = load_wine(return_X_y=True)",
        LINE + "scores = []\n"
        "for tr, va in StratifiedKFold(3, shuffle=True, random_state=0).split(X, y):\n"
        "    s = StandardScaler().fit(X[tr])\n"
        "    m = KNeighborsClassifier(hp.Int(1, 9, name='k')).fit(s.transform(X[tr]), y[tr])\n"
        "    scores.append(m.score(s.transform(X[va]), y[va]))\naccuracy = np.mean(scores)",
    ],
    "scaled inside the cell after its split": [
        IMPORTS + "X, y = load_breast_cancer(return_X_y=True)",
        LINE + "a, b, c, d = train_test_split(X, y, random_state=hp.seed())\n"
        "scaler = StandardScaler()\na = scaler.fit_transform(a)\nb = scaler.transform(b)\n"
        "model = LogisticRegression(C=hp.Float(0.01, 10, name='C')).fit(a, c)\n"
        "accuracy = model.score(b, d)",
    ],
    "z-scores with the training rows' mean": [
        IMPORTS + "X, y = load_wine(return_X_y=True)\n" + PARTS,
        "mu, sd = X_train.mean(0), X_train.std(0)\nX_train = (X_train - mu) / sd\n"
        "X_val = (X_val - mu) / sd",
        ON_PARTS,
    ],
    "a table's z-scores from the training rows": [
        TABLE + "train, val = train_test_split(df, random_state=0)\ncols = ['age', 'income']\n"
        "m, s = train[cols].mean(), train[cols].std()",
        "X_train, y_train = (train[cols] - m) / s, train.bought\n"
        "X_val, y_val = (val[cols] - m) / s, val.bought",
        ON_PARTS,
    ],
    "pixels by 255": [
        IMPORTS + "from sklearn.datasets import load_digits\nX, y = load_digits(return_X_y=True)\n"
        "X = X / 16.0\nX, y = X[:400], y[:400]",
        SPLIT_INSIDE,
    ],
    "pixels by their maximum": [
        IMPORTS + "from sklearn.datasets import load_digits\nd = load_digits()\n"
        "X = d.data[:300] / d.data.max()\ny = d.target[:300]\n" + PARTS,
        ON_PARTS,
    ],
    "the target's labels encoded": [
        IMPORTS + "iris = load_iris()\nX = iris.data\n"
        "names = np.array(iris.target_names)[iris.target]\n"
        "y = LabelEncoder().fit_transform(names)\n" + PARTS,
        ON_PARTS,
    ],
    "the target's column encoded in the table": [
        TABLE + "df['kind'] = np.where(df.price > 190, 'high', 'low')\n"
        "df['kind'] = LabelEncoder().fit_transform(df['kind'])\n"
        "features = [c for c in df.columns if c not in ('kind', 'price', 'city', 'bought')]\n"
        "X, y = df[features], df['kind']",
        SPLIT_INSIDE,
    ],
    "get_dummies": [
        TABLE + "X = pd.get_dummies(df.drop(columns=['bought', 'price']), columns=['city'])\n"
        "X = X.astype(float)\ny = df['bought']\n" + PARTS,
        ON_PARTS,
    ],
    "missing values filled with a constant": [
        TABLE + "df.loc[rng.choice(n, 30), 'age'] = np.nan\ndf['age'] = df['age'].fillna(0)\n"
        "X, y = df[['age', 'visits']], df.bought",
        SPLIT_INSIDE,
    ],
    "missing values filled with the training median": [
        TABLE + "df.loc[rng.choice(n, 30), 'age'] = np.nan\n"
        "tr, va = train_test_split(df, random_state=1)\nmed = tr['age'].median()\n"
        "tr = tr.fillna({'age': med})\nva = va.fillna({'age': med})\n"
        "X_train, y_train, X_val, y_val = tr[['age']], tr.bought, va[['age']], va.bought",
        ON_PARTS,
    ],
    "rows with missing values dropped": [
        TABLE + "df.loc[rng.choice(n, 30), 'age'] = np.nan\ndf = df.dropna()\n"
        "df = df[df['income'] > 500]\nX, y = df[['age', 'income', 'visits']], df['bought']\n"
        + PARTS,
        ON_PARTS,
    ],
    "logarithms and powers": [
        TABLE + "X = np.c_[np.log1p(df.income), df.age ** 2, np.sqrt(df.visits)]\n"
        "y = df.bought.values\n"
        "X = PolynomialFeatures(2, include_bias=False).fit_transform(X)",
        SPLIT_INSIDE,
    ],
    "rows normalized one by one": [
        IMPORTS + "X, y = load_wine(return_X_y=True)\nX = Normalizer().fit_transform(X)\n"
        "X = X / X.sum(axis=1, keepdims=True)",
        SPLIT_INSIDE,
    ],
    "hashed texts": [
        IMPORTS + "from sklearn.feature_extraction.text import HashingVectorizer\n"
        "r = np.random.default_rng(0)\n"
        "texts = [' '.join(r.choice(list('abcdefgh'), 9)) for _ in range(160)]\n"
        "y = np.array([t.count('a') > 1 for t in texts])\n"
        "X = HashingVectorizer(n_features=64).fit_transform(texts)",
        SPLIT_INSIDE,
    ],
    "a vectorizer in the pipeline": [
        IMPORTS + "from sklearn.feature_extraction.text import TfidfVectorizer\n"
        "r = np.random.default_rng(0)\n"
        "texts = [' '.join(r.choice('red blue good bad old new'.split(), 9)) for _ in range(160)]\n"
        "y = np.array([t.count('good') > t.count('bad') for t in texts])",
        LINE + "pipe = make_pipeline(TfidfVectorizer(),\n"
        "                     LogisticRegression(C=hp.Float(0.1, 10, name='C')))\n"
        "accuracy = cross_val_score(pipe, texts, y, cv=3).mean()",
    ],
    "selection in the pipeline": [
        IMPORTS + "from sklearn.feature_selection import SelectKBest\n"
        "rng = np.random.default_rng(0)\nX = rng.normal(size=(120, 300))\n"
        "y = rng.integers(0, 2, 120)",
        LINE
        + "pipe = make_pipeline(SelectKBest(k=hp.Int(5, 20, name='k')), LogisticRegression())\n"
        "accuracy = cross_val_score(pipe, X, y, cv=3).mean()",
    ],
    "imputer in a ColumnTransformer in the cell": [
        TABLE + "from sklearn.compose import make_column_transformer\n"
        "from sklearn.impute import SimpleImputer\ndf.loc[rng.choice(n, 30), 'age'] = np.nan\n"
        "X, y = df[['age', 'income', 'city']], df['bought']",
        LINE + "prep = make_column_transformer(\n"
        "    (make_pipeline(SimpleImputer(), StandardScaler()), ['age', 'income']),\n"
        "    (OneHotEncoder(handle_unknown='ignore'), ['city']))\n"
        "a, b, c, d = train_test_split(X, y, random_state=hp.seed())\n"
        "m = make_pipeline(prep, KNeighborsClassifier(hp.Int(1, 15, name='k'))).fit(a, c)\n"
        "accuracy = m.score(b, d)",
    ],
    "grid search in the cell": [
        IMPORTS + "X, y = load_wine(return_X_y=True)\n" + PARTS,
        LINE + "inner = GridSearchCV(make_pipeline(StandardScaler(), LogisticRegression()),\n"
        "                     {'logisticregression__C': [0.1, 1]}, cv=hp.Int(2, 4, name='folds'))\n"
        "inner.fit(X_train, y_train)\naccuracy = inner.score(X_val, y_val)",
    ],
    "copies of the training rows alone": [
        IMPORTS + "rng = np.random.default_rng(0)\nX = rng.normal(size=(200, 4))\n"
        "y = (X[:, 0] + rng.normal(size=200) > 1).astype(int)\n" + PARTS,
        "few = X_train[y_train == 1]\nX_train = np.vstack([X_train, few, few])\n"
        "y_train = np.r_[y_train, np.ones(2 * len(few), int)]",
        ON_PARTS,
    ],
    "augmented training rows": [
        IMPORTS + "X, y = load_iris(return_X_y=True)\n" + PARTS,
        "jitter = np.random.default_rng(0).normal(0, 0.05, X_train.shape)\n"
        "X_train = np.concatenate([X_train, X_train + jitter])\n"
        "y_train = np.concatenate([y_train, y_train])",
        ON_PARTS,
    ],
    "under-sampling of the common class": [
        TABLE + "common = df[df.bought == 0]\nrare = df[df.bought == 1]\n"
        "k = min(len(common), len(rare))\n"
        "small = pd.concat([common.sample(k, random_state=0), rare.sample(k, random_state=0)])\n"
        "X, y = small[['age', 'income', 'visits']], small['bought']\n" + PARTS,
        ON_PARTS,
    ],
    "rows that are alike by nature": [
        IMPORTS + "r = np.random.default_rng(0)\n"
        "X = pd.DataFrame({'sex': r.integers(0, 2, 300), 'class': r.integers(1, 4, 300),\n"
        "                  'children': r.integers(0, 3, 300)})\n"
        "y = (X['sex'] + 2 * r.random(300) > 1.3).astype(int)\n" + PARTS,
        ON_PARTS,
    ],
    "iris, which has two equal rows": [
        IMPORTS + "X, y = load_iris(return_X_y=True, as_frame=True)\n" + PARTS,
        ON_PARTS,
    ],
    "diabetes, which comes centred": [
        IMPORTS + "X, y = load_diabetes(return_X_y=True)\n" + PARTS,
        RIDGE,
    ],
    "lags, split in order": [
        SERIES + "t = sales.to_frame()\nt['lag1'] = t.sales.shift(1)\n"
        "t['lag2'] = t.sales.shift(2)\nt = t.dropna()\ncut = int(len(t) * 0.8)\n"
        "train, val = t.iloc[:cut], t.iloc[cut:]",
        "X_train, y_train = train[['lag1', 'lag2']], train['sales']\n"
        "X_val, y_val = val[['lag1', 'lag2']], val['sales']",
        RIDGE,
    ],
    "a series by train_test_split without shuffle": [
        SERIES + "frame = sales.reset_index()\nframe['before'] = frame['sales'].shift()\n"
        "frame = frame.dropna()\n"
        "X_train, X_val, y_train, y_val = train_test_split(\n"
        "    frame[['before']], frame['sales'], shuffle=False, test_size=0.25)",
        RIDGE,
    ],
    "TimeSeriesSplit of rows in order": [
        SERIES + "X = np.c_[np.arange(300), np.sin(np.arange(300) / 7)]\ny = sales.to_numpy()",
        LOSS + "model = make_pipeline(StandardScaler(), Ridge(hp.Float(0.01, 10, name='alpha')))\n"
        "mae = -cross_val_score(model, X, y, cv=TimeSeriesSplit(4),\n"
        "                       scoring='neg_mean_absolute_error').mean()",
    ],
    "customers with a date of signing up": [
        TABLE + "df['since'] = pd.to_datetime('2020-01-01') + pd.to_timedelta(\n"
        "    rng.integers(0, 1500, n), unit='D')\ndf['month'] = df['since'].dt.month\n"
        "X, y = df[['age', 'visits', 'month']], df['bought']\n" + PARTS,
        ON_PARTS,
    ],
    "features of customers from their purchases": [
        IMPORTS + "r = np.random.default_rng(0)\n"
        "who, euro = r.integers(0, 150, 2000), r.gamma(2, 10, 2000)\n"
        "buys = pd.DataFrame({'customer': who, 'euro': euro})\n"
        "X = buys.groupby('customer')['euro'].agg(['mean', 'max', 'count'])\n"
        "y = (X['mean'] + r.normal(0, 3, len(X)) > 20).astype(int)\n" + PARTS,
        ON_PARTS,
    ],
    "counts of each customer's earlier rows": [
        TABLE
        + "df['nth'] = df.groupby('city').cumcount()\nX, y = df[['age', 'nth']], df.bought\n"
        + PARTS,
        ON_PARTS,
    ],
    "groups kept together": [
        IMPORTS + "r = np.random.default_rng(0)\npatient = np.repeat(np.arange(40), 5)\n"
        "X = r.normal(size=(40, 3))[patient] + r.normal(0, 0.1, (200, 3))\n"
        "y = r.integers(0, 2, 40)[patient]\n"
        "tr, va = next(GroupShuffleSplit(1, test_size=0.3, random_state=0).split(X, y, patient))\n"
        "X_train, X_val, y_train, y_val = X[tr], X[va], y[tr], y[va]",
        ON_PARTS,
    ],
    "target made of a median": [
        IMPORTS + "X, target = load_diabetes(return_X_y=True)\n"
        "y = (target > np.median(target)).astype(int)\n" + PARTS,
        ON_PARTS,
    ],
    "looks at the data and leaves it": [
        TABLE + "print(df.describe())\nprint(df.corr(numeric_only=True)['bought'])\n"
        "print(df.groupby('city').price.mean())\nX, y = df[['age', 'visits']], df['bought']\n"
        + PARTS,
        ON_PARTS,
    ],
    "three parts, scaler of the first": [
        IMPORTS + "X, y = load_breast_cancer(return_X_y=True)\n"
        "X_rest, X_test, y_rest, y_test = train_test_split(X, y, random_state=0)\n"
        "X_train, X_val, y_train, y_val = train_test_split(X_rest, y_rest, random_state=0)",
        "prep = Pipeline([('a', StandardScaler()), ('b', PCA(6))]).fit(X_train)\n"
        "X_train, X_val, X_test = map(prep.transform, (X_train, X_val, X_test))",
        ON_PARTS,
    ],
    "functions that split first": [
        IMPORTS + "def load():\n    X, y = load_wine(return_X_y=True)\n"
        "    return train_test_split(X, y, random_state=0)\n\n"
        "def scaled(train, other):\n    m, s = train.mean(axis=0), train.std(axis=0)\n"
        "    return (train - m) / s, (other - m) / s",
        "X_train, X_val, y_train, y_val = load()\nX_train, X_val = scaled(X_train, X_val)",
        ON_PARTS,
    ],
}
