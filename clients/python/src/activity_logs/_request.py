"""What every middleware reads from a request."""

from __future__ import annotations

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
