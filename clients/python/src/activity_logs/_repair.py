"""What the recorder would repair is repaired here, in the same way, before it is sent.

The recorder refuses nothing but a message without a user or an action: a detail over a limit is cut, one
that makes no sense is left out, and the entry says in ``altered`` what came. The client does the same
first, so that the developer is told at once (``on_altered``) and the entry is as it was sent. These are
the rules of ``shared/src/model/repair.rs`` and ``message.rs``, one function a rule; the tests hold them
against the recorder's own parser.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

from . import _json

MAX_ID: Final = 2**53 - 1

# Limits in bytes of UTF-8; of a name in characters, which are ASCII.
NAME: Final = 64
DESCRIPTION: Final = 1_024
METADATA: Final = 4_096
METADATA_DEPTH: Final = 32
USER_AGENT: Final = 512
IDEMPOTENCY_KEY: Final = 128

# The last instant that is in the year 9999 at every offset: 9999-12-30T22:00:00Z.
_MAX_TIME: Final = 253_402_207_200_000

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


def cut(text: str, limit: int) -> str:
    """The beginning of a text, at most ``limit`` bytes of UTF-8, with no character cut in two."""
    data = text.encode()
    return text if len(data) <= limit else data[:limit].decode("utf-8", "ignore")


def name(text: str) -> str:
    """A text as an action or resource type: in lower case, ``_`` for what may not stand there, cut."""
    return re.sub(r"[^a-z0-9_.:-]", "_", _lower(text[:NAME]))


def _lower(text: str) -> str:
    # ``str.lower`` is not used: it lowers letters that are not ASCII, some into several.
    return re.sub("[A-Z]+", lambda letters: letters[0].lower(), text)


def identifier(value: object) -> int | None:
    """An id from 1 to 2^53 - 1, given as a number or as its decimal digits; ``None`` if it is none."""
    if isinstance(value, str):
        value = int(value) if re.fullmatch("[1-9][0-9]{0,15}", value) else None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_ID:
        return int(value)
    return None


def text_of(value: object) -> _json.Encoded:
    """A value where a text must stand: itself if it is a text, else its JSON text."""
    if isinstance(value, str):
        return _json.well_formed(str.__str__(value))
    try:
        text, _ = _json.encode(value)
    except ValueError:
        return _json.Encoded(f"<{type(value).__name__}>", True)
    if text.startswith('"'):
        # A lazy translation, a UUID, a path: a text in all but type.
        return _json.well_formed(str(_json.plain(value)))
    return _json.Encoded(text, True)


def key(value: object) -> _json.Encoded:
    """An idempotency key, or the hash of its JSON text where it cannot stand."""
    text, is_repaired = text_of(value)
    if len(text.encode()) > IDEMPOTENCY_KEY or (is_repaired and isinstance(value, str)):
        came = _json.quote(value) if isinstance(value, str) else text
        return _json.Encoded(f"sha256:{sha256(came)}", True)
    return _json.Encoded(text, is_repaired)


def sha256(text: str) -> str:
    """The SHA-256 of a text in hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def metadata(text: str) -> str:
    """The JSON text of metadata, or what stands in its place where it is nested too deeply or too long:
    with its hash, so that whoever has the original can show that it is the one."""
    if _json.depth(text) > METADATA_DEPTH:
        return f'{{"omitted":"nested too deeply","sha256":"{sha256(text)}"}}'
    if (size := len(text.encode())) > METADATA:
        return f'{{"omitted":"too long","bytes":{size},"sha256":"{sha256(text)}"}}'
    return text


# What Unicode calls white space. ``str.strip`` takes U+001C to U+001F for white space, too.
_WHITE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))


def address(text: str) -> str | None:
    """The address that a text has, with or without port, brackets, zone and spaces around it. Of a
    list, the last public address, since a client may write anything before what its proxies add; or else
    the last. An address that can be read as it is stays as it is."""
    found = [one for part in text.split(",") if (one := _one_address(part)) is not None]
    public = [one for one in found if _is_public(one[1])]
    return (public or found)[-1][0] if found else None


def client_address(peer: str | None, forwarded: str | None, trusted_hops: int) -> str | None:
    """The address of a client: that of the peer; or, behind trusted proxies, what the outermost of them
    wrote into ``X-Forwarded-For``. Each proxy adds its peer at the end of the header. So this
    counts from the right, and never reaches what a client wrote.

    If fewer proxies were passed than are trusted, the first address of the header is the client's.
    """
    hops = forwarded.split(",")[::-1] if forwarded and trusted_hops > 0 else []
    client = [peer or "", *hops][min(trusted_hops, len(hops))]
    found = _one_address(client)
    return found[0] if found else None


def _one_address(text: str) -> tuple[str, Address] | None:
    """The address that a text has which is no list, as text and value; an IPv4 address within an IPv6
    address as the IPv4 address (RFC 4291, section 2.5.5.2)."""
    text = text.strip(_WHITE + '"')
    if text.startswith("["):
        host = text[1:].split("]")[0]
    else:
        before, colon, port = text.partition(":")
        # One colon is before a port; an IPv6 address has two at least.
        is_port = colon and re.fullmatch("[0-9]*", port)
        host = before if is_port else text.rstrip("]")
    host = host.strip('"').split("%")[0]
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        return str(found.ipv4_mapped), found.ipv4_mapped
    return host, found


_INTERNAL = [
    ipaddress.ip_network(network)
    for network in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16"),
        *("100.64.0.0/10", "0.0.0.0/32", "fc00::/7", "::1/128", "fe80::/10", "::/128"),
    )
]


def _is_public(one: Address) -> bool:
    """Whether an address is not private, loopback, link-local or shared (RFC 6890, RFC 4193)."""
    return not any(one in network for network in _INTERNAL)


_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def millis(value: object) -> int | None:
    """An instant in milliseconds since 1970, given as an aware or local ``datetime``, as RFC 3339 text or
    as milliseconds; ``None`` if it is none, or none from 1970 to 9999."""
    found: int | None = None
    if isinstance(value, datetime):
        try:
            found = (value.astimezone(UTC) - _EPOCH) // timedelta(milliseconds=1)
        except (OverflowError, ValueError, OSError):
            return None
    elif isinstance(value, str):
        found = _rfc3339(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        found = value
    elif isinstance(value, float) and value.is_integer():
        found = int(value)
    return found if found is not None and 0 <= found <= _MAX_TIME else None


def _rfc3339(text: str) -> int | None:
    """Reads RFC 3339 with any offset; digits beyond the millisecond are cut off. A leap second counts as
    the first of the next month."""
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = map(int, found.groups()[:6])
    fraction, offset = (found[7] or "")[:3].ljust(3, "0"), found[8]
    minutes = 0
    if offset not in "Zz":
        hours, minutes = int(offset[1:3]), int(offset[4:])
        if hours > 23 or minutes > 59:
            return None
        minutes = (hours * 60 + minutes) * (-1 if offset[0] == "-" else 1)
    is_leap = second == 60
    try:
        # The years that Python has no offsets for are outside of the range in any case.
        second = 59 if is_leap else second
        local = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
        time = local - timedelta(minutes=minutes)
        if is_leap:
            time += timedelta(seconds=1)
    except (ValueError, OverflowError):
        return None
    if is_leap and (time.day, time.hour, time.minute) != (1, 0, 0):
        return None
    return (time - _EPOCH) // timedelta(milliseconds=1) + int(fraction)


def format_millis(time: int) -> str:
    """An instant as the recorder writes it: RFC 3339 in UTC with three digits after the second."""
    return _json.timestamp(_EPOCH + timedelta(milliseconds=time))
