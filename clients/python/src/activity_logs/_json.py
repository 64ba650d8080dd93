"""JSON as ``JSON.stringify`` writes it, so that both clients produce the same text for the same call.

``json.dumps`` is not used: it writes ``NaN``, which is no JSON; it writes ``1e16`` and ``1.0`` in
another way than JavaScript; it fails on a time or a ``Decimal``; and it recurses, so that a value nested
deeply enough raises ``RecursionError``. An audit trail that fails because a detail looks odd lets
whoever controls the detail act unrecorded, so every value has a text here.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from json.encoder import encode_basestring
from typing import NamedTuple

REDACTED = "[redacted]"

_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_HALF = re.compile("[\ud800-\udfff]")
_HALF_ESCAPE = re.compile(r"\\(?:u(d[89a-f][0-9a-f]{2})|.)", re.DOTALL)
# SQS refuses a message that has U+FFFE or U+FFFF in it, so these are always escaped.
_ESCAPED = re.compile("[\ud800-\udfff\ufffe\uffff]")


class Encoded(NamedTuple):
    """A text, and whether something in the value had to be replaced, since no text can hold it."""

    text: str
    repaired: bool


def whole(text: str) -> str:
    """``text`` with each pair of surrogates as the character that it stands for."""
    if not _HALF.search(text):
        return text
    return _PAIR.sub(lambda pair: pair[0].encode("utf-16-le", "surrogatepass").decode("utf-16-le"), text)


def well_formed(text: str) -> Encoded:
    """``text`` with U+FFFD for each half of a surrogate pair that stands alone."""
    came = whole(text)
    fixed = _HALF.sub("\ufffd", came)
    return Encoded(fixed, fixed != came)


def quote(text: str) -> str:
    """A text as a JSON string. Half of a surrogate pair is written as an escape, and so is a character
    that SQS does not take."""
    escape = lambda found: f"\\u{ord(found[0]):04x}"  # noqa: E731
    return _ESCAPED.sub(escape, encode_basestring(whole(text)))


def quote_well_formed(text: str) -> Encoded:
    """A text as a JSON string, with an escaped U+FFFD for each half of a surrogate pair: as the recorder
    writes it within metadata."""
    came = quote(text)
    if "\\ud" not in came:
        return Encoded(came, False)
    fixed = _HALF_ESCAPE.sub(lambda found: "\\ufffd" if found[1] else found[0], came)
    return Encoded(fixed, fixed != came)


def number(value: float) -> str:
    """A number as JavaScript writes it (ECMA-262, ``Number::toString``); ``null`` if it is not finite."""
    if not math.isfinite(value):
        return "null"
    if value == 0:
        return "0"
    sign, all_digits, exponent = Decimal(float.__repr__(value)).as_tuple()
    assert isinstance(exponent, int)
    digits = "".join(map(str, all_digits)).lstrip("0")
    point = len(digits) + exponent
    digits = digits.rstrip("0")
    minus = "-" if sign else ""
    if len(digits) <= point <= 21:
        return minus + digits.ljust(point, "0")
    if 0 < point <= 21:
        return f"{minus}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{minus}0.{'0' * -point}{digits}"
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{minus}{digits[0]}{fraction}e{point - 1:+d}"


def timestamp(time: datetime) -> str:
    """A time in UTC with milliseconds and ``Z``; digits beyond the millisecond are cut off. A time
    without a zone is local time, as everywhere in Python."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class _Frame:
    """An array or object of which the beginning is written."""

    __slots__ = ("close", "first", "items", "of")

    def __init__(self, items: Iterator[tuple[str | None, object]], close: str, of: int) -> None:
        self.items, self.close, self.of, self.first = items, close, of, True


def encode(value: object, redact: frozenset[str] = frozenset()) -> Encoded:
    """``value`` as compact JSON text.

    ``redact`` are names in lower case: a member that has one of them, at any depth and in any case,
    is written as ``"[redacted]"``.

    What is no JSON value becomes one: a mapping an object; a list, tuple or set an array; a dataclass
    its fields; an ``Enum`` its value; a time its text in UTC; bytes their UTF-8 text; anything else
    ``str(value)``. Half of a surrogate pair is an escaped U+FFFD.

    Raises:
        ValueError: if the value holds itself.
    """
    out: list[str] = []
    stack: list[_Frame] = []
    within: set[int] = set()
    # The containers are kept, so that no id is used again.
    kept: list[object] = []
    repaired = False
    given = value
    while True:
        now = plain(given)
        members = _members(now)
        if members is not None and id(given) in within:
            raise ValueError("the value holds itself")
        if members is None:
            text, is_repaired = _scalar(now)
            repaired |= is_repaired
            out.append(text)
        else:
            is_object = isinstance(now, Mapping)
            out.append("{" if is_object else "[")
            stack.append(_Frame(members, "}" if is_object else "]", id(given)))
            within.add(id(given))
            kept.append(given)
        while stack:
            frame = stack[-1]
            try:
                name, given = next(frame.items)
            except StopIteration:
                out.append(frame.close)
                within.discard(frame.of)
                stack.pop()
                continue
            if not frame.first:
                out.append(",")
            frame.first = False
            if name is not None:
                text, is_repaired = quote_well_formed(name)
                repaired |= is_repaired
                out.append(text + ":")
                if name.lower() in redact:
                    given = REDACTED
            break
        else:
            return Encoded("".join(out), repaired)


def _members(value: object) -> Iterator[tuple[str | None, object]] | None:
    """What is in an object or array, each with its name if it has one; ``None`` for anything else."""
    if isinstance(value, Mapping):
        # Copied: another thread may change it while it is read.
        return ((_name(name), item) for name, item in list(value.items()))
    if isinstance(value, list | tuple | set | frozenset):
        return ((None, item) for item in list(value))
    return None


def _name(name: object) -> str:
    name = name.value if isinstance(name, Enum) and not isinstance(name, str) else name
    if isinstance(name, str):
        return str.__str__(name)
    if name is None or isinstance(name, bool | int | float):
        return _scalar(name)[0]
    return _text_of(name)


def plain(value: object) -> object:
    """A value that stands for another, as that one."""
    if isinstance(value, Enum):
        return plain(value.value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, datetime):
        try:
            return timestamp(value)
        except (OverflowError, ValueError, OSError):
            return value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "replace")
    return value


def _scalar(value: object) -> Encoded:
    if value is None:
        return Encoded("null", False)
    if value is True:
        return Encoded("true", False)
    if value is False:
        return Encoded("false", False)
    if isinstance(value, int):
        try:
            return Encoded(int.__repr__(value), False)
        except ValueError:
            # Python writes no decimal integer of more than 4,300 digits.
            return Encoded(f'"{int(value):#x}"', True)
    if isinstance(value, float):
        return Encoded(number(value), False)
    text = str.__str__(value) if isinstance(value, str) else _text_of(value)
    return quote_well_formed(text)


def _text_of(value: object) -> str:
    try:
        return str(value)
    except Exception:  # Whatever a foreign __str__ raises, there is something to record.
        return f"<{type(value).__name__}>"


def depth(text: str) -> int:
    """How many arrays and objects of a JSON text stand in each other at the most."""
    deepest = now = 0
    for bracket in re.findall(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', text, re.DOTALL):
        if bracket in ("[", "{"):
            now += 1
            deepest = max(deepest, now)
        elif bracket in ("]", "}"):
            now -= 1
    return deepest
