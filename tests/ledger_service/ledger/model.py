"""The ledger in plain Python, one item at a time: what the database must answer and keep."""

from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

MOST = 2**63 - 1
COMPARED = ("phase", "pending_id", "debit_account_id", "credit_account_id", "amount_minor", "kind", "payment_id", "value_date")  # fmt: skip
NAMES = {"amount_minor": "amount"}
FROM_HOLD = ("debit_account_id", "credit_account_id", "amount_minor")


@dataclass
class Account:
    currency: str
    debit_limit: int | None = None
    credit_limit: int | None = None
    state: str = "open"
    totals: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("D", "C", "D pending", "C pending"), 0)
    )
    last_booked_at: datetime | None = None
    entries: list[dict[str, int]] = field(default_factory=list)  # the totals after each

    def excess(self, side: str, posted: int, pending: int) -> int:
        other = "C" if side == "D" else "D"
        return self.totals[side] + posted + self.totals[f"{side} pending"] + pending - self.totals[other]


@dataclass
class Model:
    accounts: dict[int, Account]
    transfers: dict[str, dict[str, Any]] = field(default_factory=dict)
    resolved: dict[str, str] = field(default_factory=dict)  # how each hold was resolved
    closed_through: date = date.min

    def post(self, business_date: date, items: list[dict[str, Any]]) -> list[str]:
        codes: list[str] = []
        while len(codes) < len(items):
            first = last = len(codes)
            while items[last]["linked"] and last + 1 < len(items):
                last += 1
            chain = items[first : last + 1]
            if chain[-1]["linked"]:
                codes += ["linked_event_failed"] * (len(chain) - 1) + ["linked_event_chain_open"]
                continue
            before = deepcopy((self.accounts, self.transfers, self.resolved)) if len(chain) > 1 else None
            found: list[str] = []
            for item in chain:
                found.append(self.post_one(business_date, item))
                if found[-1] != found[0] or found[-1] not in {"created", "exists"}:
                    break
            if before and (len(set(found)) > 1 or found[0] not in {"created", "exists"}):
                self.accounts, self.transfers, self.resolved = before
                failed = [code.replace("created", "linked_event_failed") for code in found]
                found = failed + ["linked_event_failed"] * (len(chain) - len(found))
            codes += found
        return codes

    def post_one(self, business_date: date, given: dict[str, Any]) -> str:
        hold = self.transfers.get(given["pending_id"])
        item = given | {
            name: given[name] if given[name] is not None else (hold or given)[name] for name in FROM_HOLD
        }
        debit, credit, amount, phase = (
            item[k] for k in ("debit_account_id", "credit_account_id", "amount_minor", "phase")
        )
        if known := self.transfers.get(item["transfer_id"]):
            differ = (name for name in COMPARED if known[name] != item[name])
            return next((f"exists_with_different_{NAMES.get(name, name)}" for name in differ), "exists")
        d, c = self.accounts.get(debit), self.accounts.get(credit)
        resolves, held = phase in {"post", "void"}, (hold or item)["amount_minor"]
        posted = amount if phase in {"single", "post"} else 0
        pending = {"single": 0, "pending": amount}.get(phase, -(held or 0))
        last = max(
            (a.last_booked_at for a in (d, c) if a and a.last_booked_at), default=item["booked_at"]
        )
        checks = (
            (lambda: business_date <= self.closed_through, "business_date_closed"),
            (lambda: item["transfer_id"] is None, "id_must_not_be_null"),
            (lambda: phase not in {"single", "pending", "post", "void"}, "phase_unknown"),
            (lambda: not resolves and item["pending_id"], "pending_id_must_be_null"),
            (lambda: resolves and not item["pending_id"], "pending_id_must_not_be_null"),
            (lambda: resolves and hold is None, "pending_transfer_not_found"),
            (lambda: resolves and hold["phase"] != "pending", "pending_transfer_not_pending"),
            (
                lambda: resolves and hold["debit_account_id"] != debit,
                "pending_transfer_has_different_debit_account_id",
            ),
            (
                lambda: resolves and hold["credit_account_id"] != credit,
                "pending_transfer_has_different_credit_account_id",
            ),
            (lambda: amount is None or amount <= 0, "amount_must_be_positive"),
            (lambda: debit is not None and debit == credit, "accounts_must_be_different"),
            (
                lambda: None in (item["kind"], item["event_at"], item["value_date"]),
                "field_must_not_be_null",
            ),
            (lambda: d is None, "debit_account_not_found"),
            (lambda: c is None, "credit_account_not_found"),
            (lambda: d.currency != c.currency, "accounts_must_have_the_same_currency"),
            (lambda: resolves and amount > held, "exceeds_pending_transfer_amount"),
            (lambda: phase == "void" and amount < held, "pending_transfer_has_different_amount"),
            (lambda: self.resolved.get(item["pending_id"]) == "post", "pending_transfer_already_posted"),
            (lambda: self.resolved.get(item["pending_id"]) == "void", "pending_transfer_already_voided"),
            (lambda: d.state == "closed" and phase != "void", "debit_account_closed"),
            (lambda: c.state == "closed" and phase != "void", "credit_account_closed"),
            (lambda: d.state == "frozen" and phase != "void", "debit_account_frozen"),
            (lambda: c.state == "frozen" and phase != "void", "credit_account_frozen"),
            (lambda: item["booked_at"] < last, "booked_at_must_not_regress"),
            (lambda: d.totals["D"] + posted > MOST, "overflows_debits_posted"),
            (lambda: c.totals["C"] + posted > MOST, "overflows_credits_posted"),
            (lambda: d.totals["D pending"] + pending > MOST, "overflows_debits_pending"),
            (lambda: c.totals["C pending"] + pending > MOST, "overflows_credits_pending"),
            (
                lambda: d.debit_limit is not None and d.excess("D", posted, pending) > d.debit_limit,
                "exceeds_credits",
            ),
            (
                lambda: c.credit_limit is not None and c.excess("C", posted, pending) > c.credit_limit,
                "exceeds_debits",
            ),
        )
        if refusal := next((code for applies, code in checks if applies()), None):
            return refusal
        self.transfers[item["transfer_id"]] = item
        if resolves:
            self.resolved[item["pending_id"]] = phase
        for side, account in (("D", d), ("C", c)):
            account.totals[side] += posted
            account.totals[f"{side} pending"] += pending
            account.last_booked_at = item["booked_at"]
            account.entries.append(dict(account.totals))
        return "created"
