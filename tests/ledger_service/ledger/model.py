"""The ledger in plain Python, one item at a time: what the database must answer and keep."""

from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

MOST = 2**63 - 1
LONGEST_TIMEOUT_S = 2**32 - 1
PHASES = ("single", "pending", "post", "void", "expire")
COMPARED = (
    "phase", "pending_id", "reverses_id", "timeout", "balancing", "debit_account_id",
    "credit_account_id", "amount", "kind", "payment_id", "value_date",
)  # fmt: skip
TOTALS = ("D", "C", "D pending", "C pending")
EARLIEST = datetime.min.replace(tzinfo=UTC)
ENDED = {"post": "already_posted", "void": "already_voided", "expire": "expired"}


@dataclass
class Account:
    currency: str
    debit_limit: int | None = None
    credit_limit: int | None = None
    closed: bool = False
    debits_frozen: bool = False
    credits_frozen: bool = False
    totals: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TOTALS, 0))
    booked_at: datetime | None = None  # of the last entry
    value_date: date = date.min  # the latest
    entries: list[tuple[int | bool, ...]] = field(default_factory=list)  # totals after, backdated

    def available(self, side: str) -> int:
        """How much more its side can take; what an account without a limit can before it turns."""
        limit = self.debit_limit if side == "D" else self.credit_limit
        other = "C" if side == "D" else "D"
        return self.totals[other] + (limit or 0) - self.totals[side] - self.totals[f"{side} pending"]


