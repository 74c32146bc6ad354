"""The URLconf as paths and parameters of the document."""

import functools
from typing import Any
from unittest.mock import MagicMock

import pytest
from django.urls import include, path, re_path, register_converter
from django.urls.converters import StringConverter

from sse_django import event_stream
from sse_django.openapi.streams import streams
from tests.openapi.describe import document, operation, urlconf


class FourDigits:
    regex = "[0-9]{4}"

    def to_python(self, value: str) -> int:
        return int(value)

    def to_url(self, value: int) -> str:
        return f"{value:04}"


class Colour(StringConverter):
    regex = "red|blue"


register_converter(FourDigits, "openapi_yyyy")
register_converter(Colour, "openapi_colour")


@event_stream
async def ticks(request: Any, **kwargs: Any) -> Any:
    yield 1


@event_stream
async def orders(request: Any, pk: int, *, state: str = "") -> Any:
    """The orders of a customer.

    Those of the last year.

    Args:
        pk: the customer,
            by number
        state: nobody sees this
    """
    yield 1


def test_plain_view_has_one_path() -> None:
    assert list(document(path("ticks/", ticks))["paths"]) == ["/ticks/"]


def test_views_that_are_no_streams_are_left_out() -> None:
    assert document(path("page/", lambda request: None))["paths"] == {}


def test_nested_includes_join_their_paths_parameters_and_namespaces() -> None:
    inner = ([path("live/<uuid:order>/", ticks, name="live")], "orders")
    outer = ([path("<slug:shop>/", include(inner, namespace="their-orders"))], "shops")
    made = document(path("api/", include(outer)))

    (where, methods), *others = made["paths"].items()
    assert not others
    assert where == "/api/{shop}/live/{order}/"
    assert methods["get"]["operationId"] == "shops_their_orders_live"
    assert methods["get"]["tags"] == ["shops:their-orders"]
    assert [(p["name"], p["in"]) for p in methods["get"]["parameters"]] == [
        ("shop", "path"),
        ("order", "path"),
        ("Last-Event-ID", "header"),
        ("last_event_id", "query"),
    ]


@pytest.mark.parametrize(
    ("converter", "schema"),
    [
        ("int", {"type": "integer", "minimum": 0}),
        ("str", {"type": "string", "minLength": 1}),
        ("slug", {"type": "string", "pattern": "^[-a-zA-Z0-9_]+$"}),
        ("uuid", {"type": "string", "format": "uuid"}),
        ("path", {"type": "string", "minLength": 1}),
        ("openapi_yyyy", {"type": "string", "pattern": "^(?:[0-9]{4})$"}),
        ("openapi_colour", {"type": "string", "pattern": "^(?:red|blue)$"}),
    ],
)
def test_converter_is_the_parameters_schema(converter: str, schema: Any) -> None:
    parameter = operation(ticks, f"<{converter}:key>/")["parameters"][0]

    assert parameter == {"name": "key", "in": "path", "required": True, "schema": schema}


@pytest.mark.parametrize(
    ("expression", "where", "schemas"),
    [
        (r"^live/(?P<pk>\d+)/$", "/live/{pk}/", {"pk": {"type": "integer", "minimum": 0}}),
        (
            r"^(?P<key>[a-z]{2}(?:-[()A-Z]+)?)\.txt$",
            "/{key}.txt",
            {"key": {"type": "string", "pattern": "^(?:[a-z]{2}(?:-[()A-Z]+)?)$"}},
        ),
        (r"^live/(\w+)/(\d+)$", "/live/{arg1}/{arg2}", {"arg1": {"type": "string"}, "arg2": {"type": "string"}}),
        (r"^100%/$", "/100%/", {}),
    ],
)
def test_regular_expression_is_a_path_with_its_groups(expression: str, where: str, schemas: Any) -> None:
    ((path_, methods),) = document(re_path(expression, ticks))["paths"].items()

    assert path_ == where
    assert {p["name"]: p["schema"] for p in methods["get"]["parameters"] if p["in"] == "path"} == schemas


def test_docstring_is_summary_description_and_the_parameters_words() -> None:
    described = operation(orders, "<int:pk>/")

    assert described["summary"] == "The orders of a customer"
    assert described["description"] == "Those of the last year."
    assert described["parameters"][0]["description"] == "the customer, by number"


def test_without_a_docstring_the_name_is_the_summary() -> None:
    assert operation(ticks)["summary"] == "Ticks"


class Clock:
    """Ticks, from an object."""

    def __call__(self, request: Any) -> Any:
        yield 1


@pytest.mark.parametrize(
    ("view", "name", "summary"),
    [
        (event_stream(Clock()), "Clock", "Ticks, from an object"),
        (event_stream(functools.partial(orders, state="open")), "orders", "The orders of a customer"),
        (event_stream(lambda request: iter([1])), "lambda", None),
    ],
    ids=["object", "partial", "lambda"],
)
def test_views_that_are_no_functions_have_a_name(view: Any, name: str, summary: str | None) -> None:
    described = operation(view)

    assert described["operationId"] == name
    assert summary is None or described["summary"] == summary


def test_a_view_with_any_attribute_that_one_asks_for_is_no_stream() -> None:
    assert document(path("page/", MagicMock()))["paths"] == {}


def test_paths_that_openapi_cannot_tell_apart_are_both_described() -> None:
    made = document(path("<int:pk>/", ticks, name="a"), path("<slug:slug>/", ticks, name="b"))

    assert list(made["paths"]) == ["/{pk}/", "/{slug}/#slug"]


def test_url_that_another_one_hides_is_left_out() -> None:
    found = streams(urlconf(path("a/", ticks, name="first"), path("a/", orders, name="second")))

    assert [stream.id for stream in found] == ["first"]


def test_one_name_at_two_places_has_two_ids() -> None:
    found = streams(urlconf(path("a/", ticks, name="live"), path("b/", ticks, name="live"), path("c/", ticks)))

    assert [stream.id for stream in found] == ["live_a", "live_b", "ticks"]


def test_the_name_of_a_url_wins_over_that_of_a_view() -> None:
    found = streams(urlconf(path("a/", ticks), path("b/", orders, name="ticks")))

    assert [stream.id for stream in found] == ["ticks_a", "ticks"]


def test_ids_do_not_depend_on_what_else_is_described() -> None:
    alone = streams(urlconf(path("a/", ticks, name="live")))
    among = streams(urlconf(path("x/", ticks, name="x"), path("a/", ticks, name="live"), path("y/", orders)))

    assert alone[0].id == among[1].id == "live"


def test_server_and_title_are_the_callers() -> None:
    made = document(path("a/", ticks), title="Shop", version="2.1", server="https://shop.example/api")

    assert made["openapi"] == "3.2.0"
    assert made["info"] == {"title": "Shop", "version": "2.1"}
    assert made["servers"] == [{"url": "https://shop.example/api"}]
