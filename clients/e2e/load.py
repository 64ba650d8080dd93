"""The requests, and the entries that the log has after them."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import httpx

LONGEST_PAUSE = 1.5
"""Between two requests of a task, in seconds. moto gets slower with each message that waits in it; so as many
come in a second as are recorded."""

USERS = range(1, 26)
APPS = ("express", "fastapi")
PREFIXES = ("/body-first", "/log-first")
"""Each application has its routes twice: with the body parser before the middleware and after it."""

Entry = dict[str, Any]
"""What is expected of an entry of the log; all but its id and its times."""


@dataclass(frozen=True)
class Task:
    """Sends the requests of one user to one application, one after another."""

    app: str
    user: int

    @property
    def name(self) -> str:
        """Names the task in the metadata of its actions."""
        return f"{self.app} {self.user}"

    @property
    def address(self) -> str:
        """The client's, as the proxy before the application sees it."""
        return f"203.0.113.{self.user}" if self.app == "express" else f"2001:db8::{self.user:x}"

    @property
    def headers(self) -> dict[str, str]:
        """What the requests have: the first address is what anybody can write."""
        return {
            "x-user": str(self.user),
            "user-agent": f"load of {self.name}",
            "x-forwarded-for": f"198.51.100.66, {self.address}",
            "content-type": "application/json",
        }

    def entry(self, number: int, action: str, **known: Any) -> Entry:
        """The entry of the action with this number."""
        resource_type, resource_id = known.pop("resource", (None, None))
        project_id, environment_id = known.pop("environment", (None, None))
        more = known.pop("metadata", {})
        return {
            "userId": self.user,
            "action": action,
            "resourceType": resource_type,
            "resourceId": resource_id,
            "projectId": project_id,
            "environmentId": environment_id,
            "description": None,
            "metadata": {"task": self.name, "number": number, **more},
            "ipAddress": self.address,
            "userAgent": self.headers["user-agent"],
            "altered": None,
            **known,
        }

    def requests(self, seed: int) -> list[Asked]:
        """A request of each kind, in an order of their own for each task."""
        order = random.Random(f"{seed} {self.name}")
        kinds: list[Callable[[Task, int], Asked]] = [*_KINDS, _job]
        order.shuffle(kinds)
        asked: list[Asked] = []
        number = 0
        for kind in kinds:
            asked.append(kind(self, number))
            number += len(asked[-1].entries)
        return asked


@dataclass(frozen=True)
class Asked:
    """A request."""

    path: str
    number: int
    answer: str
    entries: list[Entry]
    """What it leaves in the log."""


def _create(task: Task, number: int) -> Asked:
    entry = task.entry(
        number,
        "create",
        resource=("function", number + 1),
        environment=(4, 9),
        description=f"Created “function” {number + 1} 🚀",
        metadata={"secret": "[redacted]"},
    )
    return Asked("/functions", number, "accepted", [entry])


def _update(task: Task, number: int) -> Asked:
    changes = {"memory": {"from": 128, "to": 256}}
    entry = task.entry(number, "update", resource=("function", number + 1), metadata={"changes": changes})
    return Asked("/memory", number, "handed over", [entry])


def _sync(task: Task, number: int) -> Asked:
    entry = task.entry(number, "sync", resource=("database", None), environment=(4, None))
    return Asked("/syncs", number, "accepted", [entry])


def _import(task: Task, number: int) -> Asked:
    numbers = range(number, number + 4)
    entries = [task.entry(at, "import", resource=("instance", at + 1)) for at in numbers]
    return Asked("/imports", number, "handed over", entries)


def _export(task: Task, number: int) -> Asked:
    entries = [task.entry(number, "export"), task.entry(number + 1, "close")]
    return Asked("/exports", number, "one,two,three", entries)


def _job(task: Task, number: int) -> Asked:
    """A job has no request, and its actions have an order of their own."""
    known = {"ipAddress": None, "userAgent": "a job", "metadata": {"task": f"{task.name}, job {number}"}}
    entries = [task.entry(0, "start", **known), task.entry(1, "finish", **known)]
    return Asked("/jobs", number, "handed over", entries)


_KINDS = [_create, _update, _sync, _import, _export]

TASKS = [Task(app, user) for user in USERS for app in APPS]


def expected(seed: int) -> list[Entry]:
    """All entries of the log after the load."""
    return [entry for task in TASKS for asked in task.requests(seed) for entry in asked.entries]


async def put(addresses: dict[str, str], seed: int) -> None:
    """Has all tasks send their requests side by side, and checks every response."""
    async with asyncio.timeout(180), asyncio.TaskGroup() as group:
        for task in TASKS:
            group.create_task(_send(task, addresses[task.app], seed))


async def _send(task: Task, address: str, seed: int) -> None:
    pauses = random.Random(f"pauses {seed} {task.name}")
    async with httpx.AsyncClient(
        base_url=address, headers=task.headers, timeout=60, trust_env=False
    ) as client:
        for turn, asked in enumerate(task.requests(seed)):
            body = _in_two_parts(json.dumps({"task": task.name, "number": asked.number}).encode())
            response = await client.post(PREFIXES[turn % 2] + asked.path, content=body)
            assert (response.status_code, response.text) == (200, asked.answer), (task, asked)
            await asyncio.sleep(pauses.uniform(0, LONGEST_PAUSE))


async def _in_two_parts(body: bytes) -> AsyncIterator[bytes]:
    """A body whose end comes after a pause, and so in another turn of an event loop."""
    yield body[:5]
    await asyncio.sleep(0.002)
    yield body[5:]
