"""The finance report as a short PDF on A4 pages, for the file and for signing.

Belongs here: pages, tables and the plots' marks drawn with fpdf2. The font comes with matplotlib, which
is installed for pictures anyway; it has Latin, Greek, Cyrillic and Arabic letters, and what it lacks is
shown as an empty box.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
from fpdf import FPDF
from fpdf.enums import TableBordersLayout, XPos, YPos
from fpdf.fonts import FontFace

from pipelines.reconciliation import report_drawing as drawn
from pipelines.reconciliation.report_figures import AGREES, Figures, largest
from pipelines.reconciliation.report_inputs import ReportNames, cut, percent
from pipelines.reconciliation.report_plots import WIDTH as PLOT_UNITS
from pipelines.reconciliation.report_plots import Plot, plots_of
from pipelines.reconciliation.report_sheets import MONEY, NUMBER, Column, Sheet, ageing_sheet, columns_of
from pipelines.reconciliation.report_verdict import Verdict, match_line, verdict_of

MOST_BREAKS = 60
MOST_ACCOUNTS = 120
MARGIN = 14.0
"""Millimetres; so are all lengths here."""
WIDTH = 210.0 - 2 * MARGIN
PLOT_WIDTH, PLOT_HEAD, PLOT_GAP = 86.0, 6.0, 5.0
TABLE_POINTS = 7.0
NAME_LENGTH = 44
FONT = "DejaVu"
JOINED_LETTERS = "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]"
"""Hebrew, Arabic, Syriac, Thaana, N'Ko and their presentation forms."""
POINTS_A_MM = 72 / 25.4


def report_pdf(figures: Figures, *, names: ReportNames) -> bytes:
    """The document of a date; the same figures are the same bytes."""
    verdict = verdict_of(figures, names=names)
    pdf = _Pages(figures)
    pdf.add_page()
    pdf.headline(verdict, match_line(figures))
    pdf.plots(plots_of(figures, names=names))
    if figures.breaks.height:
        pdf.sheet(_breaks(figures.breaks, names=names), widths=(32, 10, 27, 27, 30, 30, 26))
        pdf.sheet(
            _narrow(ageing_sheet(figures.ageing, names=names)), widths=(10, 25, 25, 25, 25, 25, 28, 19)
        )
    pdf.sheet(_accounts(figures.accounts, names=names), widths=(31, 36, 10, 27, 27, 16, 12, 23))
    return bytes(pdf.output())


