"""How a simulated bank misbehaves, as data: which fault, on which files, how often.

Belongs here: the faults that banks really show, each with what a correct client must do, and finding
the rule that applies. When a fault is shown is the business of the modules that show it.
"""

from collections.abc import Iterable
from enum import StrEnum
from fnmatch import fnmatchcase

from pydantic import BaseModel, ConfigDict, Field


class Misbehaviour(StrEnum):
    """A fault of a bank. The subject of a rule is the name under which a file was uploaded."""

    LATE = "late"
    """Answers show only after `polls` looks at the outbox. Client: go on polling, call the file overdue
    after the time agreed with the bank, and never send it again."""
    DUPLICATE = "duplicate"
    """Every answer comes twice, the same bytes under another name. Client: know an answer by its
    content, book it once."""
    PARTIAL = "partial"
    """`permille` of the payments are rejected, at least one and not all; a file of one payment is taken
    as it is. Client: book what was accepted, take back what was rejected, by transaction."""
    REJECTED = "rejected"
    """The whole file is rejected with `reason`, at the level of the group. Client: take back every
    payment; send them again only in a new file with a new id."""
    WRONG_TOTALS = "wrong_totals"
    """Counts and sums that an answer declares are off by one. Client: trust the records, raise the
    control total as a break, book nothing on the declared figure."""
    WRONG_BALANCE = "wrong_balance"
    """The closing balance of a statement (subject `statement-ACCOUNT-DATE`) is off by `minor`. Client:
    report the discontinuity, do not carry the balance on."""
    REORDERED = "reordered"
    """The answers to a file come in reverse order: the business status before the technical receipt.
    Client: the state of a file never goes back; a receipt after the status changes nothing."""
    TRUNCATED = "truncated"
    """An answer ends after `byte` bytes (half of it when left out), and comes whole, under another name,
    after `polls` looks more. Client: keep and refuse the torn file, take the whole one."""
    DROPPED = "dropped"
    """The connection ends when byte `byte` of an upload has arrived, `times` times. Client: connect
    again, ask how much the bank has, go on from there; the bank sees one file."""
    UNAVAILABLE = "unavailable"
    """`times` requests get 503 with Retry-After (HTTPS) or a failure (SFTP). Client: wait that long,
    then try again; count it as a try."""
    SLOW = "slow"
    """Every request for the file waits `seconds` first. Client: a time-out of its own, and the same
    question about the file before anything is sent again."""


class Rule(BaseModel):
    """One fault, on the files whose name matches; what a fault does not use is ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    misbehaviour: Misbehaviour
    files: str = "*"
    """Shell pattern of the name under which the file is uploaded, or of the HTTP file id."""
    times: int | None = Field(default=None, ge=1)
    """After so many times the bank behaves; always when left out, once for `dropped`, `unavailable`."""
    polls: int = Field(default=1, ge=0, le=1_000_000)
    permille: int = Field(default=500, ge=0, le=1000)
    reason: str = Field(default="FF01", pattern=r"^[A-Z0-9]{4}$")
    minor: int = 1
    byte: int | None = Field(default=None, ge=0)
    seconds: float = Field(default=0.05, ge=0, le=600)
    retry_after_seconds: int = Field(default=1, ge=0)

    @property
    def limit(self) -> int | None:
        """How often the fault is shown; None: always."""
        once = self.misbehaviour in (Misbehaviour.DROPPED, Misbehaviour.UNAVAILABLE)
        return 1 if self.times is None and once else self.times


def rule_for(
    rules: Iterable[Rule], misbehaviour: Misbehaviour, *subjects: str
) -> tuple[int, Rule] | None:
    """The first rule of that fault for any of the names, with its number; None when there is none."""
    for number, rule in enumerate(rules):
        if rule.misbehaviour is misbehaviour and any(
            fnmatchcase(subject, rule.files) for subject in subjects
        ):
            return number, rule
    return None
