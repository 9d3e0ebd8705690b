"""Fixtures of the tests of returns."""

import pytest

from ledger_service.ledger.chart import ChartCode
from tests.pipelines.regulatory.regulatory_books import Lake, Posting, booked


@pytest.fixture
def small_bank() -> Lake:
    """A bank with deposits, a payment in and out, a loan and a fee, all in KES; a wallet operator."""
    c = ChartCode
    return booked(
        [
            Posting(1, c.CASH, c.CUSTOMER_DEPOSITS, "KES", 1_000, "opening_balance", today=False),
            Posting(1, c.CASH, c.CUSTOMER_DEPOSITS, "KES", 500, "cash_deposit"),
            Posting(1, c.CUSTOMER_DEPOSITS, c.CLEARING, "KES", 300),
            Posting(1, c.LOANS, c.CUSTOMER_DEPOSITS, "KES", 200, "loan_disbursement"),
            Posting(1, c.CUSTOMER_DEPOSITS, c.FEE_INCOME, "KES", 10, "fee"),
            Posting(2, c.NOSTRO, c.CUSTOMER_WALLETS, "KES", 700, "collection"),
        ]
    )
