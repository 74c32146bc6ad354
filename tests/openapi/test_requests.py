"""What a document says of a stream's requests: methods, query, body, and the answers that are no stream."""

from collections.abc import AsyncIterable
from http import HTTPStatus
from typing import Any

import pytest
from django.contrib.auth.decorators import login_not_required, login_required, permission_required
from django.contrib.auth.mixins import LoginRequiredMixin, PermissionRequiredMixin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, JsonResponse
from django.test import override_settings
from django.urls import include, path
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers
from pydantic import BaseModel

from sse_django import EventStreamView, event_stream, last_event_id
from tests.openapi.describe import data_schema, document, event_schemas, operation


class Prompt(BaseModel):
    text: str


class Word(BaseModel):
    text: str


@event_stream
async def ticks(request: Any) -> AsyncIterable[Word]:
    yield Word(text="a")


@event_stream
def sync_ticks(request: Any) -> Any:
    yield 1


@event_stream
async def chat(request: Any, prompt: Prompt) -> AsyncIterable[Word]:
    yield Word(text=prompt.text)


@event_stream
async def maybe_chat(request: Any, room: str, prompt: Prompt | None = None) -> AsyncIterable[Word]:
    yield Word(text=room)


class Ticks(EventStreamView):
    async def stream(self, request: Any) -> AsyncIterable[Word]:
        """Words, one by one."""
        yield Word(text="a")


def methods(view: Any, route: str = "stream/") -> list[str]:
    (found,) = document(path(route, view))["paths"].values()
    return list(found)


@pytest.mark.parametrize("view", [ticks, sync_ticks])
def test_view_that_says_nothing_is_a_get_without_a_body_and_a_post_with_one(view: Any) -> None:
    assert methods(view) == ["get"]
    assert methods(chat) == ["post"]
    assert methods(maybe_chat, "<str:room>/") == ["get", "post"]


@pytest.mark.parametrize(
    ("decorated", "expected"),
    [
        (require_POST(ticks), ["post"]),
        (require_GET(ticks), ["get"]),
        (require_safe(sync_ticks), ["get"]),
        (csrf_exempt(require_http_methods(["GET", "PUT"])(ticks)), ["get", "put"]),
        (never_cache(vary_on_headers("Cookie")(require_POST(login_required(sync_ticks)))), ["post"]),
        (login_required(require_POST(ticks)), ["post"]),
        (event_stream(require_POST(lambda request: [])), ["post"]),
    ],
    ids=[
        *("require_POST", "require_GET", "require_safe", "under csrf_exempt", "under three"),
        *("under login_required", "under event_stream"),
    ],
)
def test_methods_are_those_that_decorators_let_through(decorated: Any, expected: list[str]) -> None:
    assert methods(decorated) == expected


def test_several_methods_of_one_url_have_ids_of_their_own() -> None:
    view = require_http_methods(["GET", "POST", "DELETE"])(ticks)
    (found,) = document(path("a/", view, name="live"))["paths"].values()

    assert {method: one["operationId"] for method, one in found.items()} == {
        "get": "live",
        "post": "live_post",
        "delete": "live_delete",
    }


def test_class_based_view_has_its_methods_and_its_docstring() -> None:
    class Posts(Ticks):
        http_method_names = ["post", "options"]

    @method_decorator(require_POST, name="dispatch")
    class Dispatched(Ticks):
        pass

    assert operation(Ticks.as_view())["summary"] == operation(Posts.as_view())["summary"] == "Words, one by one"
    assert methods(Ticks.as_view()) == ["get"]
    assert methods(Posts.as_view()) == ["post"]
    assert methods(Ticks.as_view(http_method_names=["put"])) == ["put"]
    assert methods(Dispatched.as_view()) == ["post"]


def test_decorated_methods_of_a_plain_view_are_streams_each() -> None:
    class Live(View):
        @method_decorator(event_stream)
        async def get(self, request: Any, pk: int) -> AsyncIterable[Word]:
            """What goes on."""
            yield Word(text="a")

        @method_decorator([login_required, event_stream(events={"said": Word})])
        def post(self, request: Any, pk: int, prompt: Prompt) -> Any:
            yield Word(text=prompt.text)

    (found,) = document(path("<int:pk>/", Live.as_view()))["paths"].values()

    assert list(found) == ["get", "post"]
    assert found["get"]["summary"] == "What goes on"
    assert "requestBody" not in found["get"]
    assert data_schema(found["get"], "message") == {"$ref": "#/components/schemas/Word"}
    assert found["post"]["requestBody"]["required"] is True
    assert data_schema(found["post"], "said") == {"$ref": "#/components/schemas/Word"}


def test_body_is_the_parameter_that_the_url_does_not_fill() -> None:
    made = document(path("<str:room>/", maybe_chat), path("chat/", chat))

    assert made["paths"]["/chat/"]["post"]["requestBody"] == {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Prompt"}}},
    }
    assert made["paths"]["/{room}/"]["post"]["requestBody"]["required"] is False
    assert "requestBody" not in made["paths"]["/{room}/"]["get"]


def test_argument_that_the_url_gives_as_an_extra_is_no_body() -> None:
    assert methods(chat) == ["post"]
    (found,) = document(path("a/", chat, {"prompt": Prompt(text="x")}))["paths"].values()
    assert list(found) == ["get"]


