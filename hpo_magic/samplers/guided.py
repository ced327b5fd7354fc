"""A sampler that begins with settings of older studies, whatever it does then."""

from __future__ import annotations

from hpo_magic.core.activity import units_of
from hpo_magic.core.domains import Plain
from hpo_magic.core.notices import GridSize
from hpo_magic.core.ports import Announcer, Sampler
from hpo_magic.core.space import Params, Space
from hpo_magic.core.trial import History, Kind, State, Trial, is_better
from hpo_magic.samplers.guides import N_SETTINGS, first_settings
from hpo_magic.samplers.tried import Tried


class Guided:
    """Suggests settings of older studies for the first trials, then what `sampler` suggests.

    Without `History.guides` it is that sampler.
    """

    def __init__(self, sampler: Sampler) -> None:
        self.sampler = sampler

    def suggest(self, space: Space, history: History, seed: int) -> dict[str, Plain]:
        """Return a value for every parameter of `space`; see `core.ports.Sampler`."""
        older = older_setting(space, history, seed)
        return self.sampler.suggest(space, history, seed) if older is None else older

    def announcement(
        self, space: Space, history: History, n_searched: int | None
    ) -> GridSize | None:
        """Return what the user must know of the space, by the sampler; None if nothing."""
        if not isinstance(self.sampler, Announcer):
            return None
        return self.sampler.announcement(space, history, n_searched)


def older_setting(space: Space, history: History, seed: int) -> dict[str, Plain] | None:
    """Return the setting of an older study that is to be tried now; None if there is none.

    The k-th trial after the start, of those that were not stopped, takes the k-th setting, or a
    later one if that was tried. If the best one turns out no better than the start, no more follow.
    """
    counted = (trial for trial in history.trials if trial.state is not State.STOPPED)
    n_before = sum(trial.kind is not Kind.START for trial in counted)
    if not history.guides or n_before >= N_SETTINGS:
        return None
    settings = first_settings(space, history, seed)
    if settings and is_contradicted(settings[0], history):
        return None
    tried = Tried.in_history(space, history)
    for setting in settings[n_before:]:
        settled = tried.encoding.settled(tried.encoding.snap(units_of(space, [setting])))
        if not tried.known(settled)[0]:
            return setting
    return None


def is_contradicted(setting: Params, history: History) -> bool:
    """Return whether the best setting of older studies was tried and is no better than the start.

    Of several objectives nothing is concluded, nor of a trial that runs or was stopped.
    """
    start = next((t for t in history.trials if t.kind is Kind.START and t.value is not None), None)
    if start is None or history.is_multi_objective:
        return False
    searched = (t for t in history.trials if t.kind is Kind.SEARCH and t.state.is_finished)
    tried = next((t for t in searched if _is_of(setting, t)), None)
    return tried is not None and not is_better(tried.value, start.value, history.goals[0])


def _is_of(setting: Params, trial: Trial) -> bool:
    """Return whether a trial has the values of a setting, as far as it reached them."""
    reached = trial.params.items()
    return bool(reached) and all(setting.get(name) == value for name, value in reached)
