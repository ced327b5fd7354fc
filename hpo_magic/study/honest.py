"""What to expect of a study's chosen setting on new data, in each objective."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from hpo_magic.core.snapshot import Snapshot
from hpo_magic.honesty.rechecking import honest_by_goal, honest_of
from hpo_magic.honesty.report import Honest


@dataclass(frozen=True)
class HonestNumbers(Honest, Mapping[str, Honest]):
    """The honest number of the first objective, and by metric those of all objectives.

    Parameters
    ----------
    by_metric
        One for each objective, the first one first.

    Examples
    --------
    >>> error = Honest(0.21, 0.02, "re-run on 3 new splits")
    >>> found = HonestNumbers(0.21, 0.02, "re-run on 3 new splits", {"error": error})
    >>> found.value, found["error"].half_width, list(found)
    (0.21, 0.02, ['error'])
    """

    by_metric: Mapping[str, Honest] = field(default_factory=dict, repr=False)

    def __getitem__(self, metric: str) -> Honest:
        """Return the honest number of one objective."""
        return self.by_metric[metric]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the metrics, the first objective's first."""
        return iter(self.by_metric)

    def __len__(self) -> int:
        """Return the number of objectives."""
        return len(self.by_metric)


def honest_numbers(snapshot: Snapshot) -> HonestNumbers | None:
    """Return the honest numbers of the chosen setting; None if nothing was re-run for it."""
    if snapshot.is_multi_objective:
        by_metric = honest_by_goal(snapshot)
    else:
        by_metric = {snapshot.metric: honest_of(snapshot)}
    first = by_metric[snapshot.metric]
    if first.value is None:
        return None
    return HonestNumbers(first.value, first.half_width, first.how, by_metric)
