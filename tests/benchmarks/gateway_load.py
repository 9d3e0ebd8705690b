"""Load on the gateway from a process of its own: keep-alive clients that ask one thing after the other.

`python -m tests.benchmarks.gateway_load` reads what to do as JSON from standard input and writes
what it saw as JSON. Without a rate each client asks as fast as it is answered; with one, requests are
due at even times, and a latency counts from when its request was due, so that waiting counts too.
"""

import asyncio
import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import aiohttp

from ledger_service.runtime.settings import PROJECT_ROOT


@dataclass(frozen=True)
class Load:
    """What one process asks."""

    url: str
    route: str
    """`ping` or `transfers`."""
    clients: int
    seconds: float
    accounts: int
    seed: int
    rate: float | None = None
    """Requests a second of all clients of the process; None: as many as are answered."""


@dataclass(frozen=True)
class Seen:
    """What came back in all."""

    per_second: float
    latencies_s: list[float]
    """Sorted."""

    def quantile(self, share: float) -> float:
        """A latency in seconds that this share of requests had at most."""
        return self.latencies_s[int(share * (len(self.latencies_s) - 1))]


class RequestsFailed(RuntimeError):
    """Requests of a measurement were not answered as they should be."""


async def _clients(load: Load) -> tuple[list[float], Counter[int]]:
    """The latencies of one process's requests, and how often each status came."""
    latencies: list[float] = []
    statuses: Counter[int] = Counter()
    connector = aiohttp.TCPConnector(limit=load.clients)
    async with aiohttp.ClientSession(
        load.url, connector=connector, headers={"Authorization": "Bearer first"}
    ) as session:
        until = time.perf_counter() + load.seconds
        pause = load.clients / load.rate if load.rate else 0.0

        async def client(number: int) -> None:
            drawn = random.Random(load.seed * 1_000 + number)
            due = time.perf_counter() + pause * number / load.clients
            while True:
                if pause:
                    await asyncio.sleep(max(0.0, due - time.perf_counter()))
                else:
                    due = time.perf_counter()
                if due >= until:
                    return
                statuses[await _asked(session, load, drawn)] += 1
                latencies.append(time.perf_counter() - due)
                due += pause

        await asyncio.gather(*(client(number) for number in range(load.clients)))
    return latencies, statuses


async def _asked(session: aiohttp.ClientSession, load: Load, drawn: random.Random) -> int:
    if load.route == "ping":
        async with session.get("/v1/ping") as answer:
            await answer.read()
            return answer.status
    debit, credit = drawn.sample(range(1, load.accounts + 1), 2)
    body = {
        "participant_id": "KE-B0",
        "debit_account": f"A{debit}",
        "credit_account": f"A{credit}",
        "amount": f"{drawn.randrange(1, 1_000)}.50",
        "currency": "KES",
    }
    headers = {"Idempotency-Key": f"{drawn.getrandbits(128):032x}"}
    async with session.post("/v1/transfers", json=body, headers=headers) as answer:
        await answer.read()
        return answer.status


def seen_by(loads: Sequence[Load]) -> Seen:
    """What processes saw that ask at the same time; raises `RequestsFailed`."""
    command = [sys.executable, "-m", "tests.benchmarks.gateway_load"]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=PROJECT_ROOT)
        for _ in loads
    ]
    for process in processes:  # all have what they need imported before the first begins
        assert process.stdout is not None
        process.stdout.readline()
    for process, load in zip(processes, loads, strict=True):
        assert process.stdin is not None
        process.stdin.write(json.dumps(asdict(load)).encode() + b"\n")
        process.stdin.flush()
    answers = [json.loads(process.communicate()[0]) for process in processes]
    latencies = sorted(latency for answer in answers for latency in answer["latencies_s"])
    statuses = Counter(status for answer in answers for status in answer["failed"])
    if statuses:
        raise RequestsFailed(f"answers by status: {dict(statuses)}")
    return Seen(len(latencies) / loads[0].seconds, latencies)


def main() -> None:
    """Say that all is ready, read a load, and write what was seen."""
    print("ready", flush=True)  # noqa: T201  # for the process that started this one
    load = Load(**json.loads(sys.stdin.readline()))
    latencies, statuses = asyncio.run(_clients(load))
    failed = [status for status in statuses.elements() if status not in {200, 201}]
    print(json.dumps({"latencies_s": latencies, "failed": failed}))  # noqa: T201  # its result


if __name__ == "__main__":
    main()
