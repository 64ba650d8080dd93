"""A handler of AWS Lambda.

Lambda freezes a process when its handler returns, and with it a thread that sends. So the decorator waits
for what is under way before it returns, and gives it up early enough for it to be logged.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar, cast

from . import _context
from ._context import Context, Source
from ._log import ActivityLog, activity
from ._request import checked_hops, client_of_event

Handler = TypeVar("Handler", bound=Callable[..., Any])

SPARE = 1.5
"""How many seconds of its time a function keeps, to log what was not accepted and to respond."""

SHORTEST = 1.0
"""For how many seconds it waits, however little time is left."""

REASON = "not accepted in the time that the function had left"


def activity_log(
    *, user_id: Source, trusted_hops: int = 0, log: ActivityLog = activity
) -> Callable[[Handler], Handler]:
    """Lets ``record`` know who sent the event that a handler is called with, from where and with what.

    For events of API Gateway (REST, HTTP and WebSocket APIs), of function URLs and of an Application Load
    Balancer; events of other services have no address and no agent.

    Args:
        user_id: gives the user of an event. It may be async. It is called when a handler first records
            something.
        trusted_hops: how many proxies in front of API Gateway write ``X-Forwarded-For``; for a load
            balancer that calls the function by itself, it counts, too.
        log: another log than that of the process.
    """
    hops = checked_hops(trusted_hops)

    def decorate(handler: Handler) -> Handler:
        if inspect.iscoroutinefunction(handler):

            @functools.wraps(handler)
            async def arun(event: Any, context: Any = None, *rest: Any) -> Any:
                loop = asyncio.get_running_loop()
                try:
                    with _context.within(Context(log, client_of_event(event, hops), user_id, event, loop)):
                        return await handler(event, context, *rest)
                finally:
                    if not await log.aflush(_left(context)):
                        log.give_up(REASON)

            return cast("Handler", arun)

        @functools.wraps(handler)
        def run(event: Any, context: Any = None, *rest: Any) -> Any:
            try:
                with _context.within(Context(log, client_of_event(event, hops), user_id, event)):
                    return handler(event, context, *rest)
            finally:
                if not log.flush(_left(context)):
                    log.give_up(REASON)

        return cast("Handler", run)

    return decorate


def _left(context: Any) -> float | None:
    """How long a function may still wait, in seconds."""
    ask = getattr(context, "get_remaining_time_in_millis", None)
    return None if ask is None else max(SHORTEST, ask() / 1_000 - SPARE)
