"""Writing bank files: 100,000 customer credit transfers as pacs.008, against two references.

One is the independent library (pyiso20022's dataclasses rendered by xsdata), timed over 5,000 transfers
and scaled to as many as ours. The other is a constant row of the same size with one value in it, which
Polars formats and writes to bytes as CSV; and, harder, the same formatted chunk by chunk with the bytes
taken from its buffers as ours are, which is what the memory alone costs. Peak memory is what a process
of its own grows by while it writes, the batch being there before.
"""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from multiprocessing import get_context
from pathlib import Path

import polars as pl
from pyiso20022.pacs import pacs_008_001_08 as library
from xsdata.formats.dataclass.serializers import XmlSerializer
from xsdata.models.datatype import XmlDate, XmlDateTime

from pipelines.settlement.iso20022.messages import CHUNK_RECORDS
from pipelines.settlement.iso20022.texts import uetrs_of, utf8
from pipelines.settlement.iso20022.write_pacs008 import write_v08
from pipelines.settlement.iso20022.write_pain001 import write as write_pain001
from pipelines.settlement.payment_batch import payment_batch
from pipelines.settlement.profile import profile
from pipelines.settlement.writing import FileIdentity, Institution, Writer

PAYMENTS = 100_000
LIBRARY_PAYMENTS = 5_000
ROUNDS = 5
DAY = date(2026, 3, 2)
IDENTITY = FileIdentity(
    message_id="WGI-20260302-000001",
    created_at=datetime(2026, 3, 2, 9, 30, tzinfo=UTC),
    sender=Institution("Amani", bic="AMANKENAXXX"),
    receiver=Institution("Baobab", bic="BAOBUGKAXXX"),
)


def payments(count: int, *, with_uetr: bool = True) -> pl.DataFrame:
    """A batch as a bank would be sent it: names, addresses, accounts, references, remittance."""
    number = pl.int_range(count)
    frame = pl.select(number=number).select(
        instruction_id=pl.format("INSTR-{}", pl.col("number").cast(pl.String).str.zfill(9)),
        end_to_end_id=pl.format("INVOICE-{}", pl.col("number").cast(pl.String).str.zfill(9)),
        currency=pl.lit("KES"),
        amount_minor=pl.col("number").cast(pl.Int64) * 37 % 10_000_000 + 1,
        execution_date=pl.lit(DAY),
        charge_bearer=pl.lit("SLEV"),
        debtor_name=pl.format("Wanjiru & Sons {}", pl.col("number") % 900),
        debtor_town=pl.lit("Nairobi"),
        debtor_country=pl.lit("KE"),
        debtor_account=pl.format("0100{}", (pl.col("number") % 900).cast(pl.String).str.zfill(9)),
        debtor_agent_bic=pl.lit("AMANKENAXXX"),
        creditor_name=pl.format("Otieno {}", "number"),
        creditor_street=pl.when(pl.col("number") % 3 > 0).then(pl.lit("Moi Avenue")),
        creditor_town=pl.lit("Kisumu"),
        creditor_country=pl.lit("KE"),
        creditor_account=pl.format("0200{}", pl.col("number").cast(pl.String).str.zfill(9)),
        creditor_agent_bic=pl.lit("BAOBUGKAXXX"),
        purpose=pl.lit("SUPP"),
        remittance=pl.format("Invoice {} of February 2026", "number"),
    )
    if with_uetr:
        frame = frame.with_columns(uetr=uetrs_of(frame["instruction_id"]))
    return payment_batch(frame)


def _write(writer: Writer, name: str, batch: pl.DataFrame) -> int:
    return sum(len(piece) for piece in writer(batch, identity=IDENTITY, profile=profile(name)))


def _one_value(row: str) -> pl.Expr:
    half = len(row) // 2
    return pl.format(f"{row[:half]}{{}}{row[half:]}", "instruction_id")


def _bare(batch: pl.DataFrame, row: str) -> int:
    content = BytesIO()
    rows = batch.select(_one_value(row))
    rows.write_csv(content, include_header=False, quote_style="never")
    return len(content.getvalue())


def _buffers(batch: pl.DataFrame, row: str) -> int:
    value = _one_value(row)
    return sum(
        len(utf8(batch.slice(start, CHUNK_RECORDS).select(value).to_series()))
        for start in range(0, batch.height, CHUNK_RECORDS)
    )


def _by_library(rows: list[dict[str, object]]) -> int:
    """The same document from the library's dataclasses."""
    transactions = [_transaction(row) for row in rows]
    total = sum((Decimal(str(row["amount_minor"])).scaleb(-2) for row in rows), Decimal())
    header = library.GroupHeader93(
        msg_id=IDENTITY.message_id,
        cre_dt_tm=XmlDateTime.from_datetime(IDENTITY.created_at),
        nb_of_txs=str(len(rows)),
        ctrl_sum=total,
        sttlm_inf=library.SettlementInstruction7(sttlm_mtd=library.SettlementMethod1Code.CLRG),
    )
    message = library.FitoFicustomerCreditTransferV08(grp_hdr=header, cdt_trf_tx_inf=transactions)
    return len(XmlSerializer().render(library.Document(fito_ficstmr_cdt_trf=message)).encode())


