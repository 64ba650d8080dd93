"""Flask, by its own client and behind a threaded server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from flask import Flask, Request, Response, g, jsonify, request, stream_with_context
from werkzeug.serving import make_server

from activity_logs import ActivityLog, Memory, record
from activity_logs.flask import ActivityLogMiddleware

from .support import Chaos, steps


def application(**options: Any) -> Flask:
    app = Flask(__name__)
    middleware = ActivityLogMiddleware(**({"user_id": lambda _: g.user} | options))
    middleware.init_app(app)

    @app.before_request
    def authenticate() -> None:
        g.user = request.headers["x-user"]

    @app.post("/functions/<int:number>")
    def create(number: int) -> Response:
        receipt = record(
            "create", resource=("function", number), metadata={"step": request.get_json()["step"]}
        )
        return jsonify(accepted=receipt.result())

    @app.get("/async")
    async def in_a_coroutine() -> Response:
        return jsonify(accepted=await record("create"))

    @app.get("/stream")
    def stream() -> Response:
        def parts() -> Iterator[bytes]:
            for step in range(3):
                record("read", metadata={"step": step})
                yield b"x"

        return Response(parts())

    @app.get("/stream-with-context")
    def stream_within() -> Response:
        def parts() -> Iterator[bytes]:
            for step in range(3):
                record("read", metadata={"step": step})
                yield request.path[:1].encode()

        return Response(stream_with_context(parts()))

    return app


HEADERS = {"x-user": "3", "user-agent": "curl/8.7.1"}


def test_user_address_agent_and_time_are_filled_in(sent: Memory) -> None:
    client = application().test_client()
    response = client.post("/functions/5", json={"step": 1}, headers=HEADERS)
    assert response.json == {"accepted": True}
    [one] = sent.activities
    assert (one["userId"], one["ipAddress"], one["userAgent"]) == (3, "127.0.0.1", "curl/8.7.1")
    assert (one["resourceType"], one["metadata"]) == ("function", {"step": 1})


def test_an_async_view_awaits(sent: Memory) -> None:
    assert application().test_client().get("/async", headers=HEADERS).json == {"accepted": True}
    assert sent.activities[0]["userId"] == 3


@pytest.mark.parametrize(("path", "text"), [("/stream", "xxx"), ("/stream-with-context", "///")])
def test_record_works_while_a_response_is_streamed(sent: Memory, path: str, text: str) -> None:
    assert application().test_client().get(path, headers=HEADERS).text == text
    assert steps(sent.messages) == {"3": [0, 1, 2]}


def test_addresses_of_proxies_are_counted_from_the_right(sent: Memory) -> None:
    for hops, expected in [(0, "127.0.0.1"), (1, "198.51.100.1"), (2, "192.0.2.66")]:
        client = application(trusted_hops=hops).test_client()
        headers = HEADERS | {"x-forwarded-for": "192.0.2.66, 198.51.100.1"}
        client.post("/functions/5", json={"step": 1}, headers=headers)
        assert sent.activities[-1]["ipAddress"] == expected


def test_an_agent_in_any_encoding_is_text(sent: Memory) -> None:
    client = application().test_client()
    for agent in ("é/1".encode().decode("latin-1"), "é/1"):
        environ = {"HTTP_USER_AGENT": agent, "HTTP_X_USER": "3"}
        client.post("/functions/5", json={"step": 1}, environ_overrides=environ)
    assert [one["userAgent"] for one in sent.activities] == ["é/1", "é/1"]


def test_an_async_user_id_is_an_error() -> None:
    async def ask(_: Request) -> int:
        return 3

    with pytest.raises(TypeError, match="must not be async"):
        ActivityLogMiddleware(user_id=ask)  # type: ignore[arg-type]


def test_behind_a_threaded_server_contexts_are_not_mixed() -> None:
    chaos = Chaos(failing=0.1)
    log = ActivityLog(transport=chaos, deadline=60)
    server = make_server("127.0.0.1", 0, application(log=log), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()

    def user(number: int) -> None:
        headers = {"x-user": str(number), "user-agent": f"agent-{number}"}
        with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", headers=headers, timeout=60) as client:
            for step in range(3):
                response = client.post("/functions/5", json={"step": step})
                assert response.json() == {"accepted": True}
            assert client.get("/stream").text == "xxx"

    try:
        with ThreadPoolExecutor(20) as pool:
            list(pool.map(user, range(1, 21)))
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert log.flush(10)
    assert steps(chaos.accepted) == {str(user): [0, 1, 2, 0, 1, 2] for user in range(1, 21)}
    assert all(one.fields["userAgent"] == f"agent-{one.group}" for one in chaos.accepted)
    log.close()
