"""What the endpoints of payments take and answer."""

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, Field

from api.amounts import AmountText, CurrencyCode
from api.identifiers import ResourceId
from api.transfers.schemas import AccountName, Given, ParticipantId, Reference


class Party(Given):
    """A customer's account."""

    participant_id: ParticipantId
    account: AccountName


class NewPayment(Given):
    """A payment from a customer's account to another one."""

    debtor: Party
    creditor: Party = Field(examples=[{"participant_id": "SBX-DEMO-A", "account": "account:payee:KES"}])
    amount: AmountText
    currency: CurrencyCode
    reference: Reference | None = None


class PaymentParty(BaseModel):
    """A side of a payment."""

    participant_id: str
    account: str = Field(description="The account's reference.")


class Payment(BaseModel):
    """A payment that was made."""

    id: ResourceId
    debtor: PaymentParty
    creditor: PaymentParty
    amount: str = Field(examples=["125.50"])
    currency: str = Field(examples=["KES"])
    status: Literal["completed"]
    reference: str | None
    transfers: list[str] = Field(
        description="The debtor's transfer; between two books the creditor's too."
    )
    business_date: date = Field(description="The date to which the debtor's book books it.")
    created_at: datetime
