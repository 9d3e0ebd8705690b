"""The suites: one module a table that enters or leaves the platform."""

from quality.rules import Suite
from quality.suites import (
    alerts,
    net_positions,
    payments,
    quarantine,
    reconciliation_breaks,
    return_cells,
    scores,
    settlement_transactions,
    stated_balances,
    statement_entries,
)

ENTERING: tuple[Suite, ...] = (
    payments.SUITE,
    stated_balances.SUITE,
    statement_entries.SUITE,
    quarantine.SUITE,
    quarantine.STATEMENT_SUITE,
)
LEAVING: tuple[Suite, ...] = (
    net_positions.SUITE,
    settlement_transactions.SUITE,
    reconciliation_breaks.SUITE,
    alerts.SUITE,
    return_cells.SUITE,
    scores.SUITE,
)
SUITES: dict[str, Suite] = {suite.table: suite for suite in (*ENTERING, *LEAVING)}
