"""Reading MT940: 100,000 entries to typed columns, against mt-940's own reading of the same octets.

The reference holds the file and gives an object an entry; ours gives the entries table, balances and
refusals, in parts of some thousands.
"""

import io
import time
from collections.abc import Callable

import mt940

from pipelines.settlement.reading import summarise
from pipelines.settlement.swift.reader import read

ENTRY_COUNT = 100_000
ENTRIES_A_STATEMENT = 1_000
ROUNDS = 2


def _statements() -> bytes:
    texts = []
    for number in range(ENTRY_COUNT // ENTRIES_A_STATEMENT):
        texts.append(f":20:ST{number}\r\n:25:0100123456\r\n:28C:{number}/1\r\n:60F:C260302KES0,\r\n")
        texts.extend(
            f":61:2603020302C{entry},15NTRFREF{entry}//BANK{entry}\r\nsupplement\r\n"
            f":86:166?00GUTSCHRIFT?100399?20EREF+E{entry}?21SVWZ+Invoice {entry}?30BANKKENA\r\n"
            f"?31123{entry}?32Some Na?33me\r\n"
            for entry in range(ENTRIES_A_STATEMENT)
        )
        texts.append(":62F:C260302KES0,\r\n-\r\n")
    return "".join(texts).encode()


def _ours(data: bytes) -> None:
    summarise(read(io.BytesIO(data)))


def _reference(data: bytes) -> None:
    mt940.parser.parse_statements(data, options=mt940.Options.all())


def _seconds(work: Callable[[bytes], None], data: bytes) -> float:
    started = time.perf_counter()
    work(data)
    return time.perf_counter() - started


def benchmark() -> list[tuple[str, float, float]]:
    """Best of some rounds each, in turns: (name, our seconds, reference seconds)."""
    data = _statements()
    rounds = [(_seconds(_ours, data), _seconds(_reference, data)) for _ in range(ROUNDS)]
    ours, reference = (min(column) for column in zip(*rounds, strict=True))
    return [("100,000 MT940 entries to the entries table / mt-940", ours, reference)]


if __name__ == "__main__":
    for line in benchmark():
        print(line)  # noqa: T201 (run by hand it tells its result)
