"""The arithmetic of a trial: percentiles, what Lambda reports of its invocations, and what it all costs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any


def percentile(values: Iterable[float], percent: float) -> float:
    """The smallest value that so many percent of the values do not exceed (nearest rank).

    Of no values, it is not a number.
    """
    ordered = sorted(values)
    if not ordered:
        return float("nan")
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(int(rank), 1) - 1]


@dataclass(frozen=True)
class Invocation:
    """An invocation, as Lambda itself reports it."""

    request_id: str
    status: str
    duration_ms: float
    billed_ms: float
    memory_mb: int
    max_memory_mb: int
    init_ms: float | None
    """How long the start took; None if the function was there already."""


TEXT_REPORT = re.compile(
    r"REPORT RequestId: (?P<id>\S+)\s+Duration: (?P<duration>[\d.]+) ms\s+"
    r"Billed Duration: (?P<billed>[\d.]+) ms\s+Memory Size: (?P<memory>\d+) MB\s+"
    r"Max Memory Used: (?P<used>\d+) MB"
)


def parse_report(line: str) -> Invocation | None:
    """Reads a line of a function's log, if it is Lambda's report of an invocation, as JSON or as text
    (AWS: "Lambda Telemetry API event schema reference", ``platform.report``)."""
    if found := TEXT_REPORT.search(line):
        init = re.search(r"Init Duration: ([\d.]+) ms", line)
        status = re.search(r"Status: (\w+)", line)
        return Invocation(
            found["id"],
            status[1] if status else "success",
            float(found["duration"]),
            float(found["billed"]),
            int(found["memory"]),
            int(found["used"]),
            float(init[1]) if init else None,
        )
    try:
        event = json.loads(line)
    except ValueError:
        return None
    if not isinstance(event, dict) or event.get("type") != "platform.report":
        return None
    record = event.get("record", {})
    metrics = record.get("metrics", {})
    init = metrics.get("initDurationMs")
    return Invocation(
        str(record.get("requestId", "")),
        str(record.get("status", "success")),
        float(metrics.get("durationMs", 0)),
        float(metrics.get("billedDurationMs", 0)),
        int(metrics.get("memorySizeMB", 0)),
        int(metrics.get("maxMemoryUsedMB", 0)),
        None if init is None else float(init),
    )


@dataclass(frozen=True)
class Invocations:
    """All invocations of a function together. Times are in milliseconds."""

    count: int
    failed: int
    cold: int
    init_p50: float
    init_max: float
    p50: float
    p99: float
    memory_mb: int
    max_memory_mb: int

    @classmethod
    def of(cls, invocations: Sequence[Invocation]) -> Invocations:
        """Sums invocations up. Lambda reports a time out and a crash with another status."""
        inits = [one.init_ms for one in invocations if one.init_ms is not None]
        durations = [one.duration_ms for one in invocations]
        return cls(
            count=len(invocations),
            failed=sum(one.status != "success" for one in invocations),
            cold=len(inits),
            init_p50=percentile(inits, 50),
            init_max=max(inits, default=float("nan")),
            p50=percentile(durations, 50),
            p99=percentile(durations, 99),
            memory_mb=max((one.memory_mb for one in invocations), default=0),
            max_memory_mb=max((one.max_memory_mb for one in invocations), default=0),
        )


def batches(lines: Iterable[str]) -> list[dict[str, Any]]:
    """The lines that the function ``record-activities`` writes of its batches."""
    found = []
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and event.get("message") == "batch recorded":
            found.append(event)
    return found


# US dollars in us-east-1, from bench/src/prices.rs and docs/costs.md. Each bound is above the dearest row of
# the tables there, so that the estimate is an upper one.
PRICE_OF_READ = 7.0 / 1e6
"""A request: its API Gateway, Lambda, DynamoDB, logs, traces and transfer."""
PRICE_OF_LARGE_READ = 0.002
"""A page of 5.5 MB, which counts as eleven requests, and is sent to the internet."""
PRICE_OF_MESSAGE = 13.0 / 1e6
"""A message that is recorded, one in a batch."""
PRICE_OF_LARGE_MESSAGE = 60.0 / 1e6
"""One of six kilobytes, written in a transaction and to three indexes."""
PRICE_OF_ALARMS = 0.05
"""Alarms and metrics for an hour: 50 alarmed metrics at $0.10 and 30 metrics at $0.30, a month."""
PRICE_OF_DASHBOARD = 3.00
"""A dashboard for a month, which an account pays for from its fourth on."""
FREE_DASHBOARDS = 3


@dataclass(frozen=True)
class Plan:
    """How much is sent and asked at the most."""

    reads: int
    large_reads: int
    messages: int
    large_messages: int
    dashboards: int = 0
    """How many dashboards the account has before."""

    def dollars(self) -> float:
        """What that costs at the most, on a new stack that lives for an hour."""
        dashboard = PRICE_OF_DASHBOARD if self.dashboards >= FREE_DASHBOARDS else 0.0
        return (
            self.reads * PRICE_OF_READ
            + self.large_reads * PRICE_OF_LARGE_READ
            + self.messages * PRICE_OF_MESSAGE
            + self.large_messages * PRICE_OF_LARGE_MESSAGE
            + PRICE_OF_ALARMS
            + dashboard
        )
