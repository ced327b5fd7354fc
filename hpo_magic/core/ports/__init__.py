"""Protocols of the parts that can be replaced: sampler, pruner, executor, storage, framework.

To add one, write a file and register it; `hpo_magic.testing` has a conformance test for each.
"""

from hpo_magic.core.ports.attending import Controls, Listener
from hpo_magic.core.ports.executing import Executor, Report, WaitingExecutor
from hpo_magic.core.ports.pruning import Pruner, Turn, Verdict, WaitingPruner
from hpo_magic.core.ports.sampling import Announcer, Rechecker, Sampler
from hpo_magic.core.ports.storing import Storage
from hpo_magic.core.ports.training import Evaluated, Fit, Framework, ModelKeeper

__all__ = [
    "Announcer",
    "Controls",
    "Evaluated",
    "Executor",
    "Fit",
    "Framework",
    "Listener",
    "ModelKeeper",
    "Pruner",
    "Rechecker",
    "Report",
    "Sampler",
    "Storage",
    "Turn",
    "Verdict",
    "WaitingExecutor",
    "WaitingPruner",
]
