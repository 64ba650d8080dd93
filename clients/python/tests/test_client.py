"""Reading: against a server that answers with the examples of ``openapi.yaml``."""

from __future__ import annotations

import gzip
import inspect
import json
import threading
import typing
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, get_args, get_type_hints
from urllib.parse import parse_qsl, urlsplit

import jsonschema
import pytest
import yaml

from activity_logs import client as module
from activity_logs.client import ActivityLogClient, ApiError

from .support import REPOSITORY

DOCUMENT: dict[str, Any] = yaml.safe_load((REPOSITORY / "openapi.yaml").read_text("utf-8"))
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]

Response = tuple[int, dict[str, str], bytes]
CREATED: dict[str, Any] = DOCUMENT["paths"]["/api/activities/{id}"]["get"]["responses"]["200"]["content"][
    "application/json"
]["examples"]["created"]["value"]


class Api:
    """A server whose responses are given, and what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str], str]] = []
        self.responses: list[Response] | Callable[[str, dict[str, str]], Response] = []
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                url = urlsplit(self.path)
                query = dict(parse_qsl(url.query, keep_blank_values=True))
                api.asked.append((url.path, query, self.headers["Authorization"]))
                if callable(api.responses):
                    status, headers, body = api.responses(url.path, query)
                else:
                    status, headers, body = api.responses.pop(0)
                if status == 0:
                    return  # The connection ends without a response.
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def api() -> Iterator[Api]:
    found = Api()
    thread = threading.Thread(target=found.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield found
    found.server.shutdown()
    found.server.server_close()
    thread.join()


def entry(number: int) -> dict[str, Any]:
    found: dict[str, Any] = CREATED["data"] | {"id": number}
    return found


def page(numbers: list[int], cursor: str | None = None) -> Response:
    pagination = {"total": 9, "limit": 2, "offset": 0, "hasMore": cursor is not None}
    if cursor is not None:
        pagination["nextCursor"] = cursor  # type: ignore[assignment]
    body = {
        "message": "Activities retrieved successfully",
        "data": [entry(number) for number in numbers],
        "pagination": pagination,
    }
    return 200, {}, json.dumps(body).encode()


def problem(status: int, **members: Any) -> Response:
    return status, {"Content-Type": "application/problem+json"}, json.dumps(members).encode()


def test_a_list_goes_from_page_to_page_by_cursor(api: Api) -> None:
    pages = {None: page([5, 4], "a"), "a": page([3], "b"), "b": page([], None)}
    api.responses = lambda _, query: pages[query.get("cursor")]
    log = ActivityLogClient(api.url + "/", "token")
    entries = log.list(action="create", page_size=2)
    assert api.asked == [], "nothing is asked before it is needed"
    assert [one["id"] for one in entries] == [5, 4, 3]
    assert api.asked == [
        ("/api/activities", {"action": "create", "limit": "2"}, "Bearer token"),
        ("/api/activities", {"action": "create", "limit": "2", "cursor": "a"}, "Bearer token"),
        ("/api/activities", {"action": "create", "limit": "2", "cursor": "b"}, "Bearer token"),
    ]


def test_filters_are_written_as_the_api_reads_them(api: Api) -> None:
    api.responses = lambda *_: page([])
    log = ActivityLogClient(api.url, "token")
    east = timezone(timedelta(hours=2))
    list(
        log.list(
            project_slug="my project/&",
            environment_slug=None,
            resource_type=["function", None],
            exclude_resource_type="database",
            exclude_action=["invoke", "sync"],
            since=datetime(2024, 1, 15, 12, 30, tzinfo=east),
            until="2024-01-16T00:00:00+02:00",
            order="asc",
            include=["client", "facets"],
            cursor="c",
        )
    )
    assert api.asked[0][1] == {
        "projectSlug": "my project/&",
        "resourceType": "function,~",
        "excludeResourceType": "database",
        "excludeAction": "invoke,sync",
        "since": "2024-01-15T10:30:00.000Z",
        "until": "2024-01-16T00:00:00+02:00",
        "order": "asc",
        "include": "client,facets",
        "limit": "100",
        "cursor": "c",
    }
    list(log.list_project("my project/é", "production", action="create"))
    assert api.asked[1][0] == "/api/activities/my%20project%2F%C3%A9/production"
    for size in (0, 1_001):
        with pytest.raises(ValueError, match="page_size"):
            log.list(page_size=size)


def test_a_page_has_the_total_and_an_entry_is_found_by_id(api: Api) -> None:
    api.responses = [page([5, 4], "a"), (200, {}, json.dumps(CREATED).encode())]
    log = ActivityLogClient(api.url, "token")
    assert log.page(limit=0, offset=3)["pagination"]["total"] == 9
    assert log.get(1, include="client")["action"] == "create"
    assert [asked[:2] for asked in api.asked] == [
        ("/api/activities", {"limit": "0", "offset": "3"}),
        ("/api/activities/1", {"include": "client"}),
    ]


def test_compressed_pages_are_read(api: Api) -> None:
    status, _, body = page([5])
    api.responses = [(status, {"Content-Encoding": "gzip"}, gzip.compress(body))]
    assert [one["id"] for one in ActivityLogClient(api.url, "token").list()] == [5]


def test_429_and_503_and_silence_are_asked_again_as_told(api: Api) -> None:
    api.responses = [
        (429, {"Retry-After": "7"}, b'{"message":"Too Many Requests"}'),
        (503, {"Retry-After": "2"}, b""),
        (503, {"Retry-After": "120"}, b""),
        (429, {}, b""),
        (0, {}, b""),
        page([5]),
    ]
    log = ActivityLogClient(api.url, "token")
    pauses: list[float] = []
    log._sleep = pauses.append
    assert [one["id"] for one in log.list()] == [5]
    assert pauses[:3] == [7, 2, 120]
    assert all(0 <= pause <= 5 for pause in pauses[3:])
    assert len(pauses) == 5


def test_retries_end(api: Api) -> None:
    unavailable = problem(503, detail="The log cannot be read now.", code="unavailable", requestId="r")
    api.responses = [unavailable] * 3
    log = ActivityLogClient(api.url, "token", retries=2)
    log._sleep = lambda _: None
    with pytest.raises(ApiError, match=r"^503: The log cannot be read now\. \(request r\)$") as caught:
        log.get(1)
    assert (caught.value.status, caught.value.code, caught.value.request_id) == (503, "unavailable", "r")
    api.responses = lambda *_: (0, {}, b"")
    with pytest.raises(OSError):  # noqa: PT011
        log.get(1)
    assert len(api.asked) == 6


def test_nobody_waits_longer_than_two_minutes(api: Api) -> None:
    api.responses = [(503, {"Retry-After": "121"}, b""), (503, {"Retry-After": "9" * 5_000}, b"")]
    for seconds in (121, float("inf")):
        with pytest.raises(ApiError) as caught:
            ActivityLogClient(api.url, "token").get(1)
        assert caught.value.retry_after == seconds
    assert len(api.asked) == 2


def test_after_401_a_function_is_asked_for_a_token_again_and_once(api: Api) -> None:
    refused = problem(401, detail="The token is not valid.", code="unauthenticated", requestId="r")
    api.responses = [refused, page([5]), refused, refused, refused]
    tokens = iter("abcd")
    log = ActivityLogClient(api.url, lambda: next(tokens))
    assert [one["id"] for one in log.list()] == [5]
    with pytest.raises(ApiError, match="not valid"):
        log.get(1)
    with pytest.raises(ApiError, match="not valid"):
        ActivityLogClient(api.url, "fixed").get(1)
    assert [token for _, _, token in api.asked] == [
        "Bearer a",
        "Bearer b",
        "Bearer c",
        "Bearer d",
        "Bearer fixed",
    ]


@pytest.mark.parametrize(
    ("response", "code", "parameter"),
    [
        (
            problem(400, detail="limit", code="invalid_parameter", parameter="limit"),
            "invalid_parameter",
            "limit",
        ),
        (problem(409, detail="rewritten", code="log_rewritten"), "log_rewritten", None),
        ((500, {}, b"<html>"), None, None),
        ((500, {}, b"[]"), None, None),
        ((302, {"Location": "http://127.0.0.1:1/"}, b""), None, None),
    ],
)
def test_what_is_refused_is_an_error_with_its_code(
    api: Api, response: Response, code: str | None, parameter: str | None
) -> None:
    api.responses = [response]
    with pytest.raises(ApiError) as caught:
        ActivityLogClient(api.url, "secret").get(1)
    assert (caught.value.status, caught.value.code, caught.value.parameter) == (response[0], code, parameter)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["", "api.example.com", "file:///etc", "https://x/?a=1", "ftp://x"])
def test_an_address_that_is_none_is_an_error(url: str) -> None:
    with pytest.raises(ValueError, match="base_url"):
        ActivityLogClient(url, "token")


# The types, held against the document.


def schema_of(type_: Any) -> dict[str, Any]:
    """What a type allows, as a schema in which a member that may be null says so."""
    if typing.is_typeddict(type_):
        hints = get_type_hints(type_)
        return {
            "required": sorted(type_.__required_keys__),
            "properties": {name: schema_of(hint) for name, hint in hints.items()},
        }
    if typing.get_origin(type_) is list:
        return {"types": {"array"}, "items": schema_of(get_args(type_)[0])}
    if typing.get_origin(type_) is dict:
        return {"types": {"object"}}
    if args := get_args(type_):
        parts = [schema_of(one) for one in args]
        merged: dict[str, Any] = {"types": set().union(*(part.get("types", {"object"}) for part in parts))}
        for part in parts:
            merged |= {name: value for name, value in part.items() if name != "types"}
        return merged
    names = {int: "integer", str: "string", bool: "boolean", type(None): "null"}
    return {"types": {names[type_]}}


def resolve(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema of the document in the format of ``schema_of``."""
    if "$ref" in schema:
        return resolve(SCHEMAS[schema["$ref"].rpartition("/")[2]])
    if "anyOf" in schema:
        merged: dict[str, Any] = {"types": set()}
        for part in map(resolve, schema["anyOf"]):
            merged["types"] |= part.get("types", {"object"})
            merged |= {name: value for name, value in part.items() if name != "types"}
        return merged
    if "const" in schema:
        return {"types": {"string"}}
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    found: dict[str, Any] = {"types": set(types)}
    if "properties" in schema:
        found = {
            "required": sorted(schema["required"]),
            "properties": {name: resolve(value) for name, value in schema["properties"].items()},
        }
    if "items" in schema:
        found["items"] = resolve(schema["items"])
    return found


