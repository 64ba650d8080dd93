"""What is recorded, and what must be read back: names, messages for the queue, and the entries they become.

The queue gets what services send: plain messages, odd ones, which are repaired (docs/operations.md,
"Repairs"), some that come twice, and poison, which can never be recorded.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent

MAIN, OTHER, LARGE, LATE = 101, 102, 103, 104
"""Users: whose log has everything; whose entries are another's; whose entries are large; whose entries are
recorded one by one."""
LOAD = range(1001, 1021)
"""Users of the load."""

PLAIN = 240
"""How many plain messages the first user has."""
LARGE_COUNT = 1100
"""How many large ones: more than a page takes."""

START = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)

# Slugs with what a path, a query and an encoding of either treat in their own ways.
PROJECTS = {
    4: "my-project",
    7: "codepanel",
    20: "a+b %2F é",
    21: "q?z&x=1#frag",
    22: '日本 "<>\\^`{|}',
    23: "50%",
}
ENVIRONMENTS = {4: (4, "production"), 5: (4, "staging"), 9: (7, "master"), 24: (20, "x/y")} | {
    25: (21, ";,:@$!*'()"),
    26: (22, "ü/.."),
    27: (23, "%41"),
}
PAIRS = [
    ("function", "create"),
    ("function", "invoke"),
    ("database", "create"),
    ("database", "sync"),
    ("instance", "update"),
    (None, "connect"),
]


def names(users: tuple[int, ...] = (MAIN,)) -> str:
    """Lines for ``activities import``: the names that entries are shown with."""
    lines: list[dict[str, Any]] = []
    for user in users:
        lines.append({"type": "user", "id": user, "name": f"User {user}", "profileImage": None})
        lines += [
            {"type": "project", "id": project, "userId": user, "slug": slug, "name": f"Project {project}"}
            for project, slug in PROJECTS.items()
        ]
        for environment, (project, slug) in ENVIRONMENTS.items():
            line = {"type": "environment", "id": environment, "userId": user, "projectId": project}
            lines.append(line | {"slug": slug, "name": f"Environment {environment}"})
    return "".join(json.dumps(line) + "\n" for line in lines)


def stamp(time: datetime) -> str:
    """A time as the API gives it."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class Message:
    """A message for the queue, and what it must become."""

    user: int
    """Its message group."""
    body: str
    entry: dict[str, Any] = field(default_factory=dict)
    """Members that the entry must have; without any, there is no new entry."""
    is_poison: bool = False


