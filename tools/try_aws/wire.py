"""An HTTP client that sends exactly the bytes that it is given.

``http.client`` refuses some request targets, and ``urllib`` changes them. What API Gateway makes of such
targets is one of the questions.
"""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import ssl
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

SECONDS = 35.0
"""How long a response may take: longer than API Gateway waits for a function (30 s)."""


@dataclass(frozen=True)
class Response:
    """What came back."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    """As it was sent, compressed or not."""
    milliseconds: float
    sent: str = ""
    """The request, for people; without its headers."""

    def header(self, name: str) -> str | None:
        """The value of a header; several values with commas."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        return ", ".join(values) if values else None

    @property
    def content(self) -> bytes:
        """The body, decompressed."""
        return gzip.decompress(self.body) if self.header("content-encoding") == "gzip" else self.body

    def json(self) -> Any:
        """The body as JSON; None if it is none."""
        try:
            return json.loads(self.content)
        except (ValueError, OSError):
            return None


class Connection:
    """A connection to one origin, which is kept between requests."""

    def __init__(self, url: str) -> None:
        """`url` is that of the origin: whatever path it has is left out."""
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"{url} is no http or https address")
        self._is_secure = parts.scheme == "https"
        self._host = parts.hostname
        self._port = parts.port or (443 if self._is_secure else 80)
        self.origin = f"{parts.scheme}://{parts.netloc}"
        self._named = parts.netloc
        self._socket: socket.socket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connection; the next request makes another."""
        if self._socket:
            self._socket.close()
            self._socket = None

    def _open(self) -> socket.socket:
        plain = socket.create_connection((self._host, self._port), timeout=SECONDS)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not self._is_secure:
            return plain
        return ssl.create_default_context().wrap_socket(plain, server_hostname=self._host)

    def send(
        self,
        target: str | bytes,
        headers: Iterable[tuple[str, str]] = (),
        method: str = "GET",
        body: bytes | None = None,
    ) -> Response:
        """Sends a request. A text as target is sent as UTF-8, and nothing in it is escaped.

        Raises `OSError` or `http.client.HTTPException` if nothing that is HTTP comes back.
        """
        raw = target.encode() if isinstance(target, str) else target
        given = list(headers)
        lines = [f"{method} ".encode() + raw + b" HTTP/1.1", f"Host: {self._named}".encode()]
        lines += [f"{name}: {value}".encode() for name, value in given]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}".encode())
        request = (
            b"\r\n".join([*lines, b"", body or b""]) if body is not None else b"\r\n".join([*lines, b"", b""])
        )
        sent = f"{method} {raw.decode(errors='backslashreplace')}"
        # A connection that was kept may have been closed by the other side; a new one may not.
        for is_kept in [True, False] if self._socket else [False]:
            try:
                return self._exchange(request, method, sent)
            except (OSError, http.client.HTTPException):
                self.close()
                if not is_kept:
                    raise
        raise AssertionError("there is a last try")

    def _exchange(self, request: bytes, method: str, sent: str) -> Response:
        if self._socket is None:
            self._socket = self._open()
        started = time.perf_counter()
        self._socket.sendall(request)
        answer = http.client.HTTPResponse(self._socket, method=method)
        try:
            answer.begin()
            content = answer.read()
            milliseconds = (time.perf_counter() - started) * 1000
            is_last = answer.will_close
        finally:
            answer.close()
        if is_last:
            self.close()
        return Response(answer.status, tuple(answer.getheaders()), content, milliseconds, sent)
