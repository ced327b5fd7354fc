"""The benchmarks run, and say the same each time; what they say is not tested here."""

import itertools
from importlib.metadata import version

import numpy as np
import pytest
from scipy.stats import spearmanr

from benchmarks.drive import Curve, search
from benchmarks.measure import FLOOR, Runs, mean_regret, ratio, won
from benchmarks.problems import NAMES, active_names, load
from benchmarks.problems.curve_tables import CURVES, FAMILIES, load_curves
from benchmarks.problems.encoding import places, setting, settle
from benchmarks.problems.spaces import DEFINITIONS
from benchmarks.problems.tables import TABLES
from benchmarks.pruned_search import SEARCHES, Spent
from benchmarks.pruning import Measured, epochs_to, measured, table, unpruned_best
from benchmarks.report import OURS, REFERENCE, bar_table, versions
from benchmarks.run import main
from benchmarks.samplers import SAMPLERS
from benchmarks.samplers.ours import OurSearch
from benchmarks.speed import speeds
from hpo_magic.core.domains import Choice, Int
from hpo_magic.samplers import make_sampler

# Lookups and networks load at once; a forest is fitted when it is loaded.
QUICK = ("svr_friedman", "svm_kernels", "tree_grid", "pipeline")


@pytest.mark.parametrize("name", NAMES)
def test_every_table_is_there_and_small(name):
    """There is a table for every problem, of less than 300 kB."""
    assert (TABLES / f"{name}.npz").stat().st_size < 300_000


def test_the_tables_are_small_together():
    """All tables take less than 2 MB, and each belongs to a problem."""
    tables = list(TABLES.iterdir())
    assert {table.stem for table in tables} == set(NAMES)
    assert sum(table.stat().st_size for table in tables) < 2_000_000


def test_there_are_problems_of_every_kind():
    """At least twelve: flat, all choices, conditional told and untold, and with noise."""
    definitions = DEFINITIONS.values()
    assert len(definitions) >= 12
    assert {d.kind for d in definitions} == {"flat", "choices", "conditional"}
    assert {d.is_declared for d in definitions if d.kind == "conditional"} == {True, False}
    assert any(d.n_seeds > 1 for d in definitions)


@pytest.mark.parametrize("name", QUICK)
def test_a_problem_evaluates(name):
    """The defaults and random settings have a loss, no mean is far below the best known."""
    problem, rng = load(name), np.random.default_rng(0)
    drawn = [{n: p.domain.value(rng.random()) for n, p in problem.space.items()} for _ in range(20)]
    row_scores = [problem.evaluate(params, rng) for params in [problem.space.defaults(), *drawn]]
    assert all(np.isfinite(outcome.loss) for outcome in row_scores)
    assert problem.median > problem.best
    assert all(outcome.mean >= problem.best * 0.999 for outcome in row_scores)
    if not problem.is_noisy:
        assert all(outcome.loss == outcome.mean for outcome in row_scores)


def test_inactive_parameters_make_no_difference():
    """Only what is reached counts: a linear kernel has no gamma."""
    problem, rng = load("svm_kernels"), np.random.default_rng(0)
    linear = problem.space.defaults() | {"kernel": "linear"}
    one, other = (problem.evaluate(linear | {"gamma": g}, rng) for g in (1e-4, 0.5))
    assert one == other
    assert one.active == ("kernel", "C", "scaler")


def test_conditions_are_hidden_where_the_sampler_has_to_learn_them():
    """The space without its scopes still evaluates by them."""
    definition = DEFINITIONS["mlp_layers"]
    problem = load("mlp_layers")
    assert all(not parameter.scopes for parameter in problem.space.values())
    assert problem.conditions == definition.space
    params = problem.space.defaults()
    assert "units[1]" not in active_names(problem.conditions, params)
    assert "units[1]" in active_names(problem.conditions, params | {"layers": 2})


def test_noise_is_drawn_by_the_trial():
    """A setting of a noisy problem has one mean and several losses."""
    problem = load("tree_grid")
    params = problem.space.defaults() | {"splitter": "random", "max_features": 0.1}
    row_scores = [problem.evaluate(params, np.random.default_rng(i)) for i in range(20)]
    assert len({outcome.mean for outcome in row_scores}) == 1
    assert len({outcome.loss for outcome in row_scores}) > 1