def test_body_that_does_not_fit_is_described() -> None:
    described = operation(chat)

    assert list(described["responses"]) == ["200", "204", "403", "415", "422"]
    refusal = described["responses"]["422"]["content"]["application/json"]["schema"]
    assert refusal == {"$ref": "#/components/schemas/InvalidBody"}
    assert list(operation(ticks)["responses"]) == ["200", "204"]


def test_csrf_is_mentioned_where_it_is_looked_at() -> None:
    assert operation(require_POST(ticks))["responses"]["403"]["description"] == "The CSRF token is missing"
    assert "403" not in operation(csrf_exempt(require_POST(ticks)))["responses"]
    with override_settings(MIDDLEWARE=[]):
        assert "403" not in operation(require_POST(ticks))["responses"]


def test_login_is_a_redirect_and_a_security_scheme() -> None:
    made = document(path("a/", login_required(ticks)))
    described = made["paths"]["/a/"]["get"]

    assert list(described["responses"]) == ["200", "204", "302"]
    assert described["security"] == [{"session": []}]
    assert made["components"]["securitySchemes"]["session"]["name"] == "sessionid"
    assert "securitySchemes" not in document(path("a/", ticks))["components"]


@pytest.mark.parametrize(
    ("view", "statuses"),
    [
        (permission_required("app.see")(ticks), {"302"}),
        (permission_required("app.see", raise_exception=True)(ticks), {"403"}),
        (type("L", (LoginRequiredMixin, Ticks), {}).as_view(), {"302"}),
        (type("L", (LoginRequiredMixin, Ticks), {"raise_exception": True}).as_view(), {"403"}),
        (type("P", (PermissionRequiredMixin, Ticks), {"permission_required": "app.see"}).as_view(), {"302", "403"}),
        (method_decorator(login_required, name="dispatch")(type("D", (Ticks,), {})).as_view(), {"302"}),
        (ticks, set()),
    ],
)
def test_who_may_not_read_gets_what_the_guard_answers(view: Any, statuses: set[str]) -> None:
    assert set(operation(view)["responses"]) & {"302", "403"} == statuses


def test_login_middleware_is_known_and_its_exceptions_too() -> None:
    with override_settings(MIDDLEWARE=["django.contrib.auth.middleware.LoginRequiredMiddleware"]):
        assert "302" in operation(ticks)["responses"]
        assert "302" not in operation(login_not_required(event_stream(lambda request: [])))["responses"]


def test_errors_that_the_code_raises_are_described() -> None:
    @event_stream
    async def strict(request: Any) -> Any:
        if last_event_id(request, int) is None:
            raise Http404
        if not request.user.is_staff:
            raise PermissionDenied
        yield 1

    assert list(operation(strict)["responses"]) == ["200", "204", "400", "403", "404"]
    assert "404" in operation(event_stream(lambda request, pk: []), "<int:pk>/")["responses"]


def _checked(request: Any) -> None:
    if request.GET.get("key") != _key():
        raise PermissionDenied


def _key() -> str:
    raise Http404


def test_statuses_that_the_code_answers_are_described() -> None:
    @event_stream
    async def own(request: Any) -> Any:
        if not request.user.is_authenticated:
            return JsonResponse({"detail": "sign in first"}, status=401)
        return HttpResponse(status=HTTPStatus.GONE)

    responses = operation(own)["responses"]
    assert list(responses) == ["200", "204", "401", "410"]
    assert responses["401"]["description"] == "Unauthorized"


def test_functions_of_the_views_module_are_read_too() -> None:
    @event_stream
    async def helped(request: Any) -> Any:
        _checked(request)
        yield 1

    described = operation(helped)

    assert [p["name"] for p in described["parameters"] if p["in"] == "query"] == ["key", "last_event_id"]
    assert {"403", "404"} <= set(described["responses"])


def test_names_that_only_look_like_the_modules_functions_are_left_alone() -> None:
    @event_stream
    async def careful(request: Any, _key: str = "") -> Any:
        chat = request._checked
        yield chat, _key

    assert list(operation(careful)["responses"]) == ["200", "204"]


def test_built_in_endpoint_is_described() -> None:
    (methods,) = document(path("events/", include("sse_django.urls")))["paths"].values()
    described = methods.pop("get")

    assert not methods
    assert described["operationId"] == "sse_django_stream"
    assert list(described["responses"]) == ["200", "204", "400", "403", "404"]
    assert list(event_schemas(described)) == ["any other event", "stream-reset", "stream-error"]
    assert "Raises" not in described.get("description", "")


def test_query_parameters_are_those_that_the_code_reads() -> None:
    @event_stream
    async def searched(request: Any) -> Any:
        """Found things.

        Args:
            q: what to look for
        """
        words = request.GET["q"], request.GET.get("order", "name"), request.GET.getlist("tag"), "all" in request.GET
        yield request.GET.get("order"), words

    found = {p["name"]: p for p in operation(searched)["parameters"] if p["in"] == "query"}

    assert found.pop("last_event_id")
    assert found == {
        "q": {
            "name": "q",
            "in": "query",
            "required": True,
            "schema": {"type": "string"},
            "description": "what to look for",
        },
        "order": {"name": "order", "in": "query", "required": False, "schema": {"type": "string", "default": "name"}},
        "tag": {
            "name": "tag",
            "in": "query",
            "required": False,
            "schema": {"type": "array", "items": {"type": "string"}},
        },
        "all": {"name": "all", "in": "query", "required": False, "schema": {"type": "string"}},
    }
