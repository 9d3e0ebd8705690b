"""People: invited, enrolled, proven, locked out, reset and disabled, on a real database."""

import os
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import polars as pl
import psycopg
import pyotp
import pytest

from ledger_service.ledger.books import register_participants
from ledger_service.parties.access import UnknownRole
from ledger_service.parties.attempts import FREE_FAILURES
from ledger_service.parties.clients import Actor
from ledger_service.parties.passwords import (
    EnrolmentEnded,
    PasswordRefused,
    checked_password,
    enrol,
    set_password,
    verify_password,
)
from ledger_service.parties.people import (
    ENROLMENT,
    NewPerson,
    Person,
    PersonRefused,
    UnknownPerson,
    disable_person,
    new_person,
    people,
    person_by_email,
    person_by_subject,
    person_enrolling,
    reencrypt,
    reset_mfa,
)
from ledger_service.parties.second_factors import (
    confirm_totp,
    new_recovery_codes,
    totp_secret,
    totp_uri,
    use_recovery_code,
    verify_totp,
)
from ledger_service.runtime.audit import audit_events, verify_audit
from ledger_service.runtime.database import Database, Role, Server
from ledger_service.runtime.encryption import Keyring, UnknownKey

START = datetime(2025, 6, 30, 12, tzinfo=UTC)
OPS = Actor("ops")
ADDRESS = "A.Clerk@wgi.example"
PASSWORD = "a lorry full of mangoes"  # noqa: S105  # of the tests


def key() -> str:
    return b64encode(os.urandom(32)).decode()


KEYRING = Keyring.of({"1": key()}, source="test")


@pytest.fixture
def connection(ledger_database: Server) -> Iterator[psycopg.Connection]:
    with ledger_database.connect(Database.LEDGER, Role.APP, autocommit=True) as opened:
        yield opened


def invited(connection: psycopg.Connection, **terms: object) -> tuple[Person, str]:
    given = {"email": ADDRESS, "name": "A Clerk of Finance", "role": "finance"} | terms
    new = NewPerson(**given)  # type: ignore[arg-type]  # of the tests' own making
    return new_person(connection, new, keyring=KEYRING, by=OPS, at=START)


def enrolled(connection: psycopg.Connection, **terms: object) -> Person:
    _, token = invited(connection, **terms)
    return enrol(connection, token, PASSWORD, keyring=KEYRING, at=START)


def knows(
    connection: psycopg.Connection,
    password: str = PASSWORD,
    *,
    at: datetime = START,
    email: str = ADDRESS,
) -> bool:
    found = verify_password(connection, email, password, keyring=KEYRING, at=at)
    return found is not None


def app_of(connection: psycopg.Connection, person: Person, *, at: datetime = START) -> pyotp.TOTP:
    app = pyotp.TOTP(totp_secret(connection, person.subject, keyring=KEYRING))
    assert confirm_totp(connection, person.subject, app.at(at), keyring=KEYRING, at=at)
    return app


def shows(connection: psycopg.Connection, person: Person, code: str, *, at: datetime) -> bool:
    return verify_totp(connection, person.subject, code, keyring=KEYRING, at=at)


def test_a_person_is_found_by_any_spelling_of_the_address(connection: psycopg.Connection) -> None:
    person, _ = invited(connection)
    found = person_by_email(connection, "  A.CLERK@WGI.example ", keyring=KEYRING)
    assert found is not None
    assert (found.subject, found.role, list(found.participants)) == (person.subject, "finance", ["*"])
    assert (found.email(KEYRING), found.name(KEYRING)) == (ADDRESS, "A Clerk of Finance")
    assert "postings:approve" in found.scopes
    assert person_by_subject(connection, person.subject) == found
    assert person_by_email(connection, "somebody@wgi.example", keyring=KEYRING) is None


def test_no_column_holds_a_name_an_address_or_a_token_as_it_is(connection: psycopg.Connection) -> None:
    _, token = invited(connection)
    row = connection.execute("SELECT p::text FROM gateway.person p").fetchone()
    assert row is not None
    for clear in (ADDRESS, ADDRESS.lower(), "Clerk", token):
        assert clear not in row[0]
        assert clear.encode().hex() not in row[0]


@pytest.mark.parametrize(
    "terms",
    [
        {"email": "clerk"},
        {"email": "a@b c.example"},
        {"name": " "},
        {"name": "A\nB"},
        {"role": "fintech_developer"},
        {"role": "fintech_developer", "participants": ["*"]},
        {"participants": ["KE-F99"]},
    ],
)
def test_who_cannot_be_a_person_is_refused(
    connection: psycopg.Connection, terms: dict[str, object]
) -> None:
    with pytest.raises(PersonRefused):
        invited(connection, **terms)
    with pytest.raises(UnknownRole):
        invited(connection, role="king")
    assert people(connection) == []