class _Pages(FPDF):
    """Pages with the date and their number, and the tables and plots of the report."""

    def __init__(self, figures: Figures) -> None:
        super().__init__(format="A4")
        self.business_date = figures.business_date
        self.set_margins(MARGIN, MARGIN)
        self.c_margin = 0.0
        self.set_auto_page_break(auto=True, margin=MARGIN)
        fonts = _font_folder()
        self.add_font(FONT, "", fonts / "DejaVuSans.ttf")
        self.add_font(FONT, "B", fonts / "DejaVuSans-Bold.ttf")
        # Joining letters and writing from right to left costs as much as all the rest.
        self.set_text_shaping(use_shaping_engine=_has_joined_letters(figures))
        self.set_creation_date(datetime.combine(figures.business_date, datetime.min.time(), tzinfo=UTC))
        self.set_title(f"Reconciliation of {figures.business_date}")
        self.set_author("Wekeza Global Infrastructure")
        self.set_producer("Wekeza Global Infrastructure")
        self.set_lang("en")
        self.set_text_color(drawn.INK)

    def footer(self) -> None:
        """The date, and which page of how many."""
        self.set_y(-MARGIN + 3)
        self.set_font(FONT, size=7)
        text = f"Reconciliation of {self.business_date} · page {self.page_no()} of {{nb}}"
        self.cell(w=WIDTH, h=4, text=text, align="L")

    def headline(self, verdict: Verdict, match_line: str) -> None:
        """The verdict, then its answers side by side."""
        self.set_font(FONT, size=8)
        self._line(f"Reconciliation of {self.business_date} · {match_line}", height=5)
        self.set_font(FONT, "B", 14)
        self._line(verdict.sentence, height=6.5)
        self.ln(2)
        top, bottom = self.get_y(), self.get_y()
        width = WIDTH / max(1, len(verdict.answers))
        for place, (question, lines) in enumerate(verdict.answers):
            self.set_xy(MARGIN + place * width, top)
            self.set_font(FONT, "B", 9)
            self.multi_cell(width - 3, 5, question, new_x=XPos.LEFT, new_y=YPos.NEXT, align="L")
            self.set_font(FONT, size=7.5)
            for line in lines:
                text = cut(line, length=2 * NAME_LENGTH)
                self.multi_cell(width - 3, 3.9, text, new_x=XPos.LEFT, new_y=YPos.NEXT, align="L")
            bottom = max(bottom, self.get_y())
        self.set_xy(MARGIN, bottom + 4)

    def plots(self, plots: Sequence[Plot]) -> None:
        """Plots in two columns, each under the shorter of the two so far."""
        scale = PLOT_WIDTH / PLOT_UNITS
        columns: tuple[list[Plot], list[Plot]] = ([], [])
        heights = [0.0, 0.0]
        for plot in plots:
            shorter = heights.index(min(heights))
            columns[shorter].append(plot)
            heights[shorter] += plot.drawing.height * scale + PLOT_HEAD + PLOT_GAP
        if self.get_y() + max(heights) > self.h - MARGIN:
            self.add_page()
        top = self.get_y()
        for place, column in enumerate(columns):
            left, y = MARGIN + place * (WIDTH - PLOT_WIDTH), top
            for plot in column:
                self.set_xy(left, y)
                self.set_font(FONT, "B", 8)
                self.cell(PLOT_WIDTH, 5, plot.title)
                for mark in plot.drawing.marks:
                    self._mark(mark, left=left, top=y + PLOT_HEAD, scale=scale)
                y += plot.drawing.height * scale + PLOT_HEAD + PLOT_GAP
        self.set_xy(MARGIN, top + max(heights))

    def sheet(self, sheet: Sheet, *, widths: Sequence[float]) -> None:
        """A table whose heading is repeated on every page; nothing where it has no rows."""
        if not sheet.rows:
            return
        if self.get_y() + 30 > self.h - MARGIN:
            self.add_page()
        self.ln(2)
        self.set_font(FONT, "B", 10)
        self._line(sheet.caption, height=6)
        self.set_font(FONT, size=TABLE_POINTS)
        self.set_draw_color(drawn.RULE)
        self.set_fill_color("#ffffff")
        self.set_line_width(0.2)
        right = {MONEY, NUMBER}
        with self.table(
            col_widths=tuple(widths),
            text_align=tuple("R" if column.kind in right else "L" for column in sheet.columns),
            headings_style=FontFace(emphasis="BOLD", fill_color="#e6ebf0", color=drawn.INK),
            borders_layout=TableBordersLayout.HORIZONTAL_LINES,
            line_height=3.6,
            padding=(0.8, 1.2),
            width=WIDTH,
        ) as table:
            table.row([column.title for column in sheet.columns])
            for row in sheet.rows:
                table.row(list(row))
        if sheet.note:
            self._line(sheet.note, height=5)

    def _line(self, text: str, *, height: float) -> None:
        self.multi_cell(WIDTH, height, text, new_x=XPos.LMARGIN, new_y=YPos.NEXT, align="L")

    def _mark(self, mark: drawn.Mark, *, left: float, top: float, scale: float) -> None:
        if isinstance(mark, drawn.Box):
            self.set_fill_color(mark.color)
            self.set_draw_color(drawn.INK)
            self.set_line_width(0.1)
            box = (left + mark.x * scale, top + mark.y * scale, mark.width * scale, mark.height * scale)
            self.rect(*box, style="DF")
        elif isinstance(mark, drawn.Path):
            self.set_draw_color(mark.color)
            self.set_line_width(mark.width * scale)
            self.polyline([(left + x * scale, top + y * scale) for x, y in mark.points])
        else:
            self.set_font(FONT, "B" if mark.bold else "", mark.size * scale * POINTS_A_MM)
            width = self.get_string_width(mark.text)
            back = {"start": 0.0, "middle": width / 2, "end": width}[mark.anchor]
            self.set_text_color(mark.color)
            self.text(left + mark.x * scale - back, top + mark.y * scale, mark.text)
            self.set_text_color(drawn.INK)


