"""The line that is logged for an activity which was given up: one JSON object, which ``resend`` reads."""

from __future__ import annotations

import json

from ._message import Message

EVENT = "activity_not_recorded"
"""The member ``event`` of each such line, by which it is found."""


def line_of(message: Message, reason: str) -> str:
    """The line of a message, which holds all of it."""
    return json.dumps(
        {
            "event": EVENT,
            "error": reason,
            "groupId": message.group,
            "deduplicationId": message.deduplication_id,
            "body": message.body,
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )


def line_without_user(error: BaseException) -> str:
    """The line of an activity that became no message, since its user could not be found out."""
    return json.dumps({"event": EVENT, "error": f"no user: {type(error).__name__}: {error}"})
