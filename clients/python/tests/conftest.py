"""Every test begins with a log of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from activity_logs import ActivityLog, Memory, activity, memory

# In CI the cases are the same each time, so that a submission is not refused for what was there before.
settings.register_profile(
    "here", deadline=None, database=None, derandomize=bool(os.environ.get("CI")), print_blob=False
)
settings.load_profile("here")


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
