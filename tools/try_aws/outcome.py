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


class Broken(Exception):  # noqa: N818
    """A response that breaks the contract, where the check cannot go on with it."""


def guarded(
    part: str, name: str, check: Callable[[], Iterable[Result]], verdict: Verdict = Verdict.FAILED
) -> Iterator[Result]:
    """The results of a check. An exception in it is a result, too, with this verdict: the other checks go
    on. What breaks the contract has always failed."""
    try:
        yield from check()
    except Broken as error:
        yield Result(part, name, Verdict.FAILED, str(error)[:500])
    except Exception as error:  # Whatever it is, the report names it, and the stack is torn down.
        yield Result(part, name, verdict, f"{type(error).__name__}: {error}"[:500])
