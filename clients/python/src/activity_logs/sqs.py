"""The transport to SQS, by boto3, which the extra ``sqs`` adds."""

from __future__ import annotations

import importlib.util
import re
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import urlsplit

from ._message import Message
from ._outbox import Failure

_PASSING = re.compile(
    r"throttl|toomany|limit|slowdown|expired|skew|timeout|timedout|notyetvalid|^[0-9]*$", re.I
)
"""Codes of errors that pass: those of a limit, of a token that is renewed, of a clock that is set. A code of
digits is the status of a response that SQS did not write."""


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
        that sends to the host of the queue's address. Its region is that of the address, or else the
        environment's.

        Raises:
            ValueError: if the address is not that of a FIFO queue.
            ImportError: if there is neither a client nor boto3.
        """
        address = urlsplit(queue_url)
        if not address.scheme or not address.hostname or not queue_url.endswith(".fifo"):
            raise ValueError("queue_url must be the address of a FIFO queue, which ends with .fifo")
        if client is None and importlib.util.find_spec("boto3") is None:
            raise ImportError(
                "a queue_url needs boto3: install this package with its extra sqs", name="boto3"
            )
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
        try:
            response = self._connect().send_message_batch(QueueUrl=self._url, Entries=entries)
        except Exception as error:
            refusal = refusal_of(error)
            if refusal is None:
                raise
            return [refusal] * len(batch)
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
                address = urlsplit(self._url)
                config = Config(
                    connect_timeout=3,
                    read_timeout=5,
                    retries={"total_max_attempts": 1, "mode": "standard"},
                )
                self._client = session.client(
                    "sqs",
                    region_name=region_of(self._url),
                    endpoint_url=f"{address.scheme}://{address.netloc}",
                    config=config,
                )
            assert self._client is not None
            return self._client


def region_of(queue_url: str) -> str | None:
    """The region that is part of the address of a queue of AWS, also behind an endpoint of a VPC."""
    host = urlsplit(queue_url).hostname or ""
    if not host.endswith((".amazonaws.com", ".amazonaws.com.cn", ".api.aws")):
        return None
    found = re.search(r"(?:^|\.)sqs(?:-fips)?\.([a-z0-9-]+)\.", host)
    return found[1] if found else None


def refusal_of(error: Exception) -> Failure | None:
    """Why SQS refused a request, if the error says that the sender is at fault and sending again is of no
    use."""
    # A ``ClientError`` of botocore, and of any client that a caller gives, has the response.
    response = getattr(error, "response", None)
    if not isinstance(response, Mapping):
        return None
    code = str(response.get("Error", {}).get("Code", ""))
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if not 400 <= status < 500 or _PASSING.search(code):
        return None
    return Failure(f"{type(error).__name__}: {error}", is_final=True, cause=error)
