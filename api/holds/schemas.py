"""What the endpoints of holds take and answer."""

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, Field

from api.amounts import AmountText
from api.identifiers import ResourceId
from api.transfers.schemas import Given, NewTransfer, WholeNumber


class NewHold(NewTransfer):
    """Money to be set aside on the debit account, for the credit account."""

    timeout_s: WholeNumber | None = Field(
        default=None,
        ge=1,
        le=2**32 - 1,
        description="Seconds after which it cannot be captured any more; never where it is absent.",
        examples=[604800],
    )


class Capture(Given):
    """How much of a hold is to be moved."""

    amount: AmountText | None = Field(
        default=None, description="All of it where it is absent; what is not captured is given back."
    )


class Hold(BaseModel):
    """Money set aside, and what became of it."""

    id: ResourceId
    participant_id: str
    debit_account: str = Field(description="The account's reference.")
    credit_account: str = Field(description="The account's reference.")
    amount: str = Field(examples=["125.50"])
    currency: str = Field(examples=["KES"])
    status: Literal["held", "captured", "voided", "expired"]
    captured_amount: str = Field(description="What was moved.", examples=["0.00"])
    transfer_id: str | None = Field(description="The transfer that moved it.")
    reference: str | None
    expires_at: datetime | None
    business_date: date = Field(description="The book's date to which it is booked.")
    created_at: datetime
