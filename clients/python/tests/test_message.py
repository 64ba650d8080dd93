"""Whatever is recorded, the recorder takes it without an alteration, and reads the same fields."""

from __future__ import annotations

import ipaddress
import json
import math
import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from activity_logs import Message, _json, _message, _repair
from activity_logs._message import Call, Client

from .support import REPOSITORY, corpus

LARGEST_BODY = 16 * 1024


class Parser:
    """The recorder's own parser: a program that answers a message a line."""

    def __init__(self, program: Path) -> None:
        self._process = subprocess.Popen(
            [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
        )

    def read(self, body: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(body + "\n")
        self._process.stdin.flush()
        outcome: dict[str, Any] = json.loads(self._process.stdout.readline())
        return outcome

    def close(self) -> None:
        self._process.communicate(timeout=10)


@pytest.fixture(scope="module")
def parser() -> Iterator[Parser]:
    program = Path(os.environ.get("PARSE_MESSAGES", REPOSITORY / "target/debug/parse-messages"))
    if not program.exists():
        if os.environ.get("CI"):
            pytest.fail(f"{program} is not built")
        pytest.skip(f"{program} is not built; `cargo build --package contract-tests` makes it")
    found = Parser(program)
    yield found
    found.close()


def check(parser: Parser, message: Message) -> dict[str, Any]:
    """The fields that the recorder reads in a message, which it must take as it is."""
    outcome = parser.read(message.body)
    assert outcome["ok"], outcome
    assert outcome["altered"] == []
    assert outcome["ignored"] == []
    given = message.fields
    assert {name: value for name, value in outcome["fields"].items() if value is not None} == given | (
        {"ipAddress": str(ipaddress.ip_address(given["ipAddress"]))} if "ipAddress" in given else {}
    )
    return outcome


@pytest.mark.parametrize("case", corpus(), ids=lambda case: case["name"][:60])
def test_the_recorder_takes_what_is_in_the_corpus(parser: Parser, case: dict[str, Any]) -> None:
    check(parser, Message(case["message"], "", ""))


ANY_TEXT = st.one_of(
    st.text(st.characters(), max_size=40),
    st.text(st.characters(categories=["Cs", "Cc", "Zs", "So"]), max_size=20),
    st.text(st.sampled_from('aé€😀\ud83d\ude00\uffff"\\\x00\u2028'), max_size=600),
    st.sampled_from(["x" * 1025, "é" * 513, "k" * 129, "", "😀" * 128 + "x"]),
)
ADDRESS = st.one_of(
    st.ip_addresses().map(str),
    st.text(st.sampled_from('0123456789.:,/%[]" fF'), max_size=40),
    st.lists(st.ip_addresses().map(str), max_size=4).map(", ".join),
    st.ip_addresses(v=4).map(lambda one: f"::ffff:{one}"),
    st.ip_addresses(v=6).map(lambda one: f"[{one}]:443"),
    st.ip_addresses(v=6).map(lambda one: one.exploded.upper()),
)
VALUE = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        ANY_TEXT,
        st.datetimes(),
        st.decimals(),
        st.uuids(),
        st.binary(max_size=8),
        st.builds(lambda: 10**5000),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.tuples(inner, inner),
        st.dictionaries(st.one_of(ANY_TEXT, st.integers(), st.none()), inner, max_size=5),
        inner.map(lambda value: nested(value, 40)),
    ),
    max_leaves=30,
)


def nested(value: object, depth: int) -> object:
    for _ in range(depth):
        value = [value]
    return value


ID = st.one_of(
    st.integers(-2, 2**54),
    st.integers(1, 99).map(str),
    st.floats(),
    st.none(),
    ANY_TEXT,
    st.booleans(),
    st.just([5]),
)
USER = st.one_of(st.integers(1, 2**53 - 1), st.integers(1, 2**53 - 1).map(str))
ANYTHING = st.one_of(ANY_TEXT, VALUE)
CALL: st.SearchStrategy[Any] = st.builds(
    Call,
    ANY_TEXT.filter(bool),
    st.one_of(st.none(), st.tuples(ANYTHING), st.tuples(ANYTHING, ID)),
    st.one_of(st.none(), st.tuples(ID, ID)),
    ID,
    ANYTHING,
    ANYTHING,
    ANYTHING,
    st.one_of(
        st.none(),
        st.datetimes(timezones=st.sampled_from([None, UTC])),
        st.integers(-1, 2**60),
        st.floats(),
        st.text(st.sampled_from("0123456789-+:TZ. "), max_size=30),
        st.datetimes().map(lambda time: time.isoformat() + "+02:00"),
        st.sampled_from(["2016-12-31T23:59:60Z", "2024-02-30T00:00:00Z", "0001-01-01T00:00:00+23:59"]),
    ),
    ANYTHING,
)
CLIENT: st.SearchStrategy[Any] = st.builds(Client, st.one_of(st.none(), ADDRESS, ANYTHING), ANYTHING)
NOW = 1_705_314_600_000
UUID = "5f0c6a52-3c56-4d0b-9a0e-3f1f6c1b7a11"


