"""What is recorded, what must come of it, and the model of a log."""

import json
import unittest
from datetime import UTC, datetime

import messages
from messages import MAIN, PLAIN, Model, by_user, entry_differences, large, millis, names, script, stamp
from tokens import Given, Issuer, sign, signature


class Script(unittest.TestCase):
    def test_each_message_is_as_large_as_the_queue_takes(self) -> None:
        for message in [*script(), large(messages.LARGE, 1)]:
            self.assertLess(len(message.body.encode()), 256 * 1024)

    def test_a_thousand_large_entries_are_more_than_a_response_may_be(self) -> None:
        self.assertGreater(1000 * len(large(messages.LARGE, 1).body), 5_500_000)
        self.assertLess(len(json.dumps(json.loads(large(messages.LARGE, 1).body)["metadata"])), 4096)

    def test_what_is_plain_has_every_pair_and_every_environment(self) -> None:
        entries = by_user(script())[MAIN]
        self.assertEqual({(e["resourceType"], e["action"]) for e in entries[:PLAIN]}, set(messages.PAIRS))
        found = {entry["environmentId"] for entry in entries[:PLAIN]}
        self.assertEqual(found, {*messages.ENVIRONMENTS, None})
        for entry in entries[:PLAIN]:
            if entry["environmentId"]:
                self.assertEqual(messages.ENVIRONMENTS[entry["environmentId"]][0], entry["projectId"])

    def test_poison_and_what_comes_twice_become_no_entries(self) -> None:
        sent = script()
        self.assertEqual(sum(message.is_poison for message in sent), 6)
        again = [message for message in sent if not message.entry and not message.is_poison]
        self.assertEqual(len(again), 3)
        bodies = [message.body for message in sent if message.entry]
        for message in again:
            self.assertIn(message.body, bodies)

    def test_names_are_lines_for_the_tool(self) -> None:
        lines = [json.loads(line) for line in names().splitlines()]
        self.assertEqual(len(lines), 1 + len(messages.PROJECTS) + len(messages.ENVIRONMENTS))


class Reading(unittest.TestCase):
    WANTED = [{"action": "a"}, {"action": "b"}]
    FOUND = [
        {"id": 1, "action": "a", "createdAt": "2024-01-15T10:30:00.000Z"},
        {"id": 2, "action": "b", "createdAt": "2024-01-15T10:30:00.000Z"},
    ]

    def count(self, found: list[dict]) -> int:
        return len(list(entry_differences(found, self.WANTED)))

    def test_the_entries_and_their_order(self) -> None:
        self.assertEqual(self.count(self.FOUND), 0)
        self.assertGreater(self.count(self.FOUND[:1]), 0)
        self.assertGreater(self.count(self.FOUND[::-1]), 0)
        self.assertGreater(self.count([*self.FOUND, self.FOUND[1]]), 0)
        self.assertGreater(self.count([self.FOUND[0], self.FOUND[1] | {"id": 1}]), 0)
        self.assertGreater(self.count([self.FOUND[0], self.FOUND[1] | {"action": "c"}]), 0)
        self.assertGreater(self.count([self.FOUND[0] | {"id": 3}, self.FOUND[1]]), 0)


class Models(unittest.TestCase):
    def entry(self, number: int, kind: str | None, action: str) -> dict:
        time = f"2024-01-15T10:30:00.{number:03}Z"
        return {"id": number, "resourceType": kind, "action": action, "createdAt": time, "projectId": 4}

    def setUp(self) -> None:
        self.model = Model([self.entry(1, "f", "b"), self.entry(2, None, "a"), self.entry(4, "f", "a")])

    def test_filters(self) -> None:
        def ids(**filters: object) -> list[int]:
            return [entry["id"] for entry in self.model.matching(**filters)]

        self.assertEqual(ids(), [1, 2, 4])
        self.assertEqual(ids(resource_type={None}), [2])
        self.assertEqual(ids(exclude_resource_type={"f"}), [2])
        self.assertEqual(ids(action={"a"}, resource_type={"f"}), [4])
        time = millis("2024-01-15T10:30:00.002Z")
        self.assertEqual((ids(since=time), ids(until=time)), ([2, 4], [1]))
        self.assertEqual((ids(project=4), ids(project=5)), ([1, 2, 4], []))

    def test_facets_are_the_most_frequent_first_then_by_name(self) -> None:
        found = Model.facet(self.model.entries, "action")
        self.assertEqual(found, [{"value": "a", "count": 2}, {"value": "b", "count": 1}])
        found = Model.facet(self.model.entries, "resourceType")
        self.assertEqual(found, [{"value": "f", "count": 2}, {"value": None, "count": 1}])

    def test_a_histogram(self) -> None:
        start = millis("2024-01-15T10:30:00.001Z")
        self.assertEqual(Model.histogram(self.model.entries, start, start + 4, 2), [2, 1])
        self.assertEqual(Model.histogram(self.model.entries, start, start + 4, 4), [1, 1, 0, 1])
        # More parts than milliseconds: some are empty.
        self.assertEqual(Model.histogram(self.model.entries, start, start + 4, 8), [0, 1, 0, 1, 0, 0, 0, 1])

    def test_times(self) -> None:
        time = "2024-01-15T10:30:00.001Z"
        self.assertEqual(millis(time), 1_705_314_600_001)
        self.assertEqual(stamp(datetime.fromtimestamp(1_705_314_600.5, UTC)), "2024-01-15T10:30:00.500Z")


class Tokens(unittest.TestCase):
    def test_a_signature_is_that_of_the_tokens_in_events(self) -> None:
        event = json.loads((messages.ROOT / "events/list-activities.json").read_text())
        token = event["headers"]["authorization"].removeprefix("Bearer ")
        signed, wanted = token.rsplit(".", 1)
        self.assertEqual(signature(b"local-development-only-not-a-secret", signed), wanted)
        made, last = sign(b"k" * 32, {"sub": 3}).rsplit(".", 1)
        self.assertEqual(last, signature(b"k" * 32, made))

    def test_what_is_refused_is_not_what_is_good(self) -> None:
        issuer = Issuer(b"k" * 32)
        refused = dict(issuer.refused(3))
        self.assertEqual(len(refused), 10)
        self.assertNotIn(issuer.token(3), refused.values())
        given = Given(issuer.token(3))
        self.assertNotIn(given.token(9), dict(given.refused(3)).values())

    def test_nothing_shows_a_secret(self) -> None:
        self.assertNotIn("k" * 32, repr(Issuer(b"k" * 32)))
        self.assertEqual(repr(Given("a.b.c")), "Given(…)")


if __name__ == "__main__":
    unittest.main()
