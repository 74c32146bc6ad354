"""The tests' own validator: it looks into the schemas that the one of OpenAPI passes over."""

from collections.abc import Callable
from typing import Any

import jsonschema
import pytest
from django.urls import path
from pydantic import BaseModel

from sse_django import event_stream
from tests.openapi.describe import check_schemas, data_schema, document, validate


class Ask(BaseModel):
    word: str


class Answer(BaseModel):
    number: int


@event_stream(item=list[Answer])
def answers(request: Any, ask: Ask) -> Any:
    yield from ()


def described(made: Any) -> Any:
    """The one operation of a document."""
    (methods,) = made["paths"].values()
    return methods["post"]


def item_schema(made: Any) -> Any:
    return described(made)["responses"]["200"]["content"]["text/event-stream"]["itemSchema"]


@pytest.mark.parametrize(
    "find",
    [
        lambda made: made["components"]["schemas"]["Answer"]["properties"]["number"],
        lambda made: described(made)["requestBody"]["content"]["application/json"]["schema"],
        item_schema,
        lambda made: item_schema(made)["oneOf"][0],
        lambda made: data_schema(described(made), "message")["items"],
    ],
    ids=["component", "schema", "itemSchema", "inside itemSchema", "inside contentSchema"],
)
def test_a_broken_schema_is_refused_wherever_it_is(find: Callable[[Any], Any]) -> None:
    made = document(path("answers/<int:pk>/", answers))
    find(made)["type"] = "nonsense"
    with pytest.raises(jsonschema.SchemaError, match="nonsense"):
        check_schemas(made)
    with pytest.raises(Exception, match="nonsense"):  # OpenAPI's validator knows of some
        validate(made)


def test_what_is_named_like_a_schema_and_is_an_example_is_none() -> None:
    made = document(path("answers/", answers))
    described(made)["requestBody"]["content"]["application/json"]["example"] = {"schema": {"type": "nonsense"}}
    validate(made)
