"""Starting and stopping simulated banks: in an event loop, or in a thread for callers without one.

Belongs here: what runs while a bank is open, and that nothing runs after. Ports are free ones of
loopback; keys, certificates and everything that a bank knows lie in the folder that the caller gives.
"""

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from pipelines.simulation.bank.bank import SimulatedBank
from pipelines.simulation.bank.configuration import BankConfig, Clock
from pipelines.simulation.bank.credentials import Credentials, credentials
from pipelines.simulation.bank.https import application, tls_context
from pipelines.simulation.bank.sftp import receive_left_over, serve_sftp

_GOODBYE_SECONDS = 1.0


class BankNotStarted(RuntimeError):
    """A bank could not be started; the cause says why."""


@dataclass(frozen=True, slots=True)
class RunningBank:
    """An open bank: where it listens, and what it knows."""

    bank: SimulatedBank
    """To look at it, and to close its day; may be called from any thread."""
    credentials: Credentials
    sftp_port: int | None
    https_port: int | None


@contextlib.asynccontextmanager
async def start_bank(
    config: BankConfig, *, folder: Path, clock: Clock, secret: str
) -> AsyncIterator[RunningBank]:
    """A bank that is open until the context ends; `secret` is the client's, of both transports.

    A bank started again on its folder knows what it received, and has the keys that it had.
    """
    keys = await asyncio.to_thread(credentials, folder / "keys")
    bank = await asyncio.to_thread(SimulatedBank, config, folder=folder, clock=clock)
    await asyncio.to_thread(receive_left_over, bank)
    async with contextlib.AsyncExitStack() as stack:
        sftp_port = https_port = None
        if config.sftp:
            client_key = keys.client_key.with_suffix(".pub")
            acceptor = await serve_sftp(
                bank, host_key=keys.host_key, client_key=client_key, password=secret
            )
            stack.push_async_callback(acceptor.wait_closed)
            stack.callback(acceptor.close)
            sftp_port = acceptor.get_port()
        if config.https:
            runner = web.AppRunner(
                application(bank, secret=secret), shutdown_timeout=_GOODBYE_SECONDS, access_log=None
            )
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            listening = socket.create_server(("127.0.0.1", 0))
            https_port = listening.getsockname()[1]
            context = tls_context(server=keys.server, authority=keys.authority)
            await web.SockSite(runner, listening, ssl_context=context).start()
        yield RunningBank(bank, keys, sftp_port, https_port)


@contextlib.contextmanager
def running_banks(
    configs: Sequence[BankConfig], *, folder: Path, clock: Clock, secret: str
) -> Iterator[Mapping[str, RunningBank]]:
    """Banks by name, each in its folder below `folder`, open in a thread until the context ends.

    Raises `BankNotStarted`.
    """
    service = _Service(configs, folder=folder, clock=clock, secret=secret)
    thread = threading.Thread(target=service.run, name="simulated banks", daemon=True)
    thread.start()
    service.ready.wait()
    try:
        if service.failure is not None:
            raise BankNotStarted(str(service.failure)) from service.failure
        yield service.banks
    finally:
        service.stop()
        thread.join()


class _Service:
    """The thread's event loop, from the first bank opened to the last closed."""

    def __init__(
        self, configs: Sequence[BankConfig], *, folder: Path, clock: Clock, secret: str
    ) -> None:
        self._configs, self._folder, self._clock, self._secret = configs, folder, clock, secret
        self.banks: dict[str, RunningBank] = {}
        self.ready = threading.Event()
        self.failure: Exception | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over: asyncio.Event | None = None

    def run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:
            self.failure = error
        finally:
            self.ready.set()

    def stop(self) -> None:
        if self._loop is not None and self._over is not None and not self._loop.is_closed():
            # The loop may end by itself between question and call: then there is nothing to stop.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._over.set)

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        async with contextlib.AsyncExitStack() as stack:
            for config in self._configs:
                self.banks[config.name] = await stack.enter_async_context(
                    start_bank(
                        config,
                        folder=self._folder / config.name,
                        clock=self._clock,
                        secret=self._secret,
                    )
                )
            self.ready.set()
            await self._over.wait()
