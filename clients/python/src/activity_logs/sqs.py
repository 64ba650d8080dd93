"""The transport to SQS, by boto3 (``pip install 'activity-logs[sqs]'``)."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from typing import Any, Protocol

from ._message import Message
from ._outbox import Failure


class SqsClient(Protocol):
    """What is used of ``boto3.client("sqs")``."""

    @property
    def send_message_batch(self) -> Any:
        """The call of the same name."""
        ...


class SqsTransport:
    """Sends to a FIFO queue of SQS.

    boto3's own retries are off: they would send an entry again after later ones of the same user.
    """

    is_immediate = False

    def __init__(self, queue_url: str, client: SqsClient | None = None) -> None:
        """``client`` is for a region, an endpoint or credentials of one's own. By default there is one
        whose region is that of the queue's address, or else the environment's.

        Raises:
            ValueError: if the queue is no FIFO queue.
        """
        if not queue_url.endswith(".fifo"):
            raise ValueError("queue_url must be that of a FIFO queue, whose name ends with .fifo")
        self._url, self._given = queue_url, client
        self._lock = threading.Lock()
        self._client = client

    def send(self, batch: Sequence[Message]) -> Sequence[Failure | None]:
        """Sends a batch, and gives what the queue says of each entry."""
        entries = [
            {
                "Id": str(at),
                "MessageBody": message.body,
                "MessageGroupId": message.group,
                "MessageDeduplicationId": message.deduplication_id,
            }
            for at, message in enumerate(batch)
        ]
        response = self._connect().send_message_batch(QueueUrl=self._url, Entries=entries)
        accepted = {entry["Id"] for entry in response.get("Successful", ())}
        failed = {entry["Id"]: entry for entry in response.get("Failed", ())}
        outcomes: list[Failure | None] = []
        for entry in entries:
            if entry["Id"] in accepted:
                outcomes.append(None)
                continue
            said = failed.get(entry["Id"], {})
            reason = f"{said.get('Code', 'Unknown')}: {said.get('Message', 'no response')}"
            outcomes.append(Failure(reason, is_final=bool(said.get("SenderFault", False))))
        return outcomes

    def forget_connections(self) -> None:
        """A forked process makes a client of its own. One that was given is kept: whoever gave it knows
        when the process forks."""
        self._lock = threading.Lock()
        self._client = self._given

    def _connect(self) -> SqsClient:
        with self._lock:
            if self._client is None:
                import boto3  # noqa: PLC0415  The extra is needed by those who send alone.
                from botocore.config import Config  # noqa: PLC0415

                # A session of its own: the default one is not safe to use in several threads.
                session: Any = boto3.session.Session()
                found = re.search(r"sqs\.([a-z0-9-]+)\.amazonaws\.", self._url)
                config = Config(
                    connect_timeout=3,
                    read_timeout=5,
                    retries={"total_max_attempts": 1, "mode": "standard"},
                )
                region = found[1] if found else None
                self._client = session.client("sqs", region_name=region, config=config)
            assert self._client is not None
            return self._client
