#!/usr/bin/env python3
"""Writes docs/api.html: what openapi.yaml says, as one page that needs nothing else.

With --check it writes nothing, and exits 1 if the page is not what it would write.
"""

import html
import json
import sys
from pathlib import Path
from string import Template

import yaml
from markdown_it import MarkdownIt

TOP = Path(__file__).resolve().parent.parent
SOURCE = TOP / "openapi.yaml"
TEMPLATE = TOP / "tools" / "reference.html"
PAGE = TOP / "docs" / "api.html"

MARKDOWN = MarkdownIt("commonmark", {"html": False})


class Reference:
    """The page of one OpenAPI document."""

    def __init__(self, document):
        self.document = document

    def resolve(self, node):
        """`node` with its $ref followed; what stands beside the $ref is laid over its target."""
        if "$ref" not in node:
            return node
        target = self.document
        for key in node["$ref"].removeprefix("#/").split("/"):
            target = target[key.replace("~1", "/").replace("~0", "~")]
        beside = {key: value for key, value in node.items() if key != "$ref"}
        return overlay(self.resolve(target), beside)

    def members(self, schema, prefix=""):
        """The members of an object and of all within it: path, schema, whether always there."""
        required = schema.get("required", [])
        for name, member in schema.get("properties", {}).items():
            member = self.resolve(member)
            yield prefix + name, member, name in required
            if "items" in member:
                yield from self.members(self.resolve(member["items"]), f"{prefix}{name}[].")
            for alternative in [member, *map(self.resolve, member.get("anyOf", []))]:
                yield from self.members(alternative, f"{prefix}{name}.")

    def kind(self, schema):
        """What a value can be."""
        schema = self.resolve(schema)
        if "const" in schema:
            return literal(schema["const"])
        if "enum" in schema:
            kinds = map(literal, schema["enum"])
        elif "anyOf" in schema:
            kinds = map(self.kind, schema["anyOf"])
        else:
            types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
            kinds = [schema["format"] if "format" in schema else types[0], *types[1:]]
        items = f" of {self.kind(schema['items'])}" if "items" in schema else ""
        return ", ".join([" or ".join(kinds) + items, *bounds(schema)])

    def page(self):
        """The whole page."""
        info = self.document["info"]
        operations = [
            (path, method, operation)
            for path, methods in self.document["paths"].items()
            for method, operation in methods.items()
        ]
        sections = [self.access(), *(self.operation(*operation) for operation in operations)]
        return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
            title=esc(info["title"]),
            summary=esc(info["summary"]),
            version=esc(info["version"]),
            license=esc(info["license"]["name"]),
            overview=MARKDOWN.render(info["description"]),
            contents=contents(operation for _, _, operation in operations),
            sections="\n".join(sections),
        )

    def access(self):
        """The section on addresses and tokens."""
        rows = []
        for server in self.document["servers"]:
            notes = [inline(server["description"])]
            for name, variable in server.get("variables", {}).items():
                notes.append(f"{code(name)}: {inline(variable['description'])}")
            rows.append([code(server["url"]), "<br>".join(notes)])
        schemes = self.document["components"]["securitySchemes"].values()
        tokens = "".join(MARKDOWN.render(scheme["description"]) for scheme in schemes)
        addresses = table(["Address", "What it is"], rows)
        return f'<section id="access"><h2>Access</h2>{addresses}<h3>Token</h3>{tokens}</section>'

    def operation(self, path, method, operation):
        """The section of an operation."""
        name = operation["operationId"]
        responses = [
            self.response(f"{name}-{status}", status, self.resolve(response))
            for status, response in operation["responses"].items()
        ]
        return "\n".join([
            f'<section id="{esc(name)}"><h2>{esc(operation["summary"])}</h2>',
            f'<p class="route"><b>{esc(method.upper())}</b> {code(path)}</p>',
            MARKDOWN.render(operation["description"]),
            f"<h3>Request</h3><pre>{esc(self.curl(operation))}</pre>",
            self.parameters(operation),
            f"<h3>Responses</h3>{''.join(responses)}</section>",
        ])

    def curl(self, operation):
        """The request of an operation's first example, for a shell."""
        content = self.resolve(operation["responses"]["200"])["content"]["application/json"]
        request = next(iter(content["examples"].values()))["x-request"]
        address = self.document["servers"][0]["url"] + request.removeprefix("GET ")
        return f"curl -H \"Authorization: Bearer $TOKEN\" \\\n  '{address}'"

    def parameters(self, operation):
        """The table of an operation's parameters."""
        rows = []
        for parameter in map(self.resolve, operation["parameters"]):
            schema = self.resolve(parameter["schema"])
            kind = self.kind(schema) + (", required" if parameter.get("required") else "")
            if "default" in schema:
                kind += f", default {literal(schema['default'])}"
            meaning = inline(parameter["description"])
            rows.append([code(parameter["name"]), parameter["in"], kind, meaning])
        return table(["Parameter", "In", "Type", "Meaning"], rows)

    def response(self, anchor, status, response):
        """A response, folded unless it is the one that was hoped for."""
        parts = [self.headers(response.get("headers", {}))]
        parts += [self.body(*content) for content in response.get("content", {}).items()]
        if "content" not in response:
            parts.append("<p>No body.</p>")
        if "links" in response:
            parts.append(self.links(response["links"]))
        inside = f'<div id="{esc(anchor)}">{"".join(parts)}</div>'
        summary = f'<b class="s{status[0]}">{status}</b> {inline(response["description"])}'
        return fold(summary, inside, opened=status == "200", kind="response")

    def headers(self, headers):
        """The table of a response's headers."""
        resolved = ((name, self.resolve(header)) for name, header in headers.items())
        return self.values("Header", (
            (name, header["schema"], header.get("required"), header["description"])
            for name, header in resolved
        ))

    def body(self, media_type, content):
        """One form of a response's body: its members and examples."""
        schema = self.resolve(content["schema"])
        parts = [f"<h4>{code(media_type)}</h4><p>{inline(schema['description'])}</p>"]
        members = [(*member, member[1]["description"]) for member in self.members(schema)]
        if members:
            parts.append(fold("Members", self.values("Member", members)))
        for number, example in enumerate(content.get("examples", {}).values()):
            summary = f"Example: {inline(example['summary'])}"
            parts.append(fold(summary, exchange(example), opened=number == 0))
        return "".join(parts)

    def values(self, noun, values):
        """The table of values by name, schema, whether always there, and description."""
        rows = [
            [code(name), self.kind(schema), "always" if always else "sometimes", inline(meaning)]
            for name, schema, always, meaning in values
        ]
        return table([noun, "Type", "Present", "Meaning"], rows)

    def links(self, links):
        """The operations that a response leads to."""
        items = []
        for name, link in links.items():
            link = self.resolve(link)
            target, meaning = link["operationId"], inline(link["description"])
            anchor = f'<a href="#{esc(target)}">{code(target)}</a>'
            items.append(f"<li>{code(name)} to {anchor}: {meaning}</li>")
        return f"<h4>Where to go from here</h4><ul>{''.join(items)}</ul>"


