"""What functions, methods and classes of the usual libraries do to rows, by their names."""

from __future__ import annotations

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Numbers computed from all rows of what they are called on or with.
STATISTICS = _words("""
    mean nanmean std nanstd var nanvar min nanmin amin max nanmax amax median nanmedian quantile
    nanquantile percentile nanpercentile sum nansum mode ptp skew kurt kurtosis describe corr
    corrcoef corrwith cov average agg aggregate f_classif f_regression chi2 mutual_info_classif
    mutual_info_regression ttest_ind f_oneway mannwhitneyu kendalltau ks_2samp spearmanr pearsonr
    value_counts iqr mad sem norm
""")
# Functions that scale, encode or bin the rows that they are given.
FITTING_FUNCTIONS = _words("""
    scale minmax_scale maxabs_scale robust_scale quantile_transform power_transform zscore qcut
    rank boxcox yeojohnson whiten
""")
# Classes whose `fit` learns nothing from the rows.
STATELESS = _words("""
    Normalizer PolynomialFeatures FunctionTransformer HashingVectorizer FeatureHasher Binarizer
    RBFSampler Nystroem AdditiveChi2Sampler SkewedChi2Sampler PolynomialCountSketch
    GaussianRandomProjection SparseRandomProjection MultiLabelBinarizer LabelBinarizer
""")
RESAMPLING = _words("""
    SMOTE ADASYN BorderlineSMOTE SVMSMOTE KMeansSMOTE SMOTENC SMOTEN SMOTEENN SMOTETomek
    RandomOverSampler
""")
SPLITTERS_IN_ORDER = _words("TimeSeriesSplit PurgedKFold BlockingTimeSeriesSplit")
SPLITTERS_AT_RANDOM = _words("""
    ShuffleSplit StratifiedShuffleSplit RepeatedKFold RepeatedStratifiedKFold
""")
SPLITTERS = (
    SPLITTERS_IN_ORDER
    | SPLITTERS_AT_RANDOM
    | _words("""
    KFold StratifiedKFold LeaveOneOut LeavePOut PredefinedSplit GroupKFold GroupShuffleSplit
    LeaveOneGroupOut LeavePGroupsOut StratifiedGroupKFold
""")
)
CROSS_VALIDATIONS = _words("""
    cross_val_score cross_validate cross_val_predict learning_curve validation_curve
    permutation_test_score
""")
SEARCHES = _words("""
    GridSearchCV RandomizedSearchCV HalvingGridSearchCV HalvingRandomSearchCV BayesSearchCV
""")
# What describes a table and tells nothing of the values in its rows.
ABOUT_SHAPE = _words("""
    shape columns dtypes dtype size ndim name nunique unique count isna isnull notna notnull info
    memory_usage keys nbytes empty axes duplicated get_feature_names_out
""")
# Of groups: these use earlier rows alone.
OF_EARLIER_ROWS = _words("""
    shift diff cumcount cumsum cumprod cummax cummin ffill bfill rolling expanding ewm head tail
    ngroup nth pct_change
""")
# These use the order of rows as an order in time.
IN_TIME = _words("""
    shift rolling ewm pct_change expanding sliding_window_view resample asfreq
    timeseries_dataset_from_array
""")
SHUFFLES = _words("shuffle permutation permuted sample")
CONCATENATIONS = _words("concatenate concat vstack row_stack cat")
# What makes a table: a dict or a list that it is given has its columns or rows, no parts of it.
TABLES = _words("DataFrame Series LazyFrame from_dict from_records")
# Functions that give new data, and no number or setting.
MAKES_DATA = re.compile(
    r"read_\w+|(load|fetch|make|get|download|from|generate)_\w+|load|loadtxt|genfromtxt"
    r"|array|asarray|DataFrame|Series|normal|uniform|random|rand|randn|standard_normal|integers"
    r"|randint|choice|poisson|exponential|binomial|beta|gamma|multivariate_normal|lognormal"
    r"|random_sample|linspace|date_range|zeros|ones|sin|cos|cumsum"
)
# Calls whose first argument a search trains or scores on.
USES = _words("""
    fit partial_fit score predict predict_proba decision_function evaluate transform
    train_on_batch test_on_batch predict_on_batch DMatrix QuantileDMatrix Dataset Pool
    TensorDataset from_tensor_slices DataLoader tensor as_tensor from_numpy FloatTensor train
""")
OF_MODELS = _words("predict predict_proba decision_function score evaluate")