def plain(user: int, number: int, start: datetime = START) -> Message:
    """One of the plain messages, each different."""
    kind, action = PAIRS[number % len(PAIRS)]
    environments = [*ENVIRONMENTS, None]
    environment = environments[number // 2 % len(environments)]
    project = ENVIRONMENTS[environment][0] if environment else (4 if number % 3 == 0 else None)
    time = stamp(start + timedelta(milliseconds=1234 * number))
    entry: dict[str, Any] = {
        "userId": user,
        "projectId": project,
        "environmentId": environment,
        "resourceType": kind,
        "resourceId": number + 1 if kind else None,
        "action": action,
        "description": f'{action} {number}: é, "quoted", 日本, \u2028 and a comma',
        "metadata": {"number": number, "text": "<&>", "nested": {"list": [1, None, True]}},
    }
    client = {"ipAddress": "203.0.113.10", "userAgent": "curl/8.7.1"}
    sent = entry | client | {"occurredAt": time, "idempotencyKey": f"{user}-{number}"}
    expected = entry | client | {"createdAt": time, "occurredAt": None, "altered": None}
    return Message(user, json.dumps(sent), expected)


def odd(user: int) -> Iterator[Message]:
    """Messages whose details are odd, and what is kept of them."""
    repairs: list[tuple[str, Any, Any, Any]] = [
        # The field, what comes in it, what is kept, and what `altered` says.
        ("metadata", [1], {"value": [1]}, "[1]"),
        ("ipAddress", "1.2.3.4:51008", "1.2.3.4", "1.2.3.4:51008"),
        ("ipAddress", "unknown", None, "unknown"),
        ("resourceType", "EC2 Instance", "ec2_instance", "EC2 Instance"),
        ("resourceId", "i-0abc", None, "i-0abc"),
        ("description", "x" * 1025, "x" * 1024, None),
        ("userAgent", "é" * 257, "é" * 256, None),
        ("projectId", -1, None, "-1"),
    ]
    for number, (name, came, kept, said) in enumerate(repairs):
        body = {"userId": user, "action": "sync", name: came, "idempotencyKey": f"odd-{user}-{number}"}
        yield Message(user, json.dumps(body), {"action": "sync", name: kept, "altered": {name: said}})
    half = f'{{"userId":{user},"action":"sync","idempotencyKey":"odd-{user}-half",'
    half += '"description":"deployed \\ud83d"}'
    kept_half = {"description": "deployed \ufffd", "altered": {"description": '"deployed \\ud83d"'}}
    yield Message(user, half, {"action": "sync"} | kept_half)
    inside = {"userId": user, "action": "update", "idempotencyKey": f"odd-{user}-envelope"}
    notification = {"Type": "Notification", "TopicArn": "arn:aws:sns:us-east-1:123456789012:t"}
    yield Message(user, json.dumps(notification | {"Message": json.dumps(inside)}), {"action": "update"})
    unknown = {"userId": user, "action": "delete", "colour": "red", "idempotencyKey": f"odd-{user}-member"}
    yield Message(user, json.dumps(unknown), {"action": "delete", "altered": None})


def poison(user: int) -> Iterator[Message]:
    """Messages that can never be recorded."""
    for body in [
        "not JSON",
        "[]",
        json.dumps({"userId": user}),
        json.dumps({"action": "create"}),
        json.dumps({"userId": 0, "action": "create"}),
        json.dumps({"userId": user, "action": "create", "version": 2}),
    ]:
        yield Message(user, body, is_poison=True)


def large(user: int, number: int) -> Message:
    """A message of which a thousand are more than a response may be."""
    body = {
        "userId": user,
        "projectId": 4,
        "environmentId": 4,
        "resourceType": "function",
        "resourceId": 5,
        "action": "invoke",
        "description": "d" * 1024,
        "metadata": {"number": number, "pad": "m" * 4040},
        "userAgent": "u" * 512,
        "occurredAt": stamp(START + timedelta(seconds=number)),
        "idempotencyKey": f"large-{number}",
    }
    return Message(user, json.dumps(body), {"metadata": body["metadata"], "createdAt": body["occurredAt"]})


def example(root: Path = ROOT) -> list[Message]:
    """The messages of events/record-activities.json."""
    event = json.loads((root / "events/record-activities.json").read_text())
    found = []
    for record in event["Records"]:
        body = json.loads(record["body"])
        entry = {name: body[name] for name in ["userId", "action"]}
        found.append(Message(body["userId"], record["body"], entry))
    return found


def script() -> list[Message]:
    """All messages but the large ones, in the order in which they are sent."""
    ordinary = [plain(MAIN, number) for number in range(PLAIN)]
    # Poison in the midst of a group delays nobody, and a message that comes again changes nothing.
    bad = list(poison(MAIN))
    again = [Message(MAIN, ordinary[number].body) for number in [0, 100, PLAIN - 1]]
    others = [plain(OTHER, number) for number in range(5)]
    middle = PLAIN // 2
    return [
        *ordinary[:middle],
        *bad,
        *ordinary[middle:],
        *again,
        *others,
        *odd(MAIN),
        *example(),
    ]


def by_user(messages: list[Message]) -> dict[int, list[dict[str, Any]]]:
    """The entries that messages must become, oldest first, by user."""
    found: dict[int, list[dict[str, Any]]] = {}
    for message in messages:
        if message.entry:
            found.setdefault(message.user, []).append(message.entry)
    return found


def entry_differences(found: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> Iterator[str]:
    """In what a log, oldest first, is not what it must be: entries missing, twice, in another order, or
    with other members."""
    if len(found) != len(wanted):
        yield f"there are {len(found)} entries, not {len(wanted)}"
    for at, (entry, members) in enumerate(zip(found, wanted, strict=False)):
        for name, value in members.items():
            if entry.get(name) != value:
                yield f"entry {at}: {name} is {str(entry.get(name))[:80]!r}, not {str(value)[:80]!r}"
                return
    times = [(entry["createdAt"], entry["id"]) for entry in found]
    if times != sorted(times):
        yield "the entries are not in order of time and id"
    if len({entry["id"] for entry in found}) != len(found):
        yield "an id is there twice"


class Model:
    """A log that was read once, oldest first, and what each list of it must be."""

    def __init__(self, entries: list[dict[str, Any]]) -> None:
        self.entries = entries

    def matching(self, **filters: Any) -> list[dict[str, Any]]:
        """The entries, oldest first, that pass filters of the API; each is a set of values, with None for
        entries without a type, or a bound of time in milliseconds, or an id."""
        tests: dict[str, Callable[[dict[str, Any], Any], bool]] = {
            "resource_type": lambda entry, values: entry["resourceType"] in values,
            "exclude_resource_type": lambda entry, values: entry["resourceType"] not in values,
            "action": lambda entry, values: entry["action"] in values,
            "exclude_action": lambda entry, values: entry["action"] not in values,
            "since": lambda entry, time: millis(entry["createdAt"]) >= time,
            "until": lambda entry, time: millis(entry["createdAt"]) < time,
            "project": lambda entry, number: entry["projectId"] == number,
            "environment": lambda entry, number: entry["environmentId"] == number,
        }
        return [
            entry
            for entry in self.entries
            if all(tests[name](entry, value) for name, value in filters.items())
        ]

    @staticmethod
    def facet(entries: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
        """The counts of a facet: the most frequent first, then by name."""
        counts: dict[str | None, int] = {}
        for entry in entries:
            counts[entry[name]] = counts.get(entry[name], 0) + 1
        ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0] or ""))
        return [{"value": value, "count": count} for value, count in ordered]

    @staticmethod
    def histogram(entries: list[dict[str, Any]], start: int, end: int, buckets: int) -> list[int]:
        """The counts of a histogram: part i begins floor(i × (end − start) / buckets) after `start`."""
        edges = [start + part * (end - start) // buckets for part in range(buckets + 1)]
        counts = [0] * buckets
        for entry in entries:
            time = millis(entry["createdAt"])
            part = next((i for i in range(buckets) if edges[i] <= time < edges[i + 1]), None)
            if part is not None:
                counts[part] += 1
        return counts


def millis(time: str) -> int:
    """A time of the API, in milliseconds since 1970."""
    since = datetime.fromisoformat(time) - datetime(1970, 1, 1, tzinfo=UTC)
    return since // timedelta(milliseconds=1)
