"""What a caller says when it sets up a log, and when it records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Literal, TypeAlias, TypedDict

from ._message import Id, Message, Resource
from ._sender import Transport

OnError: TypeAlias = Literal["log", "raise"]
OnAltered: TypeAlias = Callable[[tuple[str, ...], Message], None]


class LogOptions(TypedDict, total=False):
    """Where messages go, and what becomes of those that are not sent as they were given. Either
    ``queue_url`` or ``transport`` is required."""

    queue_url: str | None
    """The queue of the recorder, to which boto3 sends (extra ``sqs``)."""
    transport: Transport | None
    """What takes messages in place of a queue: ``memory()`` in tests, or ``SqsTransport`` with your own
    client."""
    on_error: OnError
    """What happens to a message that is given up. ``"log"``, the default: one JSON line on the logger
    ``activity_logs``, and the receipt gives ``False``. ``"raise"``: the receipt raises
    :class:`DeliveryError`; if nobody waits for the receipt, the line is logged."""
    on_altered: OnAltered
    """Is called with the names of the fields that had to be brought within the limits of the log, and
    with the message. By default a warning names the fields."""
    redact: Iterable[str]
    """Names of members of ``metadata`` and ``changes``, at any depth and in any case, whose values are
    replaced by ``"[redacted]"``."""
    deadline: float
    """For how many seconds a message is tried: from the call, or from when the queue last accepted a
    message of that user. 30 by default, and at most 240."""


class RecordOptions(TypedDict, total=False):
    """What can be said of an activity besides the action. All of it is optional; ``None`` is absent."""

    resource: Resource | None
    """What the action was done to: ``("function", 5)``, or a type alone, ``("function",)``."""
    environment: tuple[Id, Id] | None
    """The ids of the project and of the environment that the action was done in."""
    project: Id | None
    """The id of the project, if the action was done in none of its environments."""
    description: str | None
    """The same for people; at most 1,024 bytes of UTF-8."""
    metadata: Mapping[str, Any] | None
    """Whatever else is known; at most 4,096 bytes as JSON, and 32 levels deep."""
    changes: Mapping[str, Any] | None
    """What was changed, such as ``{"memory": {"from": 128, "to": 256}}``. It becomes
    ``metadata["changes"]``."""
    occurred_at: datetime | str | int | None
    """When the action was done, if that was not just now: a ``datetime`` (local time, if it has no zone),
    RFC 3339 text, or milliseconds since 1970."""
    idempotency_key: str | None
    """Names the activity among the user's: recorded again with the same key within 14 days, it is in the
    log once. At most 128 bytes."""
    user_id: Id | None
    """Who did it, if not the user of the request."""
    ip_address: str | None
    """From where, if not from where the request came."""
    user_agent: str | None
    """With what, if not with what the request was sent."""
