"""Forty notebooks with a leak: what a search finds in them is too good."""

from __future__ import annotations

IMPORTS = """
import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_wine, load_diabetes, load_iris
from sklearn.model_selection import (
    GridSearchCV, GroupShuffleSplit, KFold, StratifiedKFold, TimeSeriesSplit, cross_val_score,
    train_test_split)
from sklearn.preprocessing import (
    LabelEncoder, MinMaxScaler, Normalizer, OneHotEncoder, OrdinalEncoder, PolynomialFeatures,
    QuantileTransformer, RobustScaler, StandardScaler, scale)
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline, Pipeline
"""
TABLE = (
    IMPORTS
    + """
rng = np.random.default_rng(0)
n = 240
df = pd.DataFrame({
    "age": rng.normal(50, 12, n), "income": rng.lognormal(10, 1, n),
    "city": rng.choice(["Oslo", "Rome", "Kyiv", "Lima"], n), "visits": rng.poisson(4, n),
})
df["price"] = 3 * df.age + df.visits * 10 + rng.normal(0, 20, n)
df["bought"] = (df.price + rng.normal(0, 30, n) > 190).astype(int)
"""
)
LINE = "%%hpo leak --maximize accuracy --trials 2 --sampler random --recheck 0 --ui text\n"
LOSS = "%%hpo leak --minimize mae --trials 2 --sampler random --recheck 0 --ui text\n"
ON_PARTS = (
    LINE
    + """
model = KNeighborsClassifier(n_neighbors=hp.Int(1, 9)).fit(X_train, y_train)
accuracy = model.score(X_val, y_val)
"""
)
CROSSED = (
    LINE
    + """
model = KNeighborsClassifier(n_neighbors=hp.Int(1, 9))
accuracy = cross_val_score(model, X, y, cv=3).mean()
"""
)
SPLIT_INSIDE = (
    LINE
    + """
X_train, X_val, y_train, y_val = train_test_split(X, y, random_state=hp.seed())
model = KNeighborsClassifier(hp.Int(1, 9, name="k")).fit(X_train, y_train)
accuracy = model.score(X_val, y_val)
"""
)
RIDGE = (
    LOSS
    + """
from sklearn.metrics import mean_absolute_error
model = Ridge(alpha=hp.Float(0.01, 10, sampling="log")).fit(X_train, y_train)
mae = mean_absolute_error(y_val, model.predict(X_val))
"""
)
SERIES = (
    IMPORTS
    + """
rng = np.random.default_rng(0)
t = np.arange(300)
sales = pd.Series(50 + 10 * np.sin(t / 7) + rng.normal(0, 1, 300),
                  index=pd.date_range("2024-01-01", periods=300, freq="D"), name="sales")
"""
)

