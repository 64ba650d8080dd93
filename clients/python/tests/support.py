"""What several tests need."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

CLIENTS = Path(__file__).parents[2]
REPOSITORY = CLIENTS.parent


def corpus() -> list[dict[str, Any]]:
    """All cases of ``clients/corpus``."""
    cases: list[dict[str, Any]] = []
    for file in sorted((CLIENTS / "corpus").glob("*.json")):
        cases += json.loads(file.read_text("utf-8"))
    return cases
