"""What TensorFlow would keep of every model ever fitted, and how it is let go.

A loss like binary crossentropy has a custom gradient. Where a graph with one is traced, TensorFlow
registers the gradient's function under a new name, for good (`tf.custom_gradient` in graph mode);
the function holds tensors, these their graph, and the graph all it was made of: 6 MB for a small
network, in each trial. Here the graph is made to hold the function, and the register to know it
weakly. The gradient then lives as long as the graph that it belongs to, and no longer.
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
    """Let the graphs go that nothing but TensorFlow's register of gradients holds.

    Python frees them with its next full collection. The register is private: where a TensorFlow has
    another one, nothing is done, and its graphs stay.
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
    """A gradient's function, as long as its graph holds it."""

    def __init__(self, gradient: Callable[..., Any]) -> None:
        self._gradient = weakref.ref(gradient)

    @property
    def is_dead(self) -> bool:
        return self._gradient() is None

    def __call__(self, *args: Any) -> Any:
        gradient = self._gradient()
        assert gradient is not None  # whoever asks has an operation of the graph in hand
        return gradient(*args)


def _graph_of(gradient: Any) -> Any:
    """Return the graph that a registered function holds by the tensors in its closure, or None."""
    if not inspect.isfunction(gradient):
        return None
    inner = inspect.getclosurevars(gradient).nonlocals.get("tape_grad_fn")
    if not inspect.isfunction(inner):
        return None
    result = inspect.getclosurevars(inner).nonlocals.get("result")
    first = result[0] if isinstance(result, list | tuple) and result else result
    return getattr(first, "graph", None)
