"""What waits to be sent, and in which order: pure, with the time passed in.

The queue keeps the order of one user's messages as it accepted them. So of one user at most one message
is under way, and the next is taken when the one before was accepted or given up. A batch joins the first
messages of several users; two of one user never stand in it, since an entry of a batch can fail by itself.

A message is given up when it was tried for ``deadline`` seconds. The time counts from when the message
was added, or from when the queue last accepted a message of that user: a long line that moves forward is
no failure. Each message is tried once at least, unless the queue as a whole cannot be reached.
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
    """What is told once: ``None`` if the queue accepted the message, or why it was given up."""
    tries: int = 0


@dataclass(slots=True)
class _Line:
    """The messages of one user, in order."""

    entries: deque[Entry] = field(default_factory=deque)
    moved: float = float("-inf")
    """When the queue last accepted one of them."""
    is_under_way: bool = False


def delay(tries: int, draw: Callable[[float, float], float]) -> float:
    """How long to wait after so many tries: full jitter, so that those who failed together do not come
    back together (AWS Architecture Blog: "Exponential Backoff And Jitter")."""
    return draw(0, min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(tries - 1, 16)))


class Outbox:
    """The lines of all users."""

    def __init__(self, deadline: float, draw: Callable[[float, float], float] = random.uniform) -> None:
        """``deadline`` is in seconds; ``draw`` gives a random number between two."""
        self._deadline, self._draw = deadline, draw
        self._lines: dict[str, _Line] = {}
        self._ready: deque[str] = deque()
        self._delayed: list[tuple[float, int, str]] = []
        self._count = itertools.count()

    def __len__(self) -> int:
        """How many messages wait or are under way."""
        return sum(len(line.entries) for line in self._lines.values())

    def add(self, entry: Entry) -> None:
        """Puts a message at the end of its user's line."""
        group = entry.message.group
        line = self._lines.get(group)
        if line is None:
            line = self._lines[group] = _Line()
            self._ready.append(group)
        line.entries.append(entry)

    def take(self, now: float) -> list[Entry]:
        """The next batch, which is under way from now on: at most ten, of as many users."""
        while self._delayed and self._delayed[0][0] <= now:
            self._ready.append(heapq.heappop(self._delayed)[2])
        batch: list[Entry] = []
        while self._ready and len(batch) < BATCH:
            line = self._lines[self._ready.popleft()]
            line.is_under_way = True
            batch.append(line.entries[0])
        return batch

    def is_ready(self) -> bool:
        """Whether there is something to take at once."""
        return bool(self._ready)

    def wait(self, now: float) -> float | None:
        """After how many seconds there is something to take; ``None`` if only an answer or a new message
        can change that."""
        if self._ready:
            return 0
        return max(0, self._delayed[0][0] - now) if self._delayed else None

    def accepted(self, entry: Entry, now: float) -> list[Entry]:
        """Notes that the queue has a message. Gives those that are done with."""
        line = self._lines.get(entry.message.group)
        if line is None or not line.is_under_way or line.entries[0] is not entry:
            return []  # It was given up by ``give_up_all`` meanwhile.
        line.moved = now
        return self._pop(line, entry.message.group)

    def failed(self, entry: Entry, failure: Failure, now: float) -> list[Entry]:
        """Notes that the queue did not accept a message, or that nobody knows. Gives those that are given
        up: none if it is sent again."""
        group = entry.message.group
        line = self._lines.get(group)
        if line is None or not line.is_under_way or line.entries[0] is not entry:
            return []
        entry.tries += 1
        end = self._end(line, entry)
        if not failure.is_final and now < end:
            line.is_under_way = False
            at = min(now + delay(entry.tries, self._draw), end)
            heapq.heappush(self._delayed, (at, next(self._count), group))
            return []
        given_up = self._pop(line, group)
        while failure.is_of_queue and line.entries and self._end(line, line.entries[0]) <= now:
            given_up.append(line.entries.popleft())
        if not line.entries and group in self._lines:
            del self._lines[group]
            self._ready = deque(ready for ready in self._ready if ready != group)
        return given_up

    def give_up_all(self) -> list[Entry]:
        """Forgets everything, also what is under way, and gives it in the order of each user."""
        left = [entry for line in self._lines.values() for entry in line.entries]
        self._lines.clear()
        self._ready.clear()
        self._delayed.clear()
        return left

    def _end(self, line: _Line, entry: Entry) -> float:
        return max(entry.since, line.moved) + self._deadline

    def _pop(self, line: _Line, group: str) -> list[Entry]:
        line.is_under_way = False
        done = [line.entries.popleft()]
        if line.entries:
            self._ready.append(group)
        else:
            del self._lines[group]
        return done
