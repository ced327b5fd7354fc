"""Chooses the settings of trials: the start, then what the user enqueued, then the sampler's."""

from __future__ import annotations

from collections.abc import Iterable

from hpo_magic.core.notice_log import NoticeLog
from hpo_magic.core.plan import Plan
from hpo_magic.core.records import OlderStudy
from hpo_magic.core.search_state import SearchState
from hpo_magic.core.space import Params
from hpo_magic.core.trial import History, Kind
from hpo_magic.core.turns import waiting_as_pruned
from hpo_magic.errors import SpaceExhausted


class NextSetting:
    """Chooses settings for one run of a search.

    Parameters
    ----------
    plan
        What the user asked for.
    state
        The trials and the space; read again at each call.
    notices
        Takes what the user must know of the space before it is searched.
    queue
        The settings that were enqueued and not run yet, the next one first.
    guides
        The older studies whose trials guide the sampler.
    must_trace
        Whether the start runs again, to declare the ranges that the cell has now.
    """

    def __init__(
        self,
        plan: Plan,
        state: SearchState,
        notices: NoticeLog,
        queue: Iterable[Params] = (),
        guides: Iterable[OlderStudy] = (),
        *,
        must_trace: bool = False,
    ) -> None:
        self._plan, self._state, self._notices = plan, state, notices
        self.queue = list(queue)
        self.guides = tuple(guides)
        self.must_trace = must_trace

    @property
    def must_start(self) -> bool:
        """Whether the start comes next."""
        return self.must_trace or not self._state.has_start()

    @property
    def is_asked_for(self) -> bool:
        """Whether the start or an enqueued setting comes next."""
        return self.must_start or bool(self.queue)

    def choose(self, history: History, params: Params | None = None) -> tuple[Kind, Params]:
        """Return the kind and the setting of the next trial.

        Parameters
        ----------
        history
            The trials that a sampler may use for it.
        params
            The setting of a new trial, if the pruner has chosen one.

        Raises
        ------
        SpaceExhausted
            If every setting has been tried, or the cell has no parameters.
        """
        space = self._state.space
        if self.must_start:
            self.must_trace = False
            return Kind.START, {}
        if self.queue:
            wanted = self.queue.pop(0)
            rest = {} if not space else self._suggest_or_default(history)
            return Kind.ENQUEUED, {**rest, **wanted}
        if not space:
            # Either no trial reached an hp call, or the cell has none.
            if self._state.active or history.complete:
                raise SpaceExhausted
            return Kind.START, {}
        return Kind.SEARCH, self._suggest(history) if params is None else params

    def _suggest(self, history: History) -> Params:
        plan, space = self._plan, self._state.space
        self._notices.on_guides(plan.name, space, self.guides)
        self._notices.on_the_space(plan, space, history)
        return plan.sampler.suggest(space, waiting_as_pruned(history), plan.seed)

    def _suggest_or_default(self, history: History) -> Params:
        try:
            return self._suggest(history)
        except SpaceExhausted:  # the user may repeat a setting
            return self._state.space.defaults()
