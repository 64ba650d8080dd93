"""The line that is logged for an activity which was given up: one JSON object, which ``resend`` reads."""

from __future__ import annotations

import json

from ._message import Draft, Message

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


def line_without_user(draft: Draft, reason: str) -> str:
    """The line of an activity that became no message, since its user could not be found out. It has all but
    the user, as a ``draft``, so that ``resend`` passes over it and a person can send it."""
    return json.dumps(
        {
            "event": EVENT,
            "error": f"no user: {reason}",
            "deduplicationId": draft.deduplication_id,
            "draft": f"{{{draft.members}}}",
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )
