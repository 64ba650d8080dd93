"""Django 5.2 and later.

In the settings::

    MIDDLEWARE = [..., "activity_logs.django.ActivityLogMiddleware"]
    ACTIVITY_LOGS = {"QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/.../activity-logs-record.fifo"}

Other members of ``ACTIVITY_LOGS`` are ``USER_ID``, a function of the request, or the path of one (by
default ``request.user.pk``), ``TRUSTED_HOPS``, and the options of ``activity.configure``:
``TRANSPORT``, ``ON_ERROR``, ``ON_ALTERED``, ``REDACT`` and ``DEADLINE``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, ClassVar

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.module_loading import import_string

from . import _context
from ._context import Context, Source
from ._log import ActivityLog, activity
from ._message import Id
from ._options import LogOptions
from ._request import checked_hops, client_of, header

_SETTINGS = {"USER_ID", "TRUSTED_HOPS", *(name.upper() for name in LogOptions.__optional_keys__)}


def user_of(request: HttpRequest) -> Id | Awaitable[Id | None] | None:
    """The user of ``django.contrib.auth`` who made a request. In async code it is awaited, since a
    session is read from the database."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return _key_of(request.user)
    return _auser_of(request)


async def _auser_of(request: HttpRequest) -> Id | None:
    return _key_of(await request.auser())


def _key_of(user: Any) -> Id | None:
    key: Id | None = user.pk  # None if nobody is logged in.
    return key


class ActivityLogMiddleware:
    """Lets ``record`` know who made a request, from where and with what. For sync and async views."""

    sync_capable = True
    async_capable = True

    _last: ClassVar[dict[str, Any] | None] = None
    """The options of the log in the settings that a middleware read last."""

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        """Reads the settings. It configures the log if nobody has, or if the settings have changed: each
        client of a test makes a middleware, and a log that the test has configured stays.

        Raises:
            ImproperlyConfigured: if a setting is missing or invalid.
        """
        options = dict(getattr(settings, "ACTIVITY_LOGS", {}))
        unknown = sorted(set(options) - _SETTINGS)
        if unknown:
            raise ImproperlyConfigured(f"ACTIVITY_LOGS has unknown members: {', '.join(unknown)}")
        source = options.pop("USER_ID", user_of)
        self._source: Source = import_string(source) if isinstance(source, str) else source
        self._log: ActivityLog = activity
        try:
            self._trusted_hops = checked_hops(options.pop("TRUSTED_HOPS", 0))
            has_changed = self._last is not None and options != self._last
            if options and (has_changed or not activity.is_configured):
                activity.configure(**{name.lower(): value for name, value in options.items()})
            ActivityLogMiddleware._last = options
        except ValueError as error:
            raise ImproperlyConfigured(f"ACTIVITY_LOGS: {error}") from error
        self._get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        """Runs a request within its context."""
        if self._is_async:
            return self._acall(request)
        context = self._context(request)
        with _context.within(context):
            return _streaming(self._get_response(request), context)

    async def _acall(self, request: HttpRequest) -> HttpResponseBase:
        context = self._context(request, asyncio.get_running_loop())
        with _context.within(context):
            return _streaming(await self._get_response(request), context)

    def _context(self, request: HttpRequest, loop: asyncio.AbstractEventLoop | None = None) -> Context:
        agent = request.META.get("HTTP_USER_AGENT")
        client = client_of(
            peer=request.META.get("REMOTE_ADDR"),
            forwarded=request.META.get("HTTP_X_FORWARDED_FOR"),
            trusted_hops=self._trusted_hops,
            user_agent=header(agent.encode("latin-1", "replace")) if agent else None,
        )
        return Context(self._log, client, self._source, request, loop)


def _streaming(response: HttpResponseBase, context: Context) -> HttpResponseBase:
    """The parts of a streamed response are made after the middleware has returned."""
    if not isinstance(response, StreamingHttpResponse):
        assert isinstance(response, HttpResponseBase | HttpResponse)
        return response
    content: Any = response.streaming_content
    if response.is_async:
        response.streaming_content = _aparts(content, context)
    else:
        response.streaming_content = _parts(content, context)
    return response


def _parts(content: Iterator[Any], context: Context) -> Iterator[Any]:
    parts = iter(content)
    while True:
        with _context.within(context):
            try:
                part = next(parts)
            except StopIteration:
                return
        yield part


async def _aparts(content: AsyncIterator[Any], context: Context) -> AsyncIterator[Any]:
    parts = aiter(content)
    while True:
        with _context.within(context):
            try:
                part = await anext(parts)
            except StopAsyncIteration:
                return
        yield part
