"""The transport to SQS: what it sends, and what it makes of what is said."""

from __future__ import annotations

import io
import json
import os
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from activity_logs import ActivityLog, Message, resend
from activity_logs._outbox import Failure
from activity_logs.sqs import SqsTransport

from .support import Chaos, steps

URL = "https://sqs.eu-central-1.amazonaws.com/123456789012/activity-logs-record.fifo"
MESSAGES = [Message("a", "3", "one"), Message("b", "4", "two"), Message("c", "5", "three")]


def entry(at: int, message: Message) -> dict[str, str]:
    return {
        "Id": str(at),
        "MessageBody": message.body,
        "MessageGroupId": message.group,
        "MessageDeduplicationId": message.deduplication_id,
    }


def failed(at: int, code: str, is_sender: bool) -> dict[str, Any]:
    return {"Id": str(at), "Code": code, "Message": "no", "SenderFault": is_sender}


def test_a_batch_is_sent_and_each_entry_has_its_outcome() -> None:
    client = boto3.client("sqs", region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x")
    expected = {"QueueUrl": URL, "Entries": [entry(at, one) for at, one in enumerate(MESSAGES)]}
    response = {
        "Successful": [{"Id": "1", "MessageId": "m", "MD5OfMessageBody": "0" * 32}],
        "Failed": [failed(0, "InternalError", False), failed(2, "InvalidMessageContents", True)],
    }
    with Stubber(client) as stub:
        stub.add_response("send_message_batch", response, expected)
        # The stub does not know the digest of what is sent.
        client.meta.events.unregister("after-call.sqs.SendMessageBatch", unique_id=None)
        outcomes = SqsTransport(URL, SkipDigest(client)).send(MESSAGES)
    assert outcomes == [
        Failure("InternalError: no"),
        None,
        Failure("InvalidMessageContents: no", is_final=True),
    ]


class SkipDigest:
    """A client, as one of the user's own."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def send_message_batch(self, **request: Any) -> Any:
        return self._client.send_message_batch(**request)


class Silent:
    """A queue that says nothing of an entry."""

    def send_message_batch(self, **_: Any) -> Any:
        return {"Successful": [{"Id": "0"}]}


def test_an_entry_of_which_nothing_is_said_failed_and_is_sent_again() -> None:
    assert SqsTransport(URL, Silent()).send(MESSAGES[:2]) == [None, Failure("Unknown: no response")]


def test_the_region_is_that_of_the_queue_and_boto3_does_not_retry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    client: Any = SqsTransport(URL)._connect()
    assert client.meta.region_name == "eu-central-1"
    assert client.meta.config.retries["total_max_attempts"] == 1
    local: Any = SqsTransport("http://localhost:9324/000000000000/activity-logs-record.fifo")._connect()
    assert local.meta.region_name == "us-east-1"


def test_a_queue_that_keeps_no_order_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"\.fifo"):
        SqsTransport(URL.removesuffix(".fifo"))


def test_a_forked_process_has_a_client_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    transport = SqsTransport(URL)
    first = transport._connect()
    assert transport._connect() is first
    child = os.fork()
    if child == 0:
        transport.forget_connections()
        os._exit(0 if transport._client is None else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    own = Silent()
    given = SqsTransport(URL, own)
    given.forget_connections()
    assert given._connect() is own


def test_what_was_logged_is_sent_again_as_it_was(caplog: pytest.LogCaptureFixture) -> None:
    class Down(Chaos):
        def send(self, batch: Any) -> Any:
            raise ConnectionError("no")

    log = ActivityLog(transport=Down(), deadline=0.01)
    for step in range(3):
        assert not log.detached(user_id=3).record("sync", metadata={"step": step, "text": '{"é'}).result(5)
    log.close()
    lines = caplog.messages
    assert json.loads(lines[0])["error"] == "ConnectionError: no"
    kinds = [
        lines[0] + "\n",
        f"2024-01-15 ERROR {{activity_logs: {lines[1]} (in 5 ms)\n",
        "something else {not JSON} {}\n",
        json.dumps({"level": "ERROR", "fields": [{"message": lines[2]}]}) + "\n",
        '{"event":"activity_not_recorded","error":"no user: TypeError: user_id is required"}\n',
    ]
    chaos, said = Chaos(failing=0), list[str]()
    assert resend.resend(io.StringIO("".join(kinds)), chaos, said.append)
    assert steps(chaos.accepted) == {"3": [0, 1, 2]}
    assert [one.body for one in chaos.accepted] == [json.loads(line)["body"] for line in lines]
    assert said == ["3 sent again, 0 not accepted"]


def test_what_is_refused_again_is_said() -> None:
    line = json.dumps(
        {"event": "activity_not_recorded", "groupId": "3", "deduplicationId": "one", "body": "{}"}
    )

    class Refusing(Chaos):
        def send(self, batch: Any) -> Any:
            return [Failure("InvalidMessageContents: no", is_final=True)] * len(batch)

    said = list[str]()
    assert not resend.resend([line], Refusing(), said.append)
    assert said == ["one: InvalidMessageContents: no", "0 sent again, 1 not accepted"]
