"""The contract of the API over HTTP: docs/contract.md and openapi.yaml, as far as a client can see it.

A log is read once, oldest first, and held in a `Model`; every other list of it is then compared with what
the model says. So the checks know nothing of the data, and run against any API that is there.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.client import HTTPException
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, urlencode

from expect import (
    ABSENT,
    CHALLENGE,
    PRIVATE,
    Expected,
    differences,
    excerpt,
    page_differences,
)
from messages import ENVIRONMENTS, LARGE, MAIN, OTHER, PROJECTS, ROOT, Model, millis, stamp
from outcome import Broken, Result, Verdict, guarded, judged
from wire import Connection, Response

LIST = "/api/activities"
FIRST_ID, LAST_ID = 1, 2**53 - 1

LAMBDA_LIMIT = 6_291_556
"""The bytes that Lambda takes as a response (AWS: "Lambda quotas"), and so more than a body may have."""
LONG = 5_300_000
"""The bytes that a page has at least that was cut at 5.5 MB (docs/contract.md): Lambda takes a body as JSON
text, in which a quote counts twice."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types lit-html"
)

PART = "contract"
BYTES = "odd bytes"


class Tokens(Protocol):
    """Where tokens come from."""

    def token(self, user: int) -> str:
        """A good token."""

    def refused(self, user: int) -> Iterator[tuple[str, str]]:
        """Tokens that must be refused, each with what is wrong with it."""


@dataclass
class Target:
    """An API to look at."""

    url: str
    """Its origin."""
    tokens: Tokens
    user: int = MAIN
    """Whose log is read."""
    other: int | None = OTHER
    """Another user with entries; None if there is none."""
    large: int | None = LARGE
    """A user with a thousand entries of five kilobytes or more, likewise."""
    is_seeded: bool = True
    """Whether the names of `messages` are there."""


