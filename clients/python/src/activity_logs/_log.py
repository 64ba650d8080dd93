"""The log: where messages go, and what is done about those that cannot be sent."""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
import os
import threading
import time
import uuid
import weakref
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Literal, TypeAlias, TypedDict, Unpack

from . import _context, _message
from ._context import Context
from ._message import Call, Client, Id, Message, Resource
from ._outbox import Failure
from ._receipt import DeliveryError, Outcome, Receipt, logger
from ._sender import Sender, Transport

OnError: TypeAlias = Literal["log", "raise"]
OnAltered: TypeAlias = Callable[[tuple[str, ...], Message], None]

EVENT = "activity_not_recorded"
"""Names the line that is logged for a message which was given up."""


LONGEST_DEADLINE = 240
"""SQS knows a deduplication id for five minutes. A message that was accepted, and whose response was lost,
must not be tried longer."""


class NoContextError(RuntimeError):
    """Something was recorded outside of a request."""

    def __init__(self) -> None:
        """Says what to do instead."""
        super().__init__(
            "record() was called outside of a request, so nobody knows who did this. Is the middleware "
            "installed? In a background job, a thread or a script, use "
            "activity.detached(user_id=...).record(...)"
        )


def warn_of_altered(fields: tuple[str, ...], message: Message) -> None:
    """Logs a warning that names the fields, and shows no values."""
    logger.warning(
        "%s of activity %s: brought within the limits of the log",
        ", ".join(fields),
        message.deduplication_id,
    )


class RecordOptions(TypedDict, total=False):
    """What can be said of an activity besides the action. All of it is optional; ``None`` is absent."""

    resource: Resource | None
    """What it was done to: ``("function", 5)``, or a type alone, ``("function",)``."""
    environment: tuple[Id, Id] | None
    """The ids of the project and of the environment that it was done in."""
    project: Id | None
    """The id of the project, if it was done in none of its environments."""
    description: str | None
    """The same for people; at most 1,024 bytes of UTF-8."""
    metadata: Mapping[str, Any] | None
    """Whatever else is known; at most 4,096 bytes as JSON, and 32 levels deep."""
    changes: Mapping[str, Any] | None
    """What was changed, such as ``{"memory": {"from": 128, "to": 256}}``. It becomes
    ``metadata["changes"]``."""
    occurred_at: datetime | str | int | None
    """When it was done, if that was not just now: a ``datetime`` (local time, if it has no zone), RFC 3339
    text, or milliseconds since 1970."""
    idempotency_key: str | None
    """Names the activity among the user's: recorded again with the same key within 14 days, it is in the
    log once. At most 128 bytes."""
    user_id: Id | None
    """Who did it, if not the user of the request."""
    ip_address: str | None
    """From where, if not from where the request came."""
    user_agent: str | None
    """With what, if not with what the request was sent."""


