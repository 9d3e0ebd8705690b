"""What a profile of NACHA settles besides lengths: direction, account type, description, balancing.

Belongs here: the settings' names, defaults and checks.
"""

from dataclasses import dataclass

from pipelines.settlement.nacha.codes import ACCOUNT_TYPES
from pipelines.settlement.problems import FileRefused
from pipelines.settlement.profile import Profile


@dataclass(frozen=True, slots=True)
class Settings:
    """Read from `Profile.settings`; anything else there is refused."""

    direction: str = "credit"
    """credit, debit, or mandate: those that have a mandate or a sequence type are debits."""
    account_type: str = "checking"
    """Of the receivers' accounts: checking, savings, ledger or loan."""
    entry_description: str = "PAYMENT"
    """Of batches whose payments have no category purpose."""
    discretionary: str = ""
    """Company discretionary data of the batch headers."""
    balanced: bool = False
    """Whether each batch ends with an offset entry to the company's own account."""
    transaction_kind: str = "BUS"
    """Of international entries whose payments have no purpose."""
    originator_country: str = "US"
    """Of international entries: where the originating bank's branch is."""


def settings_of(profile: Profile) -> Settings:
    """The settings of a profile. Raises `FileRefused` where one is unknown or impossible."""
    try:
        settings = Settings(**profile.settings)  # type: ignore[arg-type]  # checked in the lines below
    except TypeError as error:
        raise FileRefused(
            "profile_invalid", profile.name, f"its settings are not NACHA's: {error}"
        ) from None
    if settings.direction not in {"credit", "debit", "mandate"}:
        raise FileRefused("profile_invalid", profile.name, f"no direction is {settings.direction!r}")
    if settings.account_type not in ACCOUNT_TYPES:
        raise FileRefused(
            "profile_invalid", profile.name, f"no account type is {settings.account_type!r}"
        )
    return settings
