"""What the endpoint of statements answers."""

from datetime import datetime

from pydantic import BaseModel, Field

from api.accounts.schemas import Entry


class Statement(BaseModel):
    """An account between two times; opening balance and entries make the closing balance."""

    participant_id: str
    account: str
    currency: str
    since: datetime = Field(description="Included.")
    until: datetime = Field(description="Not included.")
    opening_balance: str = Field(description="On the account's normal side.", examples=["1000.00"])
    closing_balance: str = Field(examples=["874.50"])
    entries: list[Entry]