def test_an_address_belongs_to_one_person(connection: psycopg.Connection) -> None:
    invited(connection)
    with pytest.raises(PersonRefused, match="already"):
        invited(connection, email=ADDRESS.upper())


def test_a_developer_reaches_the_participants_that_were_named(connection: psycopg.Connection) -> None:
    fintech = {"participant_id": "KE-F01", "name": "Fintech", "kind": "fintech", "country": "KE"}
    fintech |= {"home_currency": "KES"}
    frame = pl.DataFrame([fintech]).with_columns(bic=pl.lit(None, pl.String), has_book=True)
    register_participants(connection, frame)
    person, _ = invited(connection, role="fintech_developer", participants=["KE-F01"])
    assert list(person.participants) == ["KE-F01"]


def test_an_invitation_counts_once_and_for_three_days(connection: psycopg.Connection) -> None:
    person, token = invited(connection)
    assert not knows(connection)
    assert person_enrolling(connection, token, at=START + ENROLMENT) is None
    with pytest.raises(EnrolmentEnded):
        enrol(connection, token, PASSWORD, keyring=KEYRING, at=START + ENROLMENT)
    assert enrol(connection, token, PASSWORD, keyring=KEYRING, at=START).subject == person.subject
    with pytest.raises(EnrolmentEnded):
        enrol(connection, token, PASSWORD, keyring=KEYRING, at=START)
    assert knows(connection)


def test_a_refused_password_leaves_the_invitation(connection: psycopg.Connection) -> None:
    _, token = invited(connection)
    with pytest.raises(PasswordRefused):
        enrol(connection, token, "password1234", keyring=KEYRING, at=START)
    enrol(connection, token, PASSWORD, keyring=KEYRING, at=START)


@pytest.mark.parametrize(
    "password",
    [
        "short",
        "x" * 129,
        ADDRESS.lower(),
        "Password1234",
        "aaabbbaaabbbaaab",
        "Password1234".translate({code: code + 0xFEE0 for code in range(0x21, 0x7F)}),
    ],
)
def test_a_password_is_long_and_not_what_anybody_would_guess(password: str) -> None:
    with pytest.raises(PasswordRefused):
        checked_password(password, email=ADDRESS)


@pytest.mark.parametrize("password", ["mangoes, 12!", "y4" + "abcdefg" * 18, "nyumba ya mbao kubwa"])
def test_long_uncommon_passwords_of_any_characters_are_taken(password: str) -> None:
    assert checked_password(password, email=ADDRESS) == password


def test_a_password_is_the_same_however_its_characters_are_composed(
    connection: psycopg.Connection,
) -> None:
    person = enrolled(connection)
    set_password(connection, person, "caf\u00e9 ya asubuhi", keyring=KEYRING, at=START)
    assert knows(connection, "cafe\u0301 ya asubuhi")
    assert not knows(connection, PASSWORD)


def test_five_failures_lock_and_each_more_locks_for_twice_as_long(
    connection: psycopg.Connection,
) -> None:
    enrolled(connection)
    for _ in range(FREE_FAILURES):
        assert not knows(connection, "a wrong password")
    at = START
    for minutes in (1, 2, 4, 8, 16, 32, 60, 60):
        at += timedelta(minutes=minutes) - timedelta(seconds=1)
        assert not knows(connection, at=at)
        at += timedelta(seconds=1)
        assert not knows(connection, "a wrong password", at=at)
    assert knows(connection, at=at + timedelta(hours=1))


def test_the_password_alone_does_not_set_the_count_of_failures_back(
    connection: psycopg.Connection,
) -> None:
    person = enrolled(connection)
    app_of(connection, person)
    for attempt in range(FREE_FAILURES):
        assert knows(connection), attempt
        assert not shows(connection, person, "000000", at=START + timedelta(hours=1))
    assert not knows(connection)


def test_a_step_of_an_app_counts_once_and_none_before_it(connection: psycopg.Connection) -> None:
    person = enrolled(connection)
    app = app_of(connection, person)
    assert not shows(connection, person, app.at(START), at=START)
    later = START + timedelta(seconds=60)
    assert shows(connection, person, app.at(later), at=later)
    assert not shows(connection, person, app.at(later), at=later)
    assert not shows(connection, person, app.at(later - timedelta(seconds=30)), at=later)
    assert shows(connection, person, app.at(later + timedelta(seconds=30)), at=later)
    latest = later + timedelta(hours=1)
    assert not shows(connection, person, app.at(latest - timedelta(seconds=60)), at=latest)


def test_a_code_that_is_no_number_is_only_wrong(connection: psycopg.Connection) -> None:
    person = enrolled(connection)
    app_of(connection, person)
    for code in ("", "12345", "é" * 6, "\ud800", "1" * 400):
        assert not shows(connection, person, code, at=START)


