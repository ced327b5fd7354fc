"""A study as figures: what `study.plot_…` draws."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from hpo_magic.core.snapshot import Snapshot

if TYPE_CHECKING:  # heavy, and not needed by a search
    from matplotlib.figure import Figure

    from hpo_magic.views.canvas import Plot


class Plots:
    """The figures of what a study found.

    Each has what it says in words beneath it, as far as the trials carry words.
    """

    snapshot: Snapshot

    def plot_convergence(self) -> Figure:
        """Return a figure of the best value so far over the trials, with the start.

        With several objectives: of what the front covers.
        """
        from hpo_magic.views.convergence import convergence

        return self._plot(convergence)

    def plot_curves(self) -> Figure:
        """Return a figure of all learning curves, the pruned ones cut where they ended."""
        from hpo_magic.views.curves import curves

        return self._plot(curves)

    def plot_front(self) -> Figure:
        """Return a figure of the trials by their objectives, with the front and the chosen one."""
        from hpo_magic.views.front import front

        return self._plot(front)

    def plot_parallel(self) -> Figure:
        """Return a figure with one axis for each parameter and one line for each trial."""
        from hpo_magic.views.parallel import parallel

        return self._plot(parallel)

    def plot_importance(self) -> Figure:
        """Return a figure of which parameters make the differences, with bands."""
        from hpo_magic.views.importance import importance

        return self._plot(importance)

    def plot_slices(self) -> Figure:
        """Return a figure of the values against one parameter at a time."""
        from hpo_magic.views.slices import slices

        return self._plot(slices)

    def plot_dependence(self, *names: str) -> Figure:
        """Return a figure of what a model of the trials expects of parameters, alone and in pairs.

        Parameters
        ----------
        *names
            Up to three parameters; without them the most important ones.

        Raises
        ------
        SpaceError
            If a name is not a parameter of the study.
        """
        from hpo_magic.views.dependence import dependence

        for name in names:
            self.snapshot.check_name(name)
        return self._plot(lambda snapshot: dependence(snapshot, names=names))

    def plot_timeline(self) -> Figure:
        """Return a figure of when each trial ran, for how long, and how it ended."""
        from hpo_magic.views.timeline import timeline

        return self._plot(timeline)

    def plot_honest(self) -> Figure:
        """Return a figure of what the best settings were in the search, and when run again."""
        from hpo_magic.views.optimism import optimism

        return self._plot(optimism)

    def _plot(self, view: Callable[[Snapshot], Plot]) -> Figure:
        from hpo_magic.views.canvas import captioned

        return captioned(view(self.snapshot))
