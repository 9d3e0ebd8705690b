"""Where deliveries may go."""

import asyncio
import ipaddress
import socket
from ipaddress import IPv4Address, IPv6Address

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from hypothesis import given
from hypothesis import strategies as st

from api.webhooks.targets import (
    Policy,
    TargetRefused,
    check_url,
    is_public,
    open_session,
)
from tests.api.webhooks.receiver import Receiver

PUBLIC = Policy(frozenset({443, 8443}))
LOCAL = Policy(frozenset({443, 8443}), loopback=True)

PRIVATE_V4 = tuple(
    ipaddress.IPv4Network(block)
    for block in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
        "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32",
    )
)  # fmt: skip

addresses_within = st.sampled_from(PRIVATE_V4).flatmap(
    lambda block: st.integers(int(block.network_address), int(block.broadcast_address))
)


def notations(number: int) -> list[str]:
    """Ways in which programs have read an IPv4 address."""
    a, b, c, d = number.to_bytes(4, "big")
    low = number & 0xFFFFFF
    return [
        f"{a}.{b}.{c}.{d}",
        f"{a}.{b}.{c}.{d}.",
        str(number),
        hex(number),
        f"0{number:o}",
        f"0{a:o}.0{b:o}.0{c:o}.0{d:o}",
        f"{a:#x}.{b:#x}.{c:#x}.{d:#x}",
        f"{a:03}.{b:03}.{c:03}.{d:03}",
        f"{a}.{low}",
        f"{a}.{b}.{number & 0xFFFF}",
        f"{a}.{b:#x}.{c}.0{d:o}",
        f"[::ffff:{a}.{b}.{c}.{d}]",
        f"[::ffff:{number >> 16:x}:{number & 0xFFFF:x}]",
        f"[::{a}.{b}.{c}.{d}]",
        f"[64:ff9b::{a}.{b}.{c}.{d}]",
        f"[2002:{number >> 16:x}:{number & 0xFFFF:x}::1]",
        f"[0:0:0:0:0:ffff:{a}.{b}.{c}.{d}]",
        "".join(chr(ord(digit) + 0xFEE0) for digit in f"{a}{b}{c}{d}"),
        f"{a}。{b}。{c}。{d}",
        f"%{ord(str(a)[0]):x}{str(a)[1:]}.{b}.{c}.{d}",
    ]


@given(addresses_within, st.integers(0, 19))
def test_no_private_address_passes_in_any_notation(number: int, way: int) -> None:
    host = notations(number)[way]
    with pytest.raises(TargetRefused):
        check_url(f"https://{host}/hook", PUBLIC)
    if way in {0, 11, 12, 13, 14, 15, 16}:
        assert not PUBLIC.allows(host.strip("[]"))


@given(st.integers(0, 2**32 - 1))
def test_what_passes_is_global_by_another_reading(number: int) -> None:
    address = IPv4Address(number)
    if is_public(address):
        assert address.is_global
        assert not address.is_multicast
        assert not address.is_reserved


@given(st.integers(0, 2**128 - 1) | st.integers(0x2000 << 112, (0x4000 << 112) - 1))
def test_what_passes_of_ipv6_is_global_unicast(number: int) -> None:
    address = IPv6Address(number)
    if is_public(address):
        assert address.is_global
        assert address.ipv4_mapped is None
        assert address.sixtofour is None
        assert address.teredo is None
        assert not address.is_multicast


@pytest.mark.parametrize(
    "url",
    [
        "http://fintech.example/hook",
        "ftp://fintech.example/hook",
        "//fintech.example/hook",
        "https://",
        "https:///hook",
        "https://user@fintech.example/",
        "https://user:secret@fintech.example/",
        "https://fintech.example/#part",
        "https://fintech.example:22/",
        "https://fintech.example:0/",
        "https://fintech.example:99999/",
        "https://fintech.example:x/",
        "https://localhost/",
        "https://LOCALHOST./",
        "https://db.internal/",
        "https://printer.local/",
        "https://intranet/",
        "https://[::1]/",
        "https://[::]/",
        "https://[fe80::1%25eth0]/",
        "https://[fd00:ec2::254]/",
        "https://[fc00::1]/",
        "https://[ff02::1]/",
        "https://[::1",
        "https://metadata.google.internal/computeMetadata/v1/",
        "https://fintech.example\\@169.254.169.254/",
        "https://169.254.169.254\t/",
        "https://fin tech.example/",
        "https://fintech..example/",
        "https://1.1.1.1.1/",
        "https://0x7f.1/",
        "https://fintech.example/" + "a" * 2_048,
        "https://fíntech.example/",
        "javascript:alert(1)",
        "",
    ],
)
def test_a_url_that_is_no_public_endpoint_is_refused(url: str) -> None:
    with pytest.raises(TargetRefused):
        check_url(url, PUBLIC)


@pytest.mark.parametrize(
    "url",
    [
        "https://fintech.example/hook",
        "https://fintech.example:8443/hook?tenant=7",
        "https://hooks.xn--fntech-6va.example/",
        "https://1.1.1.1/hook",
        "https://[2606:4700:4700::1111]/hook",
    ],
)
def test_a_public_endpoint_is_taken(url: str) -> None:
    check_url(url, PUBLIC)


def test_this_machine_is_a_target_only_where_that_is_set() -> None:
    for url in ("http://127.0.0.1:9000/", "http://localhost:9000/", "http://[::1]:9000/"):
        check_url(url, LOCAL)
        with pytest.raises(TargetRefused):
            check_url(url, PUBLIC)
    for url in ("http://10.0.0.1/", "http://fintech.example/", "https://169.254.169.254/"):
        with pytest.raises(TargetRefused):
            check_url(url, LOCAL)


class Rebinding(AbstractResolver):
    """Answers with another address each time it is asked."""

    def __init__(self, *addresses: str) -> None:
        self.left = list(addresses)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        address = self.left.pop(0)
        number = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [
            {"hostname": host, "host": address, "port": port, "family": number, "proto": 0, "flags": 0}
        ]

    async def close(self) -> None:
        """Nothing is open."""


def test_what_was_checked_is_what_is_connected_to(receiver: Receiver) -> None:
    resolver = Rebinding("127.0.0.1", "10.0.0.1")

    async def send() -> None:
        async with open_session(LOCAL, attempt_s=5, resolver=resolver) as session:
            url = f"http://rebinding.example:{receiver.port}/hook"
            (await session.post(url, data=b"{}")).close()
            with pytest.raises(aiohttp.ClientConnectorError):
                await session.post(url, data=b"{}")

    asyncio.run(send())
    assert len(receiver.received) == 1
    assert resolver.left == []


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "169.254.169.254", "::ffff:127.0.0.1"])
def test_a_name_of_a_private_address_is_not_connected_to(address: str, receiver: Receiver) -> None:
    async def send() -> None:
        async with open_session(PUBLIC, attempt_s=5, resolver=Rebinding(address)) as session:
            with pytest.raises(aiohttp.ClientConnectorError):
                await session.post(f"http://hooks.fintech.example:{receiver.port}/hook", data=b"{}")

    asyncio.run(send())
    assert receiver.received == []


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "2130706433", "0x7f000001", "localhost"])
def test_an_address_in_the_url_is_checked_at_the_socket(host: str, receiver: Receiver) -> None:
    async def send() -> None:
        async with open_session(PUBLIC, attempt_s=5) as session:
            with pytest.raises((aiohttp.ClientError, OSError)):
                await session.post(f"http://{host}:{receiver.port}/hook", data=b"{}")

    asyncio.run(send())
    assert receiver.received == []
