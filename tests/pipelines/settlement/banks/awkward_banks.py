"""Banks that are awkward in one way each, on loopback: what the simulated bank has no fault for."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh
from aiohttp import web

from pipelines.simulation.bank.credentials import Credentials

Serve = Callable[[web.Request], web.StreamResponse]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class SftpShare:
    """A folder over SFTP.

    `breaks`: the connection ends when a file got its name; `collects`: the file is taken away then.
    """

    root: Path
    breaks: bool = False
    collects: bool = False
    received: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name in ("inbox", "outbox/taken", "statements"):
            (self.root / name).mkdir(parents=True, exist_ok=True)

    def arrived(self, path: Path) -> None:
        self.received.append(path.read_bytes())
        if self.collects:
            path.unlink()


class _Folder(asyncssh.SFTPServer):
    def __init__(self, channel: "asyncssh.SSHServerChannel[bytes]", share: SftpShare) -> None:
        self._share = share
        self._connection = channel.get_connection()
        super().__init__(channel, chroot=str(share.root).encode())

    def rename(self, oldpath: bytes, newpath: bytes) -> None:
        target = Path(self.map_path(newpath).decode())
        if target.exists():
            raise asyncssh.SFTPFailure("a file of that name is there")
        super().rename(oldpath, newpath)
        if target.parent.name == "inbox":
            self._share.arrived(target)
            if self._share.breaks:
                self._connection.abort()
                raise asyncssh.SFTPConnectionLost("connection dropped")


class _Gate(asyncssh.SSHServer):
    def begin_auth(self, username: str) -> bool:
        return True


@asynccontextmanager
async def sftp_share(
    share: SftpShare, keys: Credentials, *, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[int]:
    """The port on which the share is open."""
    acceptor = await asyncssh.listen(
        host,
        port,
        server_factory=_Gate,
        server_host_keys=[str(keys.host_key)],
        authorized_client_keys=str(keys.client_key.with_suffix(".pub")),
        sftp_factory=lambda channel: _Folder(channel, share),
    )
    try:
        yield acceptor.get_port()
    finally:
        acceptor.close()
        await acceptor.wait_closed()


@asynccontextmanager
async def https_bank(
    keys: Credentials,
    routes: Mapping[tuple[str, str], Serve],
    *,
    raw: Mapping[tuple[str, str], Handler] | None = None,
    authority: Path | None = None,
) -> AsyncIterator[int]:
    """The port of a bank that gives tokens, and answers as the routes (method and path) say.

    Handlers in `raw` get requests whose body is not read yet.
    """

    async def token(request: web.Request) -> web.StreamResponse:
        return web.json_response({"access_token": "t", "token_type": "Bearer", "expires_in": 300})

    def handler(serve: Serve) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            await request.read()
            return serve(request)

        return handle

    app = web.Application(client_max_size=64 << 20)
    for (method, path), serve in routes.items():
        app.router.add_route(method, path, handler(serve))
    for (method, path), handle in (raw or {}).items():
        app.router.add_route(method, path, handle)
    if ("POST", "/oauth2/token") not in routes:
        app.router.add_post("/oauth2/token", token)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(keys.server)
    context.load_verify_locations(authority or keys.authority)
    runner = web.AppRunner(app, shutdown_timeout=0.5, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
