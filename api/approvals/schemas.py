"""What the endpoints of proposals take and answer."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from api.amounts import AmountText, CurrencyCode
from api.identifiers import ResourceId
from api.times import Day
from api.transfers.schemas import AccountName, Given, ParticipantId, WholeNumber

Reason = Annotated[
    str,
    Field(
        min_length=1,
        max_length=500,
        pattern=r"^[^\s\x00-\x1f\x7f]([^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f])?$",
        description="Why; the other person reads it.",
        examples=["agreed with the customer on 2 March"],
    ),
]
Rate = Annotated[
    str,
    Field(
        max_length=40,
        pattern=r"^[0-9]+(\.[0-9]+)?$",
        description="Units of `quote` for one of `base`.",
        examples=["129.25"],
    ),
]


class LimitsContent(Given):
    """New limits of an account."""

    kind: Literal["account_limits"]
    account: AccountName
    debit_limit: AmountText | None = Field(
        description="By how much debits may exceed credits: 0 forbids an overdraft, null is no limit."
    )
    credit_limit: AmountText | None = Field(description="The mirror.")


class FeeContent(Given):
    """A fee from a date on."""

    kind: Literal["fee"]
    code: str = Field(pattern="^[a-z][a-z0-9_]{0,39}$", examples=["payout"])
    currency: CurrencyCode
    amount: AmountText = Field(description="The fixed part; may be 0.")
    basis_points: WholeNumber = Field(ge=0, le=10_000, description="Of the amount.")
    valid_from: Day


class RateContent(Given):
    """A rate from a date on."""

    kind: Literal["rate"]
    base: CurrencyCode
    quote: CurrencyCode
    rate: Rate
    valid_from: Day


class PostingContent(Given):
    """A transfer that no payment has caused."""

    kind: Literal["manual_posting"]
    debit_account: AccountName
    credit_account: AccountName
    amount: AmountText
    currency: CurrencyCode
    value_date: Day | None = Field(default=None, description="The business date where it is absent.")


LimitContent = Annotated[LimitsContent | FeeContent | RateContent, Field(discriminator="kind")]


class NewLimitProposal(Given):
    """Limits, a fee or a rate that another person is to decide."""

    participant_id: ParticipantId
    content: LimitContent
    reason: Reason


class NewPostingProposal(Given):
    """A posting by hand that another person is to decide."""

    participant_id: ParticipantId
    content: PostingContent
    reason: Reason


class Decision(Given):
    """What the decision is accompanied by."""

    reason: Reason | None = None


class Proposal(BaseModel):
    """A proposal and, once there is one, its decision."""

    id: ResourceId
    participant_id: str
    content: LimitsContent | FeeContent | RateContent | PostingContent
    reason: str
    proposed_by: str
    proposed_at: datetime
    state: Literal["open", "approved", "refused", "withdrawn"]
    decided_by: str | None
    decided_at: datetime | None
    decision_reason: str | None
    transfer_id: str | None = Field(description="What an approved posting booked.")


class Proposals(BaseModel):
    """A page of proposals, the newest first."""

    data: list[Proposal]
    next_cursor: str | None = Field(description="For the next page; null after the last.")


class Tariffs(BaseModel):
    """Fees and rates that are in force."""

    data: list[FeeContent | RateContent]
