"""Targets: to which addresses deliveries may go, so that no client makes us call into our own network.

A URL is checked when it is registered, and every address again at the moment a socket for it is made:
what a name resolves to then is what is connected to, so that changing its record in between has no
effect. What is allowed is the public internet, by IANA's registries of special-purpose addresses.
"""

import errno
import ipaddress
import re
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from api.errors import Refusal
from api.webhooks.settings import WebhookSettings

LONGEST_URL: Final = 2_048

_SPECIAL_V4: Final = tuple(
    IPv4Network(block)
    for block in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by carriers; metadata of a cloud
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # public, yet inside Azure its host
        "169.254.0.0/16",  # link-local; metadata of clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; metadata of a cloud
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved; broadcast
    )
)
"""IANA IPv4 Special-Purpose Address Registry, and what clouds keep for themselves."""

_GLOBAL_UNICAST_V6: Final = IPv6Network("2000::/3")
"""All else (loopback, ULA, link-local, multicast, IPv4-mapped, NAT64) is refused."""
_SPECIAL_V6: Final = tuple(
    IPv6Network(block)
    for block in (
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarks
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: carries an IPv4 address
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)

_NAME: Final = re.compile(
    r"(?=.{1,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
)
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_LOCAL_NAMES: Final = ("localhost", "local", "internal", "home.arpa", "localdomain")


class TargetRefused(Refusal):
    """Nothing may be delivered to this URL."""

    code = "webhook_target_refused"

    def __init__(self, reason: str) -> None:
        super().__init__(reason, pointer="/body/url")


class AddressRefused(OSError):
    """Nothing may be delivered to this address; to aiohttp a failure to connect."""

    def __init__(self, address: str) -> None:
        super().__init__(errno.EACCES, f"{address} is not an address of the public internet")


@dataclass(frozen=True, slots=True)
class Policy:
    """Where deliveries may go."""

    ports: frozenset[int]
    loopback: bool = False
    """Whether also to this machine, over http and on any port."""

    @classmethod
    def of(cls, settings: WebhookSettings) -> "Policy":
        """As it is set."""
        return cls(settings.ports, settings.loopback)

    def allows(self, address: str) -> bool:
        """Whether a numeric address, as sockets give it, may be connected to."""
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        return is_public(parsed) or (self.loopback and parsed.is_loopback)


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether it is an ordinary address of the public internet."""
    if isinstance(address, IPv4Address):
        return not any(address in block for block in _SPECIAL_V4)
    if address.scope_id is not None or address not in _GLOBAL_UNICAST_V6:
        return False
    return not any(address in block for block in _SPECIAL_V6)


def check_url(url: str, policy: Policy) -> None:
    """Whether an endpoint may have this URL; raises `TargetRefused`.

    A host is a name or an address in its usual notation; every other way to write a number (decimal,
    octal, hexadecimal, shortened) is refused, whatever it stands for.
    """
    if (
        len(url) > LONGEST_URL
        or not url.isascii()
        or not url.isprintable()
        or set(url) & set(' \\"<>^`{|}')
    ):
        raise TargetRefused(f"a URL has at most {LONGEST_URL} characters, those of RFC 3986")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise TargetRefused(f"the URL cannot be read: {error}") from error
    host = (parts.hostname or "").lower()
    if not host or parts.username is not None or parts.password is not None or parts.fragment:
        raise TargetRefused("a URL has a host, no user, no password and no fragment")
    if policy.loopback and _is_loopback_host(host):
        if parts.scheme not in {"http", "https"}:
            raise TargetRefused("a URL begins with http:// or https://")
        return
    _check_public(parts, host, port, policy)


def _check_public(parts: SplitResult, host: str, port: int | None, policy: Policy) -> None:
    if parts.scheme != "https":
        raise TargetRefused("a URL begins with https://")
    if (443 if port is None else port) not in policy.ports:
        ports = ", ".join(map(str, sorted(policy.ports)))
        raise TargetRefused(f"the port of a URL is one of {ports}")
    if ":" in host:
        if not policy.allows(host):
            raise TargetRefused("the address is not one of the public internet")
        return
    if not _NAME.fullmatch(host):
        raise TargetRefused("the host is neither a name nor an address")
    if _NUMBER.fullmatch(host.rsplit(".", 1)[-1]):
        # As WHATWG's URL parser: what ends in a number is an address. Leading zeros fail here.
        if not policy.allows(host):
            raise TargetRefused("the address is not one of the public internet, in its usual notation")
        return
    if "." not in host or any(host == name or host.endswith("." + name) for name in _LOCAL_NAMES):
        raise TargetRefused("the host is no name of the public internet")


def _is_loopback_host(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class CheckedResolver(AbstractResolver):
    """Resolves names with the system's resolver and gives only addresses that are allowed."""

    def __init__(self, policy: Policy, resolver: AbstractResolver | None = None) -> None:
        self._policy = policy
        self._resolver = resolver or aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Every address of a name; raises `AddressRefused` where one of them is not allowed."""
        found = await self._resolver.resolve(host, port, family)
        for each in found:
            if not self._policy.allows(each["host"]):
                raise AddressRefused(each["host"])
        return found

    async def close(self) -> None:
        """Close the resolver behind it."""
        await self._resolver.close()


def open_session(
    policy: Policy, *, attempt_s: float, resolver: AbstractResolver | None = None
) -> aiohttp.ClientSession:
    """For deliveries: to allowed addresses alone, no cookies, no proxies, nothing unpacked.

    Each attempt has a connection of its own; its address is checked when its socket is made, however
    it was found.
    """

    def checked_socket(address: Any) -> socket.socket:
        family, kind, protocol, _, (host, *_) = address
        if not policy.allows(host):
            raise AddressRefused(host)
        made = socket.socket(family, kind, protocol)
        made.setblocking(False)
        return made

    connector = aiohttp.TCPConnector(
        resolver=CheckedResolver(policy, resolver),
        use_dns_cache=False,
        force_close=True,
        limit=0,
        socket_factory=checked_socket,
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=attempt_s),
        auto_decompress=False,
        trust_env=False,
    )
