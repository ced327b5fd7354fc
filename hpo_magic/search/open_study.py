"""Opening a study: its latest revision continues, or a new one begins."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hpo_magic.core.domains import Plain
from hpo_magic.core.epochs_spent import trainings_worth
from hpo_magic.core.notices import NewRevision, StudyChange
from hpo_magic.core.ports import Storage, WaitingPruner
from hpo_magic.core.records import OlderStudy, StudyRecord
from hpo_magic.core.space import Space
from hpo_magic.core.trial import (
    AskedGoals,
    Direction,
    Goal,
    State,
    Trial,
    goals_or_value,
    named_goals,
)
from hpo_magic.pruners import make_pruner
from hpo_magic.search.files_read import changed_files
from hpo_magic.search.fingerprint import Comparison, Fingerprint, compare
from hpo_magic.search.older_studies import references
from hpo_magic.search.options import Options
from hpo_magic.storage.older_studies import older_studies
from hpo_magic.views.words.inputs import listed
from hpo_magic.views.words.numbers import counted
from hpo_magic.views.words.revisions import new_revision_text


@dataclass(frozen=True)
class Opened:
    """A revision of a study that a search can work on.

    Attributes
    ----------
    record
        The revision, as it is stored.
    space
        The parameters that earlier trials declared.
    trials
        The earlier trials by number.
    queue
        The enqueued settings, the next one first.
    ranges_changed
        Whether the ranges in the code differ from those of `space`.
    guides
        The older studies whose trials guide the search.
    sentence
        Tells the user what was found and what the search does with it; "" for a new study.
    """

    record: StudyRecord
    space: Space
    trials: tuple[Trial, ...]
    queue: tuple[Mapping[str, Plain], ...]
    ranges_changed: bool = False
    guides: tuple[OlderStudy, ...] = ()
    sentence: str = ""

    @property
    def is_new(self) -> bool:
        """Whether the study has no earlier trial and no earlier revision."""
        return self.record.revision == 1 and not self.trials


def open_study(
    storage: Storage, name: str, options: Options, mark: Fingerprint, line: str = ""
) -> Opened:
    """Return the revision of the study that a run with these options works on.

    The latest revision continues if code, data, objectives and seed are the same. If only the
    ranges changed, it continues with the trials inside the new ranges. Else, and with `fresh`, a
    new revision begins; the revisions before guide it, or the studies of `from_study`.

    Parameters
    ----------
    storage
        Where the study is stored.
    name
        The study's.
    options
        Those of this run.
    mark
        The fingerprint of the code and its data.
    line
        The text behind `%%hpo`; it is stored with the study.

    Raises
    ------
    StudyNotFound
        If there is no study `from_study`, or it has no complete trial.
    """
    revisions = storage.revisions(name)
    latest = revisions[-1] if revisions else None
    changed = compare(latest, mark) if latest else None
    reason = _reason_for_new(storage, latest, options, changed)
    if latest is None or changed is None or reason is not None:
        wanted = replace(_record(name, options, mark, len(revisions) + 1), line=line)
        wanted = replace(wanted, guides=references(storage, options, wanted, reason))
        record = storage.create(wanted)
        if record.created != wanted.created:  # another process began the same study just now
            return open_study(storage, name, replace(options, fresh=False), mark, line)
        sentence = ""
        if latest is not None and reason is not None and _has_results(storage, latest):
            sentence = new_revision_text(reason, record.revision)
        guides = older_studies(storage, record)
        return Opened(record, Space(), (), (), guides=guides, sentence=sentence)
    if line != latest.line:
        latest = replace(latest, line=line)
        storage.update(latest)
    return _going_on(storage, latest, options, mark, changed)


def _reason_for_new(
    storage: Storage, latest: StudyRecord | None, options: Options, changed: Comparison | None
) -> NewRevision | None:
    """Return why the latest revision does not continue; None if it does, or there is none."""
    if latest is None or changed is None:
        return None
    if options.fresh:
        return NewRevision(StudyChange.FRESH)
    if latest.is_read:
        return NewRevision(StudyChange.READ)
    if _only_failed(storage.trials(latest.id)):
        return NewRevision(StudyChange.ONLY_FAILED)  # assume that the cause is fixed
    if changed.code:
        return NewRevision(StudyChange.CODE)
    if changed.data:
        return NewRevision(StudyChange.DATA, variables=changed.variables)
    if goals_changed := _change_of_goals(latest.goals, options.goals):
        return goals_changed
    if options.seed != latest.seed:
        return NewRevision(StudyChange.SEED, str(latest.seed), str(options.seed))
    return None


def _change_of_goals(before: AskedGoals, asked: AskedGoals) -> NewRevision | None:
    """Return how the objectives asked for differ from the stored ones; None if they agree."""
    known = goals_or_value(before)
    direction_changed = NewRevision(StudyChange.DIRECTION)
    if isinstance(asked, Direction):
        return None if known[0].direction is asked else direction_changed
    if not asked:
        return None
    if len(asked) > 1 or len(known) > 1:
        if set(asked) == set(known):
            return None
        return NewRevision(StudyChange.OBJECTIVES, _listed(known), _listed(asked))
    if not named_goals(before):
        return NewRevision(StudyChange.METRIC, now=asked[0].metric)
    if asked[0].metric != known[0].metric:
        return NewRevision(StudyChange.METRIC, known[0].metric, asked[0].metric)
    return None if asked == known else direction_changed


def _listed(goals: Sequence[Goal]) -> str:
    return ", ".join(map(str, goals))


def _only_failed(trials: Sequence[Trial]) -> bool:
    states = {trial.state for trial in trials}
    return State.FAILED in states and not states & {State.COMPLETE, State.PRUNED, State.RUNNING}


def _has_results(storage: Storage, record: StudyRecord) -> bool:
    return any(trial.state is State.COMPLETE for trial in storage.trials(record.id))


def _going_on(
    storage: Storage,
    record: StudyRecord,
    options: Options,
    mark: Fingerprint,
    changed: Comparison,
) -> Opened:
    trials = tuple(storage.trials(record.id))
    space = storage.space(record.id)
    if changed.ranges:
        # If this process dies before the start declared the new ranges, the next run declares them.
        storage.save_space(record.id, Space())
    # The places of the calls may have moved with the text.
    names = {} if mark.source != record.source or changed.ranges else record.names
    current = replace(
        record,
        source=mark.source,
        code=mark.code or record.code,
        ranges=mark.ranges,
        data=mark.data or record.data,
        names=names,
    )
    if current != record:
        record = current
        storage.update(record)
    queue = tuple(storage.take_enqueued(record.id))
    n_done = sum(trial.state.is_finished and space.fits(trial.params) for trial in trials)
    if changed.ranges and n_done:
        sentence = (
            f"The ranges changed: the start runs again, then the search continues with those of "
            f"the {counted(n_done, 'trial')} that are inside the new ranges; the others stay on "
            f"disk."
        )
    elif trials and _counts_epochs(options, named_goals(record.goals) or options.goals):
        sentence = _epochs_done(options, [t for t in trials if space.fits(t.params)])
    elif n_done >= options.trials:
        waiting = f", and {counted(len(queue), 'enqueued setting')} can wait" if queue else ""
        more = len(queue) or max(options.trials // 2, 1)
        sentence = (
            f"No trial is left to run: {n_done} of {options.trials} trials are done{waiting}. For "
            f"more: --trials {n_done + more}, or start over with --fresh."
        )
    else:
        sentence = f"Continues: {n_done} of {options.trials} trials are done." if trials else ""
    if changed.not_compared and trials:
        sentence += f" {_of_older_format(changed.not_compared)}"
    if files := changed_files(mark.source, trials):
        sentence += (
            f" {listed(files)} changed since the last trial: the trials before are of other data. "
            f"To begin anew: --fresh."
        )
    if unheard := _unheard(options, record):
        sentence = f"{sentence} {unheard}".strip()
    guides = older_studies(storage, record)
    return Opened(record, space, trials, queue, changed.ranges, guides, sentence)


def _counts_epochs(options: Options, goals: AskedGoals) -> bool:
    """Return whether the budget of trials is one of epochs, as trainings wait."""
    is_one = len(named_goals(goals)) < 2
    return is_one and isinstance(make_pruner(options.pruner), WaitingPruner)


def _epochs_done(options: Options, trials: Sequence[Trial]) -> str:
    """Return how much of the budget is used, and what was unfinished when the search ended."""
    done = trainings_worth(trials)
    of = f"{done:.1f} of {options.trials} trainings' worth of epochs are done"
    if done >= options.trials:
        more = options.trials + max(options.trials // 2, 1)
        return f"No trial is left to run: {of}. For more: --trials {more}, or --fresh."
    n_lost = sum(trial.state is State.STOPPED for trial in trials)
    lost = f"{counted(n_lost, 'unfinished training')} ended with the last run and may begin again."
    return f"Continues: {of}." + (f" {lost}" if n_lost else "")


def _unheard(options: Options, record: StudyRecord) -> str:
    """Return that other studies than those of `--from` guide the revision; "" if it is they."""
    asked = options.from_studies
    if asked is None or set(asked) == {name for name, _ in record.guides}:
        return ""
    guides = "others guide it" if record.guides else "none guides it"
    return f"--from counts when a revision begins, and {guides}; --fresh begins one."


def _of_older_format(parts: Sequence[str]) -> str:
    return (
        f"An older version of hpo_magic stored this study, so whether the {' or the '.join(parts)} "
        f"changed since cannot be checked. If so, start over with --fresh."
    )


def _record(name: str, options: Options, mark: Fingerprint, revision: int) -> StudyRecord:
    return StudyRecord(
        id=0,
        name=name,
        revision=revision,
        goals=options.goals,
        seed=options.seed,
        source=mark.source,
        code=mark.code,
        ranges=mark.ranges,
        data=mark.data,
        created=time.time(),
    )
