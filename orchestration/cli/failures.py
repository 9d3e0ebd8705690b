"""Which failures are a person's to mend: those are told in a sentence."""

from dagster import DagsterError

from ledger_service.runtime.database import DatabaseUnreachable

TOLD = (DatabaseUnreachable, FileNotFoundError, LookupError, ValueError, RuntimeError)
"""Typed errors of ours derive from these and say what to do."""


def explain(error: BaseException) -> str | None:
    """The sentence to show, or None where only a traceback helps."""
    if isinstance(error, DagsterError) or type(error) in {
        LookupError,
        ValueError,
        RuntimeError,
        KeyError,
    }:
        return None
    return str(error) if isinstance(error, TOLD) else None