def test_settings_and_places_round_trip():
    """A setting that became an array comes back."""
    space = DEFINITIONS["pipeline"].space
    units = settle(space, np.random.default_rng(0).random((50, len(space))))
    for row in units:
        assert places(space, setting(space, row)) == pytest.approx(row, nan_ok=True, abs=1e-9)


@pytest.mark.parametrize("n_workers", [1, 4])
def test_a_search_repeats_itself(n_workers):
    """The same seed gives the same search, regrets never rise, and another seed another one."""
    problem = load("svm_kernels")
    one, again = (search("random", problem, 3, 30, n_workers) for _ in range(2))
    assert one.regrets.tolist() == again.regrets.tolist()
    assert (np.diff(one.regrets) <= 0).all()
    assert search("random", problem, 4, 30, n_workers).regrets.tolist() != one.regrets.tolist()


@pytest.mark.parametrize("sampler", ["random", "sobol", "genetic", "tpe", "optuna-tpe", "hyperopt"])
def test_samplers_start_from_the_defaults(sampler):
    """Trial 0 is the same for all; conditional spaces come through each library's language."""
    problem = load("pipeline")
    start = problem.evaluate(problem.space.defaults(), np.random.default_rng(0))
    curve = search(sampler, problem, 0, 25)
    assert curve.regrets[0] == problem.regret(start.mean)
    assert curve.regrets[-1] < curve.regrets[0]


def test_keras_tuner_gives_values_of_the_space():
    """It tells 1 for True; a problem takes True."""
    from benchmarks.samplers.keras_tuner_search import _value

    assert _value(Choice((False, True)), 1) is True
    assert _value(Int(1, 8), 3.0) == 3


def test_the_start_runs_alone():
    """As in a search with workers: with four at once the second trial knows what the first gave."""
    known = []

    class Asked(OurSearch):
        def ask(self, number):
            known.append(sum(trial.state.is_finished for trial in self._trials.values()))
            return super().ask(number)

    def make(name, problem, seed):
        return Asked(make_sampler(name), problem.space, seed)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("benchmarks.drive.make_search", make)
        search("random", load("svm_kernels"), 0, 8, n_workers=4)
    assert known == [0, 1, 1, 1, 1, 2, 3, 4]


def test_versions_are_told():
    """Of our package, of the libraries that were compared, and what each sampler searched."""
    curves = [Curve(OURS, "p", seed, np.zeros(2), np.zeros(2)) for seed in (3, 5)]
    told = versions(Runs([*curves, Curve(REFERENCE, "p", 3, np.zeros(2), np.zeros(2))]))
    assert f"optuna {version('optuna')}, numpy" in told
    assert "hyperopt" not in told
    assert f"| {OURS} | 1 | 3 to 5 | 2 |" in told


def test_the_figures_of_known_regrets():
    """Half of the regret on each problem is a ratio of a half, and every run won."""
    runs = Runs(
        Curve(sampler, problem, seed, np.full(100, regret * (1 + seed)), np.zeros(100))
        for sampler, regret in ((OURS, 0.1), (REFERENCE, 0.2))
        for problem in ("p", "q")
        for seed in range(3)
    )
    halved = ratio(runs, OURS, REFERENCE, 100)
    assert halved is not None
    assert halved.value == pytest.approx(0.5)
    assert won(runs, OURS, REFERENCE, 100).value == 1.0
    assert mean_regret(runs, OURS, 50).value == pytest.approx(0.2)
    assert "yes" in bar_table(runs, [])


def test_regrets_below_the_floor_count_as_the_floor():
    """Two perfect searches are level, not 0 / 0."""
    runs = Runs(
        Curve(sampler, "p", 0, np.full(100, regret), np.zeros(100))
        for sampler, regret in ((OURS, 0.0), (REFERENCE, FLOOR / 2))
    )
    assert ratio(runs, OURS, REFERENCE, 100).value == 1.0


def test_speed_is_measured_by_the_number_of_trials():
    """Every sampler gets a figure for every number of trials."""
    (speed,) = speeds(["random"], 6, sizes=(10, 25))
    assert set(speed.cpu_s) == {10, 25}
    assert 0 < speed.worst_s < 10


