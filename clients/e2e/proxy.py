"""A proxy before the queue, which has the faults of a network and of SQS.

By a plan that a seed gives, it answers 503, fails single entries of a batch, drops the response to what the
queue accepted, and delays. It stands before moto, which has none of this.
"""

from __future__ import annotations

import http.client
import json
import random
import socket
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

BATCH = 10
"""How many entries a batch has at the most."""

LONGEST_DELAY = 0.2
"""In seconds."""

PATIENCE = 3
"""For how many seconds a client surely waits for a response. Then it may send the same message again while
the first request is still under way, as happens on a busy machine."""

# How likely each fault is: of an entry, and of a request.
FAILING, UNAVAILABLE, DROPPED, DELAYED = 0.15, 0.1, 0.15, 0.3


@dataclass(frozen=True)
class Fate:
    """What happens to a request."""

    is_unavailable: bool
    is_dropped: bool
    delay: float
    failing: list[bool]
    """Of each entry, whether it fails."""


class Plan:
    """The fates of requests, in the order in which they come: the same for the same seed."""

    def __init__(self, seed: int) -> None:
        """Begins with the first request."""
        self._random = random.Random(seed)

    def next(self) -> Fate:
        """The fate of the next request. Each takes as many numbers, so that none changes those after it."""
        draw = self._random.random
        return Fate(
            is_unavailable=draw() < UNAVAILABLE,
            is_dropped=draw() < DROPPED,
            delay=draw() * LONGEST_DELAY * (draw() < DELAYED),
            failing=[draw() < FAILING for _ in range(BATCH)],
        )


@dataclass(frozen=True)
class Response:
    """An answer to a client."""

    status: int
    body: bytes


class FaultyQueue(ThreadingHTTPServer):
    """The proxy. Within a ``with`` it serves, at ``endpoint``."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, queue_port: int, plan: Plan) -> None:
        """``queue_port`` is that of moto."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.endpoint = f"http://127.0.0.1:{self.server_address[1]}"
        self.seen: dict[str, Counter[str]] = {"python": Counter(), "typescript": Counter()}
        """How many batches there were of each client, and how many of each fault."""
        self.most_of_a_user = 0
        """How many messages of one user one client had under way at the most."""
        self._plan, self._queue_port = plan, queue_port
        self._lock = threading.Lock()
        self._under_way: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
        # moto is not made for requests side by side: a message that is sent while another is deleted can
        # get lost. So they pass one after another.
        self._turn = threading.Lock()
        self._serving = threading.Thread(target=self.serve_forever, name="proxy")

    def __enter__(self) -> Self:
        """Begins to serve."""
        self._serving.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends serving."""
        self.shutdown()
        self._serving.join()
        self.server_close()

    def forward(self, path: str, headers: dict[str, str], body: bytes) -> Response:
        """What moto answers."""
        with self._turn:
            connection = http.client.HTTPConnection("127.0.0.1", self._queue_port, timeout=30)
            try:
                connection.request("POST", path, body, headers)
                response = connection.getresponse()
                return Response(response.status, response.read())
            finally:
                connection.close()

    def send_batch(self, path: str, headers: dict[str, str], body: bytes) -> Response | None:
        """What becomes of a batch; ``None`` is a connection that is closed without an answer."""
        asked = json.loads(body)
        client = "python" if "boto" in headers["user-agent"].lower() else "typescript"
        users = [(client, entry["MessageGroupId"]) for entry in asked["Entries"]]
        began = time.monotonic()
        with self._lock:
            fate = self._plan.next()
            for user in users:
                self._under_way[user].append(began)
                waited_for = [other for other in self._under_way[user] if began - other < PATIENCE]
                self.most_of_a_user = max(self.most_of_a_user, len(waited_for))
        try:
            return self._meet(fate, client, path, headers, asked)
        finally:
            # Before the client knows, and sends the next.
            with self._lock:
                for user in users:
                    self._under_way[user].remove(began)

    def _meet(
        self, fate: Fate, client: str, path: str, headers: dict[str, str], asked: dict[str, Any]
    ) -> Response | None:
        entries: list[dict[str, Any]] = asked["Entries"]
        self._count(client, "batches")
        if len(entries) > 1:
            self._count(client, "batches of several users")
        if fate.delay:
            self._count(client, "delayed")
            time.sleep(fate.delay)
        if fate.is_unavailable:
            self._count(client, "unavailable")
            return Response(503, b'{"__type":"com.amazonaws.sqs#ServiceUnavailable","message":"try again"}')
        passed = [entry for entry, fails in zip(entries, fate.failing, strict=False) if not fails]
        answer: dict[str, Any] = {}
        if passed:
            response = self.forward(path, headers, json.dumps({**asked, "Entries": passed}).encode())
            if response.status != 200:
                self._count(client, "refused by moto")
                return response
            answer = json.loads(response.body)
            if fate.is_dropped:
                self._count(client, "dropped")
                return None
        failed = [entry["Id"] for entry in entries if entry not in passed]
        if failed:
            self._count(client, "entries failed beside others" if passed else "entries failed", len(failed))
        answer["Failed"] = [*(answer.get("Failed") or ()), *map(_failure, failed)]
        return Response(200, json.dumps(answer).encode())

    def _count(self, client: str, what: str, by: int = 1) -> None:
        with self._lock:
            self.seen[client][what] += by


def _failure(entry: str) -> dict[str, Any]:
    return {"Id": entry, "SenderFault": False, "Code": "InternalError", "Message": "try again"}


class _Handler(BaseHTTPRequestHandler):
    """A connection of a client."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: FaultyQueue

    def do_POST(self) -> None:
        """Any call of SQS; only batches meet faults."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        # With the client's Host, from which moto makes the addresses of queues.
        sent = {name.lower(): value for name, value in self.headers.items()}
        headers = {name: value for name, value in sent.items() if name not in _OWN}
        is_batch = headers["x-amz-target"] == "AmazonSQS.SendMessageBatch"
        meet = self.server.send_batch if is_batch else self.server.forward
        response = meet(self.path, headers, body)
        if response is None:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(response.status)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        self.wfile.write(response.body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  The name is the base's.
        """Says nothing of each request."""


_OWN = {"content-length", "connection", "accept-encoding"}
"""Headers of a connection, and what would have moto compress."""
