"""Sources of payment instructions, and the protocol that booking reads."""

from ledger_service.payments.sources.source import Parsed, ReceivedFile, Source

__all__ = ["Parsed", "ReceivedFile", "Source"]
