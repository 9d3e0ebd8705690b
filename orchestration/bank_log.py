"""The delivery's log, kept in the ledger's database: `DeliveryLog` over `BankFileLog`."""

from dataclasses import asdict
from datetime import datetime

from ledger_service.payments.bank_files import BankFile, BankFileConflict, BankFileLog
from pipelines.settlement.banks.bank import Answer, OutgoingFile
from pipelines.settlement.banks.delivery import FileConflict, FileEvent, State


class PostgresDeliveryLog:
    """Implements `pipelines.settlement.banks.delivery.DeliveryLog`."""

    def __init__(self, log: BankFileLog) -> None:
        self._log = log

    def queue(self, file: OutgoingFile, *, at: datetime) -> State:
        """Take a file up, or find it; its state."""
        facts = asdict(file)
        del facts["path"]
        try:
            return State(self._log.queue(BankFile(**facts), at=at))
        except BankFileConflict as error:
            raise FileConflict(error.bank_id, error.file_id, error.sentence) from error

    def events(self, bank_id: str, file_id: str) -> list[FileEvent]:
        """The life of a file, in order."""
        return [
            FileEvent(life.number, State(life.state), life.at, life.detail)
            for life in self._log.events(bank_id, file_id)
        ]

    def add(self, file: OutgoingFile, state: State, *, at: datetime, detail: str | None = None) -> None:
        """The next event of a file."""
        number = self._log.events(file.bank_id, file.file_id)[-1].number + 1
        self._log.add(file.bank_id, file.file_id, number=number, state=state, at=at, detail=detail)

    def cursor(self, bank_id: str) -> str | None:
        """Of the last answer that was kept."""
        return self._log.cursor(bank_id)

    def keep_answer(self, bank_id: str, answer: Answer, *, sha256: str, at: datetime) -> bool:
        """Note an answer; False when its content was noted before."""
        return self._log.keep_answer(
            bank_id,
            sha256=sha256,
            name=answer.name,
            cursor=answer.cursor,
            size=len(answer.content),
            at=at,
        )
