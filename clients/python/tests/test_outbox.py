"""The order of sending: one message of a user under way at most, and nothing is lost."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from activity_logs import Failure, Message
from activity_logs._outbox import BATCH, FIRST_DELAY, LONGEST_DELAY, Entry, Outbox, delay

THROTTLED = Failure("Throttled: slow down")
REFUSED = Failure("InvalidMessageContents: no", is_final=True)
UNREACHABLE = Failure("ConnectionError: no", is_of_queue=True)


class Line:
    """An outbox whose delays are as long as they can be, and what it settled."""

    def __init__(self, deadline: float = 30) -> None:
        self.outbox = Outbox(deadline, lambda low, high: high)
        self.settled: list[tuple[str, bool]] = []

    def add(self, user: int, body: str, now: float = 0) -> None:
        self.outbox.add(
            Entry(
                Message(body, str(user), body),
                now,
                lambda failure: self.settled.append((body, failure is None)),
            )
        )

    def take(self, now: float = 0) -> list[str]:
        self.batch = self.outbox.take(now)
        return [entry.message.body for entry in self.batch]

    def fail(self, body: str, failure: Failure, now: float) -> list[str]:
        [entry] = [entry for entry in self.batch if entry.message.body == body]
        return [entry.message.body for entry in self.outbox.failed(entry, failure, now)]

    def accept(self, body: str, now: float = 0) -> None:
        [entry] = [entry for entry in self.batch if entry.message.body == body]
        self.outbox.accepted(entry, now)


def test_a_batch_holds_one_message_a_user_and_ten_at_most() -> None:
    line = Line()
    for user in range(12):
        line.add(user, f"{user}a")
        line.add(user, f"{user}b")
    assert line.take() == [f"{user}a" for user in range(10)]
    assert line.take() == ["10a", "11a"]
    assert line.take() == []
    assert BATCH == 10


def test_the_next_is_sent_when_the_one_before_was_accepted() -> None:
    line = Line()
    line.add(3, "a")
    line.add(3, "b")
    assert line.take() == ["a"]
    assert line.outbox.wait(0) is None
    line.accept("a")
    assert line.take() == ["b"]


def test_a_failed_entry_is_sent_again_before_anything_later_of_that_user() -> None:
    line = Line()
    line.add(3, "a")
    line.add(3, "b")
    line.add(4, "c")
    assert line.take() == ["a", "c"]
    line.accept("c")
    assert line.fail("a", THROTTLED, 0) == []
    assert line.take(0) == []
    assert line.outbox.wait(0) == FIRST_DELAY
    assert line.take(FIRST_DELAY) == ["a"]


def test_what_is_the_messages_own_fault_is_given_up_at_once() -> None:
    line = Line()
    line.add(3, "a")
    line.add(3, "b")
    line.take()
    assert line.fail("a", REFUSED, 0) == ["a"]
    assert line.take() == ["b"]


def test_a_message_is_given_up_after_the_deadline_and_tried_last_at_it() -> None:
    line = Line(deadline=1)
    line.add(3, "a")
    line.add(3, "b")
    tries, now = 0, 0.0
    while True:
        assert line.take(now) == ["a"]
        tries += 1
        if line.fail("a", THROTTLED, now):
            break
        wait = line.outbox.wait(now)
        assert wait is not None
        now += wait
    assert (tries, now) == (5, 1.0)  # At 0, 0.1, 0.3, 0.7 and, instead of 1.5, 1.
    assert line.take(now) == ["b"], "each message is tried once"
    assert line.fail("b", THROTTLED, now) == ["b"]
    assert len(line.outbox) == 0


def test_while_the_queue_cannot_be_reached_a_line_is_given_up_together() -> None:
    line = Line(deadline=1)
    line.add(3, "a", 0)
    line.add(3, "b", 0.5)
    line.add(3, "c", 1.5)
    line.take(0)
    assert line.fail("a", UNREACHABLE, 2) == ["a", "b"]
    assert line.take(2) == ["c"]
    assert line.fail("c", UNREACHABLE, 2.5) == ["c"]
    assert len(line.outbox) == 0
    assert line.take(99) == []


def test_a_long_line_that_moves_forward_is_no_failure() -> None:
    line = Line(deadline=1)
    bodies = [str(at) for at in range(100)]
    for body in bodies:
        line.add(3, body)
    for at, body in enumerate(bodies):
        assert line.take(at * 0.9) == [body]
        if at == 99:
            assert line.fail(body, UNREACHABLE, at * 0.9) == []
        else:
            line.accept(body, at * 0.9)


def test_what_was_given_up_altogether_is_not_settled_again() -> None:
    line = Line()
    line.add(3, "a")
    line.add(3, "b")
    line.take()
    assert [entry.message.body for entry in line.outbox.give_up_all()] == ["a", "b"]
    line.accept("a")
    assert line.fail("a", THROTTLED, 0) == []
    line.add(3, "c")
    assert line.take() == ["c"]


def test_delays_grow_from_a_tenth_of_a_second_to_five_seconds() -> None:
    longest = [delay(tries, lambda low, high: high) for tries in range(1, 9)]
    assert longest == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    assert delay(10_000, lambda low, high: high) == LONGEST_DELAY
    assert delay(3, lambda low, high: low) == 0


@dataclass
class Queue:
    """A FIFO queue: it keeps the order of a group as it accepted it, and takes a deduplication id once."""

    accepted: list[Message] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)

    def take(self, message: Message) -> None:
        if message.deduplication_id not in self.ids:
            self.ids.add(message.deduplication_id)
            self.accepted.append(message)


SEND = st.sampled_from(["answered", "answered", "lost before", "lost after"])
ENTRY = st.sampled_from(["ok", "ok", "ok", "throttled", "refused"])


@given(
    users=st.lists(st.integers(1, 5), max_size=60),
    sends=st.lists(st.tuples(SEND, st.lists(ENTRY, min_size=10, max_size=10), st.floats(0, 20)), max_size=60),
    pauses=st.lists(st.floats(0, 0.5), min_size=60, max_size=60),
    deadline=st.sampled_from([0.5, 30, 1e9]),
    threads=st.integers(1, 4),
)
def test_under_failures_lost_responses_and_delays_order_holds_and_nothing_is_lost(
    users: list[int],
    sends: list[tuple[str, list[str], float]],
    pauses: list[float],
    deadline: float,
    threads: int,
) -> None:
    queue, outbox = Queue(), Outbox(deadline)
    outcomes: dict[str, list[Failure | None]] = {}
    fates = itertools.chain(sends, itertools.repeat(("answered", ["ok"] * 10, 0.01)))
    refused: set[str] = set()
    # What happens, by its time.
    events: list[tuple[float, int, Callable[[float], None]]] = []
    count = itertools.count()
    under_way: list[str] = []
    free = threads

    def at(time: float, event: Callable[[float], None]) -> None:
        heapq.heappush(events, (time, next(count), event))

    def work(now: float) -> None:
        nonlocal free
        while free and (batch := outbox.take(now)):
            free -= 1
            groups = [entry.message.group for entry in batch]
            assert len(batch) <= BATCH
            assert not set(groups) & set(under_way)
            assert len(set(groups)) == len(groups)
            under_way.extend(groups)
            send, entries, duration = next(fates)
            results: list[Failure | None] = []
            for entry, said in zip(batch, entries, strict=False):
                fate = "ok" if send == "lost after" else said
                if send != "lost before" and fate == "ok":
                    queue.take(entry.message)
                if send != "answered":
                    results.append(UNREACHABLE)
                elif fate == "ok":
                    results.append(None)
                else:
                    results.append(THROTTLED if fate == "throttled" else REFUSED)
                    if fate == "refused":
                        refused.add(entry.message.body)
            at(now + duration, lambda time, batch=batch, results=results: answer(batch, results, time))  # type: ignore[misc]
        wait = outbox.wait(now)
        if free and wait is not None:
            at(now + max(wait, 1e-9), work)

    def answer(batch: list[Entry], results: list[Failure | None], now: float) -> None:
        nonlocal free
        free += 1
        for entry, failure in zip(batch, results, strict=True):
            under_way.remove(entry.message.group)
            done = outbox.accepted(entry, now) if failure is None else outbox.failed(entry, failure, now)
            for one in done:
                one.settle(failure)
        work(now)

    messages = [Message(f"{user}:{index}", str(user), f"id{index}") for index, user in enumerate(users)]
    now = 0.0
    for message, pause in zip(messages, pauses, strict=False):
        now += pause
        outcomes[message.body] = []

        def add(time: float, message: Message = message) -> None:
            outbox.add(Entry(message, time, outcomes[message.body].append))
            work(time)

        at(now, add)
    for _ in range(100_000):
        if not events:
            break
        time, _, event = heapq.heappop(events)
        event(time)
    assert len(outbox) == 0

    for user in set(users):
        order = [message.body for message in queue.accepted if message.group == str(user)]
        assert order == sorted(order, key=lambda body: int(body.split(":")[1]))
    arrived = {message.body for message in queue.accepted}
    assert len(queue.accepted) == len(arrived)
    for body, said in outcomes.items():
        assert len(said) == 1, "settled once"
        assert said[0] is not None or body in arrived, "what is said to be accepted is in the queue"
    if deadline == 1e9:
        assert {body for body, [failure] in outcomes.items() if failure is not None} == refused