def _transaction(row: dict[str, object]) -> library.CreditTransferTransaction39:
    text = {name: str(value) for name, value in row.items() if value is not None}
    return library.CreditTransferTransaction39(
        pmt_id=library.PaymentIdentification7(
            instr_id=text["instruction_id"], end_to_end_id=text["end_to_end_id"], uetr=text["uetr"]
        ),
        intr_bk_sttlm_amt=library.ActiveCurrencyAndAmount(
            value=Decimal(text["amount_minor"]).scaleb(-2), ccy=text["currency"]
        ),
        intr_bk_sttlm_dt=XmlDate.from_date(DAY),
        chrg_br=library.ChargeBearerType1Code.SLEV,
        dbtr=_party(text, "debtor"),
        dbtr_acct=_account(text["debtor_account"]),
        dbtr_agt=_agent(text["debtor_agent_bic"]),
        cdtr_agt=_agent(text["creditor_agent_bic"]),
        cdtr=_party(text, "creditor"),
        cdtr_acct=_account(text["creditor_account"]),
        purp=library.Purpose2Choice(cd=text["purpose"]),
        rmt_inf=library.RemittanceInformation16(ustrd=[text["remittance"]]),
    )


def _party(text: dict[str, str], side: str) -> library.PartyIdentification135:
    return library.PartyIdentification135(
        nm=text[f"{side}_name"],
        pstl_adr=library.PostalAddress24(
            strt_nm=text.get(f"{side}_street"),
            twn_nm=text[f"{side}_town"],
            ctry=text[f"{side}_country"],
        ),
    )


def _account(reference: str) -> library.CashAccount38:
    return library.CashAccount38(
        id=library.AccountIdentification4Choice(othr=library.GenericAccountIdentification1(id=reference))
    )


def _agent(bic: str) -> library.BranchAndFinancialInstitutionIdentification6:
    return library.BranchAndFinancialInstitutionIdentification6(
        fin_instn_id=library.FinancialInstitutionIdentification18(bicfi=bic)
    )


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _growth_mib(count: int) -> int:
    """What writing grows a process by at its peak, from where it stood with the batch in memory."""
    batch = payments(count)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak starts anew (proc(5))
    before = _memory_kib("VmRSS")
    _write(write_v08, "pacs.008.001.08", batch)
    return (_memory_kib("VmHWM") - before) // 1024


def _memory_kib(what: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{what}:"))


def benchmark() -> Iterator[tuple[str, float, float]]:
    """Best of some rounds each, in turns: (name, our seconds, reference seconds)."""
    batch = payments(PAYMENTS)
    without = payments(PAYMENTS, with_uetr=False)
    size = _write(write_v08, "pacs.008.001.08", batch)
    row = "x" * (size // PAYMENTS - len("INSTR-000000000"))
    works: tuple[Callable[[], object], ...] = (
        lambda: _write(write_v08, "pacs.008.001.08", batch),
        lambda: _write(write_v08, "pacs.008.001.08", without),
        lambda: _write(write_pain001, "pain.001.001.09", batch),
        lambda: _bare(batch, row),
        lambda: _buffers(batch, row),
    )
    rounds = [[_seconds(work) for work in works] for _ in range(ROUNDS)]
    ours, made, initiated, bare, buffers = (min(column) for column in zip(*rounds, strict=True))
    rows = batch.head(LIBRARY_PAYMENTS).to_dicts()
    scale = PAYMENTS / LIBRARY_PAYMENTS
    independent = _seconds(lambda: _by_library(rows)) * scale
    with get_context("spawn").Pool(1) as process:
        grown = process.apply(_growth_mib, (PAYMENTS,))
    with get_context("spawn").Pool(1) as process:
        grown_tenfold = process.apply(_growth_mib, (10 * PAYMENTS,))
    memory = f"grows by {grown} MiB, for ten times as many by {grown_tenfold} MiB"
    yield f"100,000 pacs.008 ({size / 2**20:.0f} MiB; {memory}) / bare Polars", ours, bare
    yield "100,000 pacs.008 / pyiso20022 and xsdata, 5,000 times 20", ours, independent
    yield "100,000 pacs.008 / as many bytes formatted by the chunk, their buffers taken", ours, buffers
    yield "100,000 pacs.008, UETRs made / bare Polars", made, bare
    yield "100,000 pain.001 in 900 groups / bare Polars of pacs.008", initiated, bare


if __name__ == "__main__":
    for line in benchmark():
        print(line)  # noqa: T201 (run by hand it tells its result)
