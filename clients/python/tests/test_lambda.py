"""Handlers of Lambda, with events as API Gateway, function URLs and load balancers write them."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from fastapi import FastAPI
from mangum import Mangum

from activity_logs import ActivityLog, Memory, record
from activity_logs._request import client_of_event
from activity_logs.asgi import ActivityLogMiddleware
from activity_logs.aws_lambda import _left, activity_log

from .support import Chaos

# As in AWS: "Working with AWS Lambda proxy integrations for HTTP APIs", payload format 2.0.
V2: dict[str, Any] = {
    "version": "2.0",
    "routeKey": "POST /functions",
    "headers": {"user-agent": "header", "x-forwarded-for": "192.0.2.66, 198.51.100.1, 203.0.113.9"},
    "requestContext": {
        "authorizer": {"jwt": {"claims": {"sub": "3"}}},
        "http": {"method": "POST", "sourceIp": "203.0.113.9", "userAgent": "curl/8.7.1"},
    },
}
# Payload format 1.0, and REST APIs.
V1: dict[str, Any] = {
    "version": "1.0",
    "headers": {"User-Agent": "header", "X-Forwarded-For": "192.0.2.66, 198.51.100.1, 203.0.113.9"},
    "requestContext": {
        "authorizer": {"claims": {"sub": "3"}},
        "identity": {"sourceIp": "203.0.113.9", "userAgent": "curl/8.7.1"},
    },
}
# AWS: "Using AWS Lambda with an Application Load Balancer".
ALB: dict[str, Any] = {
    "requestContext": {"elb": {"targetGroupArn": "arn"}},
    "headers": {"user-agent": "curl/8.7.1", "x-forwarded-for": "192.0.2.66, 203.0.113.9"},
}
ALB_LISTS: dict[str, Any] = {
    "requestContext": {"elb": {"targetGroupArn": "arn"}},
    "multiValueHeaders": {"user-agent": ["curl/8.7.1"], "x-forwarded-for": ["192.0.2.66", "203.0.113.9"]},
}


@pytest.mark.parametrize(
    ("event", "hops", "address", "agent"),
    [
        (V2, 0, "203.0.113.9", "curl/8.7.1"),
        (V2, 1, "198.51.100.1", "curl/8.7.1"),
        (V2, 2, "192.0.2.66", "curl/8.7.1"),
        (V1, 0, "203.0.113.9", "curl/8.7.1"),
        (V1, 1, "198.51.100.1", "curl/8.7.1"),
        (ALB, 0, None, "curl/8.7.1"),
        (ALB, 1, "203.0.113.9", "curl/8.7.1"),
        (ALB_LISTS, 1, "203.0.113.9", "curl/8.7.1"),
        ({"Records": []}, 1, None, None),
        ([], 0, None, None),
        ({"requestContext": None, "headers": None, "multiValueHeaders": None}, 1, None, None),
        ({"requestContext": {"http": {"sourceIp": 5}}}, 0, None, None),
    ],
)
def test_where_an_event_came_from(event: object, hops: int, address: str | None, agent: str | None) -> None:
    client = client_of_event(event, hops)
    assert (client.ip_address, client.user_agent) == (address, agent)


def subject(event: Mapping[str, Any]) -> str:
    authorizer = event["requestContext"]["authorizer"]
    user: str = (authorizer.get("jwt") or authorizer)["claims"]["sub"]
    return user


class Runtime:
    """The context object of Lambda, as far as it is used."""

    def __init__(self, left: int) -> None:
        self._left = left

    def get_remaining_time_in_millis(self) -> int:
        return self._left


@pytest.mark.parametrize("event", [V1, V2])
def test_user_address_agent_and_time_are_filled_in(sent: Memory, event: dict[str, Any]) -> None:
    @activity_log(user_id=subject)
    def handler(event: dict[str, Any], context: object) -> dict[str, int]:
        """Creates a function."""
        record("create", resource=("function", 5))
        return {"statusCode": 201}

    assert handler.__doc__ == "Creates a function."
    assert handler(event, Runtime(3_000)) == {"statusCode": 201}
    [one] = sent.activities
    assert (one["userId"], one["ipAddress"], one["userAgent"]) == (3, "203.0.113.9", "curl/8.7.1")


def slow_log(seconds: float) -> tuple[ActivityLog, Chaos]:
    chaos = Chaos(failing=0, slowest=0, before=lambda: time.sleep(seconds))
    return ActivityLog(transport=chaos), chaos


def test_a_handler_returns_when_all_was_accepted_also_if_it_fails() -> None:
    log, chaos = slow_log(0.1)

    @activity_log(user_id=subject, log=log)
    def handler(event: dict[str, Any], context: object) -> None:
        record("create")
        record("update")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        handler(V2, Runtime(3_000))
    assert [one.fields["action"] for one in chaos.accepted] == ["create", "update"]
    log.close()


def test_a_handler_gives_up_early_enough_to_log(caplog: pytest.LogCaptureFixture) -> None:
    has_returned = threading.Event()
    chaos = Chaos(failing=0, slowest=0, before=lambda: has_returned.wait(60))
    log = ActivityLog(transport=chaos)

    @activity_log(user_id=subject, log=log)
    def handler(event: dict[str, Any], context: object) -> None:
        record("create")

    handler(V2, Runtime(2_000))
    [line] = caplog.messages
    assert "in the time that the function had left" in line
    assert chaos.accepted == []
    has_returned.set()
    log.close()


@pytest.mark.parametrize(("milliseconds", "left"), [(10_000, 8.5), (2_000, 1), (0, 1)])
def test_a_handler_keeps_a_spare_of_its_time(milliseconds: int, left: float) -> None:
    assert _left(Runtime(milliseconds)) == left
    assert _left(None) is None


def test_an_async_handler_and_an_async_user() -> None:
    log, chaos = slow_log(0.1)

    async def ask(event: dict[str, Any]) -> str:
        await asyncio.sleep(0)
        return subject(event)

    @activity_log(user_id=ask, log=log)
    async def handler(event: dict[str, Any], context: object) -> int:
        record("create")
        return 5

    assert asyncio.run(handler(V2, Runtime(3_000))) == 5
    assert [one.group for one in chaos.accepted] == ["3"]

    @activity_log(user_id=ask, log=log)
    def sync_handler(event: dict[str, Any], context: object) -> bool:
        return record("create").result()

    assert sync_handler(V2, Runtime(3_000))
    log.close()


def test_what_a_handler_records_on_a_loop_of_its_own_is_accepted_when_it_returns() -> None:
    log, chaos = slow_log(0)

    async def ask(event: dict[str, Any]) -> str:
        await asyncio.sleep(0.05)
        return subject(event)

    async def main() -> None:
        record("create", description="important")

    @activity_log(user_id=ask, log=log)
    def handler(event: dict[str, Any], context: object) -> None:
        asyncio.run(main())

    handler(V2, Runtime(30_000))
    assert [(one.group, one.fields["description"]) for one in chaos.accepted] == [("3", "important")]
    log.close()


def test_what_waits_for_its_user_when_a_handler_has_no_time_left_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log, chaos = slow_log(0)

    async def ask(event: dict[str, Any]) -> str:
        await asyncio.sleep(0)
        return subject(event)

    async def main() -> None:
        record("create", description="important")

    loop = asyncio.new_event_loop()

    @activity_log(user_id=ask, log=log)
    def handler(event: dict[str, Any], context: object) -> None:
        loop.run_until_complete(main())

    handler(V2, Runtime(0))
    [line] = map(json.loads, caplog.messages)
    assert line["error"] == "no user: not accepted in the time that the function had left"
    assert json.loads(line["draft"])["description"] == "important"
    assert chaos.accepted == []
    loop.run_until_complete(asyncio.gather(*asyncio.all_tasks(loop)))
    loop.close()
    log.close()


@pytest.mark.parametrize(("hops", "address"), [(0, "203.0.113.9"), (1, "198.51.100.1")])
def test_an_application_behind_an_adapter_records_and_the_function_waits(hops: int, address: str) -> None:
    log, chaos = slow_log(0.1)
    app = FastAPI()
    app.add_middleware(ActivityLogMiddleware, user_id=3, trusted_hops=hops, log=log)

    @app.post("/functions")
    async def create() -> None:
        record("create")

    # The adapter runs on the loop of the thread, and would leave one that it makes open.
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    # No lifespan: a function is not told when it ends.
    adapter: Callable[..., Any] = Mangum(app, lifespan="off")
    handler = activity_log(user_id=None, log=log)(adapter)
    http = {"path": "/functions", "protocol": "HTTP/1.1"} | V2["requestContext"]["http"]
    event = {"rawPath": "/functions", "rawQueryString": "", "isBase64Encoded": False} | V2
    event["requestContext"] = V2["requestContext"] | {"http": http}
    assert handler(event, Runtime(3_000))["statusCode"] == 200
    asyncio.set_event_loop(None)
    loop.close()
    [message] = chaos.accepted
    assert (message.group, message.fields["ipAddress"]) == ("3", address)
    log.close()
