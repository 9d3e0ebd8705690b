"""Identity at work in one process: keys and revocations read every second, tokens given and verified.

Belongs here: the life of what a process keeps in memory, and the threads in which secrets are hashed.
Hashing takes 20 ms of a core on purpose, so only a few are at work at a time and the loop never waits.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

import psycopg
import structlog
from psycopg_pool import ConnectionPool, PoolTimeout

from api.errors import Overloaded
from api.identity.grants import PersonBySubject, TokenDesk
from api.identity.oauth_errors import OAuthError, SessionEnded
from api.identity.provider import ProviderTokens
from api.identity.revocation import (
    Revocations,
    RevocationsUnknown,
    read_revocations,
    sweep_identity,
)
from api.identity.settings import IdentitySettings
from api.identity.signing_keys import KeySchedule, Sealer, keep_keys_coming, read_schedule
from api.identity.tokens import Authenticator, OwnTokens, TokenIssuer

T = TypeVar("T")

HASHES_AT_A_TIME: Final = 2
MOST_WAITING: Final = 100
"""Requests for tokens; that is about two seconds of hashing."""
LONGEST_READING_S: Final = 60.0
_SWEEP_EVERY: Final = timedelta(minutes=10)
_log = structlog.get_logger(__name__)


def utc_now() -> datetime:
    """The moment, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Known:
    """What was read last, and when by the clock that never goes back."""

    schedule: KeySchedule
    revocations: Revocations
    read_at_s: float


class Identity:
    """Who may call: of one process, on one ledger database."""

    def __init__(
        self,
        settings: IdentitySettings,
        *,
        keyring: Sealer,
        writers: ConnectionPool,
        person_by_subject: PersonBySubject,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.settings = settings
        self.now = now
        self._keyring = keyring
        self._writers = writers
        self._threads = ThreadPoolExecutor(HASHES_AT_A_TIME, "identity")
        self._reader = ThreadPoolExecutor(1, "identity-reader")
        self._known = Known(KeySchedule(()), Revocations(), float("-inf"))
        self._swept_at: datetime | None = None
        self._waiting = 0
        issuer = TokenIssuer(settings, self.schedule, keyring)
        self.desk = TokenDesk(settings, issuer, person_by_subject)
        self.own_tokens = OwnTokens(settings, self.schedule, clock=self._clock)
        self.provider = ProviderTokens(settings, clock=self._clock) if settings.external_issuer else None
        self.authenticate = Authenticator(
            settings, self.provider or self.own_tokens, self.revocations, clock=self._clock
        )

    def schedule(self) -> KeySchedule:
        """The signing keys, as they were read last."""
        return self._known.schedule

    def revocations(self) -> Revocations:
        """What is revoked; raises `RevocationsUnknown` where that was not read for too long."""
        if time.monotonic() - self._known.read_at_s > self.settings.stale_s:
            raise RevocationsUnknown
        return self._known.revocations

    @property
    def code_life(self) -> timedelta:
        """How long an authorization code counts."""
        return timedelta(seconds=self.settings.authorization_code_s)

    def note_revoked(self, revoked_id: str) -> None:
        """Know at once what this process revoked."""
        self._note(self._known.revocations.with_revoked(revoked_id, self.now()))

    def note_disabled(self, client_id: str) -> None:
        """Know at once which client this process disabled."""
        self._note(self._known.revocations.with_disabled(client_id))

    def _note(self, revocations: Revocations) -> None:
        self._known = replace(self._known, revocations=revocations)

    async def run(self, work: Callable[[psycopg.Connection], T]) -> T:
        """Do `work` in a thread, in one transaction, which an `OAuthError` commits as well.

        Raises `Overloaded` where too many wait already.
        """
        if self._waiting >= MOST_WAITING:
            raise Overloaded("too many ask for tokens at once", retry_after_s=1)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._committed, work)
        except SessionEnded as ended:
            self.note_revoked(str(ended.session_id))
            raise
        finally:
            self._waiting -= 1

    def _committed(self, work: Callable[[psycopg.Connection], T]) -> T:
        with self._writers.connection() as connection:
            try:
                return work(connection)
            except OAuthError as error:
                refused = error
        raise refused

    async def read(self, work: Callable[[psycopg.Connection], T]) -> T:
        """Do `work`, which only reads, in another thread than those that hash."""
        return await asyncio.get_running_loop().run_in_executor(self._reader, self._committed, work)

    async def refresh(self) -> None:
        """Read keys and revocations; make the next key where it is missing."""
        read = await asyncio.get_running_loop().run_in_executor(self._reader, self._read)
        # What this process revoked while the reading was under way, and what is disabled for good.
        before, lately_s = self._known.revocations, self._clock() - LONGEST_READING_S
        noted = {name: at_s for name, at_s in before.revoked_at_s.items() if at_s >= lately_s}
        revocations = Revocations(
            {**noted, **read.revocations.revoked_at_s},
            before.disabled_clients | read.revocations.disabled_clients,
        )
        gone = self._known.schedule.kids - read.schedule.kids
        self._known = replace(read, revocations=revocations)
        if gone:
            self.authenticate.forget()

    def _read(self) -> Known:
        begun_s, at = time.monotonic(), self.now()
        life = self.desk.token_life
        with self._writers.connection() as connection:
            schedule = read_schedule(connection, at=at, token_life=life)
            if not schedule.keys or schedule.keys[-1].signs_from <= at:
                self._make_keys(connection, at)
                schedule = read_schedule(connection, at=at, token_life=life)
            if self._swept_at is None or at - self._swept_at >= _SWEEP_EVERY:
                sweep_identity(connection, at=at)
                self._swept_at = at
            return Known(schedule, read_revocations(connection, at=at), begun_s)

    def _make_keys(self, connection: psycopg.Connection, at: datetime) -> None:
        keep_keys_coming(
            connection,
            self._keyring,
            at=at,
            age=timedelta(days=self.settings.signing_key_days),
            ahead=timedelta(hours=self.settings.signing_key_ahead_hours),
        )

    async def watch(self) -> None:
        """Refresh until cancelled; a database that is away is tried again."""
        while True:
            await asyncio.sleep(self.settings.refresh_s)
            try:
                await self.refresh()
            except (psycopg.Error, PoolTimeout, TimeoutError) as error:
                _log.warning("revocations could not be read", error=str(error).strip())

    def _clock(self) -> float:
        return self.now().timestamp()

    async def close(self) -> None:
        """End its threads and connections."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._reader.shutdown(wait=False, cancel_futures=True)
        if self.provider is not None:
            await self.provider.close()


@asynccontextmanager
async def identity_at_work(identity: Identity) -> AsyncIterator[Identity]:
    """For the life of the application: keys and revocations read first, then every `refresh_s`."""
    await identity.refresh()
    watching = asyncio.create_task(identity.watch())
    try:
        yield identity
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        await identity.close()
