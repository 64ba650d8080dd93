"""Reads the log: a typed client of the API (``openapi.yaml``), with nothing but the standard library.

.. code-block:: python

    log = ActivityLogClient("https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com", token)
    for entry in log.list(action="create"):
        print(entry["createdAt"], entry["description"])

It is synchronous; in async code it goes into a thread (``asyncio.to_thread``). Each request opens a
connection of its own, which a page of a thousand entries makes up for, and ``urllib`` heeds the proxies of
the environment. A redirect is not followed: it would be sent the token.
"""

import gzip
import http.client
import json
import random
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Literal, NotRequired, TypeAlias, TypedDict, Unpack, cast

from . import _json

Token: TypeAlias = str | Callable[[], str]
"""A JSON Web Token, or what gives one: it is asked again when the API says that a token is not valid."""

Values: TypeAlias = str | Iterable[str | None]
"""One value of a filter or several, of which one matches; ``None`` stands for entries without a type."""

Time: TypeAlias = datetime | str
"""A time: a ``datetime`` (local time, if it has no zone), or RFC 3339 text."""

Include: TypeAlias = Literal["client", "facets", "histogram"]


class User(TypedDict):
    """A user of the platform."""

    id: int
    name: str
    profileImage: str | None


class Place(TypedDict):
    """A project or an environment."""

    slug: str
    name: str


class Activity(TypedDict):
    """An entry of the log. The last four members are there with ``include="client"``."""

    id: int
    userId: int
    projectId: int | None
    environmentId: int | None
    user: User | None
    project: Place | None
    environment: Place | None
    resourceType: str | None
    resourceId: int | None
    action: str
    description: str | None
    metadata: dict[str, Any] | None
    createdAt: str
    ipAddress: NotRequired[str | None]
    userAgent: NotRequired[str | None]
    occurredAt: NotRequired[str | None]
    altered: NotRequired[dict[str, str | None] | None]


class FacetValue(TypedDict):
    """A value, as a filter has it, and how many entries have it."""

    value: str | None
    count: int


# By its call, since ``from`` is a word of Python.
Histogram = TypedDict("Histogram", {"from": str | None, "to": str | None, "counts": list[int]})


class Facets(TypedDict):
    """The values that the filters can take, each with its count."""

    resourceType: list[FacetValue]
    action: list[FacetValue]


class Pagination(TypedDict):
    """Where a page is in the log."""

    total: int
    limit: int
    offset: int
    hasMore: bool
    nextCursor: NotRequired[str]
    resumeCursor: NotRequired[str]


class ActivityPage(TypedDict):
    """A page of a log."""

    message: str
    data: list[Activity]
    pagination: Pagination
    facets: NotRequired[Facets]
    histogram: NotRequired[Histogram]


class ProjectFilters(TypedDict, total=False):
    """What the list of a project is narrowed to, and its order. What is ``None`` is absent."""

    resource_type: Values | None
    exclude_resource_type: Values | None
    action: Values | None
    exclude_action: Values | None
    since: Time | None
    until: Time | None
    order: Literal["desc", "asc"] | None
    include: Include | Iterable[Include] | None
    buckets: int | None


class Filters(ProjectFilters, total=False):
    """What a list is narrowed to, and its order. What is ``None`` is absent."""

    project_slug: str | None
    environment_slug: str | None


class ApiError(Exception):
    """The API refused a request, or could not serve it in time."""

    def __init__(
        self, status: int, problem: Mapping[str, Any], message: str, retry_after: float | None = None
    ) -> None:
        """``problem`` is the problem document of the response (RFC 9457); it is empty if there is none."""
        super().__init__(message)
        self.status = status
        """The status of HTTP."""
        self.code: str | None = problem.get("code")
        """Which problem it is, such as ``"invalid_parameter"``: the member to branch on."""
        self.parameter: str | None = problem.get("parameter")
        """The parameter at fault, if there is one."""
        self.request_id: str | None = problem.get("requestId")
        """What to quote when asking about a failure."""
        self.retry_after: float | None = retry_after
        """After how many seconds the same request may succeed, if the response says that."""


