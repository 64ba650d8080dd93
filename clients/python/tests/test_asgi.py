"""FastAPI and Starlette, by httpx and behind a real server."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import BackgroundTasks, Depends, FastAPI, Request, WebSocket
from fastapi.responses import StreamingResponse
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request as StarletteRequest
from starlette.responses import Response

from activity_logs import ActivityLog, Memory, record
from activity_logs.asgi import ActivityLogMiddleware, Scope

from .support import Chaos, steps


async def authenticate(request: Request) -> None:
    """Runs after the middleware, as a dependency does."""
    request.state.user_id = int(request.headers["x-user"])


def user_id(scope: Scope) -> int:
    user: int = scope["state"]["user_id"]
    return user


async def socket_route(websocket: WebSocket) -> None:
    websocket.state.user_id = 3
    await websocket.accept()
    record(await websocket.receive_text())
    await websocket.close()


def application(**options: Any) -> FastAPI:
    app = FastAPI(dependencies=[Depends(authenticate)])
    app.add_middleware(ActivityLogMiddleware, **({"user_id": user_id} | options))

    @app.post("/functions/{number}")
    async def create(number: int, body: dict[str, Any]) -> dict[str, Any]:
        receipt = record("create", resource=("function", number), metadata={"step": body["step"]})
        return {"accepted": await receipt}

    @app.post("/sync/{number}")
    def create_in_a_thread(number: int, body: dict[str, Any]) -> dict[str, Any]:
        return {"accepted": record("create", metadata={"step": body["step"]}).result()}

    @app.get("/below")
    async def below() -> None:
        async def deep() -> None:
            record("invoke", description="in a task")

        await asyncio.create_task(deep())
        await asyncio.to_thread(record, "invoke", description="in a thread")

    @app.get("/background")
    async def background(tasks: BackgroundTasks) -> None:
        tasks.add_task(record, "sync", description="async")
        tasks.add_task(lambda: record("sync", description="in a thread").result())

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            for step in range(3):
                record("read", metadata={"step": step})
                yield b"x"

        return StreamingResponse(parts())

    @app.get("/stream-in-a-thread")
    def stream_in_a_thread() -> StreamingResponse:
        def parts() -> Iterator[bytes]:
            for step in range(3):
                record("read", metadata={"step": step})
                yield b"x"

        return StreamingResponse(parts())

    @app.post("/raw")
    async def raw(request: Request) -> int:
        record("before")
        size = len(await request.body())
        record("after")
        return size

    return app


@contextlib.asynccontextmanager
async def client(app: Any, peer: str = "203.0.113.9") -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app, client=(peer, 51008))
    headers = {"x-user": "3", "user-agent": "curl/8.7.1"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as found:
        yield found


def ask(app: Any, method: str, path: str, peer: str = "203.0.113.9", **options: Any) -> httpx.Response:
    async def run() -> httpx.Response:
        async with client(app, peer) as found:
            return await found.request(method, path, **options)

    return asyncio.run(run())


@pytest.mark.parametrize("path", ["/functions/5", "/sync/5"])
def test_user_address_agent_and_time_are_filled_in(sent: Memory, path: str) -> None:
    response = ask(application(), "POST", path, json={"step": 1})
    assert response.json() == {"accepted": True}
    [one] = sent.activities
    assert (one["userId"], one["ipAddress"], one["userAgent"]) == (3, "203.0.113.9", "curl/8.7.1")
    assert one["metadata"] == {"step": 1}
    assert one["occurredAt"].endswith("Z")


def test_record_works_in_tasks_and_threads_below_a_route(sent: Memory) -> None:
    ask(application(), "GET", "/below")
    assert [one["description"] for one in sent.activities] == ["in a task", "in a thread"]
    assert {one["userId"] for one in sent.activities} == {3}


def test_record_works_in_tasks_after_the_response(sent: Memory) -> None:
    assert ask(application(), "GET", "/background").status_code == 200
    assert [one["description"] for one in sent.activities] == ["async", "in a thread"]


@pytest.mark.parametrize("path", ["/stream", "/stream-in-a-thread"])
def test_record_works_while_a_response_is_streamed(sent: Memory, path: str) -> None:
    assert ask(application(), "GET", path).text == "xxx"
    assert steps(sent.messages) == {"3": [0, 1, 2]}


def test_the_body_is_there_before_and_after_a_record(sent: Memory) -> None:
    assert ask(application(), "POST", "/raw", content=b"x" * 100_000).json() == 100_000
    assert [one["action"] for one in sent.activities] == ["before", "after"]


def test_a_websocket_is_a_request_too(sent: Memory) -> None:
    said: list[str] = []
    events = iter([{"type": "websocket.connect"}, {"type": "websocket.receive", "text": "open"}])

    async def receive() -> dict[str, Any]:
        return next(events)

    async def send(event: Any) -> None:
        said.append(event["type"])

    scope: dict[str, Any] = {
        "type": "websocket",
        "path": "/socket",
        "headers": [(b"x-user", b"3")],
        "query_string": b"",
        "client": ("203.0.113.9", 1),
    }
    # Without the dependency, which is for requests.
    app = FastAPI()
    app.add_middleware(ActivityLogMiddleware, user_id=user_id)
    app.websocket("/socket")(socket_route)
    asyncio.run(app(scope, receive, send))
    assert said == ["websocket.accept", "websocket.close"]
    [one] = sent.activities
    assert (one["userId"], one["action"], one["ipAddress"]) == (3, "open", "203.0.113.9")


@pytest.mark.parametrize("is_outside", [False, True])
def test_another_middleware_may_stand_on_either_side(sent: Memory, is_outside: bool) -> None:
    async def other(request: StarletteRequest, call_next: Any) -> Response:
        response: Response = await call_next(request)
        return response

    app = FastAPI() if is_outside else application()
    if is_outside:
        app.add_middleware(BaseHTTPMiddleware, dispatch=other)
        app.mount("/", application())
    else:
        app.add_middleware(BaseHTTPMiddleware, dispatch=other)
    assert ask(app, "POST", "/functions/5", json={"step": 1}).json() == {"accepted": True}
    assert ask(app, "GET", "/stream").text == "xxx"
    assert len(sent.messages) == 4


def test_what_authenticates_may_have_a_copy_of_the_scope(sent: Memory) -> None:
    async def app(scope: Scope, receive: Any, send: Any) -> None:
        copied = dict(scope)
        copied["state"]["user_id"] = 3
        record("read")
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    assert ask(ActivityLogMiddleware(app, user_id=user_id), "GET", "/").status_code == 204
    assert sent.activities[0]["userId"] == 3


def test_an_async_user_id_is_awaited_at_the_first_record(sent: Memory) -> None:
    async def slow(scope: Scope) -> int:
        await asyncio.sleep(0.01)
        return user_id(scope)

    app = application(user_id=slow)
    assert ask(app, "POST", "/functions/5", json={"step": 1}).json() == {"accepted": True}
    assert ask(app, "POST", "/sync/5", json={"step": 2}).json() == {"accepted": True}
    assert steps(sent.messages) == {"3": [1, 2]}


def test_an_anonymous_request_that_records_is_an_error(sent: Memory) -> None:
    with pytest.raises(TypeError, match="user_id is required"):
        ask(application(user_id=lambda _: None), "POST", "/functions/5", json={"step": 1})


@pytest.mark.parametrize(
    ("hops", "forwarded", "expected"),
    [
        (0, "198.51.100.1", "203.0.113.9"),
        (1, "192.0.2.66, 198.51.100.1", "198.51.100.1"),
        (2, "192.0.2.66, 198.51.100.1, 10.0.0.1", "198.51.100.1"),
        (2, "198.51.100.1:443", "198.51.100.1"),
        (1, None, "203.0.113.9"),
        (1, "unknown", None),
    ],
)
def test_addresses_of_proxies_are_counted_from_the_right(
    sent: Memory, hops: int, forwarded: str | None, expected: str | None
) -> None:
    headers = {} if forwarded is None else {"x-forwarded-for": forwarded}
    ask(application(trusted_hops=hops), "GET", "/below", headers=headers)
    assert sent.activities[0].get("ipAddress") == expected


def test_several_headers_of_proxies_are_one_list(sent: Memory) -> None:
    headers = [("x-forwarded-for", "192.0.2.66"), ("x-forwarded-for", "198.51.100.1"), ("x-user", "3")]
    ask(application(trusted_hops=1), "GET", "/below", headers=headers)
    assert sent.activities[0]["ipAddress"] == "198.51.100.1"


def test_an_address_within_an_ipv6_address_and_a_peer_without_one(
    sent: Memory, caplog: pytest.LogCaptureFixture
) -> None:
    ask(application(), "GET", "/below", peer="::ffff:203.0.113.9")
    ask(application(), "GET", "/below", peer="")
    assert [one.get("ipAddress") for one in sent.activities] == ["203.0.113.9"] * 2 + [None] * 2
    assert caplog.messages == [], "nothing of the caller's was altered"


def test_an_agent_in_any_encoding_is_text(sent: Memory) -> None:
    for agent in ("é/1".encode(), "é/1".encode("latin-1")):
        ask(application(), "GET", "/below", headers={b"user-agent": agent})
    assert {one["userAgent"] for one in sent.activities} == {"é/1"}


@pytest.mark.parametrize("hops", [-1, True, "1", None])
def test_hops_that_cannot_be_are_an_error(hops: Any) -> None:
    with pytest.raises(ValueError, match="trusted_hops"):
        ActivityLogMiddleware(application(), user_id=3, trusted_hops=hops)


@contextlib.contextmanager
def served(app: Any) -> Iterator[str]:
    """A real server, and its address."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on"))
    thread = threading.Thread(target=server.run, args=[[listening]])
    thread.start()
    try:
        deadline = time.monotonic() + 20
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)


