"""`study.honest`: the estimates for a study's chosen setting, with their method in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hpo_magic.core.snapshot import Snapshot
from hpo_magic.honesty.estimate import Honest
from hpo_magic.honesty.recheck_results import honest_by_goal, honest_of
from hpo_magic.views.words.honest import how_text, sentence_of


class HonestNumber(Honest):
    """What the chosen setting is expected to score on new data, in one objective.

    `value` and `half_width` (of the 95% interval; None where there is none) are in the metric's
    unit. `interval` has its ends, within what the metric can be: 0 to 1 of a share. `how` says how
    the value was estimated, `sentence` has all of it.
    """

    @property
    def how(self) -> str:
        """How the value was estimated."""
        return how_text(self)

    @property
    def sentence(self) -> str:
        """The estimate in one sentence."""
        return sentence_of(self)

    def __str__(self) -> str:
        """Return the estimate in one sentence."""
        return self.sentence

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Show the sentence in a notebook."""
        printer.text(str(self))


@dataclass(frozen=True)
class HonestNumbers(HonestNumber, Mapping[str, HonestNumber]):
    """The estimate for the first objective, and by metric those for all objectives.

    Parameters
    ----------
    by_metric
        One for each objective, the first one first.

    Examples
    --------
    >>> from hpo_magic.honesty.estimate import Method
    >>> error = HonestNumber(0.21, 0.02, Method.NEW_SPLITS, n_settings=1, n_reruns=3)
    >>> found = HonestNumbers(**vars(error), by_metric={"error": error})
    >>> found.value, found["error"].half_width, list(found)
    (0.21, 0.02, ['error'])
    >>> found.sentence
    'expect about 0.210 ± 0.020: re-run on 3 new splits'
    """

    by_metric: Mapping[str, HonestNumber] = field(default_factory=dict, repr=False)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Show the sentence in a notebook, before the fields that a dataclass shows."""
        printer.text(str(self))

    def __getitem__(self, metric: str) -> HonestNumber:
        """Return the estimate for one objective."""
        return self.by_metric[metric]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the metrics, the first objective's first."""
        return iter(self.by_metric)

    def __len__(self) -> int:
        """Return the number of objectives."""
        return len(self.by_metric)


def honest_numbers(snapshot: Snapshot) -> HonestNumbers | None:
    """Return the estimates for the chosen setting; None if there is none."""
    if snapshot.is_multi_objective:
        found = honest_by_goal(snapshot)
    else:
        found = {snapshot.metric: honest_of(snapshot)}
    by_metric = {metric: HonestNumber(**vars(one)) for metric, one in found.items()}
    first = by_metric[snapshot.metric]
    return None if first.value is None else HonestNumbers(**vars(first), by_metric=by_metric)
