"""Which session a connection opens."""

from collections.abc import Mapping

from pipelines.settlement.banks.bank import Bank
from pipelines.settlement.banks.connection import Connection, Https, Sftp
from pipelines.settlement.banks.folder import FolderBank
from pipelines.settlement.banks.https import HttpsBank
from pipelines.settlement.banks.sftp import SftpBank


def open_bank(connection: Connection, *, secrets: Mapping[str, str]) -> Bank:
    """A session that is not open yet; `secrets` by the names that the connection gives."""
    transport = connection.transport
    if isinstance(transport, Sftp):
        return SftpBank(connection, transport, secrets=secrets)
    if isinstance(transport, Https):
        return HttpsBank(connection, transport, secrets=secrets)
    return FolderBank(connection, transport)
