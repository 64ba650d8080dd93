"""Both clients on the way that an action takes: a route of an Express or a FastAPI application, the client, a
proxy with faults, moto's FIFO queue, an event source, the recorder, the log, the API, the reading clients.

It needs what `make test` builds and installs. A checkout where that is done can stand in for this one:
``ACTIVITY_LOGS_ROOT=… pytest clients/e2e``.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config

import load
from activity_logs.client import ActivityLogClient
from event_source import RECEIVES, EventSource
from programs import (
    ACTIVITIES,
    CLIENTS,
    E2E,
    ENVIRONMENT,
    MOTO,
    REGION,
    ROOT,
    TOOLS,
    Program,
    free_port,
    running,
)
from proxy import FaultyQueue, Plan

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

SEED = int(os.environ.get("SEED", "16"))
"""Another plan of faults, and another order of the requests: ``SEED=7 pytest clients/e2e``."""

BUILD = 20 * 60
"""How long the functions may take to build, in seconds, where that was not done before."""

Log = list[dict[str, Any]]


@dataclass(frozen=True)
class Outcome:
    """What is left when all has run."""

    began: str
    ended: str
    """When the load began, and when the applications had ended: RFC 3339, in milliseconds."""
    printed: dict[str, str]
    """What each application printed."""
    queue: dict[str, Counter[str]]
    """What the proxy has seen and done, by client."""
    most_of_a_user: int
    """How many messages of one user a client had under way at the most."""
    source: Counter[str]
    dead_letters: int
    by_python: dict[int, Log]
    by_typescript: dict[int, Log]
    """The log of each user, the oldest entry first, as each client reads it."""


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    """Runs everything once."""
    folder = tmp_path_factory.mktemp("e2e")
    for needed in (ACTIVITIES, MOTO, CLIENTS / "typescript/dist/index.js"):
        assert needed.exists(), f"there is no {needed}: see the Makefile"
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "NO_PROXY", "no_proxy"):
            patch.setenv(name, ENVIRONMENT[name])
        ports = ["--port", str(free_port()), "--dynamodb-port", str(free_port())]
        dev = stack.enter_context(
            running("dev", [ACTIVITIES, "dev", "--empty", *ports], folder, {}, cwd=ROOT)
        )
        proxy = stack.enter_context(faulty_queue(folder))
        once = Config(retries={"total_max_attempts": 1})
        sqs: SQSClient = boto3.client("sqs", endpoint_url=proxy.endpoint, region_name=REGION, config=once)
        stack.callback(sqs.close)
        dead = create_queue(sqs, "record-dead-letters.fifo")
        policy = {"deadLetterTargetArn": attribute_of(sqs, dead, "QueueArn"), "maxReceiveCount": RECEIVES}
        # As long as in template.yaml.
        given = {"RedrivePolicy": json.dumps(policy), "VisibilityTimeout": "180"}
        queue = create_queue(sqs, "record.fifo", **given)

        api = dev.wait_for(r"is running at (http://127\.0\.0\.1:\d+)/api/activities", seconds=BUILD)
        function = f"{api}/2015-03-31/functions/record-activities/invocations"
        source = EventSource(sqs, queue, attribute_of(sqs, queue, "QueueArn"), function, SEED)
        # The first time it may have to be built.
        assert source.invoke([], seconds=BUILD) == []

        began = now()
        with applications(folder, proxy.endpoint, queue) as (programs, addresses):
            source.start()
            asyncio.run(load.put(addresses, SEED))
            for program in programs.values():
                # It sends what it has before it ends.
                program.stop()
            printed = {name: program.printed for name, program in programs.items()}
        ended = now()
        source.finish(seconds=180)

        tokens = {user: token_of(user) for user in load.USERS}
        yield Outcome(
            began=began,
            ended=ended,
            printed=printed,
            queue=proxy.seen,
            most_of_a_user=proxy.most_of_a_user,
            source=source.seen,
            dead_letters=int(attribute_of(sqs, dead, "ApproximateNumberOfMessages")),
            by_python={user: read_by_python(api, token) for user, token in tokens.items()},
            by_typescript=read_by_typescript(api, tokens),
        )


@contextmanager
def faulty_queue(folder: Path) -> Iterator[FaultyQueue]:
    """moto, with the proxy before it."""
    command = [str(MOTO), "-H", "127.0.0.1", "-p", "0"]
    with running("moto", command, folder, {"PYTHONPATH": str(TOOLS / "aws")}) as moto:
        port = int(moto.wait_for(r"Running on http://127\.0\.0\.1:(\d+)", seconds=60))
        with FaultyQueue(port, Plan(SEED)) as proxy:
            yield proxy


@contextmanager
def applications(
    folder: Path, endpoint: str, queue: str
) -> Iterator[tuple[dict[str, Program], dict[str, str]]]:
    """The two applications, and the address of each."""
    variables = {"QUEUE_URL": queue, "AWS_ENDPOINT_URL_SQS": endpoint}
    # The address is to be found by the client, and not by the server.
    options = ["--host", "127.0.0.1", "--port", "0", "--no-proxy-headers"]
    uvicorn = [sys.executable, "-m", "uvicorn", "fastapi_app:app", *options]
    of_python = {**variables, "PYTHONPATH": str(CLIENTS / "python/src")}
    with (
        running("express", ["node", E2E / "express_app.mjs"], folder, variables) as express,
        running("fastapi", uvicorn, folder, of_python) as fastapi,
    ):
        programs = {"express": express, "fastapi": fastapi}
        address = r"(http://127\.0\.0\.1:\d+)"
        yield programs, {name: program.wait_for(address, seconds=60) for name, program in programs.items()}


def create_queue(sqs: SQSClient, name: str, **attributes: str) -> str:
    """The address of a new FIFO queue."""
    given = {"FifoQueue": "true", **attributes}
    return sqs.create_queue(QueueName=name, Attributes=given)["QueueUrl"]  # type: ignore[arg-type]


def attribute_of(sqs: SQSClient, queue: str, name: str) -> str:
    return sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"][name]  # type: ignore[index]


def token_of(user: int) -> str:
    command = [str(ACTIVITIES), "token", "--user", str(user), "--local"]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def read_by_python(api: str, token: str) -> Log:
    log = ActivityLogClient(api, token)
    return [{**entry} for entry in log.list(include="client", order="asc", page_size=10)]


def read_by_typescript(api: str, tokens: dict[int, str]) -> dict[int, Log]:
    asked = json.dumps({"baseUrl": api, "tokens": tokens})
    command = ["node", str(E2E / "read.mjs")]
    done = subprocess.run(command, input=asked, check=True, stdout=subprocess.PIPE, text=True, timeout=120)
    return {int(user): log for user, log in json.loads(done.stdout).items()}


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def name_of(entry: dict[str, Any]) -> tuple[str, int]:
    """What names an action: its task, and its number in it."""
    return entry["metadata"]["task"], entry["metadata"]["number"]


def test_every_action_is_in_the_log_once(outcome: Outcome) -> None:
    found = {user: Counter(map(name_of, log)) for user, log in outcome.by_python.items()}
    wanted: dict[int, Counter[tuple[str, int]]] = {user: Counter() for user in load.USERS}
    for entry in load.expected(SEED):
        wanted[entry["userId"]][name_of(entry)] += 1
    assert found == wanted


def test_the_actions_of_a_user_are_in_the_order_of_the_calls(outcome: Outcome) -> None:
    for log in outcome.by_python.values():
        numbers: dict[str, list[int]] = {}
        for task, number in map(name_of, log):
            numbers.setdefault(task, []).append(number)
        assert numbers == {task: sorted(found) for task, found in numbers.items()}


def test_each_entry_says_who_did_what_where_from_and_with_what_and_nothing_is_altered(
    outcome: Outcome,
) -> None:
    wanted = {name_of(entry): entry for entry in load.expected(SEED)}
    for log in outcome.by_python.values():
        for entry in log:
            expected = wanted[name_of(entry)]
            assert {member: entry[member] for member in expected} == expected


def test_the_time_of_an_entry_is_that_of_the_call(outcome: Outcome) -> None:
    for log in outcome.by_python.values():
        for entry in log:
            assert outcome.began <= (entry["occurredAt"] or entry["createdAt"]) <= outcome.ended


def test_both_clients_read_the_same(outcome: Outcome) -> None:
    assert outcome.by_python == outcome.by_typescript


def test_nothing_is_given_up_nor_a_dead_letter(outcome: Outcome) -> None:
    assert outcome.dead_letters == 0
    for printed in outcome.printed.values():
        assert "all is flushed" in printed
        for word in ("activity_not_recorded", "altered", "within the limits", "Error", "Traceback"):
            assert word not in printed, printed


def test_of_one_user_at_most_one_message_is_under_way_and_batches_join_users(outcome: Outcome) -> None:
    assert outcome.most_of_a_user == 1
    for seen in outcome.queue.values():
        assert seen["batches of several users"] > 0


def test_each_client_has_met_each_fault(outcome: Outcome) -> None:
    print(f"\nat the queue: {outcome.queue}\nat the event source: {outcome.source}")
    for seen in outcome.queue.values():
        for fault in ("entries failed beside others", "unavailable", "dropped", "delayed"):
            assert seen[fault] > 0, fault
        assert seen["refused by moto"] == 0
    assert outcome.source["batches delivered again"] > 0
    assert outcome.source["failed"] == 0
