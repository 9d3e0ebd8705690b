"""Pictures for people: how scores are spread, and whether probabilities mean what they say.

Drawn as SVG, the same bytes for the same data: no date, fixed ids, text kept as text.
"""

from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from ml.model import Model
from ml.reasons import Abstention
from ml.scale import HIGHEST, LOWEST

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SCORE_BIN_POINTS = 10
BANDS = (("poor", LOWEST), ("fair", 580), ("good", 670), ("very good", 740), ("exceptional", 800))
"""Bands in which people read scores, and where each begins."""

_INK, _BAR, _AVERAGE, _GRID = "#22303c", "#1f6f78", "#b5482e", "#c9d3df"
_STYLE = {
    "svg.hashsalt": "wekeza",
    "svg.fonttype": "none",
    "font.family": ["DejaVu Sans"],
    "text.parse_math": False,
    "font.size": 9,
    "text.color": _INK,
    "axes.edgecolor": _GRID,
    "axes.labelcolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
}


def score_distribution(scores: pl.DataFrame) -> bytes:
    """An SVG histogram of scores (table `SCORES`), judged customers apart from averages."""
    averaged = scores["reason_1"].is_in([Abstention.NO_LOAN_HISTORY, Abstention.NO_DUE_DATES])
    judged = scores.filter(~averaged)["score"].to_numpy()
    edges = np.arange(LOWEST, HIGHEST + SCORE_BIN_POINTS, SCORE_BIN_POINTS)

    def draw(axes: "Axes") -> None:
        axes.hist(judged, bins=list(edges), color=_BAR, edgecolor="white", linewidth=0.5)
        axes.set_xlim(LOWEST, HIGHEST)
        for name, begins in BANDS:
            axes.axvline(begins, color=_GRID, linewidth=0.8)
            axes.text(begins + 4, 0.97, name, transform=axes.get_xaxis_transform(), va="top")
        axes.set_xlabel("score")
        axes.set_ylabel("customer accounts")
        axes.set_title(
            f"{len(judged):,} accounts judged by their loan history; "
            f"{averaged.sum():,} without one have the average",
            loc="left",
        )

    return _svg(draw)


def calibration(model: Model) -> bytes:
    """An SVG of predicted against observed default, per tenth of the out-of-fold predictions."""
    predicted = [decile.predicted for decile in model.card.deciles]
    observed = [decile.defaulted for decile in model.card.deciles]
    top = max(*predicted, *observed) * 1.1
    metrics = model.card.metrics

    def draw(axes: "Axes") -> None:
        axes.plot([0, top], [0, top], color=_GRID, linewidth=1, zorder=1)
        axes.plot(predicted, observed, color=_BAR, marker="o", linewidth=1, zorder=2)
        axes.axhline(model.card.default_rate, color=_AVERAGE, linewidth=0.8, linestyle=":")
        axes.text(top, model.card.default_rate, "average ", color=_AVERAGE, ha="right", va="bottom")
        axes.set_xlim(0, top)
        axes.set_ylim(0, top)
        axes.set_xlabel("predicted probability of default")
        axes.set_ylabel("share that defaulted")
        axes.set_title(
            f"{model.card.kind} model, {model.card.loans:,} loans: "
            f"AUC {metrics.auc:.3f} ± {metrics.auc_standard_error:.3f}, Brier {metrics.brier:.3f}",
            loc="left",
        )

    return _svg(draw)


def _svg(draw: "Callable[[Axes], None]") -> bytes:
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(_STYLE):  # type: ignore[arg-type]  # the stubs want literal keys
        figure = Figure(figsize=(7.2, 3.4), layout="constrained")
        axes = figure.subplots()
        axes.spines[["top", "right"]].set_visible(False)
        draw(axes)
        buffer = BytesIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()
