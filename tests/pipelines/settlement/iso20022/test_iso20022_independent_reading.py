"""What is written is read by an independent library to the same values: pyiso20022 and xsdata."""

from dataclasses import fields
from decimal import Decimal
from functools import cache
from importlib import import_module
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from xsdata.formats.dataclass.context import XmlContext
from xsdata.formats.dataclass.parsers import XmlParser

from tests.pipelines.settlement.iso20022.payments_to_write import IDENTITY, batches, written

EXPONENTS = {"KES": 2, "XOF": 0, "TND": 3, "USD": 2}
CONTEXT = XmlContext()

ADDRESS = {
    "street": "StrtNm",
    "building": "BldgNb",
    "postcode": "PstCd",
    "town": "TwnNm",
    "country": "Ctry",
}
TYPE = {
    "service_level": "PmtTpInf/SvcLvl/Cd|PmtTpInf/SvcLvl/Prtry",
    "local_instrument": "PmtTpInf/LclInstrm/Cd",
    "category_purpose": "PmtTpInf/CtgyPurp/Cd|PmtTpInf/CtgyPurp/Prtry",
}
IDS = {
    "instruction_id": "PmtId/InstrId",
    "end_to_end_id": "PmtId/EndToEndId",
    "transaction_id": "PmtId/TxId",
    "uetr": "PmtId/UETR",
}
SETTLED = {
    **IDS,
    **TYPE,
    "amount": "IntrBkSttlmAmt",
    "execution_date": "IntrBkSttlmDt",
    "intermediary_bic": "IntrmyAgt1/FinInstnId/BICFI",
}


def bank(column: str, tag: str) -> dict[str, str]:
    inside = f"{tag}/FinInstnId"
    return {
        f"{column}_agent_bic": f"{inside}/BICFI",
        f"{column}_agent_clearing": f"{inside}/ClrSysMmbId/ClrSysId/Cd",
        f"{column}_agent_member": f"{inside}/ClrSysMmbId/MmbId",
        f"{column}_agent_name": f"{inside}/Nm",
    }


def customer(column: str, tag: str, *, within: str = "") -> dict[str, str]:
    party = f"{within}{tag}"
    return {
        f"{column}_name": f"{party}/Nm",
        **{f"{column}_{name}": f"{party}/PstlAdr/{element}" for name, element in ADDRESS.items()},
        f"{column}_id": f"{party}/Id/OrgId/Othr/Id",
        f"{column}_account": f"{within}{tag}Acct/Id/IBAN|{within}{tag}Acct/Id/Othr/Id",
        **bank(column, f"{within}{tag}Agt"),
    }


def chained(column: str, tag: str) -> dict[str, str]:
    """A party of a return chain, which has no account there."""
    found = {
        name: path.replace(f"RtrChain/{tag}/", f"RtrChain/{tag}/Pty/")
        for name, path in customer(column, tag, within="RtrChain/").items()
    }
    del found[f"{column}_account"]
    return found


