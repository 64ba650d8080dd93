"""FastAPI, Starlette, and any other ASGI application.

Pure ASGI: the body of a request is not read, a response is not held back, and tasks that run after the
response (``BackgroundTasks``) are still within the request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from . import _context
from ._context import Context, Source
from ._log import ActivityLog, activity
from ._request import checked_hops, client_of, client_of_event, header

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


class ActivityLogMiddleware:
    """Lets ``record`` know who made a request, from where and with what.

    ``app.add_middleware(ActivityLogMiddleware, user_id=lambda scope: scope["state"]["user_id"])``
    """

    def __init__(
        self,
        app: Application,
        *,
        user_id: Source,
        trusted_hops: int = 0,
        log: ActivityLog = activity,
    ) -> None:
        """Wraps an application.

        Args:
            app: the application.
            user_id: gives the user of a request from its ASGI scope, of which ``scope["state"]`` is
                ``request.state`` and ``scope["user"]`` is ``request.user``. It may be async. It is called
                when a request first records something, so whatever authenticates may run after this.
            trusted_hops: how many proxies in front of the application write ``X-Forwarded-For``.
            log: another log than that of the process.
        """
        self._app, self._user_id, self._log = app, user_id, log
        self._trusted_hops = checked_hops(trusted_hops)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs a request or a WebSocket within its context; sends what waits when the server stops."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, self._flushing(send))
            return
        # One mapping for everything below: what authenticates may get a copy of the scope.
        scope.setdefault("state", {})
        headers: dict[bytes, list[str]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.lower(), []).append(header(value))
        peer = scope.get("client")
        if "aws.event" in scope:
            # Behind an adapter such as Mangum; of the event it is known which hop is API Gateway's own.
            client = client_of_event(scope["aws.event"], self._trusted_hops)
        else:
            client = client_of(
                peer=peer[0] if peer else None,
                forwarded=",".join(headers.get(b"x-forwarded-for", ())),
                trusted_hops=self._trusted_hops,
                user_agent=next(iter(headers.get(b"user-agent", ())), None),
            )
        loop = asyncio.get_running_loop()
        with _context.within(Context(self._log, client, self._user_id, scope, loop)):
            await self._app(scope, receive, send)

    def _flushing(self, send: Send) -> Send:
        """``send`` that first waits for what is under way when a server says that it stops."""

        async def flush_and_send(event: MutableMapping[str, Any]) -> None:
            if event["type"] in ("lifespan.shutdown.complete", "lifespan.shutdown.failed"):
                await self._log.aflush(timeout=5)
            await send(event)

        return flush_and_send
