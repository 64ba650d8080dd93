"""From a call of ``record`` to the text of the message: pure, with time and UUID passed in.

A message is compact JSON with its members in a fixed order, and only those that are given. Both clients
produce the same text for the same call (``clients/corpus``), and the recorder takes it without an
alteration.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from . import _json, _repair

Id: TypeAlias = int | str
"""An id of the platform: an integer from 1 to 2^53 - 1, or its decimal digits."""

Resource: TypeAlias = tuple[str] | tuple[str, Id | None]
"""A type of resources, and the id of the one that it is about, if any."""


@dataclass(frozen=True, slots=True)
class Call:
    """What a caller of ``record`` says of an activity."""

    action: str
    resource: Resource | None = None
    environment: tuple[Id, Id] | None = None
    project: Id | None = None
    description: str | None = None
    metadata: Mapping[str, Any] | None = None
    changes: Mapping[str, Any] | None = None
    occurred_at: datetime | str | int | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class Client:
    """Where a request came from, and what sent it."""

    ip_address: str | None = None
    user_agent: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it is sent."""

    body: str
    group: str
    """The user, as text: what SQS keeps in order."""
    deduplication_id: str

    @property
    def fields(self) -> dict[str, Any]:
        """The members of the body."""
        fields: dict[str, Any] = json.loads(self.body)
        return fields


@dataclass(frozen=True, slots=True)
class Draft:
    """A message that lacks nothing but its user."""

    members: str
    deduplication_id: str
    altered: tuple[str, ...] = field(default=())
    """The fields that had to be repaired, by their names in the message."""

    def message(self, user: int) -> Message:
        """The message of a user."""
        return Message(f'{{"userId":{user},{self.members}}}', str(user), self.deduplication_id)


def user_id(value: object) -> int:
    """The user as a number.

    Raises:
        TypeError: if it is neither a number nor a text, ``None`` among others.
        ValueError: if it is no integer from 1 to 2^53 - 1 and not its decimal digits.
    """
    found = _repair.identifier(value)
    if found is not None:
        return found
    if value is None:
        raise TypeError("user_id is required: the log must say who did this")
    reason = "user_id must be an integer from 1 to 2^53 - 1"
    if isinstance(value, int | str | float) and not isinstance(value, bool):
        raise ValueError(reason)
    raise TypeError(f"{reason}, not {type(value).__name__}")


def draft(call: Call, client: Client, *, now: int, uuid: str, redact: frozenset[str] = frozenset()) -> Draft:
    """What is sent for a call at ``now``, in milliseconds since 1970, with ``uuid`` as its deduplication
    id. ``redact`` are names of metadata in lower case.

    Raises:
        TypeError: if the action is no text.
        ValueError: if the action is empty.
    """
    if not isinstance(call.action, str):
        raise TypeError(f"action must be a text, not {type(call.action).__name__}")
    if call.action == "":
        raise ValueError("action must not be empty")
    builder = _Builder()
    resource_type, resource_id = _pair(call.resource)
    project, environment = _pair(call.environment) if call.environment is not None else (None, None)
    if call.environment is None:
        project = call.project
    project_id = builder.id("projectId", project)
    if project_id is None and environment is not None:
        builder.altered.append("environmentId")
    else:
        builder.id("environmentId", environment)
    builder.name("resourceType", resource_type)
    builder.id("resourceId", resource_id)
    builder.name("action", call.action)
    builder.text("description", call.description, _repair.DESCRIPTION)
    builder.metadata(call.metadata, call.changes, redact)
    builder.address(client.ip_address)
    builder.text("userAgent", client.user_agent, _repair.USER_AGENT)
    builder.time(call.occurred_at, now)
    builder.key(call.idempotency_key, uuid)
    return Draft(",".join(builder.members), uuid, tuple(builder.altered))


def _pair(value: object) -> tuple[object, object]:
    """The two parts of a resource or an environment; what is no pair is the first."""
    if not isinstance(value, tuple | list):
        return value, None
    return value[0] if value else None, value[1] if len(value) > 1 else None


class _Builder:
    """The members of a message so far, as JSON, and the fields that were altered."""

    def __init__(self) -> None:
        self.members: list[str] = []
        self.altered: list[str] = []

    def _add(self, name: str, json_text: str, *, is_altered: bool = False) -> None:
        self.members.append(f'"{name}":{json_text}')
        if is_altered:
            self.altered.append(name)

    def id(self, name: str, value: object) -> int | None:
        if value is None:
            return None
        found = _repair.identifier(value)
        if found is None:
            self.altered.append(name)
        else:
            self._add(name, str(found))
        return found

    def name(self, field_name: str, value: object) -> None:
        if value is None:
            return
        text, is_repaired = _repair.text_of(value)
        kept = _repair.name(text)
        if kept == "":
            self.altered.append(field_name)
        else:
            self._add(field_name, f'"{kept}"', is_altered=is_repaired or kept != text)

    def text(self, name: str, value: object, limit: int) -> None:
        if value is None:
            return
        text, is_repaired = _repair.text_of(value)
        kept = _repair.cut(text, limit)
        self._add(name, _json.quote(kept), is_altered=is_repaired or kept != text)

    def metadata(self, given: object, changes: object, redact: frozenset[str]) -> None:
        if given is None and changes is None:
            return
        given = {} if given is None else _json.plain(given)
        is_object = isinstance(given, Mapping)
        value = dict(given) if isinstance(given, Mapping) else {"value": given}
        if changes is not None:
            value.pop("changes", None)
            value["changes"] = changes
        try:
            text, is_repaired = _json.encode(value, redact)
        except ValueError:
            self._add("metadata", '{"omitted":"not JSON"}', is_altered=True)
            return
        kept = _repair.metadata(text)
        self._add("metadata", kept, is_altered=not is_object or is_repaired or kept != text)

    def address(self, value: object) -> None:
        if value is None:
            return
        # An address of the standard library is its text; a list is read like one of a proxy.
        text, _ = _repair.text_of(value)
        found = _repair.address(text)
        if found is None:
            self.altered.append("ipAddress")
        else:
            self._add("ipAddress", f'"{found}"', is_altered=found != str(value))

    def time(self, value: object, now: int) -> None:
        found = now if value is None else _repair.millis(value)
        time = now if found is None else min(found, now)
        self._add("occurredAt", f'"{_repair.format_millis(time)}"', is_altered=time != found)

    def key(self, value: object, uuid: str) -> None:
        if value is None:
            self._add("idempotencyKey", f'"{uuid}"')
            return
        kept, is_repaired = _repair.key(value)
        is_altered = is_repaired or kept == ""
        self._add("idempotencyKey", _json.quote(kept or uuid), is_altered=is_altered)


def names(redact: Iterable[str]) -> frozenset[str]:
    """The names of ``redact`` as they are compared."""
    if isinstance(redact, str):
        raise TypeError("redact must be names, not one text")
    return frozenset(name.lower() for name in redact)
