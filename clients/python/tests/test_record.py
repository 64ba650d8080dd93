"""``record``: what it asks for, what it gives back, and what becomes of what cannot be sent."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import json
import logging
import threading
import uuid
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from activity_logs import (
    ActivityLog,
    DeliveryError,
    Memory,
    Message,
    NoContextError,
    Receipt,
    _context,
    activity,
    memory,
    record,
)
from activity_logs._context import Context, within
from activity_logs._message import Client

from .support import Chaos, steps


@pytest.fixture
def job() -> Iterator[None]:
    with activity.detached(user_id=3):
        yield


def test_without_a_context_it_raises_and_names_detached(sent: Memory) -> None:
    for function in (record, activity.record):
        with pytest.raises(NoContextError, match=r"detached\("):
            function("create")
    assert sent.messages == []


def test_in_a_plain_thread_it_raises_and_in_one_with_the_context_it_records(sent: Memory, job: None) -> None:
    def run() -> str:
        try:
            record("sync")
        except NoContextError:
            return "no context"
        return "recorded"

    with ThreadPoolExecutor() as pool:
        assert pool.submit(run).result() == "no context"
        assert pool.submit(contextvars.copy_context().run, run).result() == "recorded"


def test_without_a_configuration_it_says_so() -> None:
    log = ActivityLog()
    with pytest.raises(RuntimeError, match=r"activity.configure\("):
        log.detached(user_id=3).record("sync")


@pytest.mark.parametrize(
    ("user", "error"),
    [
        (None, TypeError),
        ([3], TypeError),
        (True, TypeError),
        (0, ValueError),
        ("x", ValueError),
        ("03", ValueError),
        (2**53, ValueError),
    ],
)
def test_a_user_is_required(sent: Memory, user: Any, error: type[Exception]) -> None:
    with within(Context(activity, Client(), lambda _: user)), pytest.raises(error, match="user_id"):
        record("sync")
    assert activity.flush(0), "what raised is not waited for"


@pytest.mark.parametrize(("action", "error"), [(None, TypeError), (5, TypeError), ("", ValueError)])
def test_an_action_is_required(sent: Memory, job: None, action: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="action"):
        record(action)


def test_a_detached_context_records_by_itself_or_for_what_is_below(sent: Memory) -> None:
    detached = activity.detached(user_id="8", ip_address="203.0.113.9", user_agent="worker")
    assert detached.record("sync", project=4).result()
    with detached:
        record("create", user_id=9)
    with pytest.raises(NoContextError):
        record("create")
    first, second = sent.activities
    assert (first["userId"], first["projectId"], first["ipAddress"]) == (8, 4, "203.0.113.9")
    assert (second["userId"], second["userAgent"]) == (9, "worker")
    assert activity.detached().record("sync", user_id=7).result()
    with pytest.raises(TypeError, match="user_id is required"):
        activity.detached().record("sync")


def test_metadata_is_read_when_record_is_called_and_not_modified(sent: Memory, job: None) -> None:
    metadata: dict[str, Any] = {"a": [1], "changes": 0}
    record("update", metadata=metadata, changes={"memory": {"from": 1, "to": 2}})
    metadata["a"].append(2)
    assert metadata == {"a": [1, 2], "changes": 0}
    [recorded] = sent.activities
    assert recorded["metadata"] == {"a": [1], "changes": {"memory": {"from": 1, "to": 2}}}


def test_a_value_that_is_no_json_becomes_json(sent: Memory, job: None) -> None:
    class Odd:
        def __str__(self) -> str:
            raise RuntimeError

    metadata = {
        "time": datetime(2024, 1, 15, 10, 30, tzinfo=UTC),
        "price": Decimal("1.50"),
        "id": uuid.UUID(int=1),
        "set": {1},
        "bytes": b"\xff",
        1: float("nan"),
        None: Odd(),
        "huge": 10**5000,
        "many": [1.0, 1e16, 1e21, 1e-7, 1e-5, -0.0, 123456789.123],
    }
    assert record("sync", metadata=metadata).result()  # type: ignore[arg-type]
    [message] = sent.messages
    huge = f'"{10**5000:#x}"'
    assert huge not in message.body, "it is too long"
    del metadata["huge"]
    record("sync", metadata=metadata)  # type: ignore[arg-type]
    assert (
        '"metadata":{"time":"2024-01-15T10:30:00.000Z","price":"1.50","id":"00000000-0000-0000-0000-000000000001",'
        '"set":[1],"bytes":"\ufffd","1":null,"null":"<Odd>",'
        '"many":[1,10000000000000000,1e+21,1e-7,0.00001,0,123456789.123]}'
    ) in sent.messages[1].body


def test_what_holds_itself_leaves_a_marker(sent: Memory, job: None) -> None:
    metadata: dict[str, Any] = {}
    metadata["self"] = metadata
    record("sync", metadata=metadata)
    assert sent.activities[0]["metadata"] == {"omitted": "not JSON"}


def test_what_is_nested_ten_thousand_deep_leaves_a_marker(sent: Memory, job: None) -> None:
    value: Any = []
    for _ in range(10_000):
        value = [value]
    record("sync", metadata={"a": value})
    assert sent.activities[0]["metadata"]["omitted"] == "nested too deeply"
    while value:
        [value] = value


def test_what_is_altered_is_told_once_a_call_and_shows_no_values(
    sent: Memory, job: None, caplog: pytest.LogCaptureFixture
) -> None:
    record("Secret", description="secret" * 1000, resource=("function", "secret"))
    [line] = caplog.messages
    assert line.startswith("resourceId, action, description of activity ")
    assert "secret" not in line.lower()
    caplog.clear()
    told: list[tuple[tuple[str, ...], Message]] = []
    activity.configure(transport=sent, on_altered=lambda fields, message: told.append((fields, message)))
    record("Create")
    assert told == [(("action",), sent.messages[1])]
    assert caplog.messages == []


def test_an_on_altered_that_raises_keeps_nothing_from_being_recorded(
    job: None, caplog: pytest.LogCaptureFixture
) -> None:
    def raises(*_: object) -> None:
        raise ZeroDivisionError

    sent = memory()
    activity.configure(transport=sent, on_altered=raises)
    assert record("Create").result()
    assert "on_altered" in caplog.text


def test_redacted_values_are_in_no_message(job: None) -> None:
    sent = memory()
    activity.configure(transport=sent, redact=["password"])
    record("update", metadata={"a": [{"PassWord": "s"}]}, changes={"password": {"from": "s", "to": "t"}})
    assert sent.activities[0]["metadata"] == {
        "a": [{"PassWord": "[redacted]"}],
        "changes": {"password": "[redacted]"},
    }


class TestOnError:
    """What becomes of a message that is given up."""

    def given_up(self, caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
        return [json.loads(line) for line in caplog.messages if line.startswith("{")]

    def test_log_gives_false_after_a_line_that_can_be_sent_again(
        self, job: None, caplog: pytest.LogCaptureFixture
    ) -> None:
        activity.configure(transport=memory(error="Refused: no"))
        assert record("sync", description="é").result() is False
        [line] = self.given_up(caplog)
        assert (line["event"], line["error"], line["groupId"]) == (
            "activity_not_recorded",
            "Refused: no",
            "3",
        )
        assert json.loads(line["body"])["description"] == "é"
        assert caplog.records[0].levelno == logging.ERROR

    def test_raise_raises_to_who_waits_and_logs_nothing(
        self, job: None, caplog: pytest.LogCaptureFixture
    ) -> None:
        activity.configure(transport=memory(error="Refused: no"), on_error="raise")
        receipt = record("sync")
        with pytest.raises(DeliveryError, match="Refused: no") as caught:
            receipt.result()
        assert json.loads(caught.value.line)["event"] == "activity_not_recorded"
        del receipt, caught
        gc.collect()
        assert self.given_up(caplog) == []

    def test_raise_logs_once_if_nobody_waits(self, job: None, caplog: pytest.LogCaptureFixture) -> None:
        activity.configure(transport=memory(error="Refused: no"), on_error="raise")
        record("sync")
        gc.collect()
        assert len(self.given_up(caplog)) == 1

    def test_raise_logs_also_if_the_receipt_was_dropped_before_the_failure(
        self, job: None, caplog: pytest.LogCaptureFixture
    ) -> None:
        release = threading.Event()

        class Slow(Memory):
            is_immediate = False

            def send(self, batch: Any) -> Any:
                release.wait(5)
                return super().send(batch)

        activity.configure(transport=Slow(error="Refused: no"), on_error="raise")
        record("sync")
        gc.collect()
        assert self.given_up(caplog) == []
        release.set()
        assert activity.flush(5)
        assert len(self.given_up(caplog)) == 1
        activity.close()

    def test_invalid_options_are_errors(self) -> None:
        for options in (
            {},
            {"transport": memory(), "queue_url": "https://x/y.fifo"},
            {"transport": memory(), "on_error": "throw"},
            {"transport": memory(), "deadline": 0},
            {"transport": memory(), "deadline": 241},
            {"queue_url": "https://sqs.eu-west-1.amazonaws.com/1/activity-logs-record"},
            {"deadline": 60},
        ):
            with pytest.raises(ValueError, match=r"queue_url|on_error|deadline"):
                ActivityLog().configure(**options)
        with pytest.raises(ValueError, match="queue_url"):
            ActivityLog(deadline=60)  # The configuration that follows would forget it.
        with pytest.raises(TypeError, match="unknown options: dead_line, redacted"):
            ActivityLog().configure(transport=memory(), redacted=[], dead_line=5)  # type: ignore[call-arg]
        with pytest.raises(TypeError, match="redact"):
            ActivityLog(transport=memory(), redact="password")


class TestReceipt:
    """Waiting, in sync and async code."""

    async def waits(self) -> None:
        receipt = record("sync")
        with pytest.raises(RuntimeError, match="await record"):
            receipt.result()
        assert await receipt is True
        assert all(await asyncio.gather(record("a"), record("b")))

    def test_on_an_event_loop_it_is_awaited(self, sent: Memory, job: None) -> None:
        asyncio.run(self.waits())

    def test_cancelling_who_waits_does_not_cancel_what_is_under_way(self, job: None) -> None:
        release = threading.Event()

        slow = Chaos(failing=0, before=lambda: release.wait(5))
        activity.configure(transport=slow)

        async def run() -> None:
            async def wait() -> None:
                await record("sync")

            task = asyncio.create_task(wait())
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert not await activity.aflush(0.01)
            release.set()
            assert await activity.aflush(5)

        asyncio.run(run())
        assert len(slow.accepted) == 1
        activity.close()

    def test_result_times_out_and_goes_on(self, job: None) -> None:
        release = threading.Event()
        chaos = Chaos(failing=0, slowest=0, before=lambda: release.wait(5))
        activity.configure(transport=chaos)
        receipt = record("sync")
        with pytest.raises(TimeoutError):
            receipt.result(0.01)
        assert not receipt.done()
        release.set()
        assert receipt.result(5)
        activity.close()


class TestUser:
    """Who the user is, is asked for once a request, when something is recorded first."""

    def test_a_function_is_asked_at_the_first_record_and_once(self, sent: Memory) -> None:
        asked: list[object] = []

        def ask(request: object) -> int:
            asked.append(request)
            return 5

        with within(Context(activity, Client(), ask, "request")):
            assert asked == []
            record("a")
            record("b")
        assert asked == ["request"]
        assert [one["userId"] for one in sent.activities] == [5, 5]

    def test_what_it_raises_is_raised_and_it_is_asked_again(self, sent: Memory) -> None:
        answers: Iterator[KeyError | int] = iter([KeyError("user"), 5])

        def ask(_: object) -> int:
            answer = next(answers)
            if isinstance(answer, Exception):
                raise answer
            return answer

        with within(Context(activity, Client(), ask)):
            with pytest.raises(KeyError):
                record("a")
            assert record("b").result()

    def test_an_async_function_keeps_the_order_of_calls(self, sent: Memory) -> None:
        asked: list[object] = []

        async def slow() -> int:
            await asyncio.sleep(0.01)
            return 5

        def ask(request: object) -> Awaitable[int]:
            asked.append(request)
            return slow()

        async def run() -> None:
            with within(Context(activity, Client(), ask, None, asyncio.get_running_loop())):
                receipts = [record("sync", metadata={"step": step}) for step in range(5)]
                assert sent.messages == []
                await asyncio.to_thread(record, "sync", metadata={"step": 5})
                assert await asyncio.gather(*receipts) == [True] * 5
                receipt = await asyncio.to_thread(record, "sync", metadata={"step": 6})
                assert await receipt
                assert await record("sync", metadata={"step": 7})

        asyncio.run(run())
        assert steps(sent.messages) == {"5": list(range(8))}
        assert len(asked) == 1

    def test_an_async_function_that_fails_fails_the_receipt_and_is_logged_if_nobody_waits(
        self, sent: Memory, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def ask(_: object) -> None:
            return None

        async def run() -> None:
            with within(Context(activity, Client(), ask)):
                with pytest.raises(TypeError, match="user_id is required"):
                    await record("sync")
                record("sync", description="é")
                assert await activity.aflush(5)

        asyncio.run(run())
        gc.collect()
        [line] = map(json.loads, caplog.messages)
        draft = json.loads(line.pop("draft"))
        assert line.pop("error").startswith("no user: TypeError: user_id is required")
        assert line == {"event": "activity_not_recorded", "deduplicationId": draft.pop("idempotencyKey")}
        assert draft.pop("occurredAt").endswith("Z")
        assert draft == {"action": "sync", "description": "é"}
        assert sent.messages == []

    @pytest.mark.parametrize("end", [lambda: activity.give_up("no time"), lambda: activity.close(0.01)])
    def test_what_waits_for_its_user_on_a_loop_that_stopped_is_given_up_and_logged(
        self, sent: Memory, caplog: pytest.LogCaptureFixture, end: Callable[[], None]
    ) -> None:
        found = asyncio.Event()

        async def ask(_: object) -> int:
            await found.wait()
            return 5

        async def run() -> Receipt:
            return record("sync", description="important")

        async def go_on() -> None:
            found.set()
            while asking := asyncio.all_tasks() - {asyncio.current_task()}:
                await asyncio.wait(asking)

        loop = asyncio.new_event_loop()
        with within(Context(activity, Client(), ask)):
            receipt = loop.run_until_complete(run())
            end()
            assert not receipt.result(0)
            [line] = map(json.loads, caplog.messages)
            assert line["error"] in ("no user: no time", "no user: the log is closed")
            assert json.loads(line["draft"])["description"] == "important"
            loop.run_until_complete(go_on())
        loop.close()
        assert (sent.messages, len(caplog.messages)) == ([], 1), "a user that is found later changes nothing"

    def test_a_user_whose_loop_ends_is_asked_for_again_and_once(
        self, sent: Memory, caplog: pytest.LogCaptureFixture
    ) -> None:
        asked: list[str] = []

        async def ask(request: str) -> int:
            asked.append(request)
            await asyncio.sleep(60 if len(asked) == 1 else 0)
            return 5

        async def run() -> None:
            for step in range(3):
                record("sync", metadata={"step": step})

        with within(Context(activity, Client(), ask, "request")):
            asyncio.run(run())
            assert activity.flush(5)
            assert record("sync", metadata={"step": 3}).result(5)
        assert steps(sent.messages) == {"5": [0, 1, 2, 3]}
        assert (asked, caplog.messages) == (["request"] * 2, [])

    def test_closing_the_log_waits_for_a_user_that_is_asked_for_again(self, sent: Memory) -> None:
        async def ask(_: object) -> int:
            await asyncio.sleep(0.05)
            return 5

        async def run() -> None:
            record("sync")

        with within(Context(activity, Client(), ask)):
            asyncio.run(run())
        activity.close(30)
        assert [one["userId"] for one in sent.activities] == [5]

    def test_a_user_that_is_not_found_on_a_second_loop_either_is_logged(
        self, sent: Memory, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(_context, "LONGEST_ASK", 0.01)

        async def ask(_: object) -> int:
            await asyncio.sleep(60)
            return 5

        async def run() -> None:
            record("sync")

        with within(Context(activity, Client(), ask)):
            asyncio.run(run())
        assert activity.flush(5)
        [line] = map(json.loads, caplog.messages)
        assert line["error"] == "no user: TimeoutError: "
        assert json.loads(line["draft"])["action"] == "sync"

    def test_an_async_function_in_sync_code_runs_on_a_loop_of_its_own(self, sent: Memory) -> None:
        async def ask(_: object) -> int:
            await asyncio.sleep(0)
            return 5

        with within(Context(activity, Client(), ask)):
            assert record("sync").result()