def message_of(call: Call, client: Client, user: object) -> tuple[Message, tuple[str, ...]]:
    draft = _message.draft(call, client, now=NOW, uuid=UUID, redact=frozenset({"a"}))
    return draft.message(_message.user_id(user)), draft.altered


@settings(max_examples=300)
@given(CALL, CLIENT, USER)
def test_whatever_is_said_the_recorder_takes_it_as_it_is(
    parser: Parser, call: Call, client: Client, user: object
) -> None:
    message, _ = message_of(call, client, user)
    check(parser, message)


@given(CALL, CLIENT, USER)
def test_a_message_is_small_is_taken_by_sqs_and_is_not_altered_again(
    call: Call, client: Client, user: object
) -> None:
    message, altered = message_of(call, client, user)
    assert len(message.body.encode()) <= LARGEST_BODY
    # AWS: "SendMessage", the characters that a message can have.
    assert all(
        character in "\t\n\r"
        or "\x20" <= character <= "\ud7ff"
        or "\ue000" <= character <= "\ufffd"
        or character >= "\U00010000"
        for character in message.body
    )
    assert list(altered) == [name for name in NAMES if name in altered]
    fields = message.fields
    again = Call(
        fields["action"],
        (fields.get("resourceType"), fields.get("resourceId")),  # type: ignore[arg-type]
        (fields["projectId"], fields["environmentId"]) if "environmentId" in fields else None,
        fields.get("projectId"),
        fields.get("description"),
        fields.get("metadata"),
        None,
        fields["occurredAt"],
        fields["idempotencyKey"],
    )
    same, altered = message_of(again, Client(fields.get("ipAddress"), fields.get("userAgent")), user)
    assert altered == ()
    assert {**same.fields, "metadata": None} == {**fields, "metadata": None}


NAMES = (
    "projectId",
    "environmentId",
    "resourceType",
    "resourceId",
    "action",
    "description",
    "metadata",
    "ipAddress",
    "userAgent",
    "occurredAt",
    "idempotencyKey",
)


@given(VALUE)
@example({"a": [float("inf"), {"b": "\ud83d"}]})
def test_any_value_is_json_that_says_the_same(value: Any) -> None:
    text, is_repaired = _json.encode(value)
    read = json.loads(text)
    assert "\n" not in text
    if isinstance(value, int | float) and not isinstance(value, bool) and not is_repaired:
        assert read == value or not math.isfinite(value)
    if isinstance(value, str) and not is_repaired:
        assert read == _json.whole(value)


@given(st.floats(allow_nan=False, allow_infinity=False))
@example(5e-324)
@example(1.7976931348623157e308)
def test_a_number_is_read_as_it_was(value: float) -> None:
    assert float(_json.number(value)) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"),
        (-1.5, "-1.5"),
        (100.0, "100"),
        (123456789012345680000.0, "123456789012345680000"),
        (1e21, "1e+21"),
        (1.5e300, "1.5e+300"),
        (0.000001, "0.000001"),
        (1e-7, "1e-7"),
        (-1.25e-9, "-1.25e-9"),
        (-0.0, "0"),
        (float("nan"), "null"),
        (float("-inf"), "null"),
    ],
)
def test_a_number_is_written_as_javascript_writes_it(value: float, text: str) -> None:
    assert _json.number(value) == text


@given(st.text(st.sampled_from('[]{}",\\a:'), max_size=30))
def test_depth_is_that_of_the_value(text: str) -> None:
    try:
        value = json.loads(text)
    except ValueError:
        return

    def depth(one: Any) -> int:
        inner = one.values() if isinstance(one, dict) else one if isinstance(one, list) else None
        return 0 if inner is None else 1 + max(map(depth, inner), default=0)

    # A member that is given twice is there once in the value.
    assert _json.depth(text) >= depth(value)


@given(st.integers(0, 253_402_207_200_000))
def test_a_time_is_read_as_it_is_written(millis: int) -> None:
    assert _repair.millis(_repair.format_millis(millis)) == millis
    assert _repair.millis(datetime.fromtimestamp(millis // 1000, UTC)) == millis // 1000 * 1000
