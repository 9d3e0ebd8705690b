"""Durable single transfers over HTTP beside the same server's empty authenticated endpoint.

64 clients with kept connections, in processes of their own, ask for transfers between 10,000 accounts,
and for `GET /v1/ping`, in turns; a transfer is answered after its commit, with the record of its key.
Then, at 70 % of that rate, how long 99 of 100 requests take at most.
"""

import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
from psycopg.conninfo import make_conninfo

from ledger_service.ledger.accounts import ACCOUNT_COLUMNS, create_accounts
from ledger_service.ledger.books import register_participants
from ledger_service.runtime.database import Database, Role, Server, create_login_role, prepare
from ledger_service.runtime.migrations import migrate
from ledger_service.runtime.postgres_server import LOGIN_ROLE, EmbeddedPostgres
from tests.api.gateway import DAY
from tests.api.served_gateway import listening, serving
from tests.benchmarks.gateway_load import Load, Seen, seen_by

Row = tuple[str, float, float]
"""What was measured, our seconds, the reference's seconds."""

CLIENTS = 64
PROCESSES = 2
ACCOUNTS = 10_000
ROUNDS = 3
SECONDS = 6.0
WARMING_S = 12.0
"""By then the gateway has met nearly all accounts, as one that has run for a while has."""
SHARE = 0.7
"""Of the rate, at which latencies are measured."""
UNIT = 1_000
"""Rates are told as seconds for so many requests."""


@contextmanager
def _served() -> Iterator[str]:
    """The address of a gateway on an embedded server with a book of accounts."""
    with tempfile.TemporaryDirectory(prefix="wgi-bench-") as folder, listening() as bound:
        embedded = EmbeddedPostgres(Path(folder))
        superuser = embedded.start()
        try:
            create_login_role(superuser)
            server = Server(make_conninfo(superuser, user=LOGIN_ROLE, dbname="postgres"))
            prepare(server)
            migrate(server)
            _open_book(server)
            # No client is slowed down: the limit is what the server can do.
            process = serving(server, bound, {"WGI_API_RATE": "1000000/second"})
            try:
                url = f"http://127.0.0.1:{bound.getsockname()[1]}"
                with urllib.request.urlopen(f"{url}/v1/health", timeout=60):  # noqa: S310  # our own address
                    yield url
            finally:
                process.terminate()
                process.wait()
        finally:
            embedded.stop()


def _open_book(server: Server) -> None:
    row = {"participant_id": "KE-B0", "name": "Bank", "kind": "bank", "country": "KE", "bic": None}
    row |= {"home_currency": "KES"}
    with server.connect(Database.LEDGER, Role.APP) as connection:
        books = register_participants(connection, pl.DataFrame([row | {"has_book": True}]))
        account = {"chart_code": 2010, "currency": "KES", "opened_on": DAY}
        rows = [account | {"account_id": n, "external_ref": f"A{n}"} for n in range(1, ACCOUNTS + 1)]
        accounts = pl.DataFrame(rows, schema=ACCOUNT_COLUMNS)
        create_accounts(connection, book_id=books["KE-B0"], accounts=accounts)


def _seen(url: str, route: str, *, seconds: float = SECONDS, rate: float | None = None) -> Seen:
    """What `CLIENTS` in `PROCESSES` see."""
    return seen_by(
        [
            Load(
                url,
                route,
                CLIENTS // PROCESSES,
                seconds,
                ACCOUNTS,
                seed=time.monotonic_ns() + number,
                rate=rate / PROCESSES if rate else None,
            )
            for number in range(PROCESSES)
        ]
    )


def benchmark() -> Iterator[Row]:
    """Rows (name, our seconds, reference seconds)."""
    with _served() as url:
        _seen(url, "transfers", seconds=WARMING_S)
        rounds = [(_seen(url, "transfers"), _seen(url, "ping")) for _ in range(ROUNDS)]
        ours, reference = (max(seen.per_second for seen in of) for of in zip(*rounds, strict=True))
        name = f"durable single transfers, {CLIENTS} clients: {ours:,.0f}/s"
        told = f"{name}, {ours / reference:.2f} x the empty endpoint, {reference:,.0f}/s"
        yield (told, UNIT / ours, UNIT / reference)
        rate = SHARE * ours
        calm, empty = (_seen(url, route, rate=rate) for route in ("transfers", "ping"))
        for share in (0.5, 0.99):
            took, beside = calm.quantile(share), empty.quantile(share)
            told = f"at {calm.per_second:,.0f}/s, {share:.0%} take at most {took * 1_000:.1f} ms"
            yield (f"{told}; the empty endpoint {beside * 1_000:.1f} ms", took, beside)


if __name__ == "__main__":
    for line in benchmark():
        print(line, flush=True)  # noqa: T201 (run by hand it tells its result)