def test_behind_a_real_server_fifty_concurrent_requests_are_recorded_once_and_in_order() -> None:
    chaos = Chaos(failing=0.1)
    log = ActivityLog(transport=chaos, deadline=60)

    async def run(address: str) -> None:
        limits = httpx.Limits(max_connections=50)
        async with httpx.AsyncClient(base_url=address, timeout=60, limits=limits) as found:

            async def user(number: int) -> None:
                for step in range(4):
                    path = "/functions/5" if step % 2 else "/sync/5"
                    headers = {"x-user": str(number), "user-agent": f"agent-{number}"}
                    response = await found.post(path, json={"step": step}, headers=headers)
                    assert response.json() == {"accepted": True}

            await asyncio.gather(*(user(number) for number in range(1, 51)))

    with served(application(log=log)) as address:
        asyncio.run(run(address))
    assert steps(chaos.accepted) == {str(user): [0, 1, 2, 3] for user in range(1, 51)}
    for message in chaos.accepted:
        assert message.fields["userAgent"] == f"agent-{message.group}", "contexts are not mixed"
        assert message.fields["ipAddress"] == "127.0.0.1"
    log.close()


def test_a_server_that_stops_waits_for_what_is_under_way() -> None:
    chaos = Chaos(failing=0, slowest=0, before=lambda: time.sleep(0.05))
    log = ActivityLog(transport=chaos)
    with served(application(log=log)) as address:
        response = httpx.get(f"{address}/background", headers={"x-user": "3"})
        assert response.status_code == 200
        assert httpx.get(f"{address}/stream", headers={"x-user": "3"}).text == "xxx"
    assert len(chaos.accepted) == 5
    log.close()


def test_a_dependency_may_be_sync(sent: Memory) -> None:
    app = FastAPI()
    app.add_middleware(ActivityLogMiddleware, user_id=user_id)

    def current(request: Request) -> int:
        request.state.user_id = 8
        return 8

    dependency = Depends(current)

    @app.get("/")
    def route(user: int = dependency) -> None:
        record("read")

    ask(app, "GET", "/")
    assert sent.activities[0]["userId"] == 8
