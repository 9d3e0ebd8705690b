"""The finance report as one HTML file: no script, nothing from outside, readable on a phone.

Belongs here: filling the template. Every text goes through Jinja2's escaping, names in `<bdi>` so that
a right-to-left name does not reorder the line it stands in.
"""

from pathlib import Path

import jinja2
import polars as pl

from pipelines.reconciliation.report_account_sheets import (
    account_passes_sheet,
    accounts_sheet,
    passes_sheet,
    proposals_sheet,
    refused_sheet,
)
from pipelines.reconciliation.report_figures import AGREES, Figures, largest
from pipelines.reconciliation.report_inputs import ReportNames
from pipelines.reconciliation.report_plots import plots_of
from pipelines.reconciliation.report_sheets import (
    MOST_BREAKS,
    ageing_sheet,
    breaks_sheet,
    group_sheet,
    trend_sheet,
)
from pipelines.reconciliation.report_verdict import match_line, verdict_of

TEMPLATES = Path(__file__).with_name("report_templates")
FIRST_BREAKS = 25
"""Breaks that are shown at once; the others up to `MOST_BREAKS` unfold."""


def report_html(figures: Figures, *, names: ReportNames) -> bytes:
    """The report of a date; the same figures are the same bytes."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    first, total = largest(figures.breaks, FIRST_BREAKS), figures.breaks.height
    more = largest(figures.breaks, MOST_BREAKS - FIRST_BREAKS, skip=FIRST_BREAKS)
    calm = pl.col("state") == AGREES
    plots = {plot.id: plot for plot in plots_of(figures, names=names)}
    page = environment.get_template("report.html.j2").render(
        figures=figures,
        day=str(figures.business_date),
        verdict=verdict_of(figures, names=names),
        match_line=match_line(figures),
        plots=plots,
        by_class=group_sheet(figures.breaks, by="class", names=names),
        by_owner=group_sheet(figures.breaks, by="owner", names=names),
        by_counterparty=group_sheet(figures.breaks, by="counterparty", names=names),
        breaks=breaks_sheet(first, names=names, total=total),
        more_breaks=breaks_sheet(more, names=names, total=total, id="more-breaks"),
        ageing=ageing_sheet(figures.ageing, names=names),
        trend=trend_sheet(figures.trend),
        open_accounts=accounts_sheet(figures.accounts.filter(~calm), names=names, id="open-accounts"),
        calm_accounts=accounts_sheet(figures.accounts.filter(calm), names=names, id="calm-accounts"),
        passes=passes_sheet(figures.passes),
        account_passes=account_passes_sheet(figures.passes),
        proposals=proposals_sheet(figures.proposals, names=names),
        refused=refused_sheet(figures.refused),
    )
    return page.encode()
