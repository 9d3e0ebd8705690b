"""The columns of the workbook's sheets: heading, where the value comes from, kind and width.

Belongs here: what a sheet has. How a cell of each kind is written is in `report_xlsx.py`.
"""

from dataclasses import dataclass

from pipelines.reconciliation.report_trend import BAND_NAMES

MONEY, NUMBER, SCORE, SHARE, DAY, TEXT = "money", "number", "score", "share", "day", "text"


@dataclass(frozen=True, slots=True)
class Field:
    """A column: its heading, the frame's column, its kind and its width in characters."""

    title: str
    column: str
    kind: str = TEXT
    width: int = 14


ACCOUNTS = (
    Field("Account", "account", width=26),
    Field("Books of", "whose", width=28),
    Field("Stated by", "counterparty", width=28),
    Field("State", "state"),
    Field("Currency", "currency", width=9),
    Field("Ledger opening", "ledger_opening_minor", MONEY, 20),
    Field("Stated opening", "stated_opening_minor", MONEY, 20),
    Field("Ledger closing", "ledger_closing_minor", MONEY, 20),
    Field("Stated closing", "stated_closing_minor", MONEY, 20),
    Field("Stated until", "stated_until", DAY, 12),
    Field("Ledger items", "ledger_items", NUMBER),
    Field("Stated items", "stated_items", NUMBER),
    Field("Matched", "matched_items", NUMBER),
    Field("Due", "due_items", NUMBER),
    Field("Match rate", "matched_items/due_items", SHARE, 11),
    Field("Breaks", "breaks", NUMBER),
    Field("Breaks' difference", "break_difference_minor", MONEY, 20),
    Field("Rounding", "rounding_minor", MONEY, 16),
    Field("Unexplained", "unexplained_minor", MONEY, 16),
    Field("Book", "book_id", NUMBER, 8),
    Field("Account number", "account_id", width=20),
)
BREAKS = (
    Field("Class", "class", width=34),
    Field("Currency", "currency", width=9),
    Field("Difference", "difference_minor", MONEY, 20),
    Field("In the ledger", "ledger_minor", MONEY, 20),
    Field("Stated", "stated_minor", MONEY, 20),
    Field("First seen", "first_seen", DAY, 12),
    Field("Age, days", "age_days", NUMBER, 10),
    Field("Owner", "owner", width=22),
    Field("Assignee", "assignee", width=20),
    Field("State", "state"),
    Field("Due", "due_date", DAY, 12),
    Field("Books of", "whose", width=28),
    Field("Stated by", "counterparty", width=28),
    Field("Account", "account", width=26),
    Field("Value date", "value_date", DAY, 12),
    Field("End-to-end reference", "end_to_end_id", width=28),
    Field("Payment", "payment_id", width=38),
    Field("Statement entry", "statement_ref", width=40),
    Field("Detail", "detail", width=60),
    Field("Comments", "comments", width=40),
    Field("Reference", "ref", width=36),
)
PASSES = (
    Field("Account", "account", width=26),
    Field("Books of", "whose", width=28),
    Field("Currency", "currency", width=9),
    Field("Pass", "pass", width=60),
    Field("Matched", "matched", NUMBER),
    Field("Due on the account", "due_items", NUMBER, 18),
    Field("Match rate", "matched/due_items", SHARE, 11),
    Field("Ledger amount, without sign", "ledger_minor", MONEY, 26),
    Field("Book", "book_id", NUMBER, 8),
    Field("Account number", "account_id", width=20),
)
AGEING = (
    Field("Currency", "currency", width=9),
    Field("Age", "age_band"),
    Field("Breaks", "breaks", NUMBER),
    Field("Without sign", "absolute_minor", MONEY, 22),
    Field("Net, stated - ledger", "difference_minor", MONEY, 22),
    Field("Oldest", "oldest", DAY, 12),
)
TREND = (
    Field("Date", "business_date", DAY, 12),
    Field("Accounts", "accounts", NUMBER),
    Field("Matched", "matched_items", NUMBER),
    Field("Due", "due_items", NUMBER),
    Field("Match rate", "matched_items/due_items", SHARE, 11),
    Field("Open breaks", "breaks", NUMBER),
    Field("New", "new", NUMBER),
    Field("Resolved", "resolved", NUMBER),
    *(Field(band, band, NUMBER) for band in BAND_NAMES),
)
PROPOSALS = (
    Field("Proposal", "ref", width=28),
    Field("Found by", "pass", width=40),
    Field("Account", "account", width=26),
    Field("Side", "side", width=9),
    Field("Currency", "currency", width=9),
    Field("Amount", "signed_minor", MONEY, 20),
    Field("Value date", "value_date", DAY, 12),
    Field("End-to-end reference", "end_to_end_id", width=28),
    Field("Statement entry", "statement_ref", width=40),
    Field("Score", "score", SCORE, 8),
    Field("Rivals", "rivals", NUMBER, 8),
    Field("Why a person decides", "reason", width=60),
)
REFUSED = (
    Field("File", "source_file", width=50),
    Field("Row", "row", NUMBER, 8),
    Field("Field", "field", width=20),
    Field("Reason", "message", width=70),
    Field("Content", "content", width=40),
)
GROUP = (
    Field("Currency", "currency", width=12),
    Field("Breaks", "breaks", NUMBER),
    Field("New", "new_today", NUMBER),
    Field("Overdue", "overdue", NUMBER),
    Field("Without sign", "absolute_minor", MONEY, 22),
    Field("Net, stated - ledger", "difference_minor", MONEY, 22),
    Field("Oldest", "oldest", DAY, 12),
)
