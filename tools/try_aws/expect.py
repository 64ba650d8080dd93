"""What a response should be, and in what it differs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from wire import Response

PRIVATE = "private, no-cache"
"""``Cache-Control`` of every response of the API."""

TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    409: "Conflict",
}

MEMBERS = {"type", "title", "status", "detail", "message", "code", "requestId"}
"""What every problem document has."""

CHALLENGE = re.compile(r'Bearer( error="invalid_token", error_description="[^"\\]+")?')
CURSOR = re.compile(r"[A-Za-z0-9_-]{1,512}")

ABSENT = None
"""As the value of a header: the header must not be there."""


@dataclass(frozen=True)
class Expected:
    """What a response should be. Only what is named is looked at."""

    status: int
    headers: Mapping[str, str | re.Pattern[str] | None] = field(default_factory=dict)
    """The value of each header, or a pattern for the whole of it, or `ABSENT`."""
    code: str | None = None
    """If it is an error of the API: its code."""
    parameter: str | None = None
    """The parameter that is at fault, of an error of the API."""


def differences(response: Response, expected: Expected) -> Iterator[str]:
    """What is not as it should be, each difference as a text; nothing if all is well."""
    if response.status != expected.status:
        yield f"{response.sent}: status {response.status}, not {expected.status}: {excerpt(response)}"
        return
    for name, wanted in expected.headers.items():
        found = response.header(name)
        if not fits(found, wanted):
            shown = wanted.pattern if isinstance(wanted, re.Pattern) else wanted
            yield f"{response.sent}: {name} is {found!r}, not {shown!r}"
    if expected.code is not None:
        for problem in problem_differences(response, expected):
            yield f"{response.sent}: {problem}"


def fits(found: str | None, wanted: str | re.Pattern[str] | None) -> bool:
    """Whether a header has the value that it should have."""
    if wanted is None or found is None:
        return wanted is found
    return bool(wanted.fullmatch(found)) if isinstance(wanted, re.Pattern) else found == wanted


def problem_differences(response: Response, expected: Expected) -> Iterator[str]:
    """In what a response is not the problem document that it should be (RFC 9457, openapi.yaml)."""
    kind = response.header("content-type")
    if kind != "application/problem+json":
        yield f"content-type is {kind!r}, not 'application/problem+json'"
    if response.header("cache-control") != PRIVATE:
        yield f"cache-control is {response.header('cache-control')!r}"
    body = response.json()
    if not isinstance(body, dict):
        yield f"the body is no JSON object: {excerpt(response)}"
        return
    wanted = MEMBERS | ({"parameter"} if expected.parameter else set())
    if body.keys() != wanted:
        yield f"the members are {sorted(body)}, not {sorted(wanted)}"
        return
    values = {
        "type": "about:blank",
        "title": TITLES[expected.status],
        "status": expected.status,
        "code": expected.code,
    }
    if expected.parameter:
        values["parameter"] = expected.parameter
    for name, value in values.items():
        if body[name] != value:
            yield f"{name} is {body[name]!r}, not {value!r}"
    for name in ["detail", "message"]:
        if not (isinstance(body[name], str) and body[name]):
            yield f"{name} is {body[name]!r}"


def excerpt(response: Response, length: int = 160) -> str:
    """The beginning of a body, for people."""
    text = response.content[:length].decode(errors="backslashreplace")
    return text.replace("\n", " ") + ("…" if len(response.content) > length else "")


ENTRY = {
    "id",
    "userId",
    "projectId",
    "environmentId",
    "user",
    "project",
    "environment",
    "resourceType",
    "resourceId",
    "action",
    "description",
    "metadata",
    "createdAt",
}
CLIENT = {"ipAddress", "userAgent", "occurredAt", "altered"}


def page_differences(body: Any, *, is_ascending: bool = False, with_client: bool = False) -> Iterator[str]:
    """In what the body of a list breaks the rules that hold for each: which members there are, and when
    there is a way on."""
    if not isinstance(body, dict) or not {"message", "data", "pagination"} <= body.keys():
        yield f"no page: {str(body)[:100]}"
        return
    wanted = ENTRY | CLIENT if with_client else ENTRY
    for entry in body["data"]:
        if entry.keys() != wanted:
            yield f"the entry {entry.get('id')} has the members {sorted(entry)}"
    pagination = body["pagination"]
    rest = pagination["total"] - pagination["offset"] - len(body["data"])
    if pagination["hasMore"] != (rest > 0):
        yield f"hasMore is {pagination['hasMore']}, and {rest} are left"
    for name, is_due in [
        ("nextCursor", pagination["hasMore"] and pagination["limit"] > 0),
        ("resumeCursor", is_ascending),
    ]:
        cursor = pagination.get(name)
        if (cursor is not None) != is_due or (cursor is not None and not CURSOR.fullmatch(cursor)):
            yield f"{name} is {cursor!r}"
