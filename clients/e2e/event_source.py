"""What Lambda has between a FIFO queue and a function: an event source mapping (with
``ReportBatchItemFailures``)."""

from __future__ import annotations

import json
import random
import threading
import urllib.request
from collections import Counter
from typing import TYPE_CHECKING, Any

from programs import REGION

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

BATCH = 10
"""``BatchSize`` in template.yaml."""

RECEIVES = 5
"""``maxReceiveCount`` in template.yaml."""

LOST = 0.1
"""How often the answer of the function is lost, so that all of a batch is delivered again."""


class EventSource(threading.Thread):
    """Receives messages, invokes the function, and deletes what did not fail."""

    def __init__(self, sqs: SQSClient, queue_url: str, queue_arn: str, function: str, seed: int) -> None:
        """``function`` is the address at which the function is invoked."""
        super().__init__(name="event source", daemon=True)
        self._sqs, self._queue_url, self._queue_arn, self._function = sqs, queue_url, queue_arn, function
        self._random = random.Random(seed)
        self._is_ending = threading.Event()
        self._failure: BaseException | None = None
        # What failed, to be delivered before anything else is received. moto would give messages of a
        # group that were received and not deleted in another order. As long as it gives none of the
        # group, this is what a queue does.
        self._again: list[MessageTypeDef] = []
        self._received: Counter[str] = Counter()
        self._keys: set[str] = set()
        self.seen: Counter[str] = Counter()
        """How many batches and messages there were, and how many were delivered again."""

    def invoke(self, messages: list[MessageTypeDef], *, seconds: float = 60) -> list[str]:
        """Has the function record messages, and gives the ids of those that failed."""
        event = {"Records": [self._record(message) for message in messages]}
        request = urllib.request.Request(self._function, json.dumps(event).encode(), method="POST")
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=seconds) as response:
            answer = json.load(response)
        assert set(answer) == {"batchItemFailures"}, answer
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    def finish(self, *, seconds: float) -> None:
        """Waits until the queue is empty, and ends."""
        self._is_ending.set()
        self.join(seconds)
        if self._failure:
            raise self._failure
        assert not self.is_alive(), f"the queue is not empty after {seconds} s: {self.seen}"

    def run(self) -> None:
        """Polls until the queue is empty and `finish` was called."""
        try:
            while messages := self._next():
                self._deliver(messages)
        except BaseException as error:  # For `finish`, which the test waits for.
            self._failure = error

    def _next(self) -> list[MessageTypeDef]:
        """The next batch; none at the end."""
        if self._again:
            return self._again
        while True:
            # Read before the queue is: what is sent until then is received.
            is_ending = self._is_ending.is_set()
            messages = self._sqs.receive_message(
                QueueUrl=self._queue_url, MaxNumberOfMessages=BATCH, MessageSystemAttributeNames=["All"]
            ).get("Messages", [])
            if messages or is_ending:
                return messages
            self._is_ending.wait(0.02)

    def _deliver(self, messages: list[MessageTypeDef]) -> None:
        failed = set(self.invoke(messages))
        self.seen["batches"] += 1
        self.seen["messages"] += len(messages)
        self.seen["failed"] += len(failed)
        for message in messages:
            # moto forgets a message that was deleted, and then takes it once more under the same id.
            if not self._received[message["MessageId"]]:
                self.seen["messages that moto took twice"] += self._is_known(message)
            self._received[message["MessageId"]] += 1
        # As when the function has recorded all of it, and then runs out of time.
        is_lost = self._random.random() < LOST and not self._again
        if is_lost:
            self.seen["batches delivered again"] += 1
        self._again = [message for message in messages if is_lost or message["MessageId"] in failed]
        for message in self._again:
            assert self._received[message["MessageId"]] < RECEIVES, f"a dead letter: {message}"
        done = [message["ReceiptHandle"] for message in messages if message not in self._again]
        if done:
            entries = [{"Id": str(at), "ReceiptHandle": handle} for at, handle in enumerate(done)]
            deleted = self._sqs.delete_message_batch(QueueUrl=self._queue_url, Entries=entries)  # type: ignore[arg-type]
            assert not deleted.get("Failed"), deleted

    def _is_known(self, message: MessageTypeDef) -> bool:
        key = message["Attributes"]["MessageDeduplicationId"]
        is_known = key in self._keys
        self._keys.add(key)
        return is_known

    def _record(self, message: MessageTypeDef) -> dict[str, Any]:
        """A message as Lambda hands it over."""
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message["Attributes"],
            "messageAttributes": {},
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": self._queue_arn,
            "awsRegion": REGION,
        }
