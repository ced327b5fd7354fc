"""Releases the memory that TensorFlow keeps of each fitted model.

A loss such as binary crossentropy has a custom gradient. When TensorFlow traces a graph with one,
it stores the gradient's function in a global registry and never removes it (`tf.custom_gradient` in
graph mode). The function refers to tensors, these to their graph, and the graph to all its parts:
6 MB per trial for a small network. Here the registry gets a weak reference in place of the
function, and the graph gets a strong one. So the function is freed together with its graph.
"""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Callable
from typing import Any

# The names under which `tf.custom_gradient` registers; all others are those of operations.
_PREFIX = "CustomGradient-"
_HELD_BY_GRAPH = "_hpo_magic_gradients"


def release_dead_graphs() -> None:
    """Make the registry's references to gradients weak, so that unused graphs can be freed.

    Python frees them at its next full collection. The registry is private to TensorFlow; if a
    version has none, nothing is done.
    """
    try:
        from tensorflow.python.framework.ops import gradient_registry

        entries: dict[str, dict[str, Any]] = gradient_registry._registry
    except (ImportError, AttributeError):
        return
    for name in [name for name in entries if name.startswith(_PREFIX)]:
        gradient = entries[name].get("type")
        if isinstance(gradient, _WeakGradient):
            if gradient.is_dead:
                del entries[name]
        elif gradient and (graph := _graph_of(gradient)):
            held = [*getattr(graph, _HELD_BY_GRAPH, ()), gradient]
            setattr(graph, _HELD_BY_GRAPH, held)
            entries[name]["type"] = _WeakGradient(gradient)


class _WeakGradient:
    """A gradient's function by a weak reference; its graph has the strong one."""

    def __init__(self, gradient: Callable[..., Any]) -> None:
        self._gradient = weakref.ref(gradient)

    @property
    def is_dead(self) -> bool:
        return self._gradient() is None

    def __call__(self, *args: Any) -> Any:
        gradient = self._gradient()
        assert gradient is not None  # the caller has an operation of the graph, and so the graph
        return gradient(*args)


def _graph_of(gradient: Any) -> Any:
    """Return the graph of the tensors in the closure of a registered function, or None."""
    if not inspect.isfunction(gradient):
        return None
    inner = inspect.getclosurevars(gradient).nonlocals.get("tape_grad_fn")
    if not inspect.isfunction(inner):
        return None
    result = inspect.getclosurevars(inner).nonlocals.get("result")
    first = result[0] if isinstance(result, list | tuple) and result else result
    return getattr(first, "graph", None)
