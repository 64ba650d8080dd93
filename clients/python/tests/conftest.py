"""Every test begins with a log of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from activity_logs import ActivityLog, Memory, activity, memory


@pytest.fixture
def sent() -> Iterator[Memory]:
    """What the process's log records."""
    transport = memory()
    activity.configure(transport=transport)
    yield transport
    activity.close()


@pytest.fixture
def log(sent: Memory) -> ActivityLog:
    """The process's log."""
    return activity
