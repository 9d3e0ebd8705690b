"""Scopes and roles as the API sees them: the table of `ledger_service/parties/scopes.yaml`.

The table is beside the registry of clients, which the command line uses too.
"""

from ledger_service.parties.access import (
    Access,
    UnknownRole,
    UnknownScope,
    access,
    known_scopes,
    scopes_of_role,
)

__all__ = ["Access", "UnknownRole", "UnknownScope", "access", "known_scopes", "scopes_of_role"]