def test_an_app_is_shown_one_secret_until_it_is_confirmed_and_none_after(
    connection: psycopg.Connection,
) -> None:
    person = enrolled(connection)
    secret = totp_secret(connection, person.subject, keyring=KEYRING)
    assert totp_secret(connection, person.subject, keyring=KEYRING) == secret
    assert totp_uri(secret, email=ADDRESS).startswith("otpauth://totp/Wekeza")
    app_of(connection, person)
    with pytest.raises(UnknownPerson):
        totp_secret(connection, person.subject, keyring=KEYRING)


def test_a_recovery_code_counts_once_however_it_is_written(connection: psycopg.Connection) -> None:
    person = enrolled(connection)
    codes = new_recovery_codes(connection, person.subject)
    assert len(set(codes)) == 10
    written = codes[0].upper().replace("-", " ").replace("0", "O")
    assert use_recovery_code(connection, person.subject, written, at=START)
    assert not use_recovery_code(connection, person.subject, codes[0], at=START)
    new_recovery_codes(connection, person.subject)
    assert not use_recovery_code(connection, person.subject, codes[1], at=START)
    kept = connection.execute("SELECT code_hash FROM gateway.recovery_code").fetchall()
    assert all(len(row[0]) == sha256().digest_size for row in kept)


def test_who_is_disabled_knows_nothing_any_more(connection: psycopg.Connection) -> None:
    person = enrolled(connection)
    app_of(connection, person)
    new_recovery_codes(connection, person.subject)
    disable_person(connection, person.subject, by=OPS, at=START)
    found = person_by_subject(connection, person.subject)
    assert found is not None
    assert (found.status, found.has_second_factor, found.password_hash) == ("disabled", False, None)
    assert not knows(connection)
    revoked = connection.execute("SELECT revoked_id FROM gateway.revoked_token").fetchall()
    assert revoked == [(person.subject,)]
    for again in (disable_person, reset_mfa):
        with pytest.raises(UnknownPerson):
            again(connection, person.subject, by=OPS, at=START)


def test_after_a_reset_the_old_password_lets_nobody_enrol(connection: psycopg.Connection) -> None:
    person = enrolled(connection)
    old = app_of(connection, person)
    later = START + timedelta(hours=1)
    token = reset_mfa(connection, person.subject, by=OPS, at=later)
    assert not knows(connection, at=later)
    assert not shows(connection, person, old.at(later), at=later)
    enrol(connection, token, "another long password", keyring=KEYRING, at=later)
    assert knows(connection, "another long password", at=later)
    assert totp_secret(connection, person.subject, keyring=KEYRING) != old.secret


def test_reencryption_brings_every_value_under_the_current_key(connection: psycopg.Connection) -> None:
    old, new = key(), key()
    before = Keyring.of({"1": old}, source="test")
    for number in range(5):
        address = f"person{number}@wgi.example"
        person = NewPerson(email=address, name=f"Person {number}", role="auditor")
        new_person(connection, person, keyring=before, by=OPS, at=START)
    after = Keyring.of({"1": old, "2": new}, source="test")
    assert reencrypt(connection, keyring=after, by=OPS, batch=2) == 5
    assert reencrypt(connection, keyring=after, by=OPS, batch=2) == 0
    found = person_by_email(connection, "person3@wgi.example", keyring=after)
    assert found is not None
    assert found.name(after) == "Person 3"
    with pytest.raises(UnknownKey):
        found.name(before)


def test_every_privileged_act_stands_in_the_audit_log_without_personal_data(
    connection: psycopg.Connection,
) -> None:
    person = enrolled(connection)
    app_of(connection, person)
    code = new_recovery_codes(connection, person.subject)[0]
    use_recovery_code(connection, person.subject, code, at=START)
    reset_mfa(connection, person.subject, by=OPS, at=START)
    disable_person(connection, person.subject, by=OPS, at=START)
    events = audit_events(connection, subject=person.subject)
    assert [(event.act, event.actor == person.subject) for event in events] == [
        ("person.created", False),
        ("person.password_set", True),
        ("person.factor_added", True),
        ("person.recovery_codes_made", True),
        ("person.recovery_code_used", True),
        ("person.mfa_reset", False),
        ("person.disabled", False),
    ]
    assert not any("clerk" in str(event).lower() or "@" in event.details for event in events)
    assert verify_audit(connection).events == len(events)


def test_analysts_see_nobody(ledger_database: Server) -> None:
    with ledger_database.connect(Database.LEDGER, Role.OWNER) as connection:
        seen = connection.execute(
            "SELECT count(*) FROM unnest(ARRAY['person', 'webauthn_credential', 'recovery_code', "
            "'login_session']) t WHERE has_table_privilege('wgi_analyst', 'gateway.' || t, 'SELECT')"
        ).fetchone()
    assert seen == (0,)
