"""Returns: cells equal a plain loop over the books, and their evidence adds up to them."""

from fractions import Fraction

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger_service.ledger.chart import OPERATOR_CODES, ChartCode
from pipelines.regulatory.declaration import load_templates, read_template
from pipelines.regulatory.figures import GROUP, RUN, merged_runs
from pipelines.regulatory.refusals import AccountsMissing, CellOverflow
from pipelines.regulatory.returns import prepare
from pipelines.regulatory.template import Balance, BalanceOf, Flow, Payments, Ratio, Rounding, Sum
from tests.pipelines.regulatory.regulatory_books import CURRENCIES, DAY, Lake, Posting, booked

TEMPLATES = load_templates()
LIQUIDITY = [t for t in TEMPLATES if t.return_id == "daily_liquidity_position"]

REPORTED = sorted(set(ChartCode) - OPERATOR_CODES)
postings = st.lists(
    st.builds(
        Posting,
        book=st.sampled_from([1, 2]),
        debit=st.sampled_from(REPORTED),
        credit=st.sampled_from(REPORTED),
        currency=st.sampled_from(CURRENCIES),
        amount_minor=st.integers(1, 2**50),
        kind=st.sampled_from(["credit_transfer", "opening_balance", "fee"]),
        today=st.booleans(),
    ).filter(lambda p: p.debit is not p.credit),
    min_size=1,
    max_size=25,
)


def prepared(lake: Lake, templates=TEMPLATES):
    return prepare(
        business_date=DAY,
        accounts=lake.accounts.lazy(),
        entries=lake.entries.lazy(),
        templates=templates,
    )


def values(result, participant="KE-B01", currency="KES", return_id="daily_liquidity_position"):
    rows = result.cells.filter(return_id=return_id, participant_id=participant, currency=currency)
    return dict(rows.select("cell", "value").iter_rows())


def looped(template, lake, participant, currency):
    """The cells of one return by plain loops and fractions."""
    accounts = {
        (a["book_id"], a["account_id"]): a
        for a in lake.accounts.iter_rows(named=True)
        if a["participant_id"] == participant and a["currency"] == currency
    }
    entries = [
        (e, accounts[e["book_id"], e["account_id"]])
        for e in lake.entries.iter_rows(named=True)
        if (e["book_id"], e["account_id"]) in accounts and e["business_date"] == DAY
    ]
    found = {}
    for cell in template.cells:
        d = cell.definition
        if isinstance(d, Balance):
            total = 0
            for a in accounts.values():
                if d.selection.chart is None or a["chart_name"] in d.selection.chart:
                    sides = {"D": a["debits_posted"], "C": a["credits_posted"]}
                    own, other = sides.pop(str(d.side)), next(iter(sides.values()))
                    measures = {
                        BalanceOf.NET: own - other,
                        BalanceOf.SURPLUS: max(0, own - other),
                        BalanceOf.TOTAL: own,
                    }
                    total += measures[d.of]
            found[cell.code] = total
        elif isinstance(d, Flow | Payments):
            chosen = [
                e
                for e, a in entries
                if a["chart_name"] in d.selection.chart and e["kind"] not in d.except_kinds
            ]
            found[cell.code] = (
                len({e["payment_id"] for e in chosen})
                if isinstance(d, Payments)
                else sum(e["amount_minor"] for e in chosen if e["side"] == str(d.side))
            )
        elif isinstance(d, Sum):
            found[cell.code] = sum(found[c] for c in d.plus) - sum(found[c] for c in d.minus)
        elif found[d.denominator] <= 0:
            found[cell.code] = None
        else:
            exact = Fraction(found[d.numerator] * 10_000, found[d.denominator])
            down = exact.numerator // exact.denominator
            found[cell.code] = down if d.rounding is Rounding.DOWN else round(exact)
    return found


@settings(max_examples=12, deadline=None)
@given(postings)
def test_every_cell_equals_a_loop_over_the_books(made):
    lake = booked(made)
    result = prepared(lake)
    due = result.cells.select("return_id", "participant_id", "currency").unique()
    by_id = {t.return_id: t for t in TEMPLATES}
    for return_id, participant, currency in due.iter_rows():
        expected = looped(by_id[return_id], lake, participant, currency)
        assert values(result, participant, currency, return_id) == expected


@settings(max_examples=12, deadline=None)
@given(postings)
def test_double_entry_books_violate_no_check(made):
    assert prepared(booked(made)).violations.height == 0