class ActivityLogClient:
    """Reads the log of the user who is named by the token. It can be used by several threads."""

    def __init__(self, base_url: str, token: Token, *, retries: int = 5, timeout: float = 30.0) -> None:
        """Sends nothing yet.

        Args:
            base_url: the address of the API, without ``/api/activities``.
            token: the token, or a function that gives one.
            retries: how often a request is sent again after a 429 or 503, or when no response came.
            timeout: for how many seconds a connection may be silent.

        Raises:
            ValueError: if the address is none of HTTP.
        """
        parts = urllib.parse.urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
            raise ValueError("base_url must be an address such as https://api.example.com")
        self._base = base_url.rstrip("/")
        self._token, self._retries, self._timeout = token, retries, timeout
        self._opener = urllib.request.build_opener(_NoRedirects)
        # Replaced in tests of this package alone.
        self._sleep: Callable[[float], None] = time.sleep

    def list(
        self, *, page_size: int = 100, cursor: str | None = None, **filters: Unpack[Filters]
    ) -> Iterator[Activity]:
        """All entries that match the :class:`Filters`, newest first, page after page.

        A walk neither repeats nor skips an entry while new ones arrive.

        Args:
            page_size: how many entries are asked for at a time, from 1 to 1,000.
            cursor: where to begin: the ``nextCursor`` or ``resumeCursor`` of an earlier page.
            filters: what the list is narrowed to.

        Raises:
            ApiError: if a page is refused, or could not be read after all retries.
            OSError: if the API cannot be reached.
        """
        return self._walk(_LIST, page_size, cursor, _query(filters))

    def list_project(
        self,
        project_slug: str,
        environment_slug: str,
        *,
        page_size: int = 100,
        cursor: str | None = None,
        **filters: Unpack[ProjectFilters],
    ) -> Iterator[Activity]:
        """All entries of one environment of a project, which must exist; else like :meth:`list`.

        Raises:
            ApiError: also if there is no such project or environment (404).
        """
        path = "/".join(urllib.parse.quote(slug, safe="") for slug in (project_slug, environment_slug))
        return self._walk(f"{_LIST}/{path}", page_size, cursor, _query(filters))

    def page(
        self,
        *,
        limit: int = 100,
        offset: int | None = None,
        cursor: str | None = None,
        **filters: Unpack[Filters],
    ) -> ActivityPage:
        """One page, with the exact total, and with facets and a histogram if they are asked for.

        Raises:
            ApiError: as for :meth:`list`.
        """
        query = _query(filters) | _query({"limit": limit, "offset": offset, "cursor": cursor})
        return cast("ActivityPage", self._get(_LIST, query))

    def get(self, activity_id: int, *, include: Literal["client"] | None = None) -> Activity:
        """One entry.

        Raises:
            ApiError: with 404 if there is none with this id, with 403 if it is another user's.
        """
        return cast(
            "Activity", self._get(f"{_LIST}/{int(activity_id)}", _query({"include": include}))["data"]
        )

    def _walk(
        self, path: str, page_size: int, cursor: str | None, query: dict[str, str]
    ) -> Iterator[Activity]:
        if not 1 <= page_size <= 1_000:
            raise ValueError("page_size must be from 1 to 1,000")
        return self._pages(path, query | {"limit": str(page_size)}, cursor)

    def _pages(self, path: str, query: dict[str, str], cursor: str | None) -> Iterator[Activity]:
        while True:
            page = cast(
                "ActivityPage", self._get(path, query if cursor is None else query | {"cursor": cursor})
            )
            yield from page["data"]
            cursor = page["pagination"].get("nextCursor")
            if cursor is None:
                return

    def _get(self, path: str, query: dict[str, str]) -> dict[str, Any]:
        url = self._base + path + ("?" + urllib.parse.urlencode(query) if query else "")
        failures, was_refused = 0, False
        while True:
            token = self._token if isinstance(self._token, str) else self._token()
            try:
                status, headers, body = self._ask(url, token)
            except (OSError, http.client.HTTPException):
                # Reading changes nothing, so a request without a response can be sent again.
                failures += 1
                if failures > self._retries:
                    raise
                self._sleep(_pause(failures, None))
                continue
            if status == 200:
                return cast("dict[str, Any]", json.loads(body))
            if status == 401 and callable(self._token) and not was_refused:
                was_refused = True
                continue
            error = _error(status, headers, body)
            is_too_long = (error.retry_after or 0) > LONGEST_RETRY_AFTER
            if status not in (429, 503) or failures >= self._retries or is_too_long:
                raise error
            failures += 1
            self._sleep(_pause(failures, error.retry_after))

    def _ask(self, url: str, token: str) -> tuple[int, Mapping[str, str], bytes]:
        headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "User-Agent": "activity-logs-python",
        }
        request = urllib.request.Request(url, headers=headers)  # noqa: S310  It is checked to be HTTP.
        try:
            response = self._opener.open(request, timeout=self._timeout)
        except urllib.error.HTTPError as error:
            response = error
        with response:
            body = response.read()
            if response.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            return response.status, response.headers, body


_LIST = "/api/activities"
# In seconds. Longer than this nobody waits for the API.
LONGEST_RETRY_AFTER = 120


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def _pause(failures: int, retry_after: float | None) -> float:
    """How long to wait before a request is sent again: as the response says, or full jitter up to 5 s."""
    if retry_after is not None:
        return retry_after
    return random.uniform(0, min(5.0, 0.1 * 2.0**failures))  # noqa: S311  Nothing secret.


def _error(status: int, headers: Mapping[str, str], body: bytes) -> ApiError:
    try:
        problem = json.loads(body)
    except ValueError:
        problem = None
    if not isinstance(problem, dict):
        problem = {}
    said = problem.get("detail") or problem.get("message") or http.client.responses.get(status, "")
    quoted = f" (request {problem['requestId']})" if problem.get("requestId") else ""
    seconds = headers.get("Retry-After", "")
    # Not `int`, which refuses thousands of digits.
    retry_after = float(seconds) if seconds.isdecimal() else None
    return ApiError(status, problem, f"{status}: {said}{quoted}", retry_after)


_NAMES = {
    "project_slug": "projectSlug",
    "environment_slug": "environmentSlug",
    "resource_type": "resourceType",
    "exclude_resource_type": "excludeResourceType",
    "exclude_action": "excludeAction",
}
"""Parameters that have another name in Python."""


def _query(given: Mapping[str, Any]) -> dict[str, str]:
    """The parameters of a query. What is ``None`` is absent."""
    return {_NAMES.get(name, name): _value(value) for name, value in given.items() if value is not None}


def _value(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return _json.timestamp(value)
    if isinstance(value, Iterable):
        return ",".join("~" if one is None else str(one) for one in value)
    return str(value)
