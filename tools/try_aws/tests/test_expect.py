"""Expectations over responses: each thing that can be wrong is found, and what is right is not."""

import copy
import json
import re
import unittest

from expect import ABSENT, CHALLENGE, Expected, differences, page_differences
from wire import Response

PROBLEM = {
    "type": "about:blank",
    "title": "Bad Request",
    "status": 400,
    "detail": "limit must be an integer from 0.",
    "message": "Invalid parameter: limit must be an integer from 0",
    "code": "invalid_parameter",
    "requestId": "0d3cbb7c",
    "parameter": "limit",
}
PROBLEM_HEADERS = (("Content-Type", "application/problem+json"), ("Cache-Control", "private, no-cache"))
WANTED = Expected(400, code="invalid_parameter", parameter="limit")


def response(
    body: object, status: int = 400, headers: tuple[tuple[str, str], ...] = PROBLEM_HEADERS
) -> Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, headers, content, 1.0, "GET /")


class Problems(unittest.TestCase):
    def test_a_problem_as_it_should_be(self) -> None:
        self.assertEqual(list(differences(response(PROBLEM), WANTED)), [])

    def test_each_member_counts(self) -> None:
        for name, value in [
            ("type", "about:other"),
            ("title", "Not Found"),
            ("status", 404),
            ("detail", ""),
            ("message", None),
            ("code", "query_too_long"),
            ("parameter", "offset"),
        ]:
            found = list(differences(response(PROBLEM | {name: value}), WANTED))
            self.assertEqual(len(found), 1, (name, found))
            self.assertIn(name, found[0])

    def test_no_member_is_missing_and_none_too_many(self) -> None:
        for name in PROBLEM:
            less = {k: v for k, v in PROBLEM.items() if k != name}
            self.assertEqual(len(list(differences(response(less), WANTED))), 1, name)
        self.assertEqual(len(list(differences(response(PROBLEM | {"stack": "x"}), WANTED))), 1)
        without = Expected(400, code="invalid_parameter")
        self.assertEqual(len(list(differences(response(PROBLEM), without))), 1)

    def test_what_is_no_json(self) -> None:
        for body in [b"", b"\xff", b"[]", b"Bad Request"]:
            self.assertEqual(len(list(differences(response(body), WANTED))), 1, body)

    def test_the_headers_of_a_problem(self) -> None:
        for at in range(2):
            less = PROBLEM_HEADERS[:at] + PROBLEM_HEADERS[at + 1 :]
            self.assertEqual(len(list(differences(response(PROBLEM, headers=less), WANTED))), 1)


class Headers(unittest.TestCase):
    def found(self, wanted: str | re.Pattern[str] | None, *headers: tuple[str, str]) -> int:
        return len(list(differences(response(b"", 200, headers), Expected(200, {"etag": wanted}))))

    def test_a_value_a_pattern_and_absence(self) -> None:
        self.assertEqual(self.found('"a"', ("ETag", '"a"')), 0)
        self.assertEqual(self.found('"a"', ("ETag", '"b"')), 1)
        self.assertEqual(self.found('"a"'), 1)
        self.assertEqual(self.found(ABSENT), 0)
        self.assertEqual(self.found(ABSENT, ("ETag", "")), 1)
        self.assertEqual(self.found(re.compile('"[a-z]"'), ("ETag", '"a"')), 0)
        self.assertEqual(self.found(re.compile('"[a-z]"'), ("ETag", '"a"x')), 1)
        self.assertEqual(self.found('"a", "b"', ("ETag", '"a"'), ("etag", '"b"')), 0)

    def test_another_status_is_said_alone(self) -> None:
        found = list(differences(response(PROBLEM, 500), WANTED))
        self.assertEqual(len(found), 1)
        self.assertIn("status 500, not 400", found[0])

    def test_the_challenge(self) -> None:
        for good in ["Bearer", 'Bearer error="invalid_token", error_description="the token has expired"']:
            self.assertTrue(CHALLENGE.fullmatch(good))
        for bad in ["", "Basic", "Bearer ", 'Bearer error="invalid_request", error_description="x"']:
            self.assertFalse(CHALLENGE.fullmatch(bad))


class Pages(unittest.TestCase):
    ENTRY = dict.fromkeys(
        [
            *("id", "userId", "projectId", "environmentId", "user", "project", "environment"),
            *("resourceType", "resourceId", "action", "description", "metadata", "createdAt"),
        ]
    )
    PAGE = {
        "message": "Activities retrieved successfully",
        "data": [ENTRY],
        "pagination": {"total": 3, "limit": 1, "offset": 0, "hasMore": True, "nextCursor": "AQ-_"},
    }

    def count(self, **changes: object) -> int:
        body = copy.deepcopy(self.PAGE)
        for name, value in changes.items():
            if value is None:
                del body["pagination"][name]
            else:
                body["pagination"][name] = value
        return len(list(page_differences(body)))

    def test_a_page_as_it_should_be(self) -> None:
        self.assertEqual(self.count(), 0)
        self.assertEqual(self.count(total=1, hasMore=False, nextCursor=None), 0)

    def test_a_way_on_is_there_exactly_if_there_is_more(self) -> None:
        self.assertEqual(self.count(nextCursor=None), 1)
        self.assertEqual(self.count(total=1), 1)
        self.assertEqual(self.count(total=1, hasMore=False), 1)
        self.assertEqual(self.count(nextCursor="+/="), 1)
        self.assertEqual(self.count(resumeCursor="AQ"), 1)
        self.assertEqual(len(list(page_differences(self.PAGE, is_ascending=True))), 1)

    def test_members_of_entries(self) -> None:
        self.assertEqual(len(list(page_differences(self.PAGE, with_client=True))), 1)
        for body in [None, [], {"data": []}]:
            self.assertEqual(len(list(page_differences(body))), 1)


if __name__ == "__main__":
    unittest.main()
