"""A search for TensorBoard: read back by its own readers, those behind its pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from made_up_searches import a_search, a_search_for_several
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.context import RequestContext
from tensorboard.plugins.base_plugin import TBContext
from tensorboard.plugins.hparams import (
    api_pb2,
    backend_context,
    get_experiment,
    list_session_groups,
)

from hpo_magic.core.trial import State
from hpo_magic.errors import HpoError
from hpo_magic.exports.tensorboard import to_tensorboard


def read(folder: Path) -> tuple[EventMultiplexer, Any]:
    """Return what TensorBoard read in a folder, and the backend of its HParams plugin."""
    runs = EventMultiplexer()
    runs.AddRunsFromDirectory(str(folder))
    runs.Reload()
    provider = MultiplexerDataProvider(runs, str(folder))
    return runs, backend_context.Context(TBContext(data_provider=provider, logdir=str(folder)))


def test_the_hparams_plugin_has_a_row_for_each_trial(tmp_path: Path) -> None:
    """With its active parameters, its value and how it ended."""
    search = a_search(12, is_running=True)
    to_tensorboard(search, tmp_path)
    _, backend = read(tmp_path)
    context = RequestContext()
    experiment = get_experiment.Handler(
        context, backend, "", api_pb2.GetExperimentRequest(include_metrics=True)
    ).run()
    assert {info.name for info in experiment.hparam_infos} == set(search.space)
    success = [api_pb2.STATUS_SUCCESS, api_pb2.STATUS_FAILURE]
    asked = api_pb2.ListSessionGroupsRequest(
        start_index=0, slice_size=100, allowed_statuses=success, include_metrics=True
    )
    for name in search.space:
        asked.col_params.add(hparam=name)
    asked.col_params.add(metric=api_pb2.MetricName(tag="value"))
    found = list_session_groups.Handler(context, backend, "", asked).run()
    rows = {int(group.name.partition(",")[0]): group for group in found.session_groups}
    assert len(rows) == 12
    for trial in search.trials:
        if trial.state is State.RUNNING:
            continue
        row = rows[trial.number]
        assert set(row.hparams) == set(trial.params)
        assert row.hparams["lr"].number_value == trial.params["lr"]
        assert row.hparams["act"].string_value == trial.params["act"]
        ended = row.sessions[0].status
        assert (ended == api_pb2.STATUS_SUCCESS) == (trial.state is State.COMPLETE)
        values = [metric.value for metric in row.metric_values if metric.name.tag == "value"]
        assert values == ([] if trial.value is None else [pytest.approx(trial.value, rel=1e-6)])


def test_curves_are_scalars_by_step(tmp_path: Path) -> None:
    """Each point of each metric, in the run of its trial."""
    search = a_search(5, is_running=False)
    to_tensorboard(search, tmp_path)
    runs, _ = read(tmp_path)
    for trial in search.trials:
        for metric in ("val_accuracy", "accuracy") if trial.curve else ():
            events = runs.Tensors(f"trial_{trial.number:04d}", metric)
            assert [event.step for event in events] == [point.step for point in trial.curve]
            drawn = [event.tensor_proto.float_val[0] for event in events]
            assert drawn == pytest.approx([point.metrics[metric] for point in trial.curve])


def test_two_searches_are_not_mixed(tmp_path: Path) -> None:
    """A folder with trials in it is refused."""
    to_tensorboard(a_search(2, is_running=False), tmp_path)
    with pytest.raises(
        HpoError, match=r"already has the trials of a search.*Choose another folder\.$"
    ):
        to_tensorboard(a_search(2, is_running=False), tmp_path)


def test_each_of_several_objectives_is_a_metric(tmp_path: Path) -> None:
    """The first is the value, the others have their names; all are columns of the plugin."""
    search = a_search_for_several(8, is_running=False)
    to_tensorboard(search, tmp_path)
    runs, backend = read(tmp_path)
    experiment = get_experiment.Handler(
        RequestContext(), backend, "", api_pb2.GetExperimentRequest(include_metrics=True)
    ).run()
    assert {info.name.tag for info in experiment.metric_infos} >= {"value", "n_params"}
    for trial in search.history.complete:
        (event,) = runs.Tensors(f"trial_{trial.number:04d}", "n_params")
        assert event.tensor_proto.float_val[0] == pytest.approx(trial.metrics["n_params"])
