"""One build over the small lake, read back as the marts' readers do."""

from datetime import date
from decimal import Decimal

import pytest
from psycopg.errors import InsufficientPrivilege

from ledger_service.runtime.database import Role
from tests.warehouse.dbt_runs import Build, Warehouse
from tests.warehouse.small_books import FIRST, SECOND

pytestmark = pytest.mark.xdist_group("warehouse")  # one build, in one worker
FINANCE, COMPLIANCE = "warehouse_finance", "warehouse_compliance"
REGULATORY, CREDIT = "warehouse_regulatory", "warehouse_credit"


@pytest.fixture(autouse=True)
def _built(built: Build) -> None:
    assert built.exit_code == 0, built.log


def test_positions_carry_their_direction_and_the_entries_behind_them(warehouse: Warehouse) -> None:
    rows = warehouse.rows(
        "SELECT participant_id, net_minor, direction, ledger_entries"
        f" FROM {FINANCE}.fct_net_positions ORDER BY participant_id"
    )
    assert rows == [("kisumu", -30_000, "pays", 1), ("lagos", 30_000, "receives", 1)]


def test_a_break_is_aged_owned_and_shows_no_account_number(warehouse: Warehouse) -> None:
    rows = warehouse.rows(
        "SELECT ageing_bucket, owner, external_ref_masked, difference_minor, ledger_entries"
        f" FROM {FINANCE}.fct_reconciliation_breaks"
    )
    assert rows == [("02-07 days", "reconciliation", "***1277", 50, 2)]


def test_the_morning_row_counts_items_matches_and_breaks(warehouse: Warehouse) -> None:
    rows = warehouse.rows(
        "SELECT ledger_items, matched_items, open_breaks, oldest_break_days, exposure_minor,"
        f" unexplained_minor FROM {FINANCE}.fct_reconciliation_daily"
    )
    assert rows == [(3, 2, 1, 5, Decimal(50), Decimal(0))]


def test_the_trial_balance_has_both_sides_and_the_turnover_of_the_day(warehouse: Warehouse) -> None:
    rows = warehouse.rows(
        "SELECT book_id, chart_code, debit_balance_minor, credit_balance_minor,"
        f" turnover_debits_minor, turnover_credits_minor FROM {FINANCE}.fct_trial_balance"
        f" WHERE business_date = '{SECOND}' ORDER BY 1, 2"
    )
    assert [tuple(map(int, row)) for row in rows] == [
        (1, 1010, 100_000, 0, 0, 0),
        (1, 1210, 0, 30_000, 0, 30_000),
        (1, 2010, 0, 70_000, 30_000, 0),
        (2, 1010, 0, 0, 0, 0),
        (2, 1210, 30_000, 0, 30_000, 0),
        (2, 2010, 0, 30_000, 0, 30_000),
    ]


def test_a_dimension_shows_each_account_once_as_last_seen(warehouse: Warehouse) -> None:
    rows = warehouse.rows(
        f"SELECT count(*), min(last_seen_on), max(last_seen_on) FROM {FINANCE}.dim_accounts"
    )
    assert rows == [(6, SECOND, SECOND)]


def test_balances_are_kept_for_every_date(warehouse: Warehouse) -> None:
    rows = warehouse.rows(
        f"SELECT business_date, balance_minor FROM {FINANCE}.fct_daily_balances"
        " WHERE book_id = 1 AND account_id = 2 ORDER BY 1"
    )
    assert rows == [(FIRST, 100_000), (SECOND, 70_000)]


def test_refused_rows_are_counted_without_what_they_said(warehouse: Warehouse) -> None:
    rows = warehouse.rows(
        "SELECT intake, source_file, field, code, refused_rows, first_row, last_row"
        f" FROM {FINANCE}.fct_refused_rows"
    )
    assert rows == [("payments", "payments.csv", "amount", "not_positive", 2, 4, 9)]


def test_an_alert_leads_to_its_transfers_of_earlier_dates_too(warehouse: Warehouse) -> None:
    rows = warehouse.rows(
        f"SELECT kind, side, amount_minor FROM {COMPLIANCE}.fct_alert_transfers ORDER BY event_at"
    )
    assert rows == [("cash_deposit", "C", 100_000), ("credit_transfer", "D", 30_000)]
    by_rule = warehouse.rows(
        f"SELECT rule_id, alerts, parties, amount_minor FROM {COMPLIANCE}.fct_alerts_by_rule"
    )
    assert by_rule == [("structuring", 1, 1, Decimal(130_000))]


def test_a_filed_cell_says_how_many_entries_are_behind_it(warehouse: Warehouse) -> None:
    rows = warehouse.rows(f"SELECT cell, value, ledger_entries FROM {REGULATORY}.fct_return_cells_v1")
    assert rows == [("A010", 70_000, 2)]


def test_scores_have_their_band_and_reasons_their_counts(warehouse: Warehouse) -> None:
    assert warehouse.rows(f"SELECT score, score_band FROM {CREDIT}.fct_scores") == [(712, "good")]
    reasons = warehouse.rows(
        f"SELECT reason_rank, reason, scores FROM {CREDIT}.fct_score_reasons ORDER BY 1"
    )
    assert reasons == [(1, "short history", 1), (2, "few inflows", 1)]


def test_features_are_kept_at_the_end_of_each_month(warehouse: Warehouse) -> None:
    rows = warehouse.rows(f"SELECT business_date, value FROM {CREDIT}.fct_features ORDER BY 1")
    assert rows == [(FIRST, 1000.0), (SECOND, None)]
    catalogue = warehouse.rows(
        f"SELECT feature, observations, missing, first_observed_on FROM {CREDIT}.dim_features"
    )
    assert catalogue == [("balance", 2, 1, date(2024, 3, 28))]


def test_the_analyst_reads_marts_and_nothing_before_them(warehouse: Warehouse) -> None:
    count = f"SELECT count(*) FROM {FINANCE}.fct_net_positions"
    assert warehouse.rows(count, role=Role.ANALYST) == [(2,)]
    for place in ("raw.accounts", "warehouse_staging.stg_lake__accounts"):
        with pytest.raises(InsufficientPrivilege):
            warehouse.rows(f"SELECT * FROM {place}", role=Role.ANALYST)
