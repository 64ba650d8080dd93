"""Django: sync and async views, under WSGI and ASGI, with its own users."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import django
import pytest
from django.conf import settings

USER_ID = "tests.test_django.user_of_header"

if not settings.configured:
    settings.configure(
        SECRET_KEY="x",
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        # In memory, and seen by all threads.
        DATABASES={
            "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "file:users?mode=memory&cache=shared"}
        },
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
        MIDDLEWARE=[
            "activity_logs.django.ActivityLogMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
        USE_TZ=True,
    )
    django.setup()

from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.http import HttpRequest, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import path
from django.utils.translation import gettext_lazy

from activity_logs import Memory, activity, memory, record
from activity_logs.django import ActivityLogMiddleware

from .support import steps


def user_of_header(request: HttpRequest) -> str | None:
    return request.headers.get("x-user")


def create(request: HttpRequest) -> HttpResponseBase:
    step = json.loads(request.body)["step"]
    return JsonResponse({"accepted": record("create", metadata={"step": step}).result()})


async def acreate(request: HttpRequest) -> HttpResponseBase:
    step = json.loads(request.body)["step"]
    return JsonResponse({"accepted": await record("create", metadata={"step": step})})


async def forget(request: HttpRequest) -> HttpResponseBase:
    record("create", metadata={"step": 1})
    return JsonResponse({})


def stream(request: HttpRequest) -> HttpResponseBase:
    def parts() -> Iterator[bytes]:
        for step in range(3):
            record("read", metadata={"step": step})
            yield b"x"

    return StreamingHttpResponse(parts())


async def astream(request: HttpRequest) -> HttpResponseBase:
    async def parts() -> AsyncIterator[bytes]:
        for step in range(3):
            record("read", metadata={"step": step})
            yield b"x"

    return StreamingHttpResponse(parts())


def lazy(request: HttpRequest) -> HttpResponseBase:
    return JsonResponse({"accepted": record("read", description=gettext_lazy("a text")).result()})  # type: ignore[arg-type]


urlpatterns = [
    path("create", create),
    path("acreate", acreate),
    path("forget", forget),
    path("stream", stream),
    path("astream", astream),
    path("lazy", lazy),
]


@pytest.fixture
def logged(sent: Memory) -> Iterator[Memory]:
    """Configured as by the settings."""
    with override_settings(ACTIVITY_LOGS={"TRANSPORT": sent, "USER_ID": USER_ID}):
        yield sent


@pytest.fixture(scope="module")
def user() -> User:
    call_command("migrate", verbosity=0)
    return User.objects.create_user("somebody", password="secret")


HEADERS = {"x-user": "3", "user-agent": "curl/8.7.1"}


@pytest.mark.parametrize("view", ["create", "acreate"])
def test_under_wsgi_user_address_agent_and_time_are_filled_in(logged: Memory, view: str) -> None:
    response = Client().post(f"/{view}", {"step": 1}, content_type="application/json", headers=HEADERS)
    assert response.json() == {"accepted": True}
    [one] = logged.activities
    assert (one["userId"], one["ipAddress"], one["userAgent"]) == (3, "127.0.0.1", "curl/8.7.1")
    assert one["metadata"] == {"step": 1}


@pytest.mark.parametrize("view", ["create", "acreate"])
def test_under_asgi_it_is_the_same(logged: Memory, view: str) -> None:
    async def run() -> Any:
        return await AsyncClient().post(
            f"/{view}", {"step": 1}, content_type="application/json", headers=HEADERS
        )

    assert asyncio.run(run()).json() == {"accepted": True}
    [one] = logged.activities
    assert (one["userId"], one["ipAddress"], one["userAgent"]) == (3, "127.0.0.1", "curl/8.7.1")


def test_record_works_while_a_response_is_streamed(logged: Memory) -> None:
    response: Any = Client().get("/stream", headers=HEADERS)
    assert b"".join(response.streaming_content) == b"xxx"
    assert steps(logged.messages) == {"3": [0, 1, 2]}


def test_record_works_while_a_response_is_streamed_to_an_async_server(logged: Memory) -> None:
    async def run() -> bytes:
        response: Any = await AsyncClient().get("/astream", headers=HEADERS)
        return b"".join([part async for part in response.streaming_content])

    assert asyncio.run(run()) == b"xxx"
    assert steps(logged.messages) == {"3": [0, 1, 2]}


def test_concurrent_requests_are_not_mixed(logged: Memory) -> None:
    async def run() -> None:
        async def post(user: int) -> None:
            view = "create" if user % 2 else "acreate"
            headers = {"x-user": str(user), "user-agent": f"agent-{user}"}
            await AsyncClient().post(
                f"/{view}", {"step": user}, content_type="application/json", headers=headers
            )

        await asyncio.gather(*(post(user) for user in range(1, 51)))

    asyncio.run(run())
    assert steps(logged.messages) == {str(user): [user] for user in range(1, 51)}
    assert all(one["userAgent"] == f"agent-{one['userId']}" for one in logged.activities)


@pytest.mark.parametrize("view", ["create", "acreate"])
def test_without_a_setting_the_user_is_who_is_logged_in(sent: Memory, user: User, view: str) -> None:
    with override_settings(ACTIVITY_LOGS={"TRANSPORT": sent}):
        client = Client()
        client.force_login(user)
        assert client.post(f"/{view}", {"step": 1}, content_type="application/json").status_code == 200

        async def run() -> Any:
            asynchronous = AsyncClient()
            await asynchronous.aforce_login(user)
            return await asynchronous.post(f"/{view}", {"step": 2}, content_type="application/json")

        assert async_to_sync(run)().json() == {"accepted": True}
    assert steps(sent.messages) == {str(user.pk): [1, 2]}


def test_what_an_async_view_records_under_wsgi_is_sent_though_its_loop_ends(sent: Memory, user: User) -> None:
    with override_settings(ACTIVITY_LOGS={"TRANSPORT": sent}):
        client = Client()
        client.force_login(user)
        assert client.get("/forget").status_code == 200
        assert activity.flush(30)
    assert steps(sent.messages) == {str(user.pk): [1]}


def test_who_is_not_logged_in_cannot_be_recorded(sent: Memory, user: User) -> None:
    with (
        override_settings(ACTIVITY_LOGS={"TRANSPORT": sent}),
        pytest.raises(TypeError, match="user_id is required"),
    ):
        Client().post("/create", {"step": 1}, content_type="application/json")


def test_a_lazy_translation_is_a_text(logged: Memory, caplog: pytest.LogCaptureFixture) -> None:
    Client().get("/lazy", headers=HEADERS)
    assert logged.activities[0]["description"] == "a text"
    assert caplog.messages == []


def test_hops_and_options_are_settings() -> None:
    sent = memory()
    options = {"TRANSPORT": sent, "USER_ID": user_of_header, "TRUSTED_HOPS": 1, "REDACT": ["step"]}
    with override_settings(ACTIVITY_LOGS=options):
        headers = HEADERS | {"x-forwarded-for": "192.0.2.66, 198.51.100.1"}
        Client().post("/create", {"step": 1}, content_type="application/json", headers=headers)
    [one] = sent.activities
    assert (one["ipAddress"], one["metadata"]) == ("198.51.100.1", {"step": "[redacted]"})
    activity.close()


def post() -> None:
    response = Client().post("/create", {"step": 1}, content_type="application/json", headers=HEADERS)
    assert response.json() == {"accepted": True}


@pytest.mark.parametrize("is_served_before", [False, True])
def test_a_log_that_is_configured_after_the_settings_were_read_stays(
    monkeypatch: pytest.MonkeyPatch, is_served_before: bool
) -> None:
    monkeypatch.setattr(ActivityLogMiddleware, "_last", None)
    real, sent = memory(), memory()
    with override_settings(ACTIVITY_LOGS={"TRANSPORT": real, "USER_ID": USER_ID}):
        if is_served_before:
            post()
        activity.configure(transport=sent)
        post()
        post()
    assert (len(real.messages), len(sent.messages)) == (int(is_served_before), 2)
    activity.close()


def test_settings_that_have_changed_and_a_log_that_was_closed_are_configured_anew() -> None:
    first, second = memory(), memory()
    with override_settings(ACTIVITY_LOGS={"TRANSPORT": first, "USER_ID": USER_ID}):
        post()
        with override_settings(ACTIVITY_LOGS={"TRANSPORT": second, "USER_ID": USER_ID}):
            post()
            assert (len(first.messages), len(second.messages)) == (1, 1)
            activity.close()
            post()
            assert (len(first.messages), len(second.messages)) == (1, 2)
        post()
    assert (len(first.messages), len(second.messages)) == (2, 2)
    activity.close()


@pytest.mark.parametrize(
    "options",
    [{"QUEUE": "x"}, {"TRUSTED_HOPS": -1}, {"ON_ERROR": "throw", "TRANSPORT": memory()}, {"REDACT": ["x"]}],
)
def test_settings_that_cannot_be_are_errors(options: dict[str, Any]) -> None:
    activity.close()
    with override_settings(ACTIVITY_LOGS=options), pytest.raises(ImproperlyConfigured, match="ACTIVITY_LOGS"):
        ActivityLogMiddleware(create)
