"""The code in README.md runs as it stands."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path
from fastapi import FastAPI

from activity_logs import activity, memory, record
from activity_logs.asgi import ActivityLogMiddleware
from activity_logs.client import ActivityLogClient

BLOCKS = re.findall(
    r"```python\n(.*?)```", (Path(__file__).parents[1] / "README.md").read_text("utf-8"), re.S
)
QUEUE = "https://sqs.eu-central-1.amazonaws.com/123456789012/activity-logs-record.fifo"


def run(part: str) -> dict[str, Any]:
    """Runs the block that has this in it, and gives what it defines."""
    [block] = [block for block in BLOCKS if part in block]
    defined: dict[str, Any] = {"__name__": "readme"}
    exec(compile(block, "README.md", "exec"), defined)
    return defined


@pytest.fixture(autouse=True)
def _queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACTIVITY_QUEUE_URL", QUEUE)


def test_the_complete_route_file_records() -> None:
    app = run("for FastAPI")["app"]
    sent = memory()
    activity.configure(transport=sent)

    async def ask() -> None:
        transport = httpx.ASGITransport(app=app)
        headers = {"x-user": "3"}
        async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
            assert (await client.post("/functions?name=a")).status_code == 201
            assert (await client.patch("/functions/5?memory=256")).status_code == 200

    asyncio.run(ask())
    created, updated = sent.activities
    assert (created["userId"], created["projectId"], created["action"]) == (3, 4, "create")
    assert updated["metadata"] == {"changes": {"memory": {"from": 128, "to": 256}}}


def test_the_route_that_the_readme_of_the_project_shows_records() -> None:
    page = (Path(__file__).parents[3] / "README.md").read_text("utf-8")
    [block] = re.findall(r"```python\n(.*?)```", page, re.S)
    app = FastAPI()
    app.add_middleware(ActivityLogMiddleware, user_id=lambda _: 3)
    exec(compile(block, "README.md", "exec"), {"app": app})
    sent = memory()
    activity.configure(transport=sent)

    async def ask() -> None:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            assert (await client.post("/functions")).status_code == 201

    asyncio.run(ask())
    [created] = sent.activities
    assert (created["userId"], created["resourceId"], created["environmentId"]) == (3, 5, 4)


def test_the_flask_application_records() -> None:
    client = run("from flask")["app"].test_client()
    sent = memory()
    activity.configure(transport=sent)
    assert client.post("/functions", headers={"x-user": "3"}).status_code == 201
    assert sent.activities[0]["userId"] == 3


def test_the_test_of_a_django_project_sees_what_a_view_records() -> None:
    # It makes the settings of a project.
    from . import test_django  # noqa: F401

    def view(_: HttpRequest) -> HttpResponse:
        record("create", resource=("function", 5), user_id=3)
        return HttpResponse()

    urls: Any = ModuleType("urls")
    urls.urlpatterns = [path("functions", view)]
    real = memory()
    activity.configure(transport=real)
    with override_settings(ROOT_URLCONF=urls, ACTIVITY_LOGS={"TRANSPORT": real}):
        Client().post("/functions")
        assert len(run("override_settings")["sent"].messages) == 1
    assert len(real.messages) == 1
    activity.close()


def test_the_handler_of_lambda_records() -> None:
    handler = run("aws_lambda")["handler"]
    sent = memory()
    activity.configure(transport=sent)
    event = {"requestContext": {"authorizer": {"jwt": {"claims": {"sub": "3"}}}}}
    assert handler(event, None) == {"statusCode": 201}
    assert sent.activities[0]["userId"] == 3


def test_the_reader_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    entry = {"createdAt": "2024-01-15T10:30:00.000Z", "description": "d"}
    page = {
        "data": [entry],
        "pagination": {"total": 1},
        "facets": {"action": [{"value": "create", "count": 1}]},
    }

    def answer(_: object, url: str, token: str) -> tuple[int, dict[str, str], bytes]:
        asked.append(url)
        return 200, {}, json.dumps(page).encode()

    monkeypatch.setattr(ActivityLogClient, "_ask", answer)
    monkeypatch.setenv("TOKEN", "token")
    assert run("ActivityLogClient")["entry"] == [entry]
    assert asked == [
        "http://127.0.0.1:9000/api/activities?action=create&resourceType=function%2Cdatabase&limit=100",
        "http://127.0.0.1:9000/api/activities/1?include=client",
        "http://127.0.0.1:9000/api/activities?projectSlug=my-project&include=facets&limit=0",
    ]


def test_the_rest_runs() -> None:
    assert "activity_logs.django.ActivityLogMiddleware" in run("settings.py")["MIDDLEWARE"]
    assert len(run("activity.configure(transport=sent)")["sent"].messages) == 1
    sent = memory()
    activity.configure(transport=sent)
    run("nightly")
    assert [one["action"] for one in sent.activities] == ["sync", "delete"]
    assert len(BLOCKS) == 8, "each block is run here"