REST = {"purpose": "Purp/Cd|Purp/Prtry", "remittance": "RmtInf/Ustrd"}
STRUCTURED = {"remittance_reference": "RmtInf/Strd/CdtrRefInf/Ref"}
ULTIMATE = {"ultimate_debtor_name": "UltmtDbtr/Nm", "ultimate_creditor_name": "UltmtCdtr/Nm"}
INSTRUCTED = {"instructed_amount": "InstdAmt", "exchange_rate": "XchgRate"}
ORIGINAL = {
    "original_message_id": "OrgnlGrpInf/OrgnlMsgId",
    "original_message_type": "OrgnlGrpInf/OrgnlMsgNmId",
    "original_instruction_id": "OrgnlInstrId",
    "original_end_to_end_id": "OrgnlEndToEndId",
    "original_transaction_id": "OrgnlTxId",
    "original_uetr": "OrgnlUETR",
}
PACS008 = {
    **SETTLED,
    **INSTRUCTED,
    "charge_bearer": "ChrgBr",
    **customer("debtor", "Dbtr"),
    **customer("creditor", "Cdtr"),
    **ULTIMATE,
    **REST,
    **STRUCTURED,
}
UNDER = "UndrlygCstmrCdtTrf/"
RECORDS: dict[str, tuple[str, str, dict[str, str]]] = {
    "pacs.008.001.08": ("pacs_008_001_08", "FIToFICstmrCdtTrf/CdtTrfTxInf", PACS008),
    "pacs.008.001.10": ("pacs_008_001_10", "FIToFICstmrCdtTrf/CdtTrfTxInf", PACS008),
    "pacs.009.001.08": (
        "pacs_009_001_08",
        "FICdtTrf/CdtTrfTxInf",
        {
            **SETTLED,
            **bank("debtor", "Dbtr"),
            **bank("creditor", "Cdtr"),
            "debtor_account": "DbtrAcct/Id/IBAN|DbtrAcct/Id/Othr/Id",
            "creditor_account": "CdtrAcct/Id/IBAN|CdtrAcct/Id/Othr/Id",
            **REST,
        },
    ),
    "pacs.009.001.08-cov": (
        "pacs_009_001_08",
        "FICdtTrf/CdtTrfTxInf",
        {
            **SETTLED,
            **customer("debtor", "Dbtr", within=UNDER),
            **customer("creditor", "Cdtr", within=UNDER),
            **{name: UNDER + path for name, path in (ULTIMATE | STRUCTURED).items()},
            "remittance": f"{UNDER}RmtInf/Ustrd",
            "instructed_amount": f"{UNDER}InstdAmt",
        },
    ),
    "pacs.004.001.09": (
        "pacs_004_001_09",
        "PmtRtr/TxInf",
        {
            "instruction_id": "RtrId",
            **ORIGINAL,
            "amount": "RtrdIntrBkSttlmAmt",
            "execution_date": "IntrBkSttlmDt",
            "original_amount": "OrgnlIntrBkSttlmAmt",
            "original_settlement_date": "OrgnlIntrBkSttlmDt",
            "instructed_amount": "RtrdInstdAmt",
            "exchange_rate": "XchgRate",
            "charge_bearer": "ChrgBr",
            **chained("debtor", "Dbtr"),
            **chained("creditor", "Cdtr"),
            "ultimate_debtor_name": "RtrChain/UltmtDbtr/Pty/Nm",
            "ultimate_creditor_name": "RtrChain/UltmtCdtr/Pty/Nm",
            "intermediary_bic": "RtrChain/IntrmyAgt1/FinInstnId/BICFI",
            "reason_code": "RtrRsnInf/Rsn/Cd|RtrRsnInf/Rsn/Prtry",
            "reason_text": "RtrRsnInf/AddtlInf",
        },
    ),
    "pacs.028.001.03": (
        "pacs_028_001_03",
        "FIToFIPmtStsReq/TxInf",
        {
            "instruction_id": "StsReqId",
            **ORIGINAL,
            "amount": "OrgnlTxRef/IntrBkSttlmAmt",
            "execution_date": "OrgnlTxRef/IntrBkSttlmDt",
        },
    ),
    "camt.056.001.08": (
        "camt_056_001_08",
        "FIToFIPmtCxlReq/Undrlyg/TxInf",
        {
            "instruction_id": "CxlId",
            **ORIGINAL,
            "amount": "OrgnlIntrBkSttlmAmt",
            "execution_date": "OrgnlIntrBkSttlmDt",
            "reason_code": "CxlRsnInf/Rsn/Cd|CxlRsnInf/Rsn/Prtry",
            "reason_text": "CxlRsnInf/AddtlInf",
        },
    ),
}
"""By format: the library's module, where its records are, and where each column is in one."""


@cache
def document(module: str) -> Any:
    return import_module(f"pyiso20022.{module[:4]}.{module}").Document


