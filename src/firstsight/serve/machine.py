"""Whether a request comes from this machine: its connection, and what browsers and proxies say of it."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from fastapi import Request

from firstsight.serve.settings import LOOPBACK

_RELAYED = frozenset((
    "forwarded", "forwarded-for", "via", "client-ip", "true-client-ip", "x-real-ip", "x-client-ip",
    "x-cluster-client-ip", "x-original-forwarded-for", "x-originating-ip", "x-remote-ip", "x-remote-addr",
    "x-proxyuser-ip", "cf-connecting-ip", "fastly-client-ip", "x-azure-clientip",
))  # fmt: skip
"""Headers by which a proxy says for whom it asks, besides all that begin with ``X-Forwarded``."""


def stranger(request: Request) -> str | None:
    """Why a request can't be taken for one of this machine's own; None where it can.

    Every one of these must hold, since each alone can be got round: the socket is this machine's at both ends (a
    header can say anything), nobody relayed it (a proxy here is at this machine's end for everyone outside), it was
    asked by a name of this machine (else a name that leads here, made for it, is let in by any browser), and no page
    of another site asked it (an ``<img>`` sends no Origin, but says where it stands).
    """
    here = request.scope.get("server")
    if not here or _plain(here[0]) not in LOOPBACK:
        return "it came to an address that other machines can reach"
    if request.client is None or not _loopback(request.client.host):
        return "it came from another machine"
    relayed = next((name for name in request.headers if _relays(name)), None)
    if relayed is not None:
        return f"a proxy passed it on ({relayed[:40]})"
    hosts = request.headers.getlist("host")
    if len(hosts) != 1 or _host(f"//{hosts[0]}") not in LOOPBACK:
        return "its Host is not localhost"
    origin = request.headers.get("origin")
    if origin is not None and _netloc(origin) != hosts[0]:
        return "a page of another site asks"
    if any(site not in ("same-origin", "none") for site in request.headers.getlist("sec-fetch-site")):
        return "a page of another site asks"
    return None


def address(request: Request) -> str:
    """Whose requests are counted together where no key tells: an address, of IPv6 all that one line has."""
    if request.client is None:
        return "unknown"
    try:
        found = ipaddress.ip_address(_plain(request.client.host))
    except ValueError:
        return request.client.host[:64]
    if found.version == 6:
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)


def _relays(name: str) -> bool:
    plain = name.lower().replace("_", "-")
    return plain.startswith("x-forwarded") or plain in _RELAYED


def _plain(host: object) -> str:
    """An address without a scope, and that of IPv4 where it is written as one of IPv6."""
    text = str(host).partition("%")[0].lower()
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return text
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(mapped or found)


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(_plain(host)).is_loopback
    except ValueError:
        return False


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:  # a bracket that is not closed
        return None


def _netloc(url: str) -> str | None:
    try:
        return urlsplit(url).netloc
    except ValueError:
        return None
