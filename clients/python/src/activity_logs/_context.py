"""What is known of the request or job that code runs in: who, from where, with what.

It is kept in a context variable. Tasks inherit it, and so do threads that a framework starts for a
request (``asyncio.to_thread``, the thread pools of Starlette and Django). A plain ``threading.Thread``
does not, before Python 3.14: there `record` raises, and names ``detached()``.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from contextvars import ContextVar
from typing import Any, Protocol, TypeAlias, Unpack

from . import _message
from ._message import Client, Id
from ._options import RecordOptions
from ._receipt import Receipt

Source: TypeAlias = Callable[[Any], Id | Awaitable[Id | None] | None] | Id | None
"""Who the user is: an id, or what gives it for a request."""

LONGEST_ASK = 5.0
"""For how many seconds a user is waited for where the loop that was asked first has ended."""


class Log(Protocol):
    """What a context records in: an ``ActivityLog``."""

    def _record(self, context: Context, action: str, options: RecordOptions) -> Receipt: ...


class Context:
    """A request or a job. Who does it is asked for at the first record, since what authenticates a
    request may run after the middleware."""

    def __init__(
        self,
        log: Log,
        client: Client,
        source: Source = None,
        request: object = None,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """``source`` is asked with ``request``; what it gives is awaited on ``loop``."""
        self._log, self.client = log, client
        self._source, self._request, self._loop = source, request, loop
        self._user: int | None = None
        self._waiting: list[tuple[Callable[[int], None], Callable[[BaseException], None]]] = []
        self._task: object = None
        self._lock = threading.RLock()

    def record(self, action: str, options: RecordOptions) -> Receipt:
        """Records what was done in this context; see :meth:`ActivityLog.record`."""
        return self._log._record(self, action, options)  # noqa: SLF001

    def with_user(self, deliver: Callable[[int], None], fail: Callable[[BaseException], None]) -> None:
        """Calls ``deliver`` with the user: at once, or in the order of the calls when the user is known.
        If that fails later, calls ``fail``.

        Raises:
            TypeError: if there is no user.
            ValueError: if the user is invalid.
            Exception: whatever the source raises.
        """
        with self._lock:
            if self._waiting:
                self._waiting.append((deliver, fail))
                return
            if self._user is not None:
                deliver(self._user)
                return
        user = self._ask()
        if not inspect.isawaitable(user):
            number = _message.user_id(user)
            with self._lock:
                self._user = number
                deliver(number)
            return
        with self._lock:
            self._waiting.append((deliver, fail))
            is_first = len(self._waiting) == 1
        if is_first:
            self._schedule(self._settle(user))
        elif inspect.iscoroutine(user):
            user.close()

    def ask_now(self) -> None:
        """Asks who the user is while the request can still be asked. What fails is asked again later."""
        with suppress(Exception):
            self.with_user(lambda _: None, lambda _: None)

    def _ask(self) -> object:
        return self._source(self._request) if callable(self._source) else self._source

    async def _settle(self, user: Awaitable[object], *, is_last: bool = False) -> None:
        error: BaseException | None = None
        number = 0
        try:
            number = _message.user_id(await user)
        except BaseException as caught:
            # A loop that ends cancels its tasks. What was recorded must not end with it.
            if isinstance(caught, asyncio.CancelledError) and not is_last and self._ask_again():
                raise
            error = caught
        with self._lock:
            waiting, self._waiting = self._waiting, []
            if error is None:
                self._user = number
            for deliver, fail in waiting:
                if error is None:
                    deliver(number)
                else:
                    fail(error)
        if error is not None and not isinstance(error, Exception):
            raise error

    def _ask_again(self) -> bool:
        """Asks once more, on a loop of its own, since the first loop ends. Gives whether that is possible.
        The thread is no daemon, so that the interpreter waits for it."""

        async def ask() -> object:
            user = self._ask()
            return await asyncio.wait_for(user, LONGEST_ASK) if inspect.isawaitable(user) else user

        thread = threading.Thread(
            target=lambda: asyncio.run(self._settle(ask(), is_last=True)), name="activity-logs-user"
        )
        try:
            thread.start()
        except RuntimeError:
            return False  # The interpreter ends, or the machine has no thread left.
        return True

    def _schedule(self, settle: Any) -> None:
        try:
            running = asyncio.get_running_loop()
        except RuntimeError:
            running = None
        if self._loop is not None and self._loop.is_running() and self._loop is not running:
            self._task = asyncio.run_coroutine_threadsafe(settle, self._loop)
        elif running is not None:
            self._task = running.create_task(settle)
        else:
            asyncio.run(settle)


_current: ContextVar[Context | None] = ContextVar("activity_logs", default=None)


def current() -> Context | None:
    """The request or job that this code runs in, if any."""
    return _current.get()


@contextmanager
def within(context: Context) -> Iterator[Context]:
    """Runs code within a request or job."""
    token = _current.set(context)
    try:
        yield context
    finally:
        _current.reset(token)


class Detached(AbstractContextManager["Detached"]):
    """A context that is no request. It can be entered, by one piece of code at a time."""

    def __init__(self, context: Context) -> None:
        """``activity.detached(...)`` makes one."""
        self._context = context
        self._within: AbstractContextManager[Context] | None = None

    def record(self, action: str, **options: Unpack[RecordOptions]) -> Receipt:
        """Records what was done in this context; see :meth:`ActivityLog.record`."""
        return self._context.record(action, options)

    def __enter__(self) -> Detached:
        """Lets ``record`` find this context."""
        self._within = within(self._context)
        self._within.__enter__()
        return self

    def __exit__(self, *exception: Any) -> None:
        """Goes back to the context before."""
        assert self._within is not None
        self._within.__exit__(*exception)
