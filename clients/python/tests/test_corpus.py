"""One contract: for the same call both clients produce the same text, and it is what the corpus says."""

from __future__ import annotations

from typing import Any

import pytest

from activity_logs import _message, _repair

from .support import corpus


@pytest.mark.parametrize("case", corpus(), ids=lambda case: case["name"][:60])
def test_the_message_of_a_call_is_the_one_in_the_corpus(case: dict[str, Any]) -> None:
    context = case["context"]
    options: dict[str, Any] = dict(case["call"]["options"])
    for name in ("resource", "environment"):
        if options.get(name) is not None:
            options[name] = tuple(options[name])

    def known(name: str) -> Any:
        given = options.pop(name, None)
        return context.get(name) if given is None else given

    user = known("userId")
    client = _message.Client(known("ipAddress"), known("userAgent"))
    snake = {"occurredAt": "occurred_at", "idempotencyKey": "idempotency_key"}
    call = _message.Call(
        case["call"]["action"],
        **{snake.get(name, name): value for name, value in options.items()},
    )
    now = _repair.millis(case["time"])
    assert now is not None
    redact = _message.names(case.get("redact", ()))
    draft = _message.draft(call, client, now=now, uuid=case["uuid"], redact=redact)
    message = draft.message(_message.user_id(user))
    assert message.body == case["message"]
    assert list(draft.altered) == case["altered"]
    assert (message.group, message.deduplication_id) == (str(int(user)), case["uuid"])
