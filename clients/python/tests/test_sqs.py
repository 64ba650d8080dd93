"""The transport to SQS: what it sends, and what it makes of what is said."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from activity_logs import ActivityLog, DeliveryError, Message, resend
from activity_logs._outbox import Failure
from activity_logs.sqs import SqsTransport, region_of

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
        outcomes = SqsTransport(URL, client).send(MESSAGES)
    assert outcomes == [
        Failure("InternalError: no"),
        None,
        Failure("InvalidMessageContents: no", is_final=True),
    ]


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


class Raw(io.BytesIO):
    """The body of a response, as urllib3 gives it."""

    def stream(self) -> Iterator[bytes]:
        yield self.read()


@pytest.mark.parametrize(
    ("queue_url", "region"),
    [
        ("https://sqs.eu-west-1.amazonaws.com/1/log.fifo", "eu-west-1"),
        ("https://sqs.cn-north-1.amazonaws.com.cn/1/log.fifo", "cn-north-1"),
        ("https://sqs-fips.us-gov-west-1.amazonaws.com/1/log.fifo", "us-gov-west-1"),
        ("https://vpce-0a1b-2c3d.sqs.us-east-1.vpce.amazonaws.com/1/log.fifo", "us-east-1"),
        ("https://sqs.us-east-1.api.aws/1/log.fifo", "us-east-1"),
        ("https://sqs.us-east-1.example.com/1/log.fifo", None),
        ("http://127.0.0.1:5000/1/log.fifo", None),
    ],
)
def test_requests_go_to_the_host_of_the_queue_and_its_region(
    queue_url: str, region: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "ap-south-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    transport, urls = SqsTransport(queue_url), list[str]()

    def respond(request: Any, **_: Any) -> AWSResponse:
        urls.append(request.url)
        body = json.dumps({"Successful": [{"Id": "0"}]}).encode()
        return AWSResponse(request.url, 200, HTTPHeaders(), Raw(body))

    client: Any = transport._connect()
    client.meta.events.register("before-send.sqs", respond)
    assert transport.send(MESSAGES[:1]) == [None]
    assert urls == [queue_url.removesuffix("1/log.fifo")]
    assert region_of(queue_url) == region
    assert client.meta.region_name == (region or "ap-south-1")


def refused(code: str, status: int) -> Any:
    """A client of which SQS refuses each request."""
    client = boto3.client("sqs", region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x")
    stub = Stubber(client)
    stub.add_client_error("send_message_batch", code, "no", status)
    stub.activate()
    return client


@pytest.mark.parametrize("code", ["AWS.SimpleQueueService.NonExistentQueue", "AccessDenied"])
def test_a_request_that_sqs_will_never_accept_is_given_up_at_once(code: str) -> None:
    outcomes = SqsTransport(URL, refused(code, 400)).send(MESSAGES)
    assert [outcome and outcome.is_final for outcome in outcomes] == [True] * 3
    log = ActivityLog(transport=SqsTransport(URL, refused(code, 400)), on_error="raise")
    with pytest.raises(DeliveryError, match=f"ClientError.*{code}"):
        log.detached(user_id=3).record("sync").result(5)
    log.close()


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("RequestThrottled", 400),
        ("ThrottlingException", 400),
        ("KmsThrottled", 400),
        ("OverLimit", 403),
        ("ExpiredToken", 403),
        ("InternalFailure", 500),
        ("ServiceUnavailable", 503),
        ("429", 429),  # Of a proxy.
    ],
)
def test_a_request_whose_error_passes_is_sent_again(code: str, status: int) -> None:
    with pytest.raises(ClientError, match=code):
        SqsTransport(URL, refused(code, status)).send(MESSAGES)


def test_without_boto3_a_queue_is_an_error_where_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(ImportError, match="boto3"):
        ActivityLog(queue_url=URL)
    assert SqsTransport(URL, Silent()).send(MESSAGES[:1]) == [None]


@pytest.mark.parametrize("queue_url", [URL.removesuffix(".fifo"), "activity-logs-record.fifo"])
def test_what_is_not_the_address_of_a_fifo_queue_is_an_error(queue_url: str) -> None:
    with pytest.raises(ValueError, match=r"\.fifo"):
        SqsTransport(queue_url)


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
    depth = sys.getrecursionlimit() * 3 // 2
    kinds = [
        # Deeper than Python functions may call each other.
        f'{{"request":{"[" * depth}{"]" * depth}}}\n',
        lines[0] + "\n",
        f"2024-01-15 ERROR {{activity_logs: {lines[1]} (in 5 ms)\n",
        "something else {not JSON} {}\n",
        json.dumps({"level": "ERROR", "fields": [{"message": lines[2]}]}) + "\n",
        '{"event":"activity_not_recorded","error":"no user: TypeError","deduplicationId":"x","draft":"{}"}\n',
    ]
    chaos, said = Chaos(failing=0), list[str]()
    assert resend.resend(io.StringIO("".join(kinds)), chaos, said.append)
    assert steps(chaos.accepted) == {"3": [0, 1, 2]}
    assert [one.body for one in chaos.accepted] == [json.loads(line)["body"] for line in lines]
    assert said == ["3 sent again, 0 not accepted"]


def test_messages_keep_the_order_of_their_line_however_they_are_nested() -> None:
    def line(step: int) -> dict[str, str]:
        body = json.dumps({"userId": 3, "metadata": {"step": step}})
        return {
            "event": "activity_not_recorded",
            "groupId": "3",
            "deduplicationId": f"{step}",
            "body": body,
        }

    text = " ".join(
        map(
            json.dumps,
            [{"a": [line(0), {"b": line(1)}], "c": json.dumps(line(2)) + json.dumps(line(3))}, line(4)],
        )
    )
    assert [message.deduplication_id for message in resend.messages([text])] == ["0", "1", "2", "3", "4"]


def test_a_message_is_found_however_deep_the_decoder_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    value: Any = {"event": "activity_not_recorded", "groupId": "3", "deduplicationId": "one", "body": "{}"}
    for _ in range(sys.getrecursionlimit() * 2):
        value = [value]
    # As the decoder of some versions of Python does, of which not all read so deep.
    monkeypatch.setattr(json.JSONDecoder, "raw_decode", lambda _, text: ({"request": value}, len(text)))
    assert list(resend.messages(['{"request": …}'])) == [Message("{}", "3", "one")]


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
