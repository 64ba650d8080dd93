"""Messages to the recorder: through the queue of a stack, or straight to the function on this machine."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from messages import Message
from wire import Connection

BATCH = 10
"""As many as SQS takes at once, and as Lambda hands over (``BatchSize`` in template.yaml)."""
BATCH_BYTES = 250_000
"""Less than SQS takes at once."""
TRIES = 5


def batches(messages: Sequence[Message]) -> Iterator[list[Message]]:
    """Messages in order, as many at a time as may be sent at once."""
    batch: list[Message] = []
    size = 0
    for message in messages:
        length = len(message.body.encode())
        if batch and (len(batch) == BATCH or size + length > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(message)
        size += length
    if batch:
        yield batch


class Sender(Protocol):
    """Sends messages, in order."""

    def send(self, messages: Sequence[Message]) -> None:
        """Sends all of them, or raises."""


class QueueSender:
    """Sends to an SQS FIFO queue, with the user as message group."""

    def __init__(self, sqs: Any, url: str) -> None:
        self._sqs, self._url = sqs, url

    def send(self, messages: Sequence[Message]) -> None:
        """Sends all of them. What SQS does not take is sent again, before anything that is behind it."""
        for batch in batches(messages):
            entries = [
                {
                    "Id": str(at),
                    "MessageBody": message.body,
                    "MessageGroupId": str(message.user),
                    "MessageDeduplicationId": str(uuid.uuid4()),
                }
                for at, message in enumerate(batch)
            ]
            for attempt in range(TRIES):
                answer = self._sqs.send_message_batch(QueueUrl=self._url, Entries=entries)
                failed = {failure["Id"] for failure in answer.get("Failed", [])}
                entries = [entry for entry in entries if entry["Id"] in failed]
                if not entries:
                    break
                time.sleep(0.2 * 2**attempt)
            else:
                raise OSError(f"SQS does not take messages: {answer['Failed'][0]}")


class FunctionSender:
    """Invokes the function under ``cargo lambda watch`` as Lambda would for the queue."""

    PATH = "/2015-03-31/functions/record-activities/invocations"

    def __init__(self, url: str) -> None:
        self._url = url

    def send(self, messages: Sequence[Message]) -> None:
        """Has all of them recorded. There is no dead-letter queue: exactly the poison of a batch must fail,
        which is a partial batch failure."""
        with Connection(self._url) as connection:
            for batch in batches(messages):
                records = [self._record(message) for message in batch]
                wanted = {
                    record["messageId"]
                    for record, message in zip(records, batch, strict=True)
                    if message.is_poison
                }
                body = json.dumps({"Records": records}).encode()
                headers = [("Content-Type", "application/json")]
                response = connection.send(self.PATH, headers, "POST", body)
                answer = response.json()
                if (
                    response.status != 200
                    or not isinstance(answer, dict)
                    or "batchItemFailures" not in answer
                ):
                    raise OSError(f"{response.sent}: {response.status}: {response.content[:200]!r}")
                failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
                if failed != wanted:
                    raise OSError(f"{len(failed)} messages of a batch failed, {len(wanted)} should have")

    def _record(self, message: Message) -> dict[str, Any]:
        name = str(uuid.uuid4())
        now = str(int(time.time() * 1000))
        attributes = {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": now,
            "MessageGroupId": str(message.user),
            "MessageDeduplicationId": name,
            "ApproximateFirstReceiveTimestamp": now,
        }
        return {
            "messageId": name,
            "receiptHandle": name,
            "body": message.body,
            "attributes": attributes,
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:activity-logs-record.fifo",
            "awsRegion": "us-east-1",
        }