@settings(max_examples=12, deadline=None)
@given(postings)
def test_the_evidence_of_a_cell_adds_up_to_it(made):
    lake = booked(made)
    result = prepared(lake, LIQUIDITY)
    in_order = lake.entries.sort("book_id", "account_id", "version")
    chart = lake.accounts.select("book_id", "account_id", "chart_name")
    entries = in_order.join(chart, on=["book_id", "account_id"])
    joined = (
        result.evidence.join(result.cells, on="ref")
        .join(entries, on=["book_id", "account_id"], suffix="_entry")
        .filter(pl.col("version").is_between("version_from", "version_to"))
    )
    (template,) = LIQUIDITY
    for cell in template.cells:
        behind = joined.filter(cell=cell.code)
        stated = result.cells.filter(cell=cell.code)["value"].sum()
        match cell.definition:
            case Balance(_, side, of):
                debits, credits = (
                    behind["debits_posted_after"].sum(),
                    behind["credits_posted_after"].sum(),
                )
                own, other = (debits, credits) if side == "D" else (credits, debits)
                assert stated == (own if of is BalanceOf.TOTAL else own - other)
            case Flow(_, side, _):
                assert set(behind["side"]) <= {str(side)}
                assert stated == behind["amount_minor"].sum()
            case Payments():
                per_group = behind.group_by("participant_id", "currency")
                assert stated == per_group.agg(n=pl.col("payment_id").n_unique())["n"].sum()
            case Sum() | Ratio():
                inputs = joined.filter(pl.col("cell").is_in(cell.inputs))
                key = ["participant_id", "currency", "book_id", "account_id", "version"]
                assert set(behind.select(key).rows()) == set(inputs.select(key).rows())


@settings(max_examples=8, deadline=None)
@given(postings)
def test_the_order_of_the_frames_does_not_matter(made):
    lake = booked(made)
    shuffled = Lake(
        lake.accounts.sample(fraction=1, shuffle=True, seed=1),
        lake.entries.sample(fraction=1, shuffle=True, seed=1),
    )
    one, other = prepared(lake), prepared(shuffled)
    assert one.cells.equals(other.cells)
    assert one.evidence.equals(other.evidence)


def test_the_cells_of_a_small_bank(small_bank):
    found = values(prepared(small_bank))
    expected = {
        "A010": 1_500, "A020": 0, "A030": 0, "A040": 200, "A050": 0, "L010": 1_390, "L020": 0,
        "L030": 300, "E020": 10, "E040": 10, "M010": 700, "M020": 310, "M030": 500, "M040": 300,
        "N010": 4, "S010": 1_700, "S020": 1_700, "R010": 10_791, "T010": 2_010, "T020": 2_010,
    }  # fmt: skip
    assert {code: found[code] for code in expected} == expected


def test_an_overdrawn_customer_is_an_asset():
    lake = booked([Posting(1, ChartCode.CUSTOMER_DEPOSITS, ChartCode.CASH, "KES", 40)])
    found = values(prepared(lake))
    assert (found["A050"], found["L010"], found["A010"]) == (40, 0, -40)


def test_money_bought_is_a_long_position():
    c = ChartCode
    lake = booked(
        [
            Posting(1, c.CUSTOMER_DEPOSITS, c.FX_POSITION, "USD", 100),
            Posting(1, c.FX_POSITION, c.CUSTOMER_DEPOSITS, "KES", 12_950),
        ]
    )
    result = prepared(lake)
    assert values(result, currency="USD")["P010"] == 100
    assert values(result, currency="KES")["P010"] == -12_950


def test_a_ratio_without_liabilities_has_no_value():
    lake = booked([Posting(1, ChartCode.CASH, ChartCode.OPENING_BALANCES, "KES", 40)])
    assert values(prepared(lake))["R010"] is None


def test_a_bank_without_wallets_owes_no_safeguarding_return(small_bank):
    owing = prepared(small_bank).cells.filter(return_id="emoney_safeguarding")
    assert owing["participant_id"].unique().to_list() == ["UG-M01"]
    assert values(prepared(small_bank), "UG-M01", "KES", "emoney_safeguarding")["W050"] == 10_000


def test_refs_name_return_date_participant_currency_and_cell(small_bank):
    refs = prepared(small_bank, LIQUIDITY).cells["ref"]
    assert "cell:daily_liquidity_position:2025-03-03:KE-B01:KES:A010" in refs
    assert refs.n_unique() == refs.len()


def test_accounts_without_entries_have_no_evidence(small_bank):
    nil = small_bank.accounts.head(1).with_columns(
        account_id=pl.lit(999, dtype=pl.Int64),
        debits_posted=pl.lit(0, dtype=pl.Int64),
        credits_posted=pl.lit(0, dtype=pl.Int64),
        version=pl.lit(0, dtype=pl.Int64),
    )
    lake = Lake(pl.concat([small_bank.accounts, nil]), small_bank.entries)
    assert 999 not in prepared(lake).evidence["account_id"]