class ActivityLog:
    """Records activities. A process has one, ``activity``; others are for other queues.

    Methods can be called from any thread, in sync and async code.
    """

    def __init__(
        self,
        *,
        queue_url: str | None = None,
        transport: Transport | None = None,
        on_error: OnError = "log",
        on_altered: OnAltered = warn_of_altered,
        redact: Iterable[str] = (),
        deadline: float = 30.0,
    ) -> None:
        """See :meth:`configure`. Without a queue or transport, :meth:`configure` comes first."""
        self._sender: Sender | None = None
        self._on_error: OnError = on_error
        self._on_altered: OnAltered = on_altered
        self._redact: frozenset[str] = frozenset()
        self._forget()
        _logs.add(self)
        # Replaced in tests of this package alone.
        self._now: Callable[[], int] = lambda: time.time_ns() // 1_000_000
        self._uuid: Callable[[], str] = lambda: str(uuid.uuid4())
        if queue_url is not None or transport is not None:
            self.configure(
                queue_url=queue_url,
                transport=transport,
                on_error=on_error,
                on_altered=on_altered,
                redact=redact,
                deadline=deadline,
            )

    def configure(
        self,
        *,
        queue_url: str | None = None,
        transport: Transport | None = None,
        on_error: OnError = "log",
        on_altered: OnAltered = warn_of_altered,
        redact: Iterable[str] = (),
        deadline: float = 30.0,
    ) -> None:
        """Says where messages go. What an earlier configuration has not sent yet is sent first.

        Args:
            queue_url: the queue of the recorder, to which boto3 sends (extra ``sqs``).
            transport: instead of a queue: ``memory()`` in tests, or ``SqsTransport`` with a client of
                one's own.
            on_error: what becomes of a message that is given up. ``"log"``: one JSON line on the logger
                ``activity_logs``, and the receipt gives ``False``. ``"raise"``: the receipt raises
                :class:`DeliveryError`; if nobody waits for it, the line is logged.
            on_altered: is called with the names of the fields that had to be brought within the limits
                of the log, and the message. A warning is logged if nothing is given.
            redact: names of members of ``metadata`` and ``changes``, at any depth and in any case, whose
                values are replaced by ``"[redacted]"``.
            deadline: for how many seconds a message is tried, from the call or from when the queue last
                accepted a message of that user; at most 240.

        Raises:
            ValueError: if an option cannot be.
        """
        if on_error not in ("log", "raise"):
            raise ValueError('on_error must be "log" or "raise"')
        if not 0 < deadline <= LONGEST_DEADLINE:
            raise ValueError(f"deadline must be a number of seconds up to {LONGEST_DEADLINE}")
        names = _message.names(redact)
        if (queue_url is None) == (transport is None):
            raise ValueError("give either queue_url or transport")
        if transport is None:
            assert queue_url is not None
            from .sqs import SqsTransport  # noqa: PLC0415  Needs the extra.

            transport = SqsTransport(queue_url)
        self.close()
        self._on_error, self._on_altered, self._redact = on_error, on_altered, names
        self._sender = Sender(transport, deadline=deadline)

    def record(self, action: str, **options: Unpack[RecordOptions]) -> Receipt:
        """Records what the user of this request did, and returns at once.

        ``await`` the receipt, or call its ``result()``, to wait until the queue accepted the message.
        ``action`` says what was done, such as ``"create"``; :class:`RecordOptions` says the rest.

        Raises:
            NoContextError: outside of a request. There, it is :meth:`detached`.
            TypeError: if there is no user, or no action.
            ValueError: if the user or the action cannot be.
        """
        context = _context.current()
        if context is None:
            raise NoContextError
        return self._record(context, action, options)

    def detached(
        self,
        *,
        user_id: Id | None = None,
        ip_address: str | None = None,
        user_agent: str | None = None,
    ) -> Detached:
        """A context of its own, for a background job, a thread or a script.

        Either ``activity.detached(user_id=3).record("sync")``, or ``with activity.detached(user_id=3):``
        around code that calls ``record``.
        """
        if user_id is not None:
            user_id = _message.user_id(user_id)
        return Detached(Context(self, Client(ip_address, user_agent), user_id))

    def flush(self, timeout: float | None = None) -> bool:
        """Waits until all that was recorded so far was accepted or given up, at most ``timeout`` seconds.
        Gives whether that is so. On an event loop it is :meth:`aflush`."""
        with self._lock:
            waiting = list(self._open)
        return not concurrent.futures.wait(waiting, timeout).not_done

    async def aflush(self, timeout: float | None = None) -> bool:  # noqa: ASYNC109
        """The same as :meth:`flush`, without blocking the event loop."""
        with self._lock:
            waiting = [asyncio.wrap_future(future) for future in self._open]
        if not waiting:
            return True
        for future in waiting:
            # Whether a failure is raised to somebody is the receipt's affair, and not said twice.
            future.add_done_callback(lambda done: done.cancelled() or done.exception())
        _, not_done = await asyncio.wait(waiting, timeout=timeout)
        return not not_done

    def give_up(self, reason: str) -> None:
        """Gives up, and logs, what is not accepted yet: where nothing will run any more."""
        if self._sender is not None:
            self._sender.give_up(reason)

    def close(self, timeout: float = 5.0) -> None:
        """Sends what waits, for at most ``timeout`` seconds, and then gives up, and logs, what is left.
        The end of the interpreter does the same."""
        if self._sender is not None:
            self._sender.close(timeout)
            self._sender = None

    def _record(self, context: Context, action: str, options: RecordOptions) -> Receipt:
        sender = self._sender
        if sender is None:
            raise RuntimeError("nothing says where to record: call activity.configure(queue_url=...)")
        given: dict[str, Any] = {**options}
        user_id = given.pop("user_id", None)
        user = None if user_id is None else _message.user_id(user_id)
        client = context.client
        ip_address, user_agent = given.pop("ip_address", None), given.pop("user_agent", None)
        draft = _message.draft(
            Call(action, **given),
            Client(
                client.ip_address if ip_address is None else ip_address,
                client.user_agent if user_agent is None else user_agent,
            ),
            now=self._now(),
            uuid=self._uuid(),
            redact=self._redact,
        )
        outcome = Outcome()
        is_raised, on_altered = self._on_error == "raise", self._on_altered

        def deliver(user: int) -> None:
            message = draft.message(user)
            if draft.altered:
                _tell(on_altered, draft.altered, message)
            sender.hand_over(message, lambda failure: settle(message, failure))

        def settle(message: Message, failure: Failure | None) -> None:
            if failure is None:
                outcome.accept()
                return
            line = given_up_line(message, failure.reason)
            error = DeliveryError(failure.reason, line)
            error.__cause__ = failure.cause
            outcome.fail(error, line, is_raised=is_raised)

        def fail(error: BaseException) -> None:
            line = json.dumps({"event": EVENT, "error": f"no user: {type(error).__name__}: {error}"})
            outcome.fail(error, line, is_raised=True)

        with self._lock:
            self._open.add(outcome.future)
        outcome.future.add_done_callback(self._is_done)
        try:
            if user is not None:
                deliver(user)
            else:
                context.with_user(deliver, fail)
        except BaseException:
            self._is_done(outcome.future)
            raise
        return Receipt(outcome)

    def _forget(self) -> None:
        """Begins anew in a forked process, where nobody will settle what the parent has open."""
        self._lock = threading.Lock()
        self._open: set[concurrent.futures.Future[bool]] = set()

    def _is_done(self, future: concurrent.futures.Future[bool]) -> None:
        with self._lock:
            self._open.discard(future)


