"""Pages about the streams, for people: what each sends, and the stream itself, live. And the documents, for programs.

They say what a project is made of, so they are for its staff; with DEBUG, for anybody. What they show of a stream is what the
person who looks may see of it: it is opened by their own browser, with their own session.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import NoReverseMatch, get_script_prefix, reverse
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_safe

from sse_django.openapi.components import REFERENCE, WireSchema
from sse_django.openapi.document import describe, openapi_document
from sse_django.openapi.examples import example
from sse_django.openapi.kinds import ANY, ERROR, NOTHING, RESET, TEXT, StreamError, StreamReset
from sse_django.openapi.streams import Stream, streams
from sse_django.openapi.text import as_json, as_yaml
from sse_django.openapi.tstypes import type_of
from sse_django.openapi.typescript import typescript_types

Page = Callable[..., HttpResponse]


@require_safe
def openapi_view(request: HttpRequest, **options: Any) -> HttpResponse:
    """The OpenAPI document as JSON, for whoever may ask where you put it. The options are those of `openapi_document`."""
    return JsonResponse(_document(request, options), json_dumps_params={"ensure_ascii": False})


def for_staff(page: Page) -> Page:
    """Anybody with DEBUG, else staff: others go to the login page, or get a 403. Sends a strict content security policy."""

    @functools.wraps(page)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        user = getattr(request, "user", None)
        if not settings.DEBUG and not (user is not None and user.is_active and user.is_staff):
            if user is None or user.is_authenticated:
                raise PermissionDenied("these pages are for staff")
            return _to_login(request)
        response = page(request, *args, **kwargs)
        response.headers.setdefault("Content-Security-Policy", _policy())
        add_never_cache_headers(response)
        return response

    return require_safe(guarded)


@for_staff
def stream_list(request: HttpRequest) -> HttpResponse:
    """Every stream."""
    unclear: list[ImproperlyConfigured] = []
    found = streams(getattr(request, "urlconf", None), unclear=unclear.append)
    context = {"streams": found, "unclear": unclear, "prefix": get_script_prefix().rstrip("/"), "root": ""}
    return render(request, "sse_django/docs/index.html", context)


@for_staff
def stream_page(request: HttpRequest, stream_id: str) -> HttpResponse:
    """One stream, with the form that opens it."""
    described = streams(getattr(request, "urlconf", None), unclear=lambda error: None)  # said in the list
    stream = next((one for one in described if one.id == stream_id), None)
    if stream is None:
        raise Http404(f"there is no stream {stream_id!r}")
    return render(request, "sse_django/docs/stream.html", _context(stream))


@for_staff
def openapi_json(request: HttpRequest) -> HttpResponse:
    """The document as JSON, indented."""
    return HttpResponse(as_json(_document(request, {})), content_type="application/json; charset=utf-8")


@for_staff
def openapi_yaml(request: HttpRequest) -> HttpResponse:
    """The document as YAML."""
    return HttpResponse(as_yaml(_document(request, {})), content_type="application/yaml; charset=utf-8")


@for_staff
def typescript(request: HttpRequest) -> HttpResponse:
    """The TypeScript definitions."""
    text = typescript_types(getattr(request, "urlconf", None))
    return HttpResponse(text, content_type="text/plain; charset=utf-8")


def _to_login(request: HttpRequest) -> HttpResponse:
    """To the admin's login page, which is where staff comes in; without an admin to LOGIN_URL."""
    from django.contrib.auth.views import redirect_to_login  # needs the auth app

    try:
        return redirect_to_login(request.get_full_path(), reverse("admin:login"))
    except NoReverseMatch:
        return redirect_to_login(request.get_full_path())


def _document(request: HttpRequest, options: dict[str, Any]) -> dict[str, Any]:
    prefix = get_script_prefix().rstrip("/")
    return openapi_document(getattr(request, "urlconf", None), **{"server": prefix or None, **options})


def _policy() -> str:
    """What the pages need, and nothing else. Static files may be on another host."""
    address = urlsplit(static("sse_django/docs.js"))
    files = f"'self' {address.scheme or 'https'}://{address.netloc}" if address.netloc else "'self'"
    return (
        f"default-src 'none'; script-src {files}; style-src {files}; img-src data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


@dataclass(frozen=True)
class ShownEvent:
    """An event, for the template: its type as TypeScript writes it, and its JSON Schema."""

    name: str
    note: str
    type: str
    schema: str


@dataclass(frozen=True)
class Input:
    """A field of the form."""

    name: str
    place: str
    value: str
    hint: str
    required: bool
    number: bool


def _context(stream: Stream) -> dict[str, Any]:
    document = describe([stream], generator=WireSchema)
    operation = document["paths"][stream.path][stream.method]
    definitions = document["components"]["schemas"]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    shown = list(_shown_events(stream, operation))
    used = _used([operation["responses"]["200"], body], definitions)
    return {
        "root": "../",
        "stream": stream,
        "operation": operation,
        "url": get_script_prefix().rstrip("/") + stream.path,
        "events": shown,
        "types": [(name, type_of(definitions[name], _plain), _pretty(definitions[name])) for name in used],
        "inputs": [_input(parameter) for parameter in operation["parameters"] if _is_input(parameter)],
        "body": json.dumps(example(body, definitions), indent=2, ensure_ascii=False) if body is not None else None,
        "wants_token": stream.guards.wants_token(stream.method),
        "statuses": [(code, answer["description"]) for code, answer in operation["responses"].items()],
    }


_NOTES = {
    RESET.name: "The log can't say what came after the client's cursor. Load the state anew; the stream goes on from here.",
    ERROR.name: "The view failed. The stream ends after it; what happened is in the server's log.",
}


def _shown_events(stream: Stream, operation: dict[str, Any]) -> Any:
    listed = operation["responses"]["200"]["content"]["text/event-stream"]["itemSchema"]["oneOf"]
    for event, schema in zip(stream.events, listed, strict=True):
        data = {**schema, **schema.get("allOf", [{}])[0]}["properties"]["data"]
        content = data.get("contentSchema")
        if content is not None:
            shown = type_of(content, _plain)
        else:
            shown = "text" if event.data is TEXT else "nothing" if event.data is NOTHING else "text, or any JSON"
        any_name = "any name" if len(stream.own_events) == 1 else "any other name"
        name = any_name if event.name == ANY else event.name
        yield ShownEvent(name, event.description or _NOTES.get(event.name, ""), shown, _pretty(schema))


def _plain(name: str) -> str:
    return name


def _pretty(schema: Any) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False)


def _used(parts: list[Any], definitions: dict[str, Any]) -> list[str]:
    """The definitions that some schemas refer to, directly or by others, in the order in which they are met, ours last."""
    found: list[str] = []
    waiting = list(parts)
    while waiting:
        part = waiting.pop(0)
        if isinstance(part, dict):
            name = str(part.get("$ref", "")).removeprefix(REFERENCE)
            if name in definitions and name not in found:
                found.append(name)
                waiting.append(definitions[name])
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
    return sorted(found, key=lambda name: name in (StreamError.__name__, StreamReset.__name__))


def _is_input(parameter: dict[str, Any]) -> bool:
    return parameter["name"] not in ("Last-Event-ID", "last_event_id")


def _input(parameter: dict[str, Any]) -> Input:
    schema = parameter["schema"]
    needed = parameter["required"]
    value = example(schema, {}) if needed else schema.get("default", "")
    hint = parameter.get("description") or schema.get("pattern") or schema.get("format") or schema.get("type", "")
    return Input(parameter["name"], parameter["in"], str(value), hint, needed, schema.get("type") == "integer")
