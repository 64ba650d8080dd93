"""What waits to be sent, and in which order: pure, with the time passed in.

The queue keeps the order of one user's messages as it accepted them. So of one user at most one message
is under way, and the next is taken when the one before was accepted or given up. A batch joins the first
messages of several users; two of one user never stand in it, since an entry of a batch can fail by itself.

A message is given up when it was tried for ``deadline`` seconds. The time counts from when the message
was added, or from when the queue last accepted a message of that user. So no message is given up
because many of its user wait before it. Each message is tried at least once, unless the queue as a whole
cannot be reached.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from ._message import Message

BATCH: Final = 10
"""Entries of a batch at most (AWS: ``SendMessageBatch``). Ten of the largest messages have fewer bytes
than the smallest limit that SQS has had for a batch, so bytes are not counted."""

FIRST_DELAY: Final = 0.1
LONGEST_DELAY: Final = 5.0


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a message was not accepted."""

    reason: str
    is_final: bool = False
    """Whether it is the message's own fault, so that sending it again is of no use."""
    is_of_queue: bool = False
    """Whether the whole call failed, and not the one entry."""
    cause: BaseException | None = None


@dataclass(slots=True, eq=False)
class Entry:
    """A message that waits or is under way."""

    message: Message
    since: float
    settle: Callable[[Failure | None], None]
    """Is called once: with ``None`` if the queue accepted the message, or with why it was given up."""
    tries: int = 0


@dataclass(slots=True)
class _UserQueue:
    """The messages of one user, in order."""

    entries: deque[Entry] = field(default_factory=deque)
    moved: float = float("-inf")
    """When SQS last accepted one of them."""
    is_under_way: bool = False


def delay(tries: int, draw: Callable[[float, float], float]) -> float:
    """How long to wait after so many tries: full jitter, so that those who failed together do not come
    back together (AWS Architecture Blog: "Exponential Backoff And Jitter")."""
    return draw(0, min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(tries - 1, 16)))


class Outbox:
    """The messages of all users, with a queue for each."""

    def __init__(self, deadline: float, draw: Callable[[float, float], float] = random.uniform) -> None:
        """``deadline`` is in seconds; ``draw`` gives a random number between two."""
        self._deadline, self._draw = deadline, draw
        self._queues: dict[str, _UserQueue] = {}
        self._ready: deque[str] = deque()
        self._delayed: list[tuple[float, int, str]] = []
        self._count = itertools.count()

    def __len__(self) -> int:
        """How many messages wait or are under way."""
        return sum(len(waiting.entries) for waiting in self._queues.values())

    def add(self, entry: Entry) -> None:
        """Puts a message at the end of its user's queue."""
        group = entry.message.group
        waiting = self._queues.get(group)
        if waiting is None:
            waiting = self._queues[group] = _UserQueue()
            self._ready.append(group)
        waiting.entries.append(entry)

    def take(self, now: float) -> list[Entry]:
        """The next batch, which is under way from now on: at most ten, of as many users."""
        while self._delayed and self._delayed[0][0] <= now:
            self._ready.append(heapq.heappop(self._delayed)[2])
        batch: list[Entry] = []
        while self._ready and len(batch) < BATCH:
            waiting = self._queues[self._ready.popleft()]
            waiting.is_under_way = True
            batch.append(waiting.entries[0])
        return batch

    def is_ready(self) -> bool:
        """Whether there is something to take at once."""
        return bool(self._ready)

    def wait(self, now: float) -> float | None:
        """After how many seconds there is something to take; ``None`` if only a response or a new message
        can change that."""
        if self._ready:
            return 0
        return max(0, self._delayed[0][0] - now) if self._delayed else None

    def accepted(self, entry: Entry, now: float) -> list[Entry]:
        """Notes that the queue has a message. Gives those that are done with."""
        waiting = self._queues.get(entry.message.group)
        if waiting is None or not waiting.is_under_way or waiting.entries[0] is not entry:
            return []  # It was given up by ``give_up_all`` meanwhile.
        waiting.moved = now
        return self._pop(waiting, entry.message.group)

    def failed(self, entry: Entry, failure: Failure, now: float) -> list[Entry]:
        """Notes that the queue did not accept a message, or that nobody knows. Gives those that are given
        up: none if it is sent again."""
        group = entry.message.group
        waiting = self._queues.get(group)
        if waiting is None or not waiting.is_under_way or waiting.entries[0] is not entry:
            return []
        entry.tries += 1
        end = self._end(waiting, entry)
        if not failure.is_final and now < end:
            waiting.is_under_way = False
            at = min(now + delay(entry.tries, self._draw), end)
            heapq.heappush(self._delayed, (at, next(self._count), group))
            return []
        given_up = self._pop(waiting, group)
        while failure.is_of_queue and waiting.entries and self._end(waiting, waiting.entries[0]) <= now:
            given_up.append(waiting.entries.popleft())
        if not waiting.entries and group in self._queues:
            del self._queues[group]
            self._ready = deque(ready for ready in self._ready if ready != group)
        return given_up

    def give_up_all(self) -> list[Entry]:
        """Forgets everything, also what is under way, and gives it in the order of each user."""
        left = [entry for waiting in self._queues.values() for entry in waiting.entries]
        self._queues.clear()
        self._ready.clear()
        self._delayed.clear()
        return left

    def _end(self, waiting: _UserQueue, entry: Entry) -> float:
        return max(entry.since, waiting.moved) + self._deadline

    def _pop(self, waiting: _UserQueue, group: str) -> list[Entry]:
        waiting.is_under_way = False
        done = [waiting.entries.popleft()]
        if waiting.entries:
            self._ready.append(group)
        else:
            del self._queues[group]
        return done
