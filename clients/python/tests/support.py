"""What several tests need."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from activity_logs import Failure, Message

CLIENTS = Path(__file__).parents[2]
REPOSITORY = CLIENTS.parent


def corpus() -> list[dict[str, Any]]:
    """All cases of ``clients/corpus``."""
    cases: list[dict[str, Any]] = []
    for file in sorted((CLIENTS / "corpus").glob("*.json")):
        cases += json.loads(file.read_text("utf-8"))
    return cases


class Chaos:
    """A FIFO queue that throttles, drops responses after acceptance, and delays; and what it has seen."""

    is_immediate = False

    def __init__(
        self,
        seed: int = 0,
        *,
        failing: float = 0.3,
        slowest: float = 0.01,
        before: Callable[[], object] = lambda: None,
    ) -> None:
        self._random, self._failing, self._slowest = random.Random(seed), failing, slowest
        self._before = before
        self._lock = threading.Lock()
        self.accepted: list[Message] = []
        self.ids: set[str] = set()
        self.under_way: Counter[str] = Counter()
        self.most_under_way = 0
        self.batches: list[int] = []
        self.connections_forgotten = 0

    def send(self, batch: Sequence[Message]) -> Sequence[Failure | None]:
        with self._lock:
            self.batches.append(len(batch))
            self.under_way.update(message.group for message in batch)
            self.most_under_way = max(self.most_under_way, *self.under_way.values())
            pause, fate = self._random.uniform(0, self._slowest), self._random.random()
            fails = [self._random.random() < self._failing for _ in batch]
        try:
            time.sleep(pause)
            self._before()
            if fate < self._failing / 2:
                raise ConnectionError("lost before")
            with self._lock:
                for message, is_failing in zip(batch, fails, strict=True):
                    if not is_failing and message.deduplication_id not in self.ids:
                        self.ids.add(message.deduplication_id)
                        self.accepted.append(message)
            if fate < self._failing:
                raise ConnectionError("lost after")
            return [Failure("Throttled") if is_failing else None for is_failing in fails]
        finally:
            with self._lock:
                self.under_way.subtract(message.group for message in batch)

    def forget_connections(self) -> None:
        self.connections_forgotten += 1


def steps(messages: Sequence[Message]) -> dict[str, list[int]]:
    """By user, the member ``step`` of the metadata of each message, in order."""
    found: dict[str, list[int]] = {}
    for message in messages:
        found.setdefault(message.group, []).append(message.fields["metadata"]["step"])
    return found
