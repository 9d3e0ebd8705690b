"""Reading a camt.053 file against a bare `iterparse` over its entries, in the same run.

The reference finds the end of every entry and drops it; it reads nothing. Ours checks the markup and
gives typed, checked rows: amounts in minor units, dates, references, parties and remittance.
"""

import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from subprocess import run
from sys import executable
from tempfile import TemporaryDirectory

from lxml import etree

from pipelines.settlement.iso20022.read_message import read
from pipelines.settlement.reading import Records

ENTRIES = 100_000
ROUNDS = 3
NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"
_BEFORE = f"""<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="{NAMESPACE}"><BkToCstmrStmt>
<GrpHdr><MsgId>M-1</MsgId><CreDtTm>2026-03-02T18:00:00+03:00</CreDtTm></GrpHdr>
<Stmt><Id>S-1</Id><CreDtTm>2026-03-02T18:00:00+03:00</CreDtTm>
<Acct><Id><Othr><Id>0110000100</Id></Othr></Id></Acct>
"""
_AFTER = "</Stmt></BkToCstmrStmt></Document>\n"


def _entry(number: int) -> str:
    return f"""<Ntry>
  <NtryRef>{number}</NtryRef>
  <Amt Ccy="KES">{number}.{number % 100:02}</Amt>
  <CdtDbtInd>{("CRDT", "DBIT")[number % 2]}</CdtDbtInd>
  <Sts><Cd>BOOK</Cd></Sts>
  <BookgDt><Dt>2026-03-02</Dt></BookgDt>
  <ValDt><Dt>2026-03-02</Dt></ValDt>
  <AcctSvcrRef>SVC{number:09}</AcctSvcrRef>
  <BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn></BkTxCd>
  <NtryDtls><TxDtls>
    <Refs><InstrId>I{number:09}</InstrId><EndToEndId>E{number:09}</EndToEndId><TxId>T{number:09}</TxId></Refs>
    <Amt Ccy="KES">{number}.{number % 100:02}</Amt>
    <RltdPties>
      <Dbtr><Pty><Nm>Trading company {number} Ltd</Nm></Pty></Dbtr>
      <DbtrAcct><Id><Othr><Id>{number:013}</Id></Othr></Id></DbtrAcct>
    </RltdPties>
    <RltdAgts><DbtrAgt><FinInstnId><BICFI>AMANKENAXXX</BICFI></FinInstnId></DbtrAgt></RltdAgts>
    <RmtInf><Ustrd>Invoice {number} of March</Ustrd></RmtInf>
  </TxDtls></NtryDtls>
</Ntry>
"""


def statement(path: Path, entries: int) -> None:
    """Write a statement of one account."""
    with path.open("w", encoding="utf-8") as file:
        file.write(_BEFORE)
        file.writelines(_entry(number) for number in range(1, entries + 1))
        file.write(_AFTER)


def _bare(content: bytes) -> None:
    for _, entry in etree.iterparse(BytesIO(content), tag=f"{{{NAMESPACE}}}Ntry"):
        entry.clear()


def _read(content: bytes) -> None:
    rows = sum(part.frame.height for part in read(BytesIO(content)) if isinstance(part, Records))
    if rows != ENTRIES:
        raise ValueError(f"{rows} entries were read of {ENTRIES}")


def _seconds(work: Callable[[bytes], None], content: bytes) -> float:
    started = time.perf_counter()
    work(content)
    return time.perf_counter() - started


PROBE = """
import re, sys
from pathlib import Path
from pipelines.settlement.iso20022.read_message import read
def kilobytes(what):
    return int(re.search(what + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
before = kilobytes("VmRSS")
with open(sys.argv[1], "rb") as source:
    for part in read(source):
        pass
print((kilobytes("VmHWM") - before) // 1024)
"""


def peak_megabytes(path: Path) -> int:
    """Memory that reading a file takes at its peak above the modules, in a process of its own."""
    done = run([executable, "-c", PROBE, str(path)], check=True, capture_output=True, text=True)
    return int(done.stdout)


def benchmark() -> list[tuple[str, float, float]]:
    """Best of some rounds each, in turns: (name, our seconds, reference seconds)."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "statement.xml"
        statement(path, ENTRIES)
        content = path.read_bytes()
        peak = peak_megabytes(path)
    rounds = [[_seconds(work, content) for work in (_read, _bare)] for _ in range(ROUNDS)]
    ours, bare = (min(column) for column in zip(*rounds, strict=True))
    name = f"{ENTRIES:,} camt.053 entries read ({peak} MB at the peak), to a bare iterparse"
    return [(name, ours, bare)]


if __name__ == "__main__":
    for line in benchmark():
        print(line)  # noqa: T201 (run by hand it tells its result)
