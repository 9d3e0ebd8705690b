"""Bins in which a population is compared with the one that a model was trained on.

Edges are upper limits (a value equal to an edge lies below it); two more bins follow the edges' own:
values above all of them, and missing ones.
"""

import numpy as np
import numpy.typing as npt

BINS = 10

Floats = npt.NDArray[np.float64]


def quantile_edges(values: Floats, bins: int = BINS) -> tuple[float, ...]:
    """Edges that split the known values as evenly as ties allow; observed values, ascending."""
    known = values[~np.isnan(values)]
    if known.size == 0:
        return ()
    levels = np.arange(1, bins) / bins
    edges = np.unique(np.quantile(known, levels, method="inverted_cdf"))
    return tuple(float(edge) for edge in edges)


def bin_shares(values: Floats, edges: tuple[float, ...]) -> tuple[float, ...]:
    """The share of all values in each bin, `len(edges) + 2` of them; zeros for no values."""
    missing = np.isnan(values)
    positions = np.searchsorted(np.array(edges), values[~missing], side="left")
    counts = np.append(np.bincount(positions, minlength=len(edges) + 1), missing.sum())
    return tuple(float(count) for count in counts / max(1, values.size))