def test_a_one_sided_book_is_a_violation_with_both_figures(small_bank):
    accounts = small_bank.accounts.with_columns(
        debits_posted=pl.when(chart_name="cash")
        .then(pl.col("debits_posted") + 7)
        .otherwise("debits_posted")
    )
    violations = prepared(Lake(accounts, small_bank.entries), LIQUIDITY).violations
    found = violations.select("check", "participant_id", "left_minor", "right_minor").rows()
    assert found == [
        ("V010", "KE-B01", 1_707, 1_700),
        ("V020", "KE-B01", 2_017, 2_010),
        ("closing_entry", "KE-B01", 1_507, 1_500),
    ]
    assert violations["message"][0] == (
        "Assets equal liabilities plus equity plus result plus FX position: S010 is 1707, S020 is 1700"
    )


def test_entries_of_other_dates_are_not_the_days_flows(small_bank):
    later = small_bank.entries.with_columns(business_date=pl.lit(DAY).dt.offset_by("1d"))
    lake = Lake(small_bank.accounts, pl.concat([small_bank.entries, later]))
    assert prepared(lake).cells.equals(prepared(small_bank).cells)


def test_a_date_that_was_not_closed_is_refused(small_bank):
    lake = Lake(small_bank.accounts.clear(), small_bank.entries)
    with pytest.raises(AccountsMissing, match="close that business date first"):
        prepared(lake)


def test_a_value_beyond_64_bits_is_refused_not_wrapped():
    c = ChartCode
    lake = booked([Posting(1, c.CASH, c.CUSTOMER_DEPOSITS, "KES", 2**62)])
    twice = pl.concat([lake.accounts, lake.accounts.with_columns(pl.col("account_id") + 50)])
    with pytest.raises(CellOverflow) as refused:
        prepared(Lake(twice, lake.entries))
    assert refused.value.value == 2**63


@pytest.mark.parametrize(
    ("numerator", "rounding", "expected"),
    [
        (1, "half_even", 0),
        (3, "half_even", 2),
        (5, "half_even", 2),
        (-1, "half_even", 0),
        (-3, "half_even", -2),
        (3, "down", 1),
        (-1, "down", -1),
    ],
)
def test_halves_of_a_basis_point_round_as_the_template_says(numerator, rounding, expected, tmp_path):
    c = ChartCode
    lines = (c.CASH, c.OPENING_BALANCES) if numerator > 0 else (c.OPENING_BALANCES, c.CASH)
    lake = booked(
        [
            Posting(1, *lines, "KES", abs(numerator)),
            Posting(1, c.LOANS, c.CUSTOMER_DEPOSITS, "KES", 20_000),
        ]
    )
    file = tmp_path / "backing.yaml"
    file.write_text(
        "{id: backing, version: 1, title: t, basis: b, frequency: daily,"
        " effective_from: 2020-01-01, cells: ["
        "{code: C, label: c, unit: minor, balance: {chart: [cash], side: D, of: net}},"
        "{code: L, label: l, unit: minor, balance: {chart: [customer_deposits], side: C, of: net}},"
        "{code: R, label: r, unit: basis_points,"
        f" ratio: {{numerator: C, denominator: L, rounding: {rounding}}}}}]}}"
    )
    assert values(prepared(lake, [read_template(file)]), return_id="backing")["R"] == expected


def test_a_payment_between_two_participants_counts_for_both(small_bank):
    entries = small_bank.entries.with_columns(payment_id=pl.lit("one"))
    result = prepared(Lake(small_bank.accounts, entries))
    assert values(result)["N010"] == 1
    assert values(result, "UG-M01")["N010"] == 1


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["KES", "USD"]), st.integers(1, 3), st.integers(1, 12), st.integers(0, 4)
        ),
        min_size=1,
    )
)
def test_merged_runs_hold_the_same_entries_once(drawn):
    rows = [
        ("KE-B01", currency, 1, account, first, first + more) for currency, account, first, more in drawn
    ]
    schema = dict(zip([*GROUP, *RUN], [pl.String, pl.String, pl.Int32, *[pl.Int64] * 3], strict=True))
    merged = merged_runs(pl.DataFrame(rows, schema=schema, orient="row")).rows()

    def entries(runs):
        return [(*run[:4], version) for run in runs for version in range(run[4], run[5] + 1)]

    assert sorted(entries(merged)) == sorted(set(entries(rows)))
    ends = {(*run[:4], run[5] + 1) for run in merged}
    assert not ends & {run[:5] for run in merged}


def test_counterparties_narrow_a_cell(small_bank, tmp_path):
    file = tmp_path / "exposure.yaml"
    file.write_text(
        "{id: exposure, version: 1, title: t, basis: b, frequency: daily,"
        " effective_from: 2020-01-01, cells: ["
        "{code: X010, label: KE-P01, unit: minor, balance:"
        " {chart: [nostro], counterparties: [KE-P01], side: D, of: net}},"
        "{code: X020, label: others, unit: minor, balance:"
        " {chart: [nostro, cash], counterparties: [KE-P02], side: D, of: net}}]}"
    )
    result = prepared(small_bank, [read_template(file)])
    assert values(result, "UG-M01", "KES", "exposure") == {"X010": 700, "X020": 0}
