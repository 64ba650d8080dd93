"""Flask.

It wraps ``app.wsgi_app``, so that streamed responses, whose generators run when Flask is done with the
request, are within the request too.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from . import _context
from ._context import Context
from ._log import ActivityLog, activity
from ._message import Id
from ._request import checked_hops, client_of, header

if TYPE_CHECKING:
    import flask


class ActivityLogMiddleware:
    """Lets ``record`` know who made a request, from where and with what.

    ``ActivityLogMiddleware(app, user_id=lambda request: g.user.id)``, or without ``app`` and with
    :meth:`init_app` later.
    """

    def __init__(
        self,
        app: flask.Flask | None = None,
        *,
        user_id: Callable[[flask.Request], Id | None],
        trusted_hops: int = 0,
        log: ActivityLog = activity,
    ) -> None:
        """Adds it to an application.

        Args:
            app: the application.
            user_id: gives the user of a request. It is called when a request first records something, so
                whatever authenticates may run after this. It is not async, which Flask is not either.
            trusted_hops: how many proxies in front of the application write ``X-Forwarded-For``.
            log: another log than that of the process.

        Raises:
            TypeError: if ``user_id`` is async.
        """
        if inspect.iscoroutinefunction(user_id):
            raise TypeError("user_id must not be async: Flask runs no event loop that outlives a view")
        self._user_id, self._log = user_id, log
        self._trusted_hops = checked_hops(trusted_hops)
        if app is not None:
            self.init_app(app)

    def init_app(self, app: flask.Flask) -> None:
        """Adds it to an application that is made by a function."""
        application = app.wsgi_app

        def wsgi_app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            context = Context(self._log, self._client(environ), self._ask)
            with _context.within(context):
                return _Body(application(environ, start_response), context)

        app.wsgi_app = wsgi_app  # type: ignore[method-assign]
        app.after_request(_ask_before_streaming)

    def _ask(self, _: object) -> Id | None:
        import flask  # noqa: PLC0415  Only those who use Flask have it.

        if not flask.has_request_context():
            return None
        return self._user_id(flask.request)

    def _client(self, environ: dict[str, Any]) -> Any:
        # WSGI has the bytes of a header as characters (PEP 3333).
        agent = environ.get("HTTP_USER_AGENT")
        return client_of(
            peer=environ.get("REMOTE_ADDR"),
            forwarded=environ.get("HTTP_X_FORWARDED_FOR"),
            trusted_hops=self._trusted_hops,
            user_agent=header(agent.encode("latin-1")) if agent else None,
        )


def _ask_before_streaming(response: flask.Response) -> flask.Response:
    """A generator of a body runs when ``flask.request`` and ``flask.g`` are gone."""
    context = _context.current()
    if response.is_streamed and context is not None:
        context.ask_now()
    return response


class _Body:
    """The body of a response, each part of which is made within the request."""

    def __init__(self, body: Iterable[bytes], context: Context) -> None:
        self._body, self._context = body, context
        self._parts = iter(body)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        with _context.within(self._context):
            return next(self._parts)

    def close(self) -> None:
        """Ends the response, as a server does (PEP 3333)."""
        close = getattr(self._body, "close", None)
        if close is not None:
            with _context.within(self._context):
                close()
