"""Sends again what was logged as given up.

``python -m activity_logs.resend --queue-url URL < log`` reads lines of a log, sends each message that it
finds in them, and passes over everything else. A message keeps its deduplication id and its idempotency
key, so that sending it twice records it once. Messages of one user keep the order of the log.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ._given_up import EVENT
from ._message import Message
from ._outbox import Failure
from ._sender import Sender, Transport
from .sqs import SqsTransport


def messages(lines: Iterable[str]) -> Iterator[Message]:
    """The messages in lines of a log, whatever stands before or after them, and also where a logger put
    the line into a member of JSON of its own."""
    for line in lines:
        yield from _find(line)


def _find(text: str) -> Iterator[Message]:
    """The messages in a text. A stack holds what is still to be searched, the next on top, since values may
    be nested more deeply than a function can call itself."""
    stack = _objects(text)[::-1]
    while stack:
        value = stack.pop()
        if isinstance(value, str) and EVENT in value:
            stack += _objects(value)[::-1]
        elif isinstance(value, dict):
            if value.get("event") == EVENT and isinstance(value.get("body"), str):
                yield Message(value["body"], str(value["groupId"]), str(value["deduplicationId"]))
            else:
                stack += list(value.values())[::-1]
        elif isinstance(value, list):
            stack += value[::-1]


def _objects(text: str) -> list[Any]:
    """The objects of JSON in a text, in order."""
    objects: list[Any] = []
    at = text.find("{")
    while at != -1:
        try:
            value, length = json.JSONDecoder().raw_decode(text[at:])
        except (ValueError, RecursionError):
            length = 1
        else:
            objects.append(value)
        at = text.find("{", at + length)
    return objects


def resend(lines: Iterable[str], transport: Transport, say: Callable[[str], None]) -> bool:
    """Sends the messages in lines of a log, and says what became of each. Returns whether the queue
    accepted all of them."""
    sender = Sender(transport, deadline=30)
    accepted, failed = [], []

    def settle(message: Message, failure: Failure | None) -> None:
        if failure is None:
            accepted.append(message)
        else:
            failed.append(message)
            say(f"{message.deduplication_id}: {failure.reason}")

    for message in messages(lines):
        sender.hand_over(message, lambda failure, message=message: settle(message, failure))  # type: ignore[misc]
    sender.close(timeout=3_600)
    say(f"{len(accepted)} sent again, {len(failed)} not accepted")
    return not failed


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m activity_logs.resend",
        description="Sends again what was logged as given up.",
    )
    parser.add_argument("--queue-url", required=True, help="the queue of the recorder")
    arguments = parser.parse_args()
    transport = SqsTransport(arguments.queue_url)
    if not resend(sys.stdin, transport, lambda text: print(text, file=sys.stderr)):
        sys.exit(1)


if __name__ == "__main__":
    main()
