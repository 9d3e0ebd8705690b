"""What tokens say of a person: read anew each time, so that what a role loses is lost at once."""

from dataclasses import dataclass

import psycopg

from api.identity.grants import PersonAccess
from api.identity.sessions import may_act
from ledger_service.parties.people import Person, person_by_subject


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """A person for whom tokens may be issued (`PersonAccess`)."""

    subject: str
    scopes: frozenset[str]
    participants: frozenset[str]

    @classmethod
    def of(cls, person: Person) -> "LoggedIn":
        """As the registry has them."""
        return cls(person.subject, person.scopes, frozenset(person.participants))


def access_of(connection: psycopg.Connection, subject: str) -> PersonAccess | None:
    """A person (`PersonBySubject`); None for one who may not act any more."""
    person = person_by_subject(connection, subject)
    return LoggedIn.of(person) if person is not None and may_act(person) else None