@pytest.mark.parametrize(
    "name", ["Activity", "User", "Place", "ActivityPage", "Pagination", "Facets", "FacetValue", "Histogram"]
)
def test_the_types_are_those_of_the_document(name: str) -> None:
    assert schema_of(getattr(module, name)) == resolve(SCHEMAS[name])


def test_the_filters_are_the_parameters_of_the_document() -> None:
    known = DOCUMENT["components"]["parameters"]
    operation = DOCUMENT["paths"]["/api/activities"]["get"]
    names = [known[parameter["$ref"].rpartition("/")[2]] for parameter in operation["parameters"]]
    in_query = {parameter["name"] for parameter in names if parameter["in"] == "query"}
    own = set(inspect.signature(ActivityLogClient.page).parameters) - {"self", "filters"}
    filters = {module._NAMES.get(name, name) for name in get_type_hints(module.Filters)}
    assert filters | own == in_query
    hints = get_type_hints(module.Filters)
    order = {value for part in get_args(hints["order"]) for value in get_args(part)}
    assert order == set(known["order"]["schema"]["enum"])


def test_every_example_of_the_document_is_read(api: Api) -> None:
    responses = [
        operation["get"]["responses"]["200"]["content"]["application/json"]
        for operation in DOCUMENT["paths"].values()
    ]
    log = ActivityLogClient(api.url, "token")
    count = 0
    for response in responses:
        for example in response["examples"].values():
            value = example["value"]
            api.responses = [(200, {}, json.dumps(value).encode())]
            if isinstance(value["data"], dict):
                assert log.get(1) == value["data"]
            else:
                assert log.page() == value
            count += 1
    assert count >= 10
    schema = {"$ref": "#/$defs/Activity", "$defs": SCHEMAS}
    text = json.dumps(schema).replace("#/components/schemas/", "#/$defs/")
    jsonschema.validate(entry(1), json.loads(text))


def test_a_time_without_a_zone_is_local() -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    local = now.astimezone().replace(tzinfo=None)
    assert module._value(local) == module._value(now)
