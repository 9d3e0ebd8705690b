"""How one bank is reached, as data: wire, place, keys, cut-offs, patience.

Belongs here: the shape of a connection, reading it from YAML, opening a session by it, and when the
bank takes files. Secrets are named here and given by the caller: no connection file holds one.
"""

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo

from ledger_service.reference.business_calendars import business_calendar
from pipelines.settlement.problems import FileRefused


def _beside_its_file(path: Path, info: ValidationInfo) -> Path:
    """A path as the connection's file means it: from the folder in which that lies."""
    return Path(info.context["folder"]) / path if info.context else path


File = Annotated[Path, AfterValidator(_beside_its_file)]
"""A file or folder that a connection names."""


class _Described(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OpenPgp(_Described):
    """Files are encrypted to the bank and signed by us; answers the other way round."""

    bank_certificate: File
    """Public, armoured."""
    own_key: File
    """Secret, armoured, without a passphrase: protected by the folder that it lies in."""


class Sftp(_Described):
    """SSH file transfer."""

    wire: Literal["sftp"]
    host: str
    port: int = Field(default=22, ge=1, le=65535)
    user: str
    host_key: File
    """Public key of the bank; no other is accepted."""
    client_key: File | None = None
    password_secret: str | None = None
    """Name of the secret that is the password, where no key is agreed."""
    inbox: str = "/inbox"
    outbox: str = "/outbox"
    taken: str = "/outbox/taken"
    statements: str = "/statements"
    open_pgp: OpenPgp | None = None


class Https(_Described):
    """HTTPS with certificates on both sides and OAuth 2 client credentials."""

    wire: Literal["https"]
    url: str = Field(pattern=r"^https://")
    authority: File
    """Certificates that the bank's must derive from."""
    client_certificate: File
    """Ours, with its key."""
    client_id: str
    client_secret: str
    """Name of the secret."""


class LocalFolder(_Described):
    """A folder that both sides see: a mounted share, or a gateway's hot folder."""

    wire: Literal["folder"]
    path: File
    open_pgp: OpenPgp | None = None


class Connection(_Described):
    """One bank."""

    bank_id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    title: str
    country: str = Field(pattern=r"^[A-Z]{2}$")
    """Whose business calendar it keeps."""
    transport: Annotated[Sftp | Https | LocalFolder, Field(discriminator="wire")]
    accounts: tuple[str, ...] = ()
    """Of ours at the bank, whose statements are fetched."""
    cut_offs: Mapping[str, time] = {}
    """By currency, local time; `*` for all others. A currency without one is taken at any time."""
    tries: int = Field(default=5, ge=1, le=100)
    """Before a file goes to the dead letters."""
    first_wait_s: float = Field(default=1.0, ge=0)
    """Before the second try; doubled with each further one."""
    answer_within: timedelta = timedelta(hours=4)
    """After which a delivered file without an answer is overdue."""

    def takes_from(self, currency: str, now: datetime) -> datetime:
        """The first moment from `now` (aware) on at which the bank takes a file of that currency.

        `now` itself before the cut-off of a business day; else the beginning of the next one where the
        bank is. Raises `UnknownCalendar`.
        """
        cut_off = self.cut_offs.get(currency, self.cut_offs.get("*"))
        if cut_off is None:
            return now
        calendar = business_calendar(self.country)
        local = now.astimezone(calendar.time_zone)
        if calendar.is_business_day(local.date()) and local.time() < cut_off:
            return now
        following = calendar.next_business_day(local.date())
        return datetime.combine(following, time(), calendar.time_zone)


def read_connections(folder: Path) -> dict[str, Connection]:
    """The connections of a folder of YAML files, by bank id; files that they name lie beside them.

    Raises `FileRefused` naming the file and the field.
    """
    found: dict[str, Connection] = {}
    for path in sorted(folder.glob("*.yaml")):
        try:
            said = yaml.safe_load(path.read_text(encoding="utf-8"))
            connection = Connection.model_validate(said, context={"folder": path.parent})
        except (yaml.YAMLError, ValidationError, UnicodeDecodeError) as error:
            raise FileRefused("connection_invalid", path.name, str(error)) from error
        if connection.bank_id in found:
            raise FileRefused("bank_repeated", path.name, f"{connection.bank_id} has a file already")
        found[connection.bank_id] = connection
    return found
