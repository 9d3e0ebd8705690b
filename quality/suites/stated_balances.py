"""Balances that a bank states after a payment, as they enter."""

from quality.rules import CURRENCY, Suite, present, shaped, unique

SUITE = Suite(
    "stated_balances",
    (
        present("payment_id", "A stated balance names the payment that it follows"),
        unique(
            "book_id",
            "account_id",
            "payment_id",
            sentence="An account's balance is stated once after a payment",
        ),
        present("stated_balance_minor", "A stated balance has an amount"),
        present("currency", "A stated balance has a currency"),
        shaped("currency", CURRENCY, "Currencies are ISO 4217 codes"),
        present("source_file", "The file that states the balance is known"),
    ),
)