PLANTED: dict[str, list[str]] = {
    "scaler, fit_transform before train_test_split": [
        IMPORTS,
        "X, y = load_breast_cancer(return_X_y=True)",
        "scaler = StandardScaler()\nX = scaler.fit_transform(X)",
        "X_train, X_val, y_train, y_val = train_test_split(X, y, test_size=0.3, random_state=0)",
        ON_PARTS,
    ],
    "scaler fitted on all rows, parts transformed later": [
        IMPORTS + "X, y = load_wine(return_X_y=True)",
        "sc = MinMaxScaler().fit(X)",
        "X_train, X_val, y_train, y_val = train_test_split(X, y, random_state=1)\n"
        "X_train = sc.transform(X_train)\nX_val = sc.transform(X_val)",
        ON_PARTS,
    ],
    "scaler before cross-validation": [
        IMPORTS + "X, y = load_wine(return_X_y=True)\nX = RobustScaler().fit_transform(X)",
        CROSSED,
    ],
    "split inside the cell, scaled outside": [
        IMPORTS + "bc = load_breast_cancer()\nX, y = bc.data, bc.target",
        "X = QuantileTransformer(n_quantiles=50).fit_transform(X)",
        SPLIT_INSIDE,
    ],
    "z-scores of a table by hand": [
        TABLE + 'num = df[["age", "income", "visits"]]\nX = (num - num.mean()) / num.std()\n'
        'y = df["bought"]',
        "X_train, X_val, y_train, y_val = train_test_split(X, y, random_state=0)",
        ON_PARTS,
    ],
    "z-scores of an array by hand": [
        IMPORTS + "X, y = load_wine(return_X_y=True)",
        "mu = X.mean(axis=0)\nsigma = np.std(X, axis=0)",
        "X_train, X_val, y_train, y_val = train_test_split(X, y, random_state=0)",
        "X_train = (X_train - mu) / sigma\nX_val = (X_val - mu) / sigma",
        ON_PARTS,
    ],
    "min and max by hand, column by column": [
        TABLE,
        'for column in ["age", "income"]:\n'
        "    low, high = df[column].min(), df[column].max()\n"
        "    df[column] = (df[column] - low) / (high - low)",
        'X = df[["age", "income", "visits"]].values\ny = df.bought.values',
        SPLIT_INSIDE,
    ],
    "scale(), a function": [
        IMPORTS + "X, y = load_breast_cancer(return_X_y=True)\nX = scale(X)",
        CROSSED,
    ],
    "zscore of scipy": [
        IMPORTS + "from scipy import stats\nX, y = load_wine(return_X_y=True)\nX = stats.zscore(X)",
        "order = np.random.default_rng(0).permutation(len(X))\ncut = 130\n"
        "X_train, y_train = X[order[:cut]], y[order[:cut]]\n"
        "X_val, y_val = X[order[cut:]], y[order[cut:]]",
        ON_PARTS,
    ],
    "PCA on all rows": [
        IMPORTS + "X, y = load_breast_cancer(return_X_y=True)",
        "pca = PCA(n_components=5)\nZ = pca.fit_transform(X)",
        "X_train, X_val, y_train, y_val = train_test_split(Z, y, random_state=0)",
        ON_PARTS,
    ],
    "SelectKBest on noise": [
        IMPORTS + "from sklearn.feature_selection import SelectKBest, f_classif\n"
        "rng = np.random.default_rng(0)\nX = rng.normal(size=(120, 500))\n"
        "y = rng.integers(0, 2, 120)",
        "X = SelectKBest(f_classif, k=10).fit_transform(X, y)",
        CROSSED,
    ],
    "columns chosen by correlation": [
        IMPORTS + "rng = np.random.default_rng(0)\n"
        "data = pd.DataFrame(rng.normal(size=(150, 60))).add_prefix('f')\n"
        "data['target'] = rng.integers(0, 2, 150)",
        "corr = data.corr()['target'].abs().drop('target')\n"
        "best = corr.sort_values(ascending=False).index[:8]",
        "X, y = data[best], data['target']\n"
        "X_train, X_val, y_train, y_val = train_test_split(X, y, random_state=0)",
        ON_PARTS,
    ],
    "columns chosen by a forest on all rows": [
        IMPORTS + "from sklearn.ensemble import RandomForestClassifier\n"
        "X, y = load_breast_cancer(return_X_y=True)",
        "forest = RandomForestClassifier(20, random_state=0).fit(X, y)\n"
        "top = np.argsort(forest.feature_importances_)[-6:]\nX = X[:, top]",
        CROSSED,
    ],
    "mean imputation of a table": [
        TABLE + "df.loc[rng.choice(n, 40), 'age'] = np.nan",
        "df['age'] = df['age'].fillna(df['age'].median())",
        "X, y = df[['age', 'income', 'visits']], df.bought",
        "X_train, X_val, y_train, y_val = train_test_split(X, y, random_state=3)",
        ON_PARTS,
    ],
    "SimpleImputer on all rows": [
        IMPORTS + "from sklearn.impute import SimpleImputer\n"
        "X, y = load_wine(return_X_y=True)\n"
        "X[np.random.default_rng(0).random(X.shape) < 0.1] = np.nan",
        "X = SimpleImputer(strategy='mean').fit_transform(X)",
        SPLIT_INSIDE,
    ],
    "KNNImputer in a function": [
        IMPORTS + "from sklearn.impute import KNNImputer\n"
        "def prepare(X):\n"
        "    X = X.copy()\n"
        "    X[::7, 0] = np.nan\n"
        "    return KNNImputer().fit_transform(X)",
        "X, y = load_wine(return_X_y=True)\nX = prepare(X)",
        SPLIT_INSIDE,
    ],
    "one-hot encoder fitted on all rows": [
        TABLE + "enc = OneHotEncoder(sparse_output=False)\n"
        "cities = enc.fit_transform(df[['city']])\n"
        "X = np.hstack([df[['age', 'visits']].to_numpy(), cities])\ny = df['bought'].to_numpy()",
        "X_train, X_val, y_train, y_val = train_test_split(X, y, random_state=0)",
        ON_PARTS,
    ],
    "ordinal encoder in a loop": [
        TABLE + "df['area'] = rng.choice(['a', 'b', 'c'], n)",
        "for c in ['city', 'area']:\n    df[c] = OrdinalEncoder().fit_transform(df[[c]]).ravel()",
        "train, val = train_test_split(df, test_size=0.25, random_state=0)\n"
        "feats = ['age', 'visits', 'city', 'area']\n"
        "X_train, y_train = train[feats], train['bought']\n"
        "X_val, y_val = val[feats], val['bought']",
        ON_PARTS,
    ],
    "target encoding by groupby": [
        TABLE + "df['zip'] = rng.integers(0, 80, n)",
        "df['zip_rate'] = df.groupby('zip')['bought'].transform('mean')",
        "X, y = df[['age', 'zip_rate']], df['bought']",
        SPLIT_INSIDE,
    ],
    "target encoding by map": [
        TABLE + "df['street'] = rng.integers(0, 90, n).astype(str)",
        "means = df.groupby('street').bought.mean()\ndf['street'] = df['street'].map(means)",
        "X_train, X_val, y_train, y_val = train_test_split(\n"
        "    df[['age', 'street']], df['bought'], test_size=0.3, random_state=0)",
        ON_PARTS,
    ],
    "means of groups merged back": [
        TABLE + "by_city = df.groupby('city', as_index=False)['income'].mean()\n"
        "by_city = by_city.rename(columns={'income': 'city_income'})\n"
        "df = df.merge(by_city, on='city')",
        "X, y = df[['age', 'income', 'city_income']], df.bought",
        CROSSED,
    ],
    "TfidfVectorizer on all texts": [
        IMPORTS + "from sklearn.feature_extraction.text import TfidfVectorizer\n"
        "words = 'red blue green good bad fine poor big small old new fast slow'.split()\n"
        "r = np.random.default_rng(0)\ntexts = [' '.join(r.choice(words, 8)) for _ in range(200)]\n"
        "labels = np.array([t.count('good') > t.count('bad') for t in texts])",
        "vec = TfidfVectorizer(ngram_range=(1, 2))\nX = vec.fit_transform(texts)\ny = labels",
        SPLIT_INSIDE,
    ],
    "CountVectorizer, then KFold by hand": [
        IMPORTS + "from sklearn.feature_extraction.text import CountVectorizer\n"
        "r = np.random.default_rng(1)\n"
        "docs = [' '.join(r.choice(list('abcdefgh'), 12)) for _ in range(150)]\n"
        "y = r.integers(0, 2, 150)",
        "cv = CountVectorizer(analyzer='char_wb', ngram_range=(1, 3))\nX = cv.fit_transform(docs)",
        LINE + "scores = []\n"
        "for tr, va in KFold(3, shuffle=True, random_state=0).split(X):\n"
        "    m = LogisticRegression(C=hp.Float(0.01, 10, name='C')).fit(X[tr], y[tr])\n"
        "    scores.append(m.score(X[va], y[va]))\n"
        "accuracy = np.mean(scores)",
    ],
    "make_pipeline outside of the cell": [
        IMPORTS + "X, y = load_breast_cancer(return_X_y=True)",
        "prep = make_pipeline(StandardScaler(), PCA(8))\nX = prep.fit_transform(X)",
        SPLIT_INSIDE,
    ],
    "ColumnTransformer on the whole table": [
        TABLE + "from sklearn.compose import ColumnTransformer\n"
        "ct = ColumnTransformer([('n', StandardScaler(), ['age', 'income']),\n"
        "                        ('c', OneHotEncoder(), ['city'])])",
        "X = ct.fit_transform(df.drop(columns=['bought', 'price']))\ny = df['bought']",
        "X_train, X_val, y_train, y_val = train_test_split(X, y, random_state=0)",
        ON_PARTS,
    ],
    "scaler fitted on train and validation together": [
        IMPORTS + "X, y = load_wine(return_X_y=True)\n"
        "X_train, X_val, y_train, y_val = train_test_split(X, y, random_state=0)",
        "both = np.vstack([X_train, X_val])\nscaler = StandardScaler().fit(both)",
        "X_train, X_val = scaler.transform(X_train), scaler.transform(X_val)",
        ON_PARTS,
    ],
    "clusters of all rows as a feature": [
        IMPORTS + "from sklearn.cluster import KMeans\nX, y = load_wine(return_X_y=True)",
        "cluster = KMeans(4, n_init=2, random_state=0).fit_predict(X)\nX = np.c_[X, cluster]",
        CROSSED,
    ],
    "minority class repeated before the split": [
        IMPORTS + "rng = np.random.default_rng(0)\nX = rng.normal(size=(200, 4))\n"
        "y = (rng.random(200) < 0.15).astype(int)",
        "few = np.flatnonzero(y == 1)\nextra = rng.choice(few, 120)\n"
        "X = np.vstack([X, X[extra]])\ny = np.concatenate([y, y[extra]])",
        SPLIT_INSIDE,
    ],
    "resample with replacement before the split": [
        TABLE + "from sklearn.utils import resample\n"
        "rare = df[df.bought == 1]\ncommon = df[df.bought == 0]\n"
        "rare_up = resample(rare, replace=True, n_samples=300, random_state=0)\n"
        "df2 = pd.concat([common, rare_up])",
        "X, y = df2[['age', 'income', 'visits']], df2['bought']",
        "X_train, X_val, y_train, y_val = train_test_split(X, y, random_state=0)",
        ON_PARTS,
    ],
    "augmented rows before the split": [
        IMPORTS + "X, y = load_iris(return_X_y=True)",
        "noise = np.random.default_rng(0).normal(0, 0.01, X.shape)\n"
        "X_aug = np.concatenate([X, X + noise])\ny_aug = np.concatenate([y, y])",
        "X_train, X_val, y_train, y_val = train_test_split(X_aug, y_aug, random_state=0)",
        ON_PARTS,
    ],
    "validation rows are training rows": [
        IMPORTS + "X, y = load_breast_cancer(return_X_y=True)",
        "X_train, y_train = X, y\nX_val, y_val = X[400:], y[400:]",
        ON_PARTS,
    ],
    "parts from files that overlap": [
        IMPORTS + "rng = np.random.default_rng(0)\nbase = rng.normal(size=(300, 5))\n"
        "np.save('a.npy', base[:220])\nnp.save('b.npy', base[180:])",
        "X_train = np.load('a.npy')\nX_val = np.load('b.npy')\n"
        "y_train = (X_train[:, 0] > 0).astype(int)\ny_val = (X_val[:, 0] > 0).astype(int)",
        ON_PARTS,
    ],
    "lags of a series, split at random": [
        SERIES,
        "table = pd.DataFrame({'y': sales})\nfor k in (1, 2, 7):\n"
        "    table[f'lag{k}'] = table['y'].shift(k)\ntable = table.dropna()",
        "X, y = table.drop(columns='y'), table['y']\n"
        "X_train, X_val, y_train, y_val = train_test_split(X, y, test_size=0.2, random_state=0)",
        RIDGE,
    ],
    "windows of a series, split at random": [
        SERIES + "values = sales.to_numpy()\nw = 10\n"
        "X = np.array([values[i:i + w] for i in range(len(values) - w)])\ny = values[w:]",
        "X_train, X_val, y_train, y_val = train_test_split(X, y, random_state=0)",
        RIDGE,
    ],
    "TimeSeriesSplit of shuffled rows": [
        SERIES + "frame = sales.to_frame()\nframe['day'] = np.arange(300)\n"
        "frame = frame.sample(frac=1, random_state=0)",
        LOSS + "model = Ridge(alpha=hp.Float(0.01, 10, name='alpha'))\n"
        "mae = -cross_val_score(model, frame[['day']], frame['sales'], cv=TimeSeriesSplit(3),\n"
        "                       scoring='neg_mean_absolute_error').mean()",
    ],
    "KFold with shuffle on rolling means": [
        SERIES + "d = sales.to_frame()\nd['mean7'] = d.sales.rolling(7).mean().shift(1)\n"
        "d = d.dropna()\nX, y = d[['mean7']], d['sales']",
        LOSS + "kf = KFold(n_splits=4, shuffle=True, random_state=0)\n"
        "mae = -cross_val_score(Ridge(hp.Float(0.01, 10, name='alpha')), X, y, cv=kf,\n"
        "                       scoring='neg_mean_absolute_error').mean()",
    ],
    "the target is left among the features": [
        TABLE + "X = df.drop(columns=['city', 'price'])\ny = df['bought']",
        "X_train, X_val, y_train, y_val = train_test_split(X, y, random_state=0)",
        ON_PARTS,
    ],
    "the target in other units": [
        TABLE + "df['price_eur'] = df['price'] * 0.92 + 5\n"
        "X, y = df[['age', 'visits', 'price_eur']], df['price']",
        "X_train, X_val, y_train, y_val = train_test_split(X, y, random_state=0)",
        RIDGE,
    ],
    "the logarithm of the target": [
        TABLE + "df['income_log'] = np.log(df['income'])\n"
        "features = ['age', 'visits', 'income_log']\nX = df[features].to_numpy()\n"
        "y = df['income'].to_numpy() / 1000",
        "X_train, X_val = X[:180], X[180:]\ny_train, y_val = y[:180], y[180:]",
        RIDGE,
    ],
    "the target's one-hot columns": [
        TABLE + "df['kind'] = np.where(df.price > 200, 'high', np.where(df.price > 150, 'mid',"
        " 'low'))\nwide = pd.get_dummies(df[['age', 'visits', 'kind']], columns=['kind'])\n"
        "X, y = wide.astype(float), df['kind']",
        CROSSED,
    ],
}
