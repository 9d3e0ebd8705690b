"""What a finance team reads each morning: the files of the report of a date.

Belongs here: `write_report`, where a reader of the report begins. Amounts of different currencies are
never added; where a class has several, each is told.
"""

from pathlib import Path

from pipelines.reconciliation.report_inputs import ReportDay, ReportNames


def write_report(root: Path, day: ReportDay, *, names: ReportNames) -> tuple[Path, ...]:
    """Write the report of a date below `root`, in `reconciliation/<date>/`; returns the paths.

    A pure function of its inputs: the same frames and names are the same bytes, whatever the order of
    rows, and a file that is there is replaced.
    """
    from pipelines.reconciliation.report_figures import figures_of
    from pipelines.reconciliation.report_html import report_html
    from pipelines.reconciliation.report_pdf import report_pdf
    from pipelines.reconciliation.report_xlsx import report_xlsx

    figures = figures_of(day, names=names)
    folder = root / "reconciliation" / str(day.business_date)
    folder.mkdir(parents=True, exist_ok=True)
    contents = {
        "report.html": report_html(figures, names=names),
        "report.xlsx": report_xlsx(figures, names=names),
        "report.pdf": report_pdf(figures, names=names),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return tuple(folder / name for name in contents)