class Contract:
    """The checks, over one connection."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.connection = Connection(target.url)
        self.is_gateway = False
        """Whether API Gateway is in front; learned from the first response."""
        self.model = Model([])

    def get(
        self,
        path: str | bytes,
        *,
        user: int | None = None,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Response:
        """A request with a good token."""
        token = self.target.tokens.token(user or self.target.user)
        given = {"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"} | dict(headers or {})
        return self.connection.send(path, given.items(), method, body)

    def page(self, path: str = LIST, *, user: int | None = None, **query: Any) -> dict[str, Any]:
        """The body of a page that must come. Raises `Broken` if it does not."""
        target = f"{path}?{urlencode(query)}" if query else path
        response = self.get(target, user=user)
        body = response.json()
        if response.status != 200 or not isinstance(body, dict):
            raise Broken(f"{response.sent}: status {response.status}: {excerpt(response)}")
        return body

    def walk(self, path: str = LIST, *, user: int | None = None, **query: Any) -> list[dict[str, Any]]:
        """All entries of a list, by cursor. Raises `Broken` where a page breaks a rule."""
        entries: list[dict[str, Any]] = []
        total: int | None = None
        given = dict(query)
        while True:
            target = f"{path}?{urlencode(given)}"
            response = self.get(target, user=user)
            body = response.json()
            if response.status != 200:
                raise Broken(f"{response.sent}: status {response.status}: {excerpt(response)}")
            is_ascending = query.get("order") == "asc"
            with_client = query.get("include") == "client"
            faults = list(page_differences(body, is_ascending=is_ascending, with_client=with_client))
            pagination = body["pagination"]
            total = pagination["total"] if total is None else total
            if pagination["total"] != total:
                faults.append(f"the total is {pagination['total']}, and was {total}")
            if pagination["offset"] != len(entries):
                faults.append(f"offset is {pagination['offset']}, after {len(entries)} entries")
            cursor = pagination.get("nextCursor")
            link = response.header("link")
            if (link is None) != (cursor is None) or (cursor and f"cursor={cursor}>" not in str(link)):
                faults.append(f"Link is {link!r}, and the cursor {cursor!r}")
            if faults:
                raise Broken(f"{response.sent}: {'; '.join(faults)}")
            entries += body["data"]
            if cursor is None:
                if len(entries) != total:
                    raise Broken(f"{response.sent}: {len(entries)} entries of {total}")
                return entries
            given = query | {"cursor": cursor}

    def run(self) -> Iterator[Result]:
        """All checks."""
        checks: list[tuple[str, str, Callable[[], Iterator[Result]]]] = [
            (PART, "the log is read", self.read),
            (PART, "walks", self.walks),
            (PART, "filters", self.filters),
            (PART, "places", self.places),
            (PART, "times", self.times),
            (PART, "facets and histograms", self.summaries),
            (PART, "limits and offsets", self.limits),
            (PART, "one entry", self.single),
            (PART, "formats", self.formats),
            (PART, "entity tags, HEAD, compression", self.conditional),
            (PART, "cursors", self.cursors),
            (PART, "errors", self.errors),
            (PART, "tokens", self.tokens),
            (PART, "browsers", self.cors),
            (PART, "large pages", self.large),
            (PART, "viewer", self.viewer),
            (BYTES, "slugs", self.slugs),
            (BYTES, "targets", self.targets),
            (BYTES, "sizes", self.sizes),
        ]
        with self.connection:
            for part, name, check in checks:
                yield from guarded(part, name, check)

    def read(self) -> Iterator[Result]:
        """Reads the whole log into the model."""
        response = self.get(f"{LIST}?limit=0")
        self.is_gateway = response.header("apigw-requestid") is not None
        expected = Expected(
            200,
            {
                "content-type": "application/json",
                "cache-control": PRIVATE,
                # What is in front may add what its CORS headers depend on.
                "vary": re.compile(r"(?i)Accept, Accept-Encoding(, (origin|access-control-request-[a-z]+))*"),
                "etag": re.compile(r'(W/)?"[\x21\x23-\x7e]+"'),
                "x-total-count": re.compile("[0-9]+"),
                "link": ABSENT,
            },
        )
        self.model = Model(self.walk(limit=1000, order="asc", include="client"))
        total = len(self.model.entries)
        faults = list(differences(response, expected))
        if response.header("x-total-count") != str(total):
            faults.append(f"X-Total-Count is {response.header('x-total-count')}, and there are {total}")
        front = "API Gateway is in front" if self.is_gateway else "no API Gateway is in front"
        yield judged(PART, "the log is read, oldest first", faults, f"{total} entries; {front}")

    def shown(self, entries: list[dict[str, Any]]) -> list[int]:
        """The ids of entries."""
        return [entry["id"] for entry in entries]

    def plain_entries(self) -> list[dict[str, Any]]:
        """The model without what ``include=client`` adds, newest first."""
        client = {"ipAddress", "userAgent", "occurredAt", "altered"}
        return [{k: v for k, v in entry.items() if k not in client} for entry in reversed(self.model.entries)]

    def walks(self) -> Iterator[Result]:
        """Walks by cursor in both orders, and by offset."""
        limit = max(7, len(self.model.entries) // 20 + 1)
        newest = self.plain_entries()
        for order, wanted in [("desc", newest), ("asc", newest[::-1])]:
            found = self.walk(limit=limit, order=order)
            faults = [] if found == wanted else ["the entries are not those of one long page"]
            yield judged(PART, f"a walk by cursor, {order}", faults, f"pages of {limit}")
        middle = len(newest) // 2
        body = self.page(limit=5, offset=middle)
        faults = [] if body["data"] == newest[middle : middle + 5] else ["other entries than by cursor"]
        yield judged(PART, "a page by offset", faults)
        later = self.page(limit=1, order="asc")
        resumed = self.page(order="asc", limit=1000, cursor=later["pagination"]["resumeCursor"])
        rest = newest[::-1][1:1001]
        faults = (
            [] if resumed["data"] == rest[: len(resumed["data"])] and len(rest) else ["other entries follow"]
        )
        yield judged(PART, "a resume cursor goes on where the list ended", faults)

    def totals(self, name: str, queries: list[tuple[dict[str, Any], int]], path: str = LIST) -> Result:
        """Compares totals, and the entries of the first hundred, with those of the model."""
        faults: list[str] = []
        for query, total in queries:
            body = self.page(path, limit=0, **query)
            if body["pagination"]["total"] != total:
                faults.append(f"{query}: {body['pagination']['total']}, not {total}")
        return judged(PART, name, faults, f"{len(queries)} queries")

    def filters(self) -> Iterator[Result]:
        """Each value alone, several, and exclusions."""
        of = self.model.matching
        kinds = {entry["resourceType"] for entry in self.model.entries}
        actions = {entry["action"] for entry in self.model.entries}
        queries: list[tuple[dict[str, Any], int]] = []
        for kind in kinds:
            value = "~" if kind is None else kind
            queries.append(({"resourceType": value}, len(of(resource_type={kind}))))
            queries.append(({"excludeResourceType": value}, len(of(exclude_resource_type={kind}))))
        for action in actions:
            queries.append(({"action": action}, len(of(action={action}))))
            queries.append(({"excludeAction": action}, len(of(exclude_action={action}))))
        two = sorted(kind for kind in kinds if kind)[:2]
        some = of(resource_type=set(two), exclude_action={"create"})
        combined: dict[str, Any] = {"resourceType": ",".join([*two, "", two[0] if two else ""])}
        combined["excludeAction"] = "create"
        if two:
            queries.append((combined, len(some)))
        queries.append(({"resourceType": "no_such_type"}, 0))
        queries.append(({"action": "", "resourceType": ",,"}, len(self.model.entries)))
        yield self.totals("totals under filters", queries)
        if two:
            found = self.walk(limit=50, **combined)
            wanted = self.shown(some)[::-1]
            faults = [] if self.shown(found) == wanted else ["not the entries of the model"]
            yield judged(PART, "a filtered walk", faults, f"{len(found)} entries")

    def places(self) -> Iterator[Result]:
        """Projects and environments, by parameter and by path."""
        slugs: dict[tuple[str, str], int] = {}
        for entry in self.model.entries:
            if entry["project"] and entry["environment"]:
                slugs[entry["project"]["slug"], entry["environment"]["slug"]] = entry["environmentId"]
        projects = {e["project"]["slug"]: e["projectId"] for e in self.model.entries if e["project"]}
        queries: list[tuple[dict[str, Any], int]] = [
            ({"projectSlug": slug}, len(self.model.matching(project=number)))
            for slug, number in projects.items()
        ]
        for (project, environment), number in slugs.items():
            query: dict[str, Any] = {"projectSlug": project, "environmentSlug": environment}
            queries.append((query, len(self.model.matching(environment=number))))
        queries.append(({"projectSlug": "no-such-project"}, 0))
        yield self.totals("totals of projects and environments", queries)
        simple = [pair for pair in slugs if all(re.fullmatch("[a-z0-9-]+", slug) for slug in pair)]
        faults: list[str] = []
        for project, environment in simple:
            wanted = self.shown(self.model.matching(environment=slugs[project, environment]))[::-1]
            if self.shown(self.walk(f"{LIST}/{project}/{environment}", limit=100)) != wanted:
                faults.append(f"{project}/{environment}: not the entries of the model")
        yield judged(PART, "environments by path", faults, f"{len(simple)} environments")

    def times(self) -> Iterator[Result]:
        """A half-open range."""
        entries = self.model.entries
        if not entries:
            return
        first, last = entries[len(entries) // 4]["createdAt"], entries[len(entries) // 2]["createdAt"]
        of = self.model.matching
        yield self.totals(
            "a half-open range of time",
            [
                ({"since": first}, len(of(since=millis(first)))),
                ({"until": last}, len(of(until=millis(last)))),
                ({"since": first, "until": last}, len(of(since=millis(first), until=millis(last)))),
                ({"since": last, "until": first}, 0),
                ({"since": "0001-01-01T00:00:00Z"}, len(entries)),
                ({"since": first[:-1] + "999Z"}, len(of(since=millis(first) + 1))),
                ({"since": first.replace("Z", "+00:00")}, len(of(since=millis(first)))),
            ],
        )

    def summaries(self) -> Iterator[Result]:
        """Facets and histograms, held against counts of the model."""
        entries = self.model.entries
        if not entries:
            return
        action = entries[0]["action"]
        body = self.page(include="facets,histogram", buckets=7, limit=0, action=action)
        matching = self.model.matching(action={action})
        facets = {
            "resourceType": Model.facet(matching, "resourceType"),
            "action": Model.facet(entries, "action"),
        }
        yield judged(
            PART, "facets", [] if body.get("facets") == facets else [f"{body.get('facets')}, not {facets}"]
        )
        start, end = millis(entries[0]["createdAt"]), millis(entries[-1]["createdAt"]) + 1
        found = body.get("histogram", {})
        counts = Model.histogram(matching, start, end, 7)
        faults: list[str] = []
        if [found.get("from"), found.get("to")] != [
            entries[0]["createdAt"],
            self.after(entries[-1]["createdAt"]),
        ]:
            faults.append(f"it is from {found.get('from')} to {found.get('to')}")
        if found.get("counts") != counts:
            faults.append(f"{found.get('counts')}, not {counts}")
        yield judged(PART, "a histogram", faults)

    @staticmethod
    def after(time: str) -> str:
        """A millisecond later."""
        return stamp(datetime.fromisoformat(time) + timedelta(milliseconds=1))

    def limits(self) -> Iterator[Result]:
        """Limits and offsets at their ends."""
        total = len(self.model.entries)
        faults: list[str] = []
        cases: list[tuple[dict[str, Any], int, int, bool]] = [
            ({}, 100, min(100, total), total > 100),
            ({"limit": 0}, 0, 0, total > 0),
            ({"limit": 100_000, "resourceType": "no_such_type"}, 1000, 0, False),
            ({"limit": 10, "offset": total}, 10, 0, False),
            ({"limit": 10, "offset": LAST_ID}, 10, 0, False),
            ({"limit": 10, "offset": max(total - 1, 0)}, 10, min(total, 1), False),
        ]
        for query, limit, count, has_more in cases:
            body = self.page(**query)
            found = body["pagination"]
            if (found["limit"], len(body["data"]), found["hasMore"]) != (limit, count, has_more):
                faults.append(f"{query}: {found}, {len(body['data'])} entries")
            if "resourceType" not in query and found["total"] != total:
                faults.append(f"{query}: total {found['total']}, not {total}")
        yield judged(PART, "limits and offsets at their ends", faults)

    def single(self) -> Iterator[Result]:
        """One entry, another user's, and none."""
        entry = self.model.entries[0]
        faults: list[str] = []
        for query in ["", "?include=client"]:
            response = self.get(f"{LIST}/{entry['id']}{query}")
            wanted = entry if query else self.plain_entries()[-1]
            expected = Expected(200, {"content-type": "application/json", "cache-control": PRIVATE})
            faults += differences(response, expected)
            if response.json() != {"message": "Activity retrieved successfully", "data": wanted}:
                faults.append(f"{response.sent}: {excerpt(response)}")
        yield judged(PART, "an entry by id", faults)
        if self.target.other is None:
            yield Result(PART, "another user's entry", Verdict.UNKNOWN, "no other user is known")
            return
        others = self.page(user=self.target.other, limit=1)["data"]
        response = self.get(f"{LIST}/{others[0]['id']}")
        yield judged(
            PART, "another user's entry", differences(response, Expected(403, code="not_your_activity"))
        )

    def formats(self) -> Iterator[Result]:
        """NDJSON and CSV hold the entries of the JSON page."""
        page = self.page(limit=50)["data"]
        for accept, kind in [
            ("application/x-ndjson", "application/x-ndjson"),
            ("application/jsonl", "application/x-ndjson"),
            ("text/csv, application/json;q=0.5", "text/csv"),
        ]:
            response = self.get(f"{LIST}?limit=50", headers={"Accept": accept})
            wanted = 'attachment; filename="activities.csv"' if kind == "text/csv" else ABSENT
            expected = Expected(
                200,
                {
                    "content-type": re.compile(re.escape(kind) + "(;.*)?"),
                    "content-disposition": wanted,
                    "x-total-count": str(len(self.model.entries)),
                },
            )
            faults = list(differences(response, expected))
            text = response.content.decode()
            if kind == "text/csv":
                rows = list(csv.DictReader(io.StringIO(text, newline="")))
                ids = [int(row["id"]) for row in rows]
                trees = [json.loads(row["metadata"]) if row["metadata"] else None for row in rows]
                if (ids, trees) != (self.shown(page), [entry["metadata"] for entry in page]):
                    faults.append("the rows are not the entries of the page")
            elif [json.loads(line) for line in text.split("\n") if line] != page:
                faults.append("the lines are not the entries of the page")
            yield judged(PART, f"Accept: {accept}", faults)
        for path in [LIST, f"{LIST}/{page[0]['id']}"]:
            response = self.get(path, headers={"Accept": "application/xml"})
            name = "406 of a list" if path == LIST else "406 of an entry"
            yield judged(PART, name, differences(response, Expected(406, code="not_acceptable")))

    def conditional(self) -> Iterator[Result]:
        """304, HEAD and gzip."""
        entry = f"{LIST}/{self.model.entries[0]['id']}"
        for name, path in [("a list", f"{LIST}?limit=20"), ("an entry", entry)]:
            full = self.get(path)
            tag = full.header("etag") or ""
            kept = {"etag": tag, "cache-control": PRIVATE, "x-total-count": full.header("x-total-count")}
            for given in [tag, f'"other", {tag}']:
                again = self.get(path, headers={"If-None-Match": given})
                faults = list(differences(again, Expected(304, kept)))
                if again.body:
                    faults.append(f"a 304 has {len(again.body)} bytes")
                which = "its tag" if given == tag else "two tags"
                yield judged(PART, f"304 of {name}, {which}", faults)
            changed = self.get(path, headers={"If-None-Match": '"other"'})
            yield judged(PART, f"200 of {name} for another tag", differences(changed, Expected(200, kept)))
            head = self.get(path, method="HEAD")
            kind = {"content-type": full.header("content-type"), "link": full.header("link")}
            faults = list(differences(head, Expected(200, kept | kind)))
            if head.body:
                faults.append(f"a response to HEAD has {len(head.body)} bytes")
            yield judged(PART, f"HEAD of {name}", faults)
        path = f"{LIST}?limit=50"
        plain, zipped = self.get(path), self.get(path, headers={"Accept-Encoding": "gzip"})
        faults = list(differences(zipped, Expected(200, {"content-encoding": "gzip"})))
        if not faults and zipped.content != plain.body:
            faults.append("decompressed, it is not the same")
        saved = f"{len(zipped.body)} bytes instead of {len(plain.body)}"
        yield judged(PART, "gzip", faults, saved)

    def cursors(self) -> Iterator[Result]:
        """A cursor is bound to its list, and changed ones are refused."""
        body = self.page(limit=1)
        cursor = body["pagination"].get("nextCursor")
        if cursor is None:
            yield Result(PART, "cursors", Verdict.UNKNOWN, "the log has fewer than two entries")
            return
        faults: list[str] = []
        for query in [
            {"cursor": cursor, "action": "create"},
            {"cursor": cursor, "order": "asc"},
            {"cursor": cursor, "offset": 1},
            {"cursor": cursor[:-1]},
            {"cursor": "é"},
        ]:
            response = self.get(f"{LIST}?{urlencode(query)}")
            faults += differences(response, Expected(400, code="invalid_parameter", parameter="cursor"))
        yield judged(PART, "a cursor of another list is 400", faults)
        faults = []
        for at in range(0, len(cursor), 5):
            other = "A" if cursor[at] != "A" else "B"
            response = self.get(f"{LIST}?cursor={cursor[:at]}{other}{cursor[at + 1 :]}")
            code = (response.json() or {}).get("code")
            if (response.status, code) not in {(400, "invalid_parameter"), (409, "log_rewritten")}:
                faults.append(f"{response.sent}: {response.status} {code}")
        yield judged(PART, "a changed cursor is 400 or 409", faults)

    def errors(self) -> Iterator[Result]:
        """Each kind of error."""
        bad = {
            "limit=ten": "limit",
            "limit=-1": "limit",
            "limit=1.5": "limit",
            "offset=x": "offset",
            "unknown=1": "unknown",
            "action=create&action=delete": "action",
            "environmentSlug=production": "environmentSlug",
            "since=yesterday": "since",
            "until=2024-01-15T10:30:00+02:00": "until",
            "order=newest": "order",
            "cursor=x&offset=1": "cursor",
            "include=everything": "include",
            "buckets=5": "buckets",
            "include=histogram&buckets=101": "buckets",
        }
        faults: list[str] = []
        for query, parameter in bad.items():
            expected = Expected(400, code="invalid_parameter", parameter=parameter)
            faults += differences(self.get(f"{LIST}?{query}"), expected)
        entry = self.model.entries[0]["id"]
        faults += differences(
            self.get(f"{LIST}/{entry}?limit=1"), Expected(400, code="invalid_parameter", parameter="limit")
        )
        yield judged(PART, "400 names the parameter", faults, f"{len(bad) + 1} queries")
        faults = []
        for number in ["0", "x", "01", "+1", "1.0", "-1", str(LAST_ID + 1), "%31x"]:
            expected = Expected(400, code="invalid_activity_id", parameter="id")
            faults += differences(self.get(f"{LIST}/{number}"), expected)
        yield judged(PART, "400 for what is no id", faults)
        for name, path, code in [
            ("no such entry", f"{LIST}/{LAST_ID}", "activity_not_found"),
            ("no such project", f"{LIST}/no-such/production", "project_or_environment_not_found"),
        ]:
            yield judged(PART, f"404, {name}", differences(self.get(path), Expected(404, code=code)))
        faults = []
        for method in ["POST", "PUT", "PATCH", "DELETE"]:
            for path in [LIST, f"{LIST}/my-project/production", f"{LIST}/1"]:
                response = self.get(path, method=method, body=b"{}")
                expected = Expected(405, {"allow": "GET, HEAD"}, code="method_not_allowed")
                faults += differences(response, expected)
        yield judged(PART, "405 with Allow", faults)
        wrong = f"{LIST}?limit=ten"
        xml = {"Accept": "application/xml"}
        faults = [
            *differences(
                self.connection.send(wrong, xml.items(), "POST", b""), Expected(401, code="unauthenticated")
            ),
            *differences(
                self.get(wrong, method="POST", headers=xml, body=b""),
                Expected(405, code="method_not_allowed"),
            ),
            *differences(
                self.get(wrong, headers=xml), Expected(400, code="invalid_parameter", parameter="limit")
            ),
            *differences(self.get(f"{LIST}/{LAST_ID}", headers=xml), Expected(406, code="not_acceptable")),
        ]
        yield judged(PART, "the order of the checks", faults)

    def tokens(self) -> Iterator[Result]:
        """401, with a challenge."""
        expected = Expected(401, {"www-authenticate": "Bearer"}, code="unauthenticated")
        faults: list[str] = []
        for path in [LIST, f"{LIST}/my-project/production", f"{LIST}/1"]:
            faults += differences(self.connection.send(path), expected)
        yield judged(PART, "401 without a token, with WWW-Authenticate", faults)
        faults = []
        challenge = Expected(401, {"www-authenticate": CHALLENGE}, code="unauthenticated")
        for wrong, token in self.target.tokens.refused(self.target.user):
            response = self.get(f"{LIST}?limit=0", headers={"Authorization": f"Bearer {token}"})
            faults += [f"{wrong}: {fault}" for fault in differences(response, challenge)]
        for scheme in ["Basic eDp5", "Bearer", ""]:
            response = self.get(f"{LIST}?limit=0", headers={"Authorization": scheme})
            faults += [f"{scheme!r}: {fault}" for fault in differences(response, challenge)]
        yield judged(PART, "401 for tokens that are not valid", faults)
        token = self.target.tokens.token(self.target.user)
        twice = [("Authorization", f"Bearer {token}")] * 2
        response = self.connection.send(f"{LIST}?limit=0", twice)
        name = "two Authorization headers are 401"
        if self.is_gateway:
            yield judged(PART, name, differences(response, Expected(401)))
        else:
            yield Result(
                PART, name, self.not_5xx(response), f"{response.status}; cargo lambda watch drops one"
            )

    def cors(self) -> Iterator[Result]:
        """What a browser asks before, and finds on the response."""
        asked = {
            "Origin": "https://console.example.com",
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "authorization,if-none-match",
        }
        response = self.connection.send(LIST, asked.items(), "OPTIONS")
        name = "the preflight request of a browser, without a token"
        shown = {key: value for key, value in response.headers if key.lower().startswith("access-control")}
        if self.is_gateway:
            headers = {
                "access-control-allow-origin": re.compile(r"\*|https://console\.example\.com"),
                "access-control-allow-methods": re.compile("(?i)(?=.*GET)(?=.*HEAD).*"),
                "access-control-allow-headers": re.compile("(?i)(?=.*authorization)(?=.*if-none-match).*"),
                "access-control-max-age": re.compile("[0-9]+"),
            }
            yield judged(PART, name, differences(response, Expected(204, headers)), str(shown))
        else:
            # cargo lambda watch does not ask the function.
            yield Result(PART, name, self.not_5xx(response), f"{response.status} {shown}")
        plain = self.get(LIST, method="OPTIONS")
        yield Result(
            PART,
            "OPTIONS that is no preflight, with a token",
            self.not_5xx(plain),
            f"{plain.status}; docs/contract.md has 405, where API Gateway does not answer by itself",
        )
        if not self.is_gateway:
            yield Result(PART, "CORS headers of a response", Verdict.UNKNOWN, "API Gateway adds them")
            return
        exposed = re.compile("(?i)(?=.*etag)(?=.*link)(?=.*x-total-count)(?=.*x-resume-cursor).*")
        for name, path, status in [("200", f"{LIST}?limit=1", 200), ("400", f"{LIST}?limit=x", 400)]:
            response = self.get(path, headers={"Origin": "https://console.example.com"})
            expected = {
                "access-control-allow-origin": re.compile(r"\*|https://console\.example\.com"),
                "access-control-expose-headers": exposed,
            }
            yield judged(PART, f"CORS headers of a {name}", differences(response, Expected(status, expected)))

    def large(self) -> Iterator[Result]:
        """A page that is longer than a response may be is cut, and the walk goes on there."""
        user = self.target.large
        if user is None:
            yield Result(PART, "a page near the limit of Lambda", Verdict.UNKNOWN, "no such log is known")
            return
        total = self.page(user=user, limit=0)["pagination"]["total"]
        for name, headers, least in [
            ("a page near the limit of Lambda", {}, LONG),
            ("the same, compressed", {"Accept-Encoding": "gzip"}, 1000),
            ("the same as NDJSON", {"Accept": "application/x-ndjson"}, LONG),
        ]:
            response = self.get(f"{LIST}?limit=1000&include=client", user=user, headers=headers)
            faults = list(differences(response, Expected(200, {"x-total-count": str(total)})))
            size = len(response.body)
            if not least <= size <= LAMBDA_LIMIT:
                faults.append(f"it has {size} bytes")
            if response.status == 200 and not response.header("link"):
                faults.append("there is no way on")
            if response.status == 200 and not headers:
                pagination = response.json()["pagination"]
                if not (pagination["limit"] == len(response.json()["data"]) < 1000 and pagination["hasMore"]):
                    faults.append(f"it is not cut: {pagination}")
            seconds = response.milliseconds / 1000
            yield judged(PART, name, faults, f"{size:,} bytes in {seconds:.1f} s")
        entries = self.walk(user=user, limit=1000)
        ids = self.shown(entries)
        faults = (
            []
            if len(set(ids)) == total and ids == sorted(ids, reverse=True)
            else ["entries twice or missing"]
        )
        yield judged(PART, "a walk over large pages", faults, f"{total} entries")

    def viewer(self) -> Iterator[Result]:
        """The files of the viewer, and their headers."""
        dist = ROOT / "viewer/dist"
        names = sorted(path.name for path in dist.iterdir())
        always = {
            "content-security-policy": POLICY,
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
        }
        kinds = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
        faults, others = [], []
        for path, name in [("/viewer", "index.html"), *((f"/viewer/{name}", name) for name in names)]:
            response = self.connection.send(path)
            is_hashed = re.search(r"-[0-9A-Z]{8}\.", name)
            kept = "public, max-age=31536000, immutable" if is_hashed else "no-cache"
            kind = kinds[Path(name).suffix] + "; charset=utf-8"
            found = list(
                differences(response, Expected(200, always | {"content-type": kind, "cache-control": kept}))
            )
            if response.status == 404 and not self.target.is_seeded:
                others.append(name)
                continue
            faults += found
            if not found and response.content != (dist / name).read_bytes():
                (faults if self.target.is_seeded else others).append(f"{path} is not viewer/dist/{name}")
            tag = response.header("etag") or ""
            again = self.connection.send(path, [("If-None-Match", tag)])
            faults += differences(again, Expected(304, {"etag": tag}))
        yield judged(PART, "the files of the viewer", faults, f"{len(names)} files")
        if others:
            yield Result(PART, "another version of the viewer", Verdict.OBSERVED, ", ".join(others))
        faults = []
        for path in ["/viewer/none.js", "/viewer/%2e%2e", "/viewer/..%2fCargo.toml"]:
            response = self.connection.send(path)
            if response.status != 404:
                faults.append(f"{response.sent}: status {response.status}")
        response = self.connection.send("/viewer/none.js")
        faults += differences(response, Expected(404, always, code="file_not_found"))
        response = self.connection.send("/viewer", [], "POST", b"")
        faults += differences(response, Expected(405, always, code="method_not_allowed"))
        yield judged(PART, "what is no file of the viewer", faults)

    def slugs(self) -> Iterator[Result]:
        """Slugs that a path cannot hold as they are: decoded once, compared exactly."""
        if not self.target.is_seeded:
            yield Result(BYTES, "odd slugs", Verdict.UNKNOWN, "the names of this run are not there")
            return
        for number, (project, environment) in ENVIRONMENTS.items():
            if number in {4, 5, 9}:
                continue
            pair = PROJECTS[project], environment
            wanted = len(self.model.matching(environment=number))
            path = "/".join([LIST, *(quote(slug, safe="") for slug in pair)])
            response = self.get(f"{path}?limit=0")
            faults = list(differences(response, Expected(200, {"x-total-count": str(wanted)})))
            yield judged(BYTES, f"path {path.removeprefix(LIST)}", faults, f"{pair[0]} / {pair[1]}")
            once_more = "/".join([LIST, *(quote(quote(slug, safe=""), safe="") for slug in pair)])
            response = self.get(f"{once_more}?limit=0")
            # Encoded twice, and decoded once, it is another slug: that of nothing.
            faults = list(differences(response, Expected(404, code="project_or_environment_not_found")))
            yield judged(BYTES, f"the same, encoded twice: {once_more.removeprefix(LIST)}", faults)
            query = urlencode(
                {"projectSlug": pair[0], "environmentSlug": pair[1], "limit": 0}, quote_via=quote
            )
            response = self.get(f"{LIST}?{query}")
            faults = list(differences(response, Expected(200, {"x-total-count": str(wanted)})))
            yield judged(BYTES, f"query {query}", faults)

    def not_5xx(self, response: Response) -> Verdict:
        """Whatever was asked, it is not the API's fault."""
        return Verdict.FAILED if response.status >= 500 else Verdict.OBSERVED

    def targets(self) -> Iterator[Result]:
        """Request targets that no client should send. API Gateway, or whatever is in front, may refuse
        them; a 5xx is a failure."""
        for target in [
            f"{LIST}/",
            f"/{LIST}",
            "/API/activities",
            f"{LIST}/a/b/c",
            f"{LIST}//",
            f"{LIST}/my-project/",
            f"{LIST}/%2F/%2F",
            f"{LIST}/%00/%0a",
            f"{LIST}/%zz/%",
            f"{LIST}/%ff/%c3",
            f"{LIST}/../activities",
            f"{LIST}/%2e%2e/%2e%2e",
            f'{LIST}/<script>/"{{}}|\\^`',
            f"{LIST}/é/日本",
            f"{LIST}/my-project;a=b/production",
            f"{LIST}/a b/c",
            f"{LIST}?action=<script>",
            f"{LIST}?action=é",
            f'{LIST}?action="{{}}|\\^`',
            f"{LIST}?action=%",
            f"{LIST}?action=%zz",
            f"{LIST}?action=%ff",
            f"{LIST}?action=%00",
            f"{LIST}?action=a#b",
            f"{LIST}?action=?&limit=0",
            f"{LIST}?%%%",
            f"{LIST}?=&&=",
            f"{LIST}?action=a,b&limit=0",
            f"{LIST}?action=create+&limit=0",
            "/",
            "/nothing",
        ]:
            yield self.observe(f"GET {target}", target)

    def observe(self, name: str, target: str, headers: Mapping[str, str] | None = None) -> Result:
        """What comes back of a request that nothing is promised for."""
        try:
            response = self.get(target, headers=headers)
        except (OSError, HTTPException) as error:
            return Result(BYTES, name, Verdict.OBSERVED, f"no response: {type(error).__name__}")
        finally:
            self.connection.close()
        body = response.json()
        is_dict = isinstance(body, dict)
        said = (
            (body.get("code") or body.get("message") or str(body)[:80]) if is_dict else excerpt(response, 80)
        )
        return Result(BYTES, name, self.not_5xx(response), f"{response.status} {said}")

    def sizes(self) -> Iterator[Result]:
        """Queries, headers and tokens that are long."""
        response = self.get(f"{LIST}?limit=0&action={'x' * (8192 - len('limit=0&action='))}")
        yield judged(BYTES, "a query of 8,192 bytes", differences(response, Expected(200)))
        response = self.get(f"{LIST}?limit=0&action={'x' * (8193 - len('limit=0&action='))}")
        yield judged(
            BYTES, "a query of 8,193 bytes", differences(response, Expected(400, code="query_too_long"))
        )
        yield self.observe("a query of 20,000 bytes", f"{LIST}?action={'x' * 20_000}")
        yield self.observe("a header of 20,000 bytes", f"{LIST}?limit=0", {"X-Request-Id": "x" * 20_000})
        long = {"Authorization": f"Bearer {'x' * 8_193}"}
        yield self.observe("a token of 8,193 bytes", f"{LIST}?limit=0", long)
        yield self.observe("a path of 9,000 bytes", f"{LIST}/{'x' * 9_000}")
