"""The data flow through estimators: what they were fitted to goes into what they transform."""

from __future__ import annotations

import ast
from dataclasses import replace

from hpo_magic.source.flow import names
from hpo_magic.source.flow.called import Called
from hpo_magic.source.flow.splits import SplitFlow
from hpo_magic.source.flow.values import (
    NONE,
    NOTHING,
    Kind,
    Statistic,
    Value,
)


class EstimatorFlow(SplitFlow):
    """Interprets the making and the methods of estimators."""

    def _estimator(self, called: Called) -> Value | None:
        """Return an estimator that is made, or what one of its methods gives."""
        if called.receiver.estimator:
            return self._of_estimator(called)
        known = self.variables.get(called.name)
        if known is not None and known.estimator:  # a layer, or a model of PyTorch: model(x)
            return self._applied(called, known, called.data)
        return self._made(called)

    def _made(self, called: Called) -> Value | None:
        """Return an estimator; None where a class with a capital only holds rows."""
        is_class = called.name[:1].isupper()
        is_pipeline = called.name in ("make_pipeline", "make_column_transformer", "make_union")
        if not (is_class or is_pipeline) or any(one.has_rows for one in called.everything):
            return None
        if names.MAKES_DATA.fullmatch(called.name):
            return None
        parts = [one.estimator for one in called.everything if one.estimator]
        is_stateless = is_pipeline and bool(parts) and set(parts) <= names.STATELESS
        kind = parts[0] if is_stateless else called.name
        gives = NONE.union(*(one.gives for one in called.everything if one.estimator))
        word = called.keyword("shuffle")
        is_shuffled = isinstance(word, ast.Constant) and word.value is True
        return Value(
            estimator="Pipeline" if is_pipeline and not is_stateless else kind,
            gives=gives,
            shuffled=self.place(called.node) if is_shuffled else None,
        )

    def _of_estimator(self, called: Called) -> Value | None:
        """Return what a method of an estimator gives; `fit` changes the variable that holds it."""
        name, receiver, data = called.name, called.receiver, called.data
        is_fit = name.startswith("fit") or name in ("adapt", "partial_fit")
        is_method = isinstance(called.node.func, ast.Attribute)
        if not receiver.estimator and not (is_fit and is_method):
            return None
        if receiver.estimator in names.SPLITTERS:
            return self._split_by(called)
        if is_fit and data.has_rows:
            return self._fitted(called)
        if data.has_rows:
            return self._applied(called, receiver, data)
        return receiver

    def _fitted(self, called: Called) -> Value:
        """Return what `fit`, `fit_transform` or `fit_resample` gives."""
        data, kind = called.data, called.receiver.estimator
        if kind in names.SEARCHES:
            self._use(self._all_sides(called, data))
        elif "validation_split" in called.given:
            self._use(self._all_sides(called, data, is_in_order=True))
        else:
            self._use(data)
        for held_out in called.held_out:
            self._use(held_out)
        if called.name in ("fit_resample", "fit_sample"):
            return self._resampled(called, data, kind)
        learned = Statistic(Kind.FITTED, kind or "a model", self.place(called.node), data.rows)
        gives = NONE if kind in names.STATELESS else frozenset([learned])
        estimator = replace(called.receiver, estimator=kind or "model", gives=gives)
        if isinstance(called.holder, ast.Name):
            self.variables[called.holder.id] = estimator
        if called.name in ("fit", "partial_fit", "adapt", "fit_on_texts"):
            return estimator
        return _plain(data.with_statistics(gives))

    def _resampled(self, called: Called, data: Value, kind: str) -> Value:
        """Return rows and labels with copies, or rows that were made from them."""
        copies = Statistic(Kind.COPIES, kind, self.place(called.node), data.rows)
        found = data.with_statistics(frozenset([copies])) if kind in names.RESAMPLING else data
        labels = called.arguments[1] if len(called.arguments) > 1 else NOTHING
        return Value(rows=found.rows, holds=found.holds, items=(found, labels))

    def _applied(self, called: Called, estimator: Value, data: Value) -> Value:
        """Return what an estimator makes of rows."""
        if called.name in names.OF_MODELS:
            self._use(data, estimator.gives)
        else:
            self._use(data.with_statistics(estimator.gives))
        for held_out in called.held_out:
            self._use(held_out)
        if called.name in ("score", "evaluate"):
            return NOTHING
        return _plain(data.with_statistics(estimator.gives))


def _plain(value: Value) -> Value:
    """Return the rows without what a table has."""
    return replace(value, holds=value.all_held, columns=(), items=None, grouped="")
