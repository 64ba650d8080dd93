"""A transport for the tests of those who use the package."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from ._message import Message
from ._outbox import Failure


class Memory:
    """Keeps messages instead of sending them. What is recorded is there when ``record`` returns."""

    is_immediate = True

    def __init__(self, error: str | None = None) -> None:
        """With ``error``, every message is given up with this reason."""
        self.error = error
        self.messages: list[Message] = []
        """What was recorded, in order."""
        self._lock = threading.Lock()

    @property
    def activities(self) -> list[dict[str, Any]]:
        """The members of each message, by their names in JSON."""
        return [message.fields for message in self.messages]

    def clear(self) -> None:
        """Forgets all messages."""
        self.messages.clear()

    def send(self, batch: Sequence[Message]) -> Sequence[Failure | None]:
        """Keeps the messages."""
        if self.error is not None:
            return [Failure(self.error, is_final=True)] * len(batch)
        with self._lock:
            self.messages += batch
        return [None] * len(batch)

    def forget_connections(self) -> None:
        """There are none."""


def memory(error: str | None = None) -> Memory:
    """A transport that keeps messages: ``activity.configure(transport=memory())``. With ``error``, it
    gives each up with this reason."""
    return Memory(error)
