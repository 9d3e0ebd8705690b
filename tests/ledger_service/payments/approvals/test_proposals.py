"""What needs two people takes two: nothing happens before the second agrees, then it happens once."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from uuid import UUID

import polars as pl
import psycopg
import pytest

from ledger_service.ledger.accounts import ACCOUNT_COLUMNS, create_accounts
from ledger_service.ledger.books import register_participants
from ledger_service.ledger.lookups import lookup_accounts, lookup_transfers
from ledger_service.ledger.verification import verify
from ledger_service.payments.approvals.contents import (
    AccountLimits,
    Content,
    ContentInvalid,
    Fee,
    ManualPosting,
    Rate,
    content_of,
    kept,
)
from ledger_service.payments.approvals.proposals import (
    MakerIsChecker,
    NotTheMaker,
    Proposal,
    ProposalDecided,
    ProposalNotFound,
    ProposalState,
    decide,
    proposals,
    propose,
    withdraw,
)
from ledger_service.payments.approvals.tariffs import tariffs_on
from ledger_service.payments.settlement.transfers import TransferRefused
from ledger_service.runtime.database import Database, Role, Server

TODAY = date(2026, 3, 2)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
CUSTOMER, SUSPENSE, EUROS = 1, 2, 3

LIMITS = AccountLimits(account_id=CUSTOMER, debit_limit=50_000, credit_limit=None)
POSTING = ManualPosting(
    debit_account_id=SUSPENSE, credit_account_id=CUSTOMER, amount_minor=1_250, currency="KES"
)
FEE = Fee(code="payout", currency="KES", minor=1_000, basis_points=25, valid_from=TODAY)
RATE = Rate(base="USD", quote="KES", rate="129.25", valid_from=TODAY)
CONTENTS = [LIMITS, POSTING, FEE, RATE]


@pytest.fixture
def connect(ledger_database: Server) -> Callable[[], psycopg.Connection]:
    return lambda: ledger_database.connect(Database.LEDGER, Role.APP, autocommit=True)


@pytest.fixture
def connection(connect: Callable[[], psycopg.Connection]) -> Iterator[psycopg.Connection]:
    with connect() as opened:
        bank = {"participant_id": "KE-B01", "name": "Bank", "kind": "bank", "country": "KE"}
        bank |= {"home_currency": "KES"}
        register_participants(
            opened, pl.DataFrame([bank]).with_columns(bic=pl.lit(None, pl.String), has_book=True)
        )
        given = {
            "account_id": [CUSTOMER, SUSPENSE, EUROS],
            "external_ref": ["customer", "suspense", "euros"],
            "chart_code": [2010, 1910, 2010],
            "currency": ["KES", "KES", "EUR"],
            "opened_on": [TODAY] * 3,
        }
        absent = {name: [None] * 3 for name in ACCOUNT_COLUMNS if name not in given}
        frame = pl.DataFrame({**given, **absent}).select(
            pl.col(name).cast(kind) for name, kind in ACCOUNT_COLUMNS.items()
        )
        create_accounts(opened, book_id=1, accounts=frame)
        yield opened


def made(connection: psycopg.Connection, content: Content = POSTING, number: int = 1) -> str:
    proposal_id = str(UUID(int=(0x019A << 112) | (7 << 76) | (2 << 62) | number))
    with connection.transaction():
        propose(
            connection,
            book_id=1,
            proposal_id=proposal_id,
            content=content,
            reason="as the customer asked",
            actor="maker",
            at=NOON,
        )
    return proposal_id


def decided(
    connection: psycopg.Connection, proposal_id: str, *, approved: bool = True, actor: str = "checker"
) -> Proposal:
    with connection.transaction():
        return decide(
            connection,
            book_id=1,
            proposal_id=proposal_id,
            approved=approved,
            actor=actor,
            reason=None,
            at=NOON,
        )


def limit(connection: psycopg.Connection) -> int | None:
    found: int | None = lookup_accounts(connection, book_id=1, account_ids=[CUSTOMER])["debit_limit"][0]
    return found


def states(connection: psycopg.Connection) -> list[str]:
    return [str(one.state) for one in proposals(connection, book_ids=[1])]


@pytest.mark.parametrize("content", CONTENTS)
def test_what_is_kept_is_what_was_proposed(connection: psycopg.Connection, content: Content) -> None:
    made(connection, content)
    assert [one.content for one in proposals(connection, book_ids=None)] == [content]
    assert content_of(content.kind, kept(content)) == content


def test_limits_change_when_another_person_agrees(connection: psycopg.Connection) -> None:
    proposal_id = made(connection, LIMITS)
    assert limit(connection) is None
    assert decided(connection, proposal_id).state == ProposalState.APPROVED
    assert limit(connection) == 50_000


def test_a_posting_is_booked_once_and_the_books_still_prove(connection: psycopg.Connection) -> None:
    approved = decided(connection, made(connection))
    assert approved.transfer_id is not None
    booked = lookup_transfers(connection, book_id=1, transfer_ids=[approved.transfer_id])
    assert booked["amount_minor"].to_list() == [1_250]
    assert booked["kind"].to_list() == ["manual_posting"]
    assert [found for book in verify(connection) for found in book.differences] == []


def test_fees_and_rates_are_in_force_from_their_date_on(connection: psycopg.Connection) -> None:
    later = Fee(code="payout", currency="KES", minor=900, basis_points=0, valid_from=date(2026, 4, 1))
    for number, content in enumerate((FEE, RATE, later), 1):
        decided(connection, made(connection, content, number))
    assert tariffs_on(connection, book_id=1, on=date(2026, 3, 1)) == []
    assert tariffs_on(connection, book_id=1, on=date(2026, 3, 31)) == [FEE, RATE]
    assert tariffs_on(connection, book_id=1, on=date(2026, 4, 1)) == [later, RATE]


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("actor", ["maker", "MAKER"])
def test_the_proposer_does_not_decide(
    connection: psycopg.Connection, content: Content, actor: str
) -> None:
    proposal_id = made(connection, content)
    with pytest.raises(MakerIsChecker):
        decided(connection, proposal_id, actor=actor)
    with pytest.raises(MakerIsChecker):
        decided(connection, proposal_id, actor=actor, approved=False)
    assert states(connection) == ["open"]


@pytest.mark.parametrize(
    "row",
    [
        ("maker", "approved", "maker"),  # decides the own proposal
        ("maker", "refused", "Maker"),
        ("somebody", "approved", "maker"),  # lies about who proposed it
        ("maker", "withdrawn", "checker"),
    ],
)
def test_the_database_itself_asks_for_two_people(
    connection: psycopg.Connection, row: tuple[str, str, str]
) -> None:
    proposal_id = made(connection)
    with pytest.raises(psycopg.errors.IntegrityError):
        connection.execute(
            """INSERT INTO payments.proposal_decision (book_id, proposal_id, proposed_by, outcome,
                decided_by, decided_at) VALUES (1, %s, %s, %s, %s, now())""",
            [proposal_id, *row],
        )
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("UPDATE payments.proposal SET proposed_by = 'other'")


def test_a_refusal_changes_nothing(connection: psycopg.Connection) -> None:
    assert decided(connection, made(connection, LIMITS), approved=False).state == ProposalState.REFUSED
    assert limit(connection) is None


def test_a_decision_is_made_once(connection: psycopg.Connection) -> None:
    proposal_id = made(connection)
    decided(connection, proposal_id)
    for approved in (True, False):
        with pytest.raises(ProposalDecided, match="approved before"):
            decided(connection, proposal_id, approved=approved, actor="third")


def test_who_proposed_can_take_it_back_and_nobody_else(connection: psycopg.Connection) -> None:
    proposal_id = made(connection)
    facts = {"book_id": 1, "proposal_id": proposal_id, "reason": None, "at": NOON}
    with pytest.raises(NotTheMaker):
        withdraw(connection, actor="checker", **facts)
    assert withdraw(connection, actor="maker", **facts).state == ProposalState.WITHDRAWN
    with pytest.raises(ProposalDecided):
        decided(connection, proposal_id)


def test_of_many_deciders_one_decides(
    connection: psycopg.Connection, connect: Callable[[], psycopg.Connection]
) -> None:
    proposal_id = made(connection)
    outcomes: list[str] = []

    def run(number: int) -> None:
        with connect() as own:
            try:
                outcomes.append(str(decided(own, proposal_id, actor=f"checker-{number}").state))
            except ProposalDecided:
                outcomes.append("too late")

    threads = [threading.Thread(target=run, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["approved", "too late", "too late", "too late"]
    balance = lookup_accounts(connection, book_id=1, account_ids=[CUSTOMER])["credits_posted"][0]
    assert balance == 1_250


def test_what_the_books_refuse_is_not_approved(connection: psycopg.Connection) -> None:
    limited = AccountLimits(account_id=SUSPENSE, debit_limit=None, credit_limit=0)
    decided(connection, made(connection, limited, 1))
    wrong_way = ManualPosting(
        debit_account_id=CUSTOMER, credit_account_id=SUSPENSE, amount_minor=5, currency="KES"
    )
    proposal_id = made(connection, wrong_way, 2)
    with pytest.raises(TransferRefused):
        decided(connection, proposal_id)
    assert states(connection) == ["open", "approved"]


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (AccountLimits(account_id=9, debit_limit=1, credit_limit=None), "account_id"),
        (
            ManualPosting(
                debit_account_id=EUROS, credit_account_id=CUSTOMER, amount_minor=1, currency="KES"
            ),
            "debit_account_id",
        ),
    ],
)
def test_what_could_never_be_done_is_refused_when_it_is_proposed(
    connection: psycopg.Connection, content: Content, field: str
) -> None:
    with pytest.raises(ContentInvalid) as refused:
        made(connection, content)
    assert refused.value.field == field
    assert states(connection) == []


@pytest.mark.parametrize(
    ("kind", "changed", "field"),
    [
        (AccountLimits, {"debit_limit": -1}, "debit_limit"),
        (ManualPosting, {"amount_minor": 0}, "amount"),
        (ManualPosting, {"credit_account_id": SUSPENSE}, "credit_account_id"),
        (Fee, {"minor": -1}, "amount"),
        (Fee, {"basis_points": 10_001}, "basis_points"),
        (Fee, {"currency": "XYZ"}, "currency"),
        (Rate, {"rate": "NaN"}, "rate"),
        (Rate, {"rate": "-1"}, "rate"),
        (Rate, {"rate": "1e"}, "rate"),
        (Rate, {"rate": "1.0000000000001"}, "rate"),
        (Rate, {"quote": "USD"}, "quote"),
    ],
)
def test_content_that_means_nothing_names_its_field(
    kind: type, changed: dict[str, object], field: str
) -> None:
    good = next(one for one in CONTENTS if isinstance(one, kind))
    values = {name: getattr(good, name) for name in kind.__dataclass_fields__ if name != "kind"}
    with pytest.raises(ContentInvalid) as refused:
        kind(**values | changed)
    assert refused.value.field == field


def test_a_rate_is_not_set_twice_from_one_date(connection: psycopg.Connection) -> None:
    first, second = made(connection, RATE, 1), made(connection, RATE, 2)
    decided(connection, first)
    with pytest.raises(ContentInvalid, match="already"):
        decided(connection, second)


def test_proposals_are_listed_the_newest_first_by_page_kind_and_state(
    connection: psycopg.Connection,
) -> None:
    ids = [made(connection, content, number) for number, content in enumerate(CONTENTS, 1)]
    decided(connection, ids[0])
    newest = [one.proposal_id for one in proposals(connection, book_ids=[1], limit=2)]
    assert newest == [ids[3], ids[2]]
    rest = [one.proposal_id for one in proposals(connection, book_ids=[1], before=newest[-1])]
    assert rest == [ids[1], ids[0]]
    assert [one.proposal_id for one in proposals(connection, book_ids=[1], kinds=["fee"])] == [ids[2]]
    still_open = proposals(connection, book_ids=[1], state=ProposalState.OPEN)
    assert [one.proposal_id for one in still_open] == ids[:0:-1]
    assert proposals(connection, book_ids=[2]) == []
    with pytest.raises(ProposalNotFound):
        decided(connection, str(UUID(int=5)))
