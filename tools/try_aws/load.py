"""A fixed load: messages from several senders, then readers side by side for a minute."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPException

from contract import LIST, Contract, Target
from figures import percentile
from messages import LOAD, entry_differences, plain
from outcome import Result, Verdict, judged
from record import wait_for
from senders import Sender
from wire import Connection

PART = "load"


@dataclass(frozen=True)
class Load:
    """How much."""

    messages: int = 5000
    senders: int = 4
    readers: int = 20
    seconds: float = 60
    pace: float = 20
    """Requests a second of each reader at the most."""

    @property
    def reads(self) -> int:
        """How many requests that is at the most."""
        return int(self.readers * self.seconds * self.pace)


@dataclass
class Seen:
    """What a kind of request met."""

    milliseconds: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)

    def add(self, other: Seen) -> None:
        """Takes what another reader has seen."""
        self.milliseconds += other.milliseconds
        self.statuses += other.statuses

    def line(self) -> str:
        """For people."""
        found = self.milliseconds
        times = f"p50 {percentile(found, 50):.0f} ms, p99 {percentile(found, 99):.0f} ms"
        statuses = ", ".join(f"{count} × {status}" for status, count in sorted(self.statuses.items()))
        return f"{times}, longest {max(found, default=float('nan')):.0f} ms; {statuses}"


def targets(total: int) -> dict[str, str]:
    """The kinds of request, by what they ask for, of a log of so many entries."""
    return {
        "the newest 100": LIST,
        "100 from the middle": f"{LIST}?offset={total // 2}",
        "100 of one type and action": f"{LIST}?resourceType=function&action=invoke",
        "an environment": f"{LIST}/my-project/production",
        "a total": f"{LIST}?limit=0",
        "facets and a histogram": f"{LIST}?limit=0&include=facets,histogram",
    }


class Reader(threading.Thread):
    """Asks at its pace until it is time to stop."""

    def __init__(self, target: Target, load: Load, number: int, kinds: dict[str, str]) -> None:
        super().__init__(name=f"reader {number}", daemon=True)
        self._target, self._load, self._kinds = target, load, kinds
        self._random = random.Random(number)
        self.seen: dict[str, Seen] = {kind: Seen() for kind in kinds}

    def run(self) -> None:
        """Asks."""
        started = time.monotonic()
        tokens = {user: self._target.tokens.token(user) for user in LOAD}
        with Connection(self._target.url) as connection:
            for asked in range(int(self._load.seconds * self._load.pace)):
                due = started + asked / self._load.pace
                now = time.monotonic()
                if now - started > self._load.seconds:
                    return
                time.sleep(max(0.0, due - now))
                user = self._random.choice(LOAD)
                kind = self._random.choice(list(self._kinds))
                headers = [("Authorization", f"Bearer {tokens[user]}"), ("Accept-Encoding", "gzip")]
                seen = self.seen[kind]
                before = time.perf_counter()
                try:
                    response = connection.send(self._kinds[kind], headers)
                    seen.statuses[str(response.status)] += 1
                except (OSError, HTTPException) as error:
                    connection.close()
                    seen.statuses[type(error).__name__] += 1
                seen.milliseconds.append((time.perf_counter() - before) * 1000)


def run_load(contract: Contract, sender: Sender, load: Load, seconds: float = 300) -> Iterator[Result]:
    """Sends, reads back, and reads under load."""
    each = load.messages // len(LOAD)
    shares: list[list[int]] = [list(LOAD)[at :: load.senders] for at in range(load.senders)]

    def send(users: list[int]) -> None:
        # Ten of a user at a time, in turns, as services do that work for many.
        for first in range(0, each, 10):
            for user in users:
                sender.send([plain(user, number) for number in range(first, min(first + 10, each))])

    started = time.monotonic()
    with ThreadPoolExecutor(load.senders) as pool:
        list(pool.map(send, shares))
    sent = time.monotonic() - started
    waited, missing = wait_for(contract, dict.fromkeys(LOAD, each), seconds)
    faults = [f"user {user}: {count} are missing" for user, count in missing.items()]
    rate = each * len(LOAD) / (sent + waited)
    detail = f"{each * len(LOAD)} messages sent in {sent:.1f} s"
    detail += f", the last recorded {waited:.1f} s later: {rate:.0f} a second"
    yield judged(PART, f"messages from {load.senders} senders are recorded", faults, detail)
    faults = []
    for user in [LOAD[0], LOAD[-1]]:
        found = contract.walk(user=user, order="asc", limit=1000, include="client")
        wanted = [plain(user, number).entry for number in range(each)]
        faults += [f"user {user}: {fault}" for fault in entry_differences(found, wanted)]
    yield judged(PART, "two of the logs are what was sent", faults)

    kinds = targets(each)
    readers = [Reader(contract.target, load, number, kinds) for number in range(load.readers)]
    started = time.monotonic()
    for reader in readers:
        reader.start()
    for reader in readers:
        # In short waits, between which Ctrl-C is noticed.
        while reader.is_alive():
            reader.join(0.5)
    took = time.monotonic() - started
    together = {kind: Seen() for kind in kinds}
    for reader in readers:
        for kind, seen in reader.seen.items():
            together[kind].add(seen)
    count = sum(len(seen.milliseconds) for seen in together.values())
    bad = {
        status: number
        for seen in together.values()
        for status, number in seen.statuses.items()
        if status not in {"200", "429"}
    }
    throttled = sum(seen.statuses["429"] for seen in together.values())
    detail = f"{count} requests of {load.readers} readers in {took:.0f} s; {throttled} × 429"
    faults = [f"{number} × {status}" for status, number in bad.items()]
    yield judged(PART, "readers side by side", faults, detail)
    for kind, seen in together.items():
        yield Result(PART, f"time of {kind}, as the client sees it", Verdict.OBSERVED, seen.line())
