"""What came of a check."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass


class Verdict(enum.Enum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    OBSERVED = "observed"
    """Nothing is expected: what was seen is an answer to a question."""
    UNKNOWN = "unknown"
    """The check could not be made."""


@dataclass(frozen=True)
class Result:
    """A line of the report."""

    part: str
    name: str
    verdict: Verdict
    detail: str = ""


def judged(part: str, name: str, problems: Iterable[str], detail: str = "") -> Result:
    """Failed with the problems, or passed with the detail if there are none."""
    found = list(problems)
    if found:
        return Result(part, name, Verdict.FAILED, "; ".join(found))
    return Result(part, name, Verdict.PASSED, detail)


def guarded(part: str, name: str, check: Callable[[], Iterable[Result]]) -> Iterator[Result]:
    """The results of a check. An exception in it is a result, too: the other checks go on."""
    try:
        yield from check()
    except Exception as error:  # Whatever it is, the report names it, and the stack is torn down.
        yield Result(part, name, Verdict.UNKNOWN, f"{type(error).__name__}: {error}"[:500])
