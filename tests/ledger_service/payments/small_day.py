"""A business date small enough to read: two banks with books, one without, five accounts."""

from datetime import date
from pathlib import Path

import psycopg

from ledger_service.payments.import_folder import ImportFolder
from ledger_service.payments.instructions import RAW_COLUMNS

DAY = date(2026, 1, 5)
PARTICIPANTS = """participant_id,name,kind,country,bic,home_currency,has_book
KE-B01,Nairobi Bank,bank,KE,NABAKENA,KES,true
UG-B01,Kampala Bank,bank,UG,,UGX,true
GB-P01,London Partner,partner_bank,GB,,GBP,false
"""
ACCOUNT_HEADER = (
    "participant_id,account,product,currency,party_id,party_kind,holder_name,opened_on,overdraft_limit"
)
ACCOUNTS = [
    "KE-B01,KE1,deposit,KES,P1,person,Achieng,2024-01-01,0",
    "KE-B01,KE2,wallet,KES,P2,sme,Shop,2024-01-01,0",
    "UG-B01,UG1,deposit,UGX,P3,person,Okello,2024-01-01,0",
    "UG-B01,UG2,deposit,KES,P3,person,Okello,2024-01-01,0",
]
PARTIES = {
    "KE1": "KE-B01",
    "KE2": "KE-B01",
    "UG1": "UG-B01",
    "UG2": "UG-B01",
    "GB1": "GB-P01",
}


def payment(number: int, kind: str, amount: str, **fields: str) -> str:
    """A line of the file; `debtor` and `creditor` are accounts, and time runs with the number."""
    parties = {
        f"{side}_{field}": value
        for side in ("debtor", "creditor")
        if (account := fields.pop(side, None)) is not None
        for field, value in (("account", account), ("agent", PARTIES.get(account, "KE-B01")))
    }
    row = {
        "instruction_id": f"019b8a3c-0000-7000-8000-{number:012d}",
        "kind": kind,
        "event_at": f"2026-01-05T09:{number:02d}:00Z",
        "value_date": "2026-01-05",
        "currency": "KES",
        "amount": amount,
        **parties,
        **fields,
    }
    return ",".join(row.get(name, "") for name in RAW_COLUMNS)


def deliver(path: Path, *lines: str, day: date = DAY, accounts: list[str] | None = None) -> ImportFolder:
    (path / "instructions").mkdir(parents=True, exist_ok=True)
    (path / "participants.csv").write_text(PARTICIPANTS)
    listed = [ACCOUNT_HEADER, *(ACCOUNTS if accounts is None else accounts), ""]
    (path / "accounts.csv").write_text("\n".join(listed))
    text = "\n".join([",".join(RAW_COLUMNS), *lines, ""])
    (path / "instructions" / f"{day}.csv").write_text(text)
    return ImportFolder(path)


def balances(connection: psycopg.Connection) -> dict[str, int]:
    """Credits less debits by `<book>/<external reference>`, where not zero."""
    rows = connection.execute(
        "SELECT book_id || '/' || external_ref, credits_posted - debits_posted FROM ledger.account"
    ).fetchall()
    return {name: balance for name, balance in rows if balance}
