"""What openapi.yaml cannot say to schemathesis: which parameters go together, and which cursors.

Only requests that are meant to be valid are changed. Those that are meant to be refused go out as
they were made, and every answer is checked in full.
"""

import schemathesis

# What may change from page to page; all else of a query belongs to the cursor.
FREE = {"limit", "include", "buckets"}

# The query that each cursor was made for, by path and cursor.
queries_by_cursor = {}


@schemathesis.hook
def before_call(context, case, kwargs):
    """Make a request valid that was meant to be, but breaks a rule between parameters."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    query = case.query
    cursor = query.get("cursor")
    known = queries_by_cursor.get((case.formatted_path, cursor))
    if known is not None:
        free = {name: query[name] for name in FREE & query.keys()}
        case.query = free | known | {"cursor": cursor}
    elif cursor:
        del query["cursor"]
    if "histogram" not in str(case.query.get("include")).split(","):
        case.query.pop("buckets", None)
    if query.get("environmentSlug") and not query.get("projectSlug"):
        del query["environmentSlug"]


@schemathesis.hook
def after_call(context, case, response):
    """Remember the cursors that the API gave out."""
    if response.headers.get("content-type") != ["application/json"]:
        return
    pagination = response.json().get("pagination", {})
    bound = case.query.keys() - FREE - {"offset", "cursor"}
    query = {name: case.query[name] for name in bound}
    for name in "nextCursor", "resumeCursor":
        if name in pagination:
            queries_by_cursor[case.formatted_path, pagination[name]] = query


@schemathesis.deserializer("application/x-ndjson", "text/csv")
def text(context, response):
    """openapi.yaml takes these forms for texts."""
    return response.text
