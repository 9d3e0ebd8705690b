"""The gateway in a process of its own, on a socket that outlives it: to be killed, or measured.

`python -m tests.api.served_gateway` serves on the socket that is its standard input, with the tokens of
`tests.api.gateway`, on the ledger that the environment names.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping

import uvicorn

from api.app import create_app
from api.settings import GatewaySettings
from ledger_service.runtime.database import Server
from ledger_service.runtime.garbage import collect_rarely, leave_what_is_there
from ledger_service.runtime.settings import PROJECT_ROOT
from tests.api.gateway import authenticate

BACKLOG = 4096


def listening() -> socket.socket:
    """A socket on a free port of loopback; what connects waits until somebody serves it."""
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    bound.listen(BACKLOG)
    return bound


def serving(
    server: Server, bound: socket.socket, settings: Mapping[str, str] | None = None
) -> "subprocess.Popen[bytes]":
    """A process that serves the gateway on a socket."""
    environment = {
        **os.environ,
        "SERVED_CONNINFO": server.conninfo,
        "SERVED_PREFIX": server.prefix,
        **(settings or {}),
    }
    command = [sys.executable, "-m", "tests.api.served_gateway"]
    return subprocess.Popen(command, stdin=bound.fileno(), env=environment, cwd=PROJECT_ROOT)


def main() -> None:
    """Serve until the process is ended."""
    server = Server(os.environ["SERVED_CONNINFO"], os.environ["SERVED_PREFIX"])
    app = create_app(GatewaySettings(), server=server, authenticate=authenticate)
    config = uvicorn.Config(app, log_level="error", access_log=False)
    collect_rarely()
    leave_what_is_there()
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=os.dup(0))])


if __name__ == "__main__":
    main()