@dataclass
class Model:
    """One book. Accounts are changed from outside; `change` answers whether they may be."""

    accounts: dict[int, Account]
    transfers: dict[str, dict[str, Any]] = field(default_factory=dict)
    ended: dict[str, str] = field(default_factory=dict)  # phase that resolved each hold
    returned: dict[str, int] = field(default_factory=dict)  # amount reversed of each transfer
    closed_through: date = date.min
    id_floor: str = ""

    def post(self, on: date, items: list[dict[str, Any]], *, now: datetime = EARLIEST) -> list[str]:
        codes: list[str] = []
        while len(codes) < len(items):
            last = next((n for n in range(len(codes), len(items)) if not items[n]["linked"]), None)
            if last is None:
                failed = ["linked_event_failed"] * (len(items) - len(codes) - 1)
                return codes + failed + ["linked_event_chain_open"]
            codes += self.post_chain(on, items[len(codes) : last + 1], now)
        return codes

    def post_chain(self, on: date, chain: list[dict[str, Any]], now: datetime) -> list[str]:
        if len(chain) == 1:
            return [self.post_one(on, chain[0], now)]
        before = deepcopy((self.accounts, self.transfers, self.ended, self.returned))
        codes: list[str] = []
        for item in chain:
            codes.append(self.post_one(on, item, now))
            if codes[-1] != codes[0] or codes[-1] not in {"created", "exists"}:
                self.accounts, self.transfers, self.ended, self.returned = before
                codes = [code.replace("created", "linked_event_failed") for code in codes]
                return codes + ["linked_event_failed"] * (len(chain) - len(codes))
        return codes

    def post_one(self, on: date, given: dict[str, Any], now: datetime) -> str:
        item = {name.removesuffix("_minor").removesuffix("_s"): value for name, value in given.items()}
        if known := self.transfers.get(item["transfer_id"]):
            return existing(known, item)
        if refusal := self.malformed(on, item):
            return refusal
        named = self.fill(item)
        d, c = (self.accounts.get(item[f"{side}_account_id"]) for side in ("debit", "credit"))
        if refusal := self.unfit(item, named, d, c):
            return refusal
        assert d
        assert c
        last = [account.booked_at for account in (d, c) if account.booked_at]
        item["booked_at"] = item["booked_at"] or max([now, *last])
        if refusal := self.untimely(item, named, d, c) or regresses(item, last):
            return refusal
        if refusal := clamp(item, d, c) or excess(item, d, c):
            return refusal
        self.keep(item, d, c)
        return "created"

    def malformed(self, on: date, item: dict[str, Any]) -> str | None:
        """What is wrong with an item by itself."""
        phase, balancing, timeout = item["phase"], item["balancing"], item["timeout"]
        resolves = phase in ENDED
        checks = (
            (on <= self.closed_through, "business_date_closed"),
            (item["transfer_id"] is None, "id_must_not_be_null"),
            (str(item["transfer_id"]) < self.id_floor, "id_archived"),
            (phase not in PHASES, "phase_unknown"),
            (not resolves and item["pending_id"], "pending_id_must_be_null"),
            (resolves and not item["pending_id"], "pending_id_must_not_be_null"),
            (phase != "single" and item["reverses_id"], "reverses_id_must_be_null"),
            (timeout is not None and phase != "pending", "timeout_reserved_for_pending_transfer"),
            (timeout is not None and not 1 <= timeout <= LONGEST_TIMEOUT_S, "timeout_out_of_range"),
            (timeout is not None and item["booked_at"], "imported_transfer_must_not_time_out"),
            (balancing not in {None, "debit", "credit", "both"}, "balancing_unknown"),
            (balancing and (resolves or item["reverses_id"]), "balancing_reserved"),
        )
        return first(checks)

    def fill(self, item: dict[str, Any]) -> dict[str, Any] | None:
        """Complete an item from the hold or the original that it names; returns that."""
        named = self.transfers.get(item["pending_id"] or item["reverses_id"])
        amount = None
        if named:
            sides = ("debit", "credit") if item["pending_id"] else ("credit", "debit")
            for side, of_named in zip(("debit", "credit"), sides, strict=True):
                if item[f"{side}_account_id"] is None:
                    item[f"{side}_account_id"] = named[f"{of_named}_account_id"]
            left = named["amount"] - self.returned.get(named["transfer_id"], 0)
            amount = left or named["amount"]
        elif item["balancing"]:
            amount = MOST
        item["amount"] = amount if item["amount"] is None else item["amount"]
        item["held"] = named["amount"] if named and item["pending_id"] else 0
        return named

    def unfit(
        self, item: dict[str, Any], named: dict[str, Any] | None, d: Account | None, c: Account | None
    ) -> str | None:
        """Whether an item fits what it names: a hold, an original, accounts."""
        debit, credit, resolves = item["debit_account_id"], item["credit_account_id"], item["pending_id"]
        if resolves:
            if named is None:
                return "pending_transfer_not_found"
            checks = (
                (named["phase"] != "pending", "not_pending"),
                (debit != named["debit_account_id"], "has_different_debit_account_id"),
                (credit != named["credit_account_id"], "has_different_credit_account_id"),
            )
            if refusal := first(checks):
                return f"pending_transfer_{refusal}"
        elif item["reverses_id"]:
            if named is None:
                return "reversed_transfer_not_found"
            checks = (
                (named["phase"] not in {"single", "post"}, "not_posted"),
                (named["reverses_id"], "is_a_reversal"),
                (debit != named["credit_account_id"], "has_different_credit_account_id"),
                (credit != named["debit_account_id"], "has_different_debit_account_id"),
            )
            if refusal := first(checks):
                return f"reversed_transfer_{refusal}"
        absent = None in (item["kind"], item["event_at"], item["value_date"])
        checks = (
            (item["amount"] is None or item["amount"] <= 0, "amount_must_be_positive"),
            (debit is not None and debit == credit, "accounts_must_be_different"),
            (absent, "field_must_not_be_null"),
            (d is None, "debit_account_not_found"),
            (c is None, "credit_account_not_found"),
            (d and c and d.currency != c.currency, "accounts_must_have_the_same_currency"),
        )
        return first(checks)

    def untimely(
        self, item: dict[str, Any], named: dict[str, Any] | None, d: Account, c: Account
    ) -> str | None:
        """Whether its hold or original has been used up, or an account refuses for the time being."""
        releases = item["phase"] in {"void", "expire"}
        if named and item["pending_id"]:
            due = named["expires_at"] is not None and named["expires_at"] <= item["booked_at"]
            how = self.ended.get(item["pending_id"])
            checks = (
                (item["amount"] > named["amount"], "exceeds_pending_transfer_amount"),
                (releases and item["amount"] < named["amount"], "pending_transfer_has_different_amount"),
                (how, f"pending_transfer_{ENDED.get(how or '')}"),
                (item["phase"] == "post" and due, "pending_transfer_expired"),
                (item["phase"] == "expire" and not due, "pending_transfer_not_expired"),
            )
        elif named:
            left = named["amount"] - self.returned.get(named["transfer_id"], 0)
            checks = (
                (not left, "reversed_transfer_already_reversed"),
                (item["amount"] > left, "exceeds_reversed_transfer_amount"),
            )
        else:
            checks = ()
        states = (
            (d.closed, "debit_account_closed"),
            (c.closed, "credit_account_closed"),
            (d.debits_frozen, "debit_account_frozen"),
            (c.credits_frozen, "credit_account_frozen"),
        )
        return first(checks) or (None if releases else first(states))

    def keep(self, item: dict[str, Any], d: Account, c: Account) -> None:
        """Book an item that nothing speaks against."""
        if item["timeout"] is not None:
            item["expires_at"] = item["booked_at"] + timedelta(seconds=item["timeout"])
        self.transfers[item["transfer_id"]] = {"expires_at": None} | item
        if item["pending_id"]:
            self.ended[item["pending_id"]] = item["phase"]
        if original := item["reverses_id"]:
            self.returned[original] = self.returned.get(original, 0) + item["amount"]
        posted, pending = movement(item)
        for account, side in ((d, "D"), (c, "C")):
            account.totals[side] += posted
            account.totals[f"{side} pending"] += pending
            account.entries.append((*account.totals.values(), item["value_date"] < account.value_date))
            account.booked_at = item["booked_at"]
            account.value_date = max(account.value_date, item["value_date"])

    def change(self, account_id: int, terms: dict[str, Any]) -> str:
        """Close, reopen, freeze, unfreeze or limit an account; `terms` are all that can change."""
        account = self.accounts[account_id]
        debits, credits, debits_pending, credits_pending = account.totals.values()
        debit_limit, credit_limit = terms["debit_limit"], terms["credit_limit"]
        used_debit, used_credit = (
            debits + debits_pending - credits,
            credits + credits_pending - debits,
        )
        checks = (
            (all(getattr(account, name) == value for name, value in terms.items()), "unchanged"),
            (terms["closed"] and (debits_pending or credits_pending), "account_has_holds"),
            (terms["closed"] and debits != credits, "account_has_balance"),
            (debit_limit is not None and used_debit > debit_limit, "exceeds_debit_limit"),
            (credit_limit is not None and used_credit > credit_limit, "exceeds_credit_limit"),
        )
        if refusal := first(checks):
            return refusal
        for name, value in terms.items():
            setattr(account, name, value)
        return "changed"


