"""What the endpoints of participants answer."""

from datetime import date

from pydantic import BaseModel, Field


class Participant(BaseModel):
    """A bank, operator or fintech."""

    participant_id: str = Field(examples=["SBX-DEMO-W"])
    name: str
    kind: str = Field(examples=["bank"])
    country: str = Field(description="ISO 3166-1 alpha-2.", examples=["KE"])
    bic: str | None
    home_currency: str = Field(examples=["KES"])
    has_book: bool = Field(description="Whether its book is kept here.")
    open_business_date: date | None = Field(description="The date that its book books to.")


class Participants(BaseModel):
    """A page of participants."""

    data: list[Participant]
    next_cursor: str | None = Field(description="For the next page; null after the last.")