def overlay(under, over):
    """`under` with the keys of `over`; the members of an object are laid over one by one."""
    merged = {**under, **over}
    if "properties" in under and "properties" in over:
        merged["properties"] = dict(under["properties"])
        for name, member in over["properties"].items():
            merged["properties"][name] = {**under["properties"].get(name, {}), **member}
    return merged


def bounds(schema):
    """What limits a value, in words."""
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None:
        yield f"from {low}" if high is None else f"{low} to {high}"
    if "minLength" in schema:
        yield "not empty" if schema["minLength"] == 1 else f"at least {schema['minLength']} long"
    for keyword in "maxLength", "maxItems":
        if keyword in schema:
            yield f"at most {schema[keyword]} long"
    if "pattern" in schema:
        yield f"like {code(schema['pattern'])}"


def exchange(example):
    """A request and its answer."""
    lines = [example["x-request"]]
    lines += [f"{name}: {value}" for name, value in example.get("x-headers", {}).items()]
    value = example["value"]
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    request, answer = "\n".join(lines), text.replace("\r\n", "\n")
    return f'<pre class="request">{esc(request)}</pre><pre>{esc(answer)}</pre>'


def contents(operations):
    """The table of contents."""
    items = ['<li><a href="#top">Overview</a></li>', '<li><a href="#access">Access</a></li>']
    for operation in operations:
        name = esc(operation["operationId"])
        statuses = [f'<a href="#{name}-{status}">{status}</a>' for status in operation["responses"]]
        title = f'<a href="#{name}">{esc(operation["summary"])}</a>'
        items.append(f"<li>{title}<br><small>{' '.join(statuses)}</small></li>")
    return "<ol>\n" + "\n".join(items) + "\n</ol>"


def fold(summary, inside, opened=False, kind="part"):
    """A part of the page that can be folded."""
    state = " open" if opened else ""
    return f'<details class="{kind}"{state}>\n<summary>{summary}</summary>\n{inside}</details>\n'


def table(names, rows):
    """A table, of cells that are HTML."""
    head = "".join(f"<th>{esc(name)}</th>" for name in names)
    lines = ("".join(f"<td>{cell}</td>" for cell in row) for row in rows)
    body = "\n".join(f"<tr>{line}</tr>" for line in lines)
    return f'<div class="wide"><table>\n<tr>{head}</tr>\n{body}\n</table></div>\n'


def literal(value):
    return code(value if isinstance(value, str) else json.dumps(value))


def code(text):
    return f"<code>{esc(text)}</code>"


def inline(text):
    return MARKDOWN.renderInline(text.strip())


def esc(text):
    return html.escape(str(text))


def main(arguments):
    page = Reference(yaml.safe_load(SOURCE.read_text(encoding="utf-8"))).page()
    if not arguments:
        PAGE.write_text(page, encoding="utf-8")
    elif arguments != ["--check"]:
        return __doc__
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page:
        return "docs/api.html is not what openapi.yaml says: run `make docs`"
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