def _has_joined_letters(figures: Figures) -> bool:
    """Whether a name or a text is written in letters that are joined or run from right to left."""
    text = pl.any_horizontal(pl.col(pl.String).str.contains(JOINED_LETTERS).any())
    return any(frame.select(text).item() for frame in (figures.accounts, figures.breaks))


def _font_folder() -> Path:
    import matplotlib as mpl

    return Path(mpl.get_data_path()) / "fonts" / "ttf"


def _breaks(breaks: pl.DataFrame, *, names: ReportNames) -> Sheet:
    rows = [
        (
            cut(row["class"], length=NAME_LENGTH),
            row["currency"],
            names.amount(row["difference_minor"], row["currency"]),
            f"{row['first_seen']} ({row['age_days']} d)",
            cut(row["whose"], length=NAME_LENGTH),
            cut(row["counterparty"], length=NAME_LENGTH),
            cut(row["assignee"] or row["owner"], length=NAME_LENGTH),
        )
        for row in largest(breaks, MOST_BREAKS).iter_rows(named=True)
    ]
    columns = columns_of(
        ("Break", "Ccy", "Difference", "Since", "Books of", "Stated by", "Owner"),
        money={"Difference"},
    )
    rest = breaks.height - len(rows)
    note = f"{rest:,} more breaks are in the HTML report and in the workbook." if rest else ""
    return Sheet("breaks", "Open breaks, the largest of each currency", columns, rows, note)


def _accounts(accounts: pl.DataFrame, *, names: ReportNames) -> Sheet:
    """The most urgent accounts first; balances, match rate, and what is not explained by breaks."""
    rows = [
        (
            cut(row["account"], length=NAME_LENGTH),
            cut(row["whose"], length=NAME_LENGTH),
            row["currency"],
            names.amount(row["ledger_closing_minor"], row["currency"]),
            names.amount(row["stated_closing_minor"], row["currency"]) or "—",
            percent(row["matched_items"], row["due_items"]),
            f"{row['breaks']:,}",
            row["state"] if row["state"] == AGREES else _trouble(row, names=names),
        )
        for row in accounts.head(MOST_ACCOUNTS).iter_rows(named=True)
    ]
    columns = columns_of(
        ("Account", "Books of", "Ccy", "Ledger closing", "Stated closing", "Rate", "Breaks", "State"),
        money={"Ledger closing", "Stated closing"},
        number={"Rate", "Breaks"},
    )
    rest = accounts.height - len(rows)
    note = f"{rest:,} more accounts are in the workbook." if rest else ""
    return Sheet("accounts", "Accounts, those that are not settled first", columns, rows, note)


def _trouble(row: dict[str, object], *, names: ReportNames) -> str:
    if row["unexplained_minor"]:
        return f"unexplained {names.amount(int(str(row['unexplained_minor'])), str(row['currency']))}"
    return str(row["state"])


def _narrow(sheet: Sheet) -> Sheet:
    """The ageing table with narrow headings."""
    short = {"Currency": "Ccy"}
    columns = [Column(short.get(column.title, column.title), column.kind) for column in sheet.columns]
    return Sheet(sheet.id, sheet.caption, columns, sheet.rows, sheet.note)
