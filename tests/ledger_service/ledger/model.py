"""The ledger in plain Python, one item at a time: what the database must answer and keep."""

from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

MOST = 2**63 - 1
COMPARED = ("phase", "pending_id", "debit_account_id", "credit_account_id", "amount", "kind", "payment_id", "value_date")  # fmt: skip # noqa: E501 -- one list
SIDES = ("D", "C", "D pending", "C pending")


@dataclass
class Account:
    currency: str
    debit_limit: int | None = None
    credit_limit: int | None = None
    state: str = "open"
    totals: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SIDES, 0))
    booked_at: list[datetime] = field(default_factory=list)
    entries: list[tuple[int, ...]] = field(default_factory=list)  # the totals after each


@dataclass
class Model:
    accounts: dict[int, Account]
    transfers: dict[str, dict[str, Any]] = field(default_factory=dict)
    resolved: dict[str, str] = field(default_factory=dict)  # how each hold was resolved
    closed_through: date = date.min

    def post(self, business_date: date, items: list[dict[str, Any]]) -> list[str]:
        codes: list[str] = []
        while len(codes) < len(items):
            last = next((n for n in range(len(codes), len(items)) if not items[n]["linked"]), None)
            if last is None:
                return (
                    codes
                    + ["linked_event_failed"] * (len(items) - len(codes) - 1)
                    + ["linked_event_chain_open"]
                )
            codes += self.post_chain(business_date, items[len(codes) : last + 1])
        return codes

    def post_chain(self, business_date: date, chain: list[dict[str, Any]]) -> list[str]:
        before = deepcopy((self.accounts, self.transfers, self.resolved))
        codes: list[str] = []
        for item in chain:
            codes.append(self.post_one(business_date, item))
            if len(chain) > 1 and (codes[-1] != codes[0] or codes[-1] not in {"created", "exists"}):
                self.accounts, self.transfers, self.resolved = before
                codes = [code.replace("created", "linked_event_failed") for code in codes]
                return codes + ["linked_event_failed"] * (len(chain) - len(codes))
        return codes

    def post_one(self, business_date: date, given: dict[str, Any]) -> str:
        hold = self.transfers.get(given["pending_id"])
        item = {name.removesuffix("_minor"): value for name, value in given.items()}
        for name in ("debit_account_id", "credit_account_id", "amount"):
            item[name] = hold[name] if hold and item[name] is None else item[name]
        if known := self.transfers.get(item["transfer_id"]):
            different = [name for name in COMPARED if known[name] != item[name]]
            return f"exists_with_different_{different[0]}" if different else "exists"
        if refusal := self.refusal(business_date, item, hold or dict.fromkeys(COMPARED)):
            return refusal
        self.transfers[item["transfer_id"]] = item
        if hold:
            self.resolved[item["pending_id"]] = item["phase"]
        for side, name in (("D", "debit_account_id"), ("C", "credit_account_id")):
            account = self.accounts[item[name]]
            posted, pending = movement(item, hold)
            account.totals[side] += posted
            account.totals[f"{side} pending"] += pending
            account.booked_at.append(item["booked_at"])
            account.entries.append(tuple(account.totals.values()))
        return "created"

    def refusal(self, business_date: date, item: dict[str, Any], hold: dict[str, Any]) -> str | None:
        debit, credit, phase = item["debit_account_id"], item["credit_account_id"], item["phase"]
        d, c, held = self.accounts.get(debit), self.accounts.get(credit), hold["amount"]
        single, void, amount = phase in {"single", "pending"}, phase == "void", item["amount"] or 0
        how = self.resolved.get(item["pending_id"])
        # fmt: off
        checks = (
            (lambda: business_date <= self.closed_through, "business_date_closed"),
            (lambda: item["transfer_id"] is None, "id_must_not_be_null"),
            (lambda: phase not in {"single", "pending", "post", "void"}, "phase_unknown"),
            (lambda: single and item["pending_id"], "pending_id_must_be_null"),
            (lambda: not single and not item["pending_id"], "pending_id_must_not_be_null"),
            (lambda: not single and not held, "pending_transfer_not_found"),
            (lambda: not single and hold["phase"] != "pending", "pending_transfer_not_pending"),
            (lambda: not single and hold["debit_account_id"] != debit, "pending_transfer_has_different_debit_account_id"),  # noqa: E501 # a check a line
            (lambda: not single and hold["credit_account_id"] != credit, "pending_transfer_has_different_credit_account_id"),  # noqa: E501 # a check a line
            (lambda: amount <= 0, "amount_must_be_positive"),
            (lambda: debit is not None and debit == credit, "accounts_must_be_different"),
            (lambda: None in (item["kind"], item["event_at"], item["value_date"]), "field_must_not_be_null"),  # noqa: E501 # a check a line
            (lambda: d is None, "debit_account_not_found"),
            (lambda: c is None, "credit_account_not_found"),
            (lambda: d.currency != c.currency, "accounts_must_have_the_same_currency"),
            (lambda: not single and amount > held, "exceeds_pending_transfer_amount"),
            (lambda: void and amount < held, "pending_transfer_has_different_amount"),
            (lambda: how == "post", "pending_transfer_already_posted"),
            (lambda: how == "void", "pending_transfer_already_voided"),
            (lambda: d.state == "closed" and not void, "debit_account_closed"),
            (lambda: c.state == "closed" and not void, "credit_account_closed"),
            (lambda: d.state == "frozen" and not void, "debit_account_frozen"),
            (lambda: c.state == "frozen" and not void, "credit_account_frozen"),
            (lambda: any(at > item["booked_at"] for at in d.booked_at + c.booked_at), "booked_at_must_not_regress"),  # noqa: E501 # a check a line
            (lambda: after(d, "D") > MOST, "overflows_debits_posted"),
            (lambda: after(c, "C") > MOST, "overflows_credits_posted"),
            (lambda: after(d, "D pending") > MOST, "overflows_debits_pending"),
            (lambda: after(c, "C pending") > MOST, "overflows_credits_pending"),
            (lambda: d.debit_limit is not None and after(d, "D") + after(d, "D pending") - d.totals["C"] > d.debit_limit, "exceeds_credits"),  # noqa: E501 # a check a line
            (lambda: c.credit_limit is not None and after(c, "C") + after(c, "C pending") - c.totals["D"] > c.credit_limit, "exceeds_debits"),  # noqa: E501 # a check a line
        )
        # fmt: on

        def after(account: Account, total: str) -> int:
            return account.totals[total] + movement(item, hold)["pending" in total]

        return next((code for applies, code in checks if applies()), None)


def movement(item: dict[str, Any], hold: dict[str, Any] | None) -> tuple[int, int]:
    """What an item adds to the posted and to the pending total of its sides."""
    amount, held = item["amount"], hold["amount"] if hold else None
    return {
        "single": (amount, 0),
        "pending": (0, amount),
        "post": (amount, -(held or 0)),
        "void": (0, -(held or 0)),
    }[item["phase"]]
