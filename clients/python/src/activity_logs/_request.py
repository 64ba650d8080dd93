"""What every middleware reads from a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import _repair
from ._message import Client


def client_of(
    *, peer: str | None, forwarded: str | None, trusted_hops: int, user_agent: str | None
) -> Client:
    """Where a request came from, and what sent it."""
    return Client(_repair.client_address(peer, forwarded, trusted_hops), user_agent or None)


def header(value: bytes) -> str:
    """A header as text: UTF-8, as browsers and tools send it; else ISO 8859-1, as HTTP once had it."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def checked_hops(trusted_hops: object) -> int:
    """The option ``trusted_hops``.

    Raises:
        ValueError: if it is no number from 0.
    """
    if isinstance(trusted_hops, bool) or not isinstance(trusted_hops, int) or trusted_hops < 0:
        raise ValueError("trusted_hops must be a whole number from 0")
    return trusted_hops


def client_of_event(event: object, trusted_hops: int) -> Client:
    """Where the request of an event came from, and what sent it. Pure."""
    said = _object(event)
    context = _object(said.get("requestContext"))
    http, identity = _object(context.get("http")), _object(context.get("identity"))
    headers = {str(name).lower(): value for name, value in _object(said.get("headers")).items()}
    # A load balancer with multi-value headers, and REST APIs, have lists instead or besides.
    for name, values in _object(said.get("multiValueHeaders")).items():
        if isinstance(values, list):
            headers[str(name).lower()] = ",".join(map(str, values))
    peer = _text(http.get("sourceIp")) or _text(identity.get("sourceIp"))
    forwarded = _text(headers.get("x-forwarded-for"))
    if peer and forwarded:
        # Like any proxy, API Gateway adds its peer to the header. sourceIp has the same address.
        before, _, last = forwarded.rpartition(",")
        forwarded = before if last.strip() == peer else forwarded
    agent = (
        _text(http.get("userAgent")) or _text(identity.get("userAgent")) or _text(headers.get("user-agent"))
    )
    return client_of(peer=peer, forwarded=forwarded, trusted_hops=trusted_hops, user_agent=agent)


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