def test_the_command_writes_tables_and_a_plot(tmp_path, capsys):
    """One small comparison leaves its files; searching again with one sampler keeps the other."""
    chosen = ["--problems", "svr_friedman", "--seeds", "1", "--no-speed", "--out", str(tmp_path)]
    main(["--samplers", "random", "optuna-tpe", "--trials", "50", *chosen])
    assert {"bar.md", "regret.md", "regret.png", "runs.npz"} <= {p.name for p in tmp_path.iterdir()}
    first = (tmp_path / "regret.md").read_text(encoding="utf-8")
    main(["--rerun", "random", "--trials", "50", *chosen])
    again = (tmp_path / "regret.md").read_text(encoding="utf-8")
    assert sorted(again.splitlines()) == sorted(first.splitlines())
    assert "svr_friedman" in capsys.readouterr().out


def test_the_command_measures_trials_at_once(capsys):
    """Each number of trials at once gets a line."""
    chosen = ["--samplers", "random", "--problems", "svr_friedman", "--seeds", "1"]
    main([*chosen, "--parallel", "--trials", "100"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("|")[2].strip() for line in lines if "random" in line] == list("1248")


def test_every_sampler_is_known_by_name():
    """The command's choices are the samplers there are."""
    assert {OURS, REFERENCE, "random", "hyperopt", "optuna-gp", "skopt"} <= set(SAMPLERS)


def test_epochs_are_counted_to_the_first_training_that_is_good_enough():
    """Those of pruned trainings too; one that never gets there needs infinitely many."""
    trials = [Spent(9, 0.3), Spent(2, None), Spent(9, 0.2), Spent(9, 0.1)]
    assert epochs_to(0.2, trials) == 20
    assert epochs_to(0.05, trials) == np.inf


def test_a_search_is_measured_to_the_target_and_at_thirty_trials():
    """Without a pruner thirty trials are thirty trainings."""
    best = unpruned_best("boost_noisy", 0)
    found = measured("none", "boost_noisy", best, 0)
    assert (found.epochs_at_n, found.best_at_n) == (30.0, best)
    assert found.epochs <= 30.0


def test_the_table_tells_each_search_by_none():
    """Medians over seeds, shares of none's, and searches that were given up as such."""
    cells = {
        "none": [Measured(20, 30, 0.5), Measured(30, 30, 0.5)],
        "asha": [Measured(10, 15, 0.4), Measured(np.inf, 15, 0.6)],
    }
    text = table({search: {"digits": seeds} for search, seeds in cells.items()})
    rows = {line.split(" | ")[0][2:]: line.split(" | ")[1:] for line in text.splitlines()}
    assert rows["digits"] == ["25.0", "35.0 |"]
    assert rows["÷ none, median of the problems"] == ["1.00", "1.40 |"]
    assert rows["÷ the 30 of none, median of the problems"] == ["0.83", "1.17 |"]
    assert rows["30 trials: epochs ÷ none"] == ["1.00", "0.50 |"]
    assert rows["30 trials: as good as none, of all pairs"] == ["0.50", "0.50 |"]


@pytest.mark.parametrize("name", ["none", "asha", "hyperband", "median"])
def test_a_search_of_recorded_curves_says_the_same_each_time(name):
    """The start is finished; with a pruner fewer epochs are spent on as many trials."""
    problem = load_curves("mlp_digits")
    spent = [list(itertools.islice(SEARCHES[name](problem, 0), 15)) for _ in range(2)]
    assert spent[0] == spent[1]
    assert spent[0][0].n_epochs == problem.n_epochs
    n_epochs = sum(trial.n_epochs for trial in spent[0])
    assert (n_epochs == 15 * problem.n_epochs) == (name == "none")


def test_every_recorded_curve_is_there():
    """One for each setting of the grid; all files together are small."""
    for name in itertools.chain(*FAMILIES.values()):
        problem = load_curves(name)
        n_settings = np.prod([p.domain.n_levels for p in problem.space.values()])
        assert problem.curves.shape == (n_settings, problem.n_epochs)
        assert np.isfinite(problem.curves).all()
    assert sum(path.stat().st_size for path in CURVES.iterdir()) < 650_000


@pytest.mark.parametrize("name", FAMILIES["tame"])
def test_the_best_of_tame_curves_keep_their_order(name):
    """After a tenth of the epochs the best tenth of the settings are ranked much as at the end."""
    problem = load_curves(name)
    losses = problem.curves * problem.direction.sign
    best = losses[:, -1].argsort()[: len(losses) // 10]
    early = losses[best, round(problem.n_epochs / 10) - 1]
    assert 0.6 < spearmanr(early, losses[best, -1]).statistic < 0.9
