"""The report: Markdown, for people and for a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from outcome import Result, Verdict

NOT_TRIED = [
    "Tokens of a provider with a JWKS: the stack of a trial has a shared secret.",
    "Restoring from point-in-time recovery (docs/operations.md, Restore).",
    "Hours of steady load, and a load above the throttle of the stage.",
    "A message that fails five times, three minutes apart, and is moved by SQS itself.",
    "What the run has cost: Cost Explorer shows it a day later, under the name of the stack.",
    "Alarms that reach somebody by e-mail: the stack of a trial has no AlarmEmail.",
]
"""What no trial finds out."""


def cell(text: str) -> str:
    """A text as it may stand in a table."""
    kept = "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in text)
    return kept.replace("|", "\\|").replace("<", "&lt;").replace("`", "'")


def summary(results: Iterable[Result]) -> str:
    """How many checks ended how."""
    counts = Counter(result.verdict for result in results)
    return ", ".join(f"{counts[verdict]} {verdict.value}" for verdict in Verdict)


def markdown(
    title: str, facts: Sequence[tuple[str, str]], results: Sequence[Result], left: Sequence[str] | None
) -> str:
    """The whole report. `left` is what the tear-down left behind; None if nothing was torn down."""
    lines = [f"# {title}", "", *(f"* {name}: {cell(value)}" for name, value in facts), ""]
    lines += [f"Checks: {summary(results)}.", ""]
    failed = [result for result in results if result.verdict is Verdict.FAILED]
    if failed:
        lines += ["## What failed", ""]
        lines += [
            f"* **{cell(result.part)}: {cell(result.name)}**: {cell(result.detail)}" for result in failed
        ]
        lines += [""]
    for part in dict.fromkeys(result.part for result in results):
        lines += [f"## {part.capitalize()}", "", "| check | result | detail |", "|---|---|---|"]
        lines += [
            f"| {cell(result.name)} | {result.verdict.value} | {cell(result.detail)} |"
            for result in results
            if result.part == part
        ]
        lines += [""]
    if left is not None:
        lines += ["## What is left over", ""]
        lines += [f"* {cell(one)}" for one in left] or ["Nothing."]
        lines += [""]
    lines += ["## Not tried", "", *(f"* {one}" for one in NOT_TRIED), ""]
    return "\n".join(lines)
