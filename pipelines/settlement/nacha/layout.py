"""Where the fields of NACHA records stand: positions counted from 1, both ends included.

Belongs here: one table a kind of record, and cutting a record by it.
"""

from collections.abc import Mapping
from typing import Final

Layout = dict[str, tuple[int, int]]

RECORD_LENGTH: Final = 94

FILE_HEADER: Layout = {
    "destination": (4, 13), "origin": (14, 23), "date": (24, 29), "time": (30, 33),
    "modifier": (34, 34), "record_size": (35, 37), "blocking": (38, 39), "format": (40, 40),
    "destination_name": (41, 63), "origin_name": (64, 86), "reference": (87, 94),
}  # fmt: skip
BATCH_HEADER: Layout = {
    "service_class": (2, 4), "company_name": (5, 20), "discretionary": (21, 40),
    "company_id": (41, 50), "entry_class": (51, 53), "description": (54, 63),
    "descriptive_date": (64, 69), "effective_date": (70, 75), "settlement_day": (76, 78),
    "originator_status": (79, 79), "odfi": (80, 87), "batch_number": (88, 94),
}  # fmt: skip
IAT_BATCH_HEADER: Layout = {
    "service_class": (2, 4), "iat_indicator": (5, 20), "exchange_indicator": (21, 22),
    "exchange_reference": (24, 38), "destination_country": (39, 40), "company_id": (41, 50),
    "entry_class": (51, 53), "description": (54, 63), "originating_currency": (64, 66),
    "destination_currency": (67, 69), "effective_date": (70, 75), "settlement_day": (76, 78),
    "originator_status": (79, 79), "odfi": (80, 87), "batch_number": (88, 94),
}  # fmt: skip
_ENTRY_HEAD: Layout = {
    "transaction_code": (2, 3), "rdfi": (4, 11), "check_digit": (12, 12),
    "account": (13, 29), "amount": (30, 39),
}  # fmt: skip
_ENTRY_TAIL: Layout = {"addenda_indicator": (79, 79), "trace": (80, 94)}
ENTRY: Layout = _ENTRY_HEAD | {"identification": (40, 54), "name": (55, 76)} | _ENTRY_TAIL
MANY_ADDENDA_ENTRY: Layout = (
    _ENTRY_HEAD | {"identification": (40, 54), "addenda_count": (55, 58), "name": (59, 74)} | _ENTRY_TAIL
)
POP_ENTRY: Layout = (
    _ENTRY_HEAD
    | {"identification": (40, 48), "city": (49, 52), "state": (53, 54), "name": (55, 76)}
    | _ENTRY_TAIL
)
SHR_ENTRY: Layout = (
    _ENTRY_HEAD | {"card_expires": (40, 43), "identification": (44, 54), "card": (55, 76)} | _ENTRY_TAIL
)
TRUNCATED_CHECK_ENTRY: Layout = (
    _ENTRY_HEAD
    | {"identification": (40, 54), "process_control": (55, 60), "item_research": (61, 76)}
    | _ENTRY_TAIL
)
IAT_ENTRY: Layout = {
    "transaction_code": (2, 3), "rdfi": (4, 11), "check_digit": (12, 12),
    "addenda_count": (13, 16), "amount": (30, 39), "account": (40, 74),
    "addenda_indicator": (79, 79), "trace": (80, 94),
}  # fmt: skip
ADV_ENTRY: Layout = {
    "transaction_code": (2, 3), "rdfi": (4, 11), "check_digit": (12, 12), "account": (13, 27),
    "amount": (28, 39), "advice_routing": (40, 48), "file_identification": (49, 53),
    "name": (55, 76), "addenda_indicator": (79, 79), "trace": (80, 94),
}  # fmt: skip
ADDENDA_05: Layout = {"information": (4, 83), "sequence": (84, 87), "entry_sequence": (88, 94)}
ADDENDA_02: Layout = {"information": (4, 79), "trace": (80, 94)}
ADDENDA_98: Layout = {
    "code": (4, 6), "original_trace": (7, 21), "original_rdfi": (28, 35),
    "corrected": (36, 64), "refused_change": (65, 67), "trace": (80, 94),
}  # fmt: skip
ADDENDA_99: Layout = {
    "code": (4, 6), "original_trace": (7, 21), "date_of_death": (22, 27),
    "original_rdfi": (28, 35), "information": (36, 79), "trace": (80, 94),
}  # fmt: skip
ADDENDA_99_DISHONORED: Layout = {
    "code": (4, 6), "original_trace": (7, 21), "original_rdfi": (28, 35),
    "return_trace": (39, 53), "return_settlement_day": (54, 56), "return_code": (57, 58),
    "information": (59, 79), "trace": (80, 94),
}  # fmt: skip
ADDENDA_99_CONTESTED: Layout = {
    "code": (4, 6), "original_trace": (7, 21), "original_returned_on": (22, 27),
    "original_rdfi": (28, 35), "original_settlement_day": (36, 38), "return_trace": (39, 53),
    "return_settlement_day": (54, 56), "return_code": (57, 58), "dishonored_trace": (59, 73),
    "dishonored_settlement_day": (74, 76), "dishonored_code": (77, 78), "trace": (80, 94),
}  # fmt: skip
IAT_ADDENDA: Mapping[str, Layout] = {
    "10": {"kind": (4, 6), "foreign_amount": (7, 24), "foreign_trace": (25, 46), "receiver": (47, 81)},
    "11": {"originator": (4, 38), "originator_street": (39, 73)},
    "12": {"originator_town": (4, 38), "originator_country": (39, 73)},
    "13": {
        "odfi_name": (4, 38),
        "odfi_qualifier": (39, 40),
        "odfi_id": (41, 74),
        "odfi_country": (75, 77),
    },
    "14": {
        "rdfi_name": (4, 38),
        "rdfi_qualifier": (39, 40),
        "rdfi_id": (41, 74),
        "rdfi_country": (75, 77),
    },
    "15": {"receiver_id": (4, 18), "receiver_street": (19, 53)},
    "16": {"receiver_town": (4, 38), "receiver_country": (39, 73)},
    "17": {"information": (4, 83)},
    "18": {"foreign_bank": (4, 38), "foreign_bank_qualifier": (39, 40), "foreign_bank_id": (41, 74)},
}
BATCH_CONTROL: Layout = {
    "service_class": (2, 4), "count": (5, 10), "hash": (11, 20), "debits": (21, 32),
    "credits": (33, 44), "company_id": (45, 54), "odfi": (80, 87), "batch_number": (88, 94),
}  # fmt: skip
ADV_BATCH_CONTROL: Layout = {
    "service_class": (2, 4), "count": (5, 10), "hash": (11, 20), "debits": (21, 40),
    "credits": (41, 60), "odfi": (80, 87), "batch_number": (88, 94),
}  # fmt: skip
FILE_CONTROL: Layout = {
    "batches": (2, 7), "blocks": (8, 13), "count": (14, 21), "hash": (22, 31),
    "debits": (32, 43), "credits": (44, 55),
}  # fmt: skip
ADV_FILE_CONTROL: Layout = FILE_CONTROL | {"debits": (32, 51), "credits": (52, 71)}


def entry_layout(entry_class: str) -> Layout:
    """Layout of the entries of a class, forward entries."""
    return _ENTRIES.get(entry_class, ENTRY)


_ENTRIES: Mapping[str, Layout] = {
    "CTX": MANY_ADDENDA_ENTRY, "ATX": MANY_ADDENDA_ENTRY, "TRX": MANY_ADDENDA_ENTRY,
    "POP": POP_ENTRY, "SHR": SHR_ENTRY, "TRC": TRUNCATED_CHECK_ENTRY, "XCK": TRUNCATED_CHECK_ENTRY,
    "IAT": IAT_ENTRY, "ADV": ADV_ENTRY,
}  # fmt: skip


def fields(record: str, layout: Layout) -> dict[str, str]:
    """Texts of a record's fields, without the blanks around them."""
    return {name: record[start - 1 : end].strip(" ") for name, (start, end) in layout.items()}