def first(checks: tuple[tuple[Any, str], ...]) -> str | None:
    """The first code that applies."""
    return next((code for applies, code in checks if applies), None)


def existing(known: dict[str, Any], item: dict[str, Any]) -> str:
    """What a transfer says to another of its id; what that leaves out, it took from what it names."""
    named = item["pending_id"] or item["reverses_id"]

    def same(column: str) -> bool:
        asked, kept = item[column], known[column]
        if asked is None and column in {"debit_account_id", "credit_account_id"}:
            return bool(named)
        if asked is None and column == "amount":
            return kept == known["held"] if item["pending_id"] else bool(named or item["balancing"])
        if column == "amount" and item["balancing"]:
            return bool(kept <= asked)
        return bool(asked == kept)

    different = [column for column in COMPARED if not same(column)]
    return f"exists_with_different_{different[0]}" if different else "exists"


def regresses(item: dict[str, Any], last: list[datetime]) -> str | None:
    return first(((any(at > item["booked_at"] for at in last), "booked_at_must_not_regress"),))


def clamp(item: dict[str, Any], d: Account, c: Account) -> str | None:
    """Bring a balancing item down to what is available."""
    for sides, account, side, refusal in (
        (("debit", "both"), d, "D", "exceeds_credits"),
        (("credit", "both"), c, "C", "exceeds_debits"),
    ):
        if item["balancing"] in sides:
            item["amount"] = min(item["amount"], account.available(side))
            if item["amount"] <= 0:
                return refusal
    return None


def excess(item: dict[str, Any], d: Account, c: Account) -> str | None:
    """Whether a total would overflow, or a limit be passed."""
    posted, pending = movement(item)
    used = posted + pending
    checks = (
        (d.totals["D"] + posted > MOST, "overflows_debits_posted"),
        (c.totals["C"] + posted > MOST, "overflows_credits_posted"),
        (d.totals["D pending"] + pending > MOST, "overflows_debits_pending"),
        (c.totals["C pending"] + pending > MOST, "overflows_credits_pending"),
        (d.debit_limit is not None and used > d.available("D"), "exceeds_credits"),
        (c.credit_limit is not None and used > c.available("C"), "exceeds_debits"),
    )
    return first(checks)


def movement(item: dict[str, Any]) -> tuple[int, int]:
    """What an item adds to the posted and to the pending total of its sides."""
    return {
        "single": (item["amount"], 0),
        "pending": (0, item["amount"]),
        "post": (item["amount"], -item["held"]),
        "void": (0, -item["held"]),
        "expire": (0, -item["held"]),
    }[item["phase"]]
