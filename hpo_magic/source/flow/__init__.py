"""Where the data of a cell comes from: what the text of the cells before did to its rows.

The cells are interpreted with abstract values in place of data: which rows a value has, into which
parts they were split, and which statistics of which rows went into it. So it is found, for
example, that a scaler was fitted on rows that were split afterwards. Where the text does not show
what happens, nothing is claimed.
"""

from hpo_magic.source.flow.statements import Flow, flow_of
from hpo_magic.source.flow.values import Finding, Kind, Place

__all__ = ["Finding", "Flow", "Kind", "Place", "flow_of"]
