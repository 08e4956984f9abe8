"""The API's documentation as one page without a script, made from its OpenAPI description."""

import html
from collections.abc import Iterator, Mapping
from typing import Any

STYLE = """\
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2, h3 { line-height: 1.2; }
h2 { margin-top: 3rem; border-bottom: 1px solid #8886; }
code { font: 0.9em ui-monospace, monospace; }
details { border: 1px solid #8884; border-radius: 6px; margin: 0.5rem 0; padding: 0.4rem 0.8rem; }
summary { cursor: pointer; }
summary b { display: inline-block; min-width: 4.5rem; }
.who { float: right; opacity: 0.75; }
table { border-collapse: collapse; width: 100%; margin: 0.5rem 0; }
td, th { text-align: left; vertical-align: top; padding: 0.2rem 0.8rem 0.2rem 0; }
td { border-top: 1px solid #8883; }
td:nth-child(2) { max-width: 26rem; }
"""


def page(description: Mapping[str, Any]) -> str:
    """Return the page.

    Args:
        description: OpenAPI 3.1.
    """
    about = description["info"]
    title = f"{_text(about['title'])} {_text(about['version'])}"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{title}: API</title><link rel="icon" href="data:,">'
        '<link rel="stylesheet" href="/api/docs.css"></head><body>'
        f"<h1>{title}: API</h1>{_prose(about['description'])}"
        '<p>For programs: <a href="/api/v1/openapi.json">openapi.json</a>.</p>'
        f"{''.join(_routes(description))}{''.join(_schemas(description))}</body></html>"
    )


def _routes(description: Mapping[str, Any]) -> Iterator[str]:
    tags: dict[str, list[str]] = {}
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            tags.setdefault(operation["tags"][0], []).append("".join(_route(method, path, operation)))
    for tag, routes in tags.items():
        yield f"<h2>{_text(tag.capitalize())}</h2>{''.join(routes)}"


def _route(method: str, path: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"<details><summary><b>{_text(method.upper())}</b> <code>{_text(path)}</code> "
        f'<span class="who">{_text(operation["x-who"])}</span><br>{_text(operation["summary"])}</summary>'
    )
    yield _prose(operation.get("description", ""))
    if operation.get("parameters"):
        rows = (
            (one["name"], _kind(one["schema"]), _text(f"in the {one['in']}, {one.get('description', '')}"))
            for one in operation["parameters"]
        )
        yield _table(("parameter", "type", ""), rows)
    if "requestBody" in operation:
        yield f"<p>Body: {_content(operation['requestBody'])}</p>"
    rows = (
        (status, _text(one["description"]), _content(one))
        for status, one in sorted(operation["responses"].items())
    )
    yield _table(("answer", "", ""), rows)
    yield "</details>"


def _schemas(description: Mapping[str, Any]) -> Iterator[str]:
    yield "<h2>Schemas</h2>"
    for name, schema in description["components"]["schemas"].items():
        yield f'<h3 id="{_text(name)}">{_text(name)}</h3>{_prose(schema.get("description", ""))}'
        needed = schema.get("required", ())
        rows = (
            (
                field + ("" if field in needed else "?"),
                _kind(about),
                _text(about.get("description", "")),
            )
            for field, about in schema.get("properties", {}).items()
        )
        yield _table(("field", "type", ""), rows)


def _content(about: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{_text(media)} {_kind(one.get('schema', {}))}" for media, one in about.get("content", {}).items()
    )


def _kind(schema: Mapping[str, Any]) -> str:
    """Return the type of a value as HTML, with a link where it has a name."""
    if "$ref" in schema:
        name = _text(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(f"<code>{_text(str(value))}</code>" for value in schema["enum"])
    if "prefixItems" in schema:
        return "[" + ", ".join(_kind(one) for one in schema["prefixItems"]) + "]"
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    limits = [f"{word} {schema[key]:g}" for key, word in _LIMITS.items() if key in schema]
    return _text(" ".join([str(schema.get("type", "any")), *limits]))


_LIMITS = {"minimum": "≥", "maximum": "≤", "minLength": "length ≥", "maxLength": "length ≤"}


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, str, str]]) -> str:
    """Return a table; the first cells are text, the others HTML made here."""
    body = "".join(
        f"<tr><td><code>{_text(first)}</code></td><td>{second}</td><td>{third}</td></tr>"
        for first, second, third in rows
    )
    return f"<table><tr>{''.join(f'<th>{word}</th>' for word in head)}</tr>{body}</table>" if body else ""


def _prose(text: str) -> str:
    return "".join(f"<p>{_text(part)}</p>" for part in text.split("\n\n") if part.strip())


def _text(text: str) -> str:
    return html.escape(text)
