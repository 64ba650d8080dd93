"""Recording: sends what `messages` has, waits until the API shows all of it, and compares."""

from __future__ import annotations

import time
from collections.abc import Iterator

from contract import Contract
from messages import LARGE, Message, by_user, entry_differences, large, script
from outcome import Result, judged
from senders import Sender

PART = "recording"


def wait_for(contract: Contract, totals: dict[int, int], seconds: float) -> tuple[float, dict[int, int]]:
    """Waits until each user has so many entries. How long that took, and what is missing then."""
    started = time.monotonic()
    pause = 0.2
    while True:
        missing = {}
        for user, total in totals.items():
            found = contract.page(user=user, limit=0)["pagination"]["total"]
            if found < total:
                missing[user] = total - found
        waited = time.monotonic() - started
        if not missing or waited > seconds:
            return waited, missing
        time.sleep(pause)
        pause = min(pause * 1.5, 3)


def record(contract: Contract, sender: Sender, large_count: int, seconds: float = 300) -> Iterator[Result]:
    """Sends everything, and so many large messages, and reads it back until it is exact."""
    sent: list[Message] = script()
    many = [large(LARGE, number) for number in range(large_count)]
    wanted = by_user([*sent, *many])
    sender.send(sent)
    sender.send(many)
    waited, missing = wait_for(contract, {user: len(entries) for user, entries in wanted.items()}, seconds)
    faults = [f"user {user}: {count} are missing" for user, count in missing.items()]
    count = len(sent) + len(many)
    yield judged(
        PART, "every message is recorded", faults, f"{count} messages, {waited:.1f} s after the last"
    )
    for user, entries in wanted.items():
        found = contract.walk(user=user, order="asc", limit=1000, include="client")
        name = f"the log of user {user} is what was sent, in its order, and nothing twice"
        yield judged(PART, name, entry_differences(found, entries), f"{len(entries)} entries")
