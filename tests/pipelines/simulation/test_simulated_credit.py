"""The credit history: the lender's layout, no future in the past, and an outcome that can be learnt."""

import csv
import gzip
import io
import zlib
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from pipelines.simulation.credit import stored_gzip

NAMES = ("trainperf", "trainprevloans", "traindemographics")


def table(folder: Path, name: str) -> list[dict[str, str]]:
    with gzip.open(folder / f"{name}.csv.gz", "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def credit(simulated) -> dict[str, list[dict[str, str]]]:
    return {name: table(simulated.out / "credit", name) for name in NAMES}


def test_the_layout_is_that_of_the_real_lender(credit, shared_data: Path) -> None:
    for name in NAMES:
        real = table(shared_data / "credit/superlender", name)[0]
        ours = credit[name][0]
        assert list(ours) == list(real)
        for column, value in real.items():
            if value and ours[column]:
                assert (len(value) == 26) == (len(ours[column]) == 26), column  # date and time
                assert ("." in value) == ("." in ours[column]), column


def test_about_a_fifth_of_the_loans_go_bad(simulated, credit) -> None:
    flags = [row["good_bad_flag"] for row in credit["trainperf"]]
    assert len(flags) == simulated.summary.loans == 4000
    assert set(flags) == {"Good", "Bad"}
    assert 0.15 < flags.count("Bad") / len(flags) < 0.30


def test_the_stated_probabilities_are_those_of_the_outcomes(simulated, credit) -> None:
    probability = {
        row["systemloanid"]: int(row["probability_of_default_ppm"]) / 1e6
        for row in simulated.true("credit_probabilities")
    }
    bad = [row["good_bad_flag"] == "Bad" for row in credit["trainperf"]]
    expected = [probability[row["systemloanid"]] for row in credit["trainperf"]]
    assert abs(sum(bad) - sum(expected)) < 4 * sum(p * (1 - p) for p in expected) ** 0.5
    assert 0.70 < roc_auc_score(bad, expected) < 0.85


def test_lateness_before_the_loan_tells_good_from_bad_after_it(credit) -> None:
    late = defaultdict(list)
    for row in credit["trainprevloans"]:
        late[row["customerid"]].append(row["firstrepaiddate"] > row["firstduedate"])
    share = [sum(late[r["customerid"]]) / len(late[r["customerid"]]) for r in credit["trainperf"]]
    bad = [row["good_bad_flag"] == "Bad" for row in credit["trainperf"]]
    assert roc_auc_score(bad, share) > 0.65


def test_earlier_loans_follow_each_other_and_close_before_the_loan(credit) -> None:
    loan = {row["customerid"]: row for row in credit["trainperf"]}
    earlier = defaultdict(list)
    for row in credit["trainprevloans"]:
        earlier[row["customerid"]].append(row)
    assert earlier.keys() == loan.keys()
    for customer, rows in earlier.items():
        rows.sort(key=lambda row: int(row["loannumber"]))
        assert [int(r["loannumber"]) for r in rows] == list(range(1, len(rows) + 1))
        for before, after in zip(rows, [*rows[1:], loan[customer]], strict=True):
            assert before["creationdate"] < before["firstrepaiddate"] < before["closeddate"]
            assert before["closeddate"] < after["creationdate"]
        assert loan[customer]["creationdate"] < "2024-05-29"


def test_every_borrower_has_demographics_and_every_loan_an_id_of_its_own(credit) -> None:
    customers = [row["customerid"] for row in credit["traindemographics"]]
    assert len(set(customers)) == len(customers)
    assert set(customers) == {row["customerid"] for row in credit["trainperf"]}
    loans = [r["systemloanid"] for name in NAMES[:2] for r in credit[name]]
    assert len(set(loans)) == len(loans)


@given(st.binary(max_size=300), st.sampled_from([0, 65_534, 65_535, 65_536, 131_070]))
def test_stored_gzip_is_read_back_by_any_gzip(content: bytes, padding: int) -> None:
    whole = content + bytes(padding)
    packed = stored_gzip(whole)
    assert gzip.GzipFile(fileobj=io.BytesIO(packed)).read() == whole
    assert zlib.decompress(packed, wbits=31) == whole