class Detached(AbstractContextManager["Detached"]):
    """A context that is no request. It can be entered, by one piece of code at a time."""

    def __init__(self, context: Context) -> None:
        """A context of one log."""
        self._context = context
        self._within: AbstractContextManager[Context] | None = None

    def record(self, action: str, **options: Unpack[RecordOptions]) -> Receipt:
        """Records what was done in this context; see :meth:`ActivityLog.record`."""
        return self._context.log._record(self._context, action, options)  # noqa: SLF001

    def __enter__(self) -> Detached:
        """Lets ``record`` find this context."""
        self._within = _context.within(self._context)
        self._within.__enter__()
        return self

    def __exit__(self, *exception: Any) -> None:
        """Goes back to the context before."""
        assert self._within is not None
        self._within.__exit__(*exception)


def given_up_line(message: Message, reason: str) -> str:
    """The line of a message that is given up: one JSON object, that ``resend`` reads."""
    return json.dumps(
        {
            "event": EVENT,
            "error": reason,
            "groupId": message.group,
            "deduplicationId": message.deduplication_id,
            "body": message.body,
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )


def _tell(on_altered: OnAltered, fields: tuple[str, ...], message: Message) -> None:
    try:
        on_altered(fields, message)
    except Exception:
        # The function of a caller's must not keep an activity from being recorded.
        logger.exception("on_altered raised an exception")


_logs: weakref.WeakSet[ActivityLog] = weakref.WeakSet()


def _forget_all() -> None:
    for log in list(_logs):
        log._forget()  # noqa: SLF001


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)

activity = ActivityLog()
"""The log of this process. ``activity.configure(queue_url=...)`` says where it is."""


def record(action: str, **options: Unpack[RecordOptions]) -> Receipt:
    """Records what the user of this request did, in the log of the middleware that the request came
    through; see :meth:`ActivityLog.record`."""
    context = _context.current()
    if context is None:
        raise NoContextError
    return context.log.record(action, **options)