def inside(node: Any, path: str) -> list[Any]:
    """Everything at a path of element names, through the library's dataclasses."""
    found = [node]
    for tag in path.split("/"):
        following = []
        for holder in found:
            (name,) = (f.name for f in fields(holder) if f.metadata.get("name", f.name) == tag)
            value = getattr(holder, name)
            following += value if isinstance(value, list) else [value]
        found = [value for value in following if value is not None]
    return found


def said(node: Any, paths: str) -> Any:
    """The one value at any of the paths, in the form of a payment batch."""
    found = [value for path in paths.split("|") for value in inside(node, path)]
    if not found:
        return None
    (value,) = found
    if hasattr(value, "ccy"):
        minor = Decimal(value.value).scaleb(EXPONENTS[str(value.ccy)])
        assert minor == int(minor)
        return (str(value.ccy), int(minor))
    if hasattr(value, "to_date"):
        return value.to_date()
    if isinstance(value, Decimal):
        return value
    return getattr(value, "value", value)


def due(row: dict[str, Any], column: str) -> Any:
    """What a payment says in that place."""
    if column.endswith("amount"):
        named = "instructed_currency" if column == "instructed_amount" else "currency"
        minor = row[f"{column}_minor"]
        return None if minor is None else (row[named], minor)
    if column == "exchange_rate" and row[column] is not None:
        return Decimal(row[column])
    return row[column]


@pytest.mark.parametrize("name", RECORDS)
@settings(deadline=None, max_examples=10, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_library_reads_back_every_column(name: str, data: st.DataObject) -> None:
    payments = data.draw(batches(name))
    module, path, columns = RECORDS[name]
    root = XmlParser(context=CONTEXT).from_bytes(written(name, payments), document(module))
    records = inside(root, path)
    assert len(records) == payments.height
    for row, record in zip(payments.to_dicts(), records, strict=True):
        for column, paths in columns.items():
            found, expected = said(record, paths), due(row, column)
            if expected is None and column == "uetr":
                assert found is not None
            elif expected is None:
                assert found in (None, "NOTPROVIDED"), column
            else:
                assert found == expected, column


@settings(deadline=None, max_examples=10, suppress_health_check=list(HealthCheck))
@given(payments=batches("pain.001.001.09"))
def test_a_library_reads_back_what_a_customer_instructs(payments: pl.DataFrame) -> None:
    content = written("pain.001.001.09", payments)
    root = XmlParser(context=CONTEXT).from_bytes(content, document("pain_001_001_09"))
    (message,) = inside(root, "CstmrCdtTrfInitn")
    assert said(message, "GrpHdr/MsgId") == IDENTITY.message_id
    assert int(said(message, "GrpHdr/NbOfTxs")) == payments.height
    rows = {row["instruction_id"]: row for row in payments.to_dicts()}
    group_columns = {
        **TYPE,
        **customer("debtor", "Dbtr"),
        "charge_bearer": "ChrgBr",
        "execution_date": "ReqdExctnDt/Dt",
    }
    transfer_columns = {
        **{name: path for name, path in IDS.items() if name not in ("transaction_id", "uetr")},
        "amount": "Amt/InstdAmt",
        **customer("creditor", "Cdtr"),
        **(ULTIMATE | REST | STRUCTURED),
    }
    seen = []
    for group in inside(message, "PmtInf"):
        transfers = inside(group, "CdtTrfTxInf")
        assert int(said(group, "NbOfTxs")) == len(transfers)
        sums = [Decimal(inside(transfer, "Amt/InstdAmt")[0].value) for transfer in transfers]
        assert said(group, "CtrlSum") == sum(sums)
        for transfer in transfers:
            row = rows[said(transfer, "PmtId/InstrId")]
            seen.append(row["instruction_id"])
            for holder, columns in ((group, group_columns), (transfer, transfer_columns)):
                for column, paths in columns.items():
                    found, expected = said(holder, paths), due(row, column)
                    assert found == expected or (expected is None and found == "NOTPROVIDED"), column
    assert sorted(seen) == sorted(rows)
