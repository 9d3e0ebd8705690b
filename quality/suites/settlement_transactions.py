"""Credit transfers as they leave in settlement files."""

import polars as pl

from quality.rules import CURRENCY, UUID, Suite, as_long_as, between, holds, present, shaped, unique

SUITE = Suite(
    "settlement_transactions",
    (
        shaped("ref", r"^tx:", "A transaction can be traced"),
        present("transaction_id", "A transaction has an id of its own"),
        unique("message_id", "transaction_id", sentence="A transaction is in its file once"),
        as_long_as(
            "end_to_end_id", "End-to-end ids fit into ISO 20022's 35 characters", least=1, most=35
        ),
        shaped("uetr", UUID, "UETRs are UUIDs"),
        present("amount_minor", "A transaction has an interbank settlement amount"),
        between("amount_minor", "Interbank settlement amounts are positive", least=1),
        shaped("currency", CURRENCY, "Currencies are ISO 4217 codes"),
        present("debtor_agent", "A transaction has a debtor agent"),
        present("creditor_agent", "A transaction has a creditor agent"),
        holds(
            pl.col("debtor_agent") != pl.col("creditor_agent"),
            "Debtor agent and creditor agent are two",
        ),
        holds(
            pl.col("payment_id").is_not_null() | pl.col("net_ref").is_not_null(),
            "A transaction settles a payment or a net position",
        ),
    ),
)
