"""Every kind of item as JSON, and the promises about NaN, surrogates and what can't be sent."""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import json
import uuid
from typing import Any, TypedDict

import pytest
from django.utils.translation import gettext_lazy
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from sse_django.payloads import dump_json, make_dump
from tests.app.models import Product


class Color(enum.Enum):
    RED = "red"


class Model(BaseModel):
    name: str
    at: dt.datetime | None = None


class Aliased(BaseModel):
    model_config = ConfigDict(populate_by_name=True)
    snake_case: int = Field(alias="camelCase")


@dataclasses.dataclass
class Data:
    x: int
    when: dt.date = dt.date(2026, 1, 2)


class Typed(TypedDict):
    a: int


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, b"null"),
        ("hello", b'"hello"'),
        ("ї\u2028", '"ї\u2028"'.encode()),
        (1, b"1"),
        (1.5, b"1.5"),
        (True, b"true"),
        ([1, "a", None], b'[1,"a",null]'),
        ({"a": {"b": [1]}}, b'{"a":{"b":[1]}}'),
        ((1, 2), b"[1,2]"),
        (dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC), b'"2026-01-02T03:04:05Z"'),
        (dt.date(2026, 1, 2), b'"2026-01-02"'),
        (dt.timedelta(minutes=1), b'"PT1M"'),
        (decimal.Decimal("1.20"), b'"1.20"'),
        (uuid.UUID(int=1), b'"00000000-0000-0000-0000-000000000001"'),
        (Color.RED, b'"red"'),
        (gettext_lazy("Monday"), b'"Monday"'),
        ({"day": gettext_lazy("Monday")}, b'{"day":"Monday"}'),
        (Model(name="a"), b'{"name":"a","at":null}'),
        (Aliased(camelCase=1), b'{"camelCase":1}'),
        (Data(1), b'{"x":1,"when":"2026-01-02"}'),
        (Typed(a=1), b'{"a":1}'),
        ({"m": Model(name="a"), "d": [Data(2)]}, b'{"m":{"name":"a","at":null},"d":[{"x":2,"when":"2026-01-02"}]}'),
        (b"bytes", b'"bytes"'),
    ],
)
def test_items_are_compact_utf8_json(value: Any, expected: bytes) -> None:
    assert dump_json(value) == expected


def test_a_model_instance_inside_a_dict_is_sent_with_its_fields() -> None:
    assert json.loads(dump_json({"product": Product(name="Plumbus", pk=3)}))["product"]["name"] == "Plumbus"


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_nan_and_infinity_are_null(number: float) -> None:
    class Reading(BaseModel):
        value: float
        anything: Any = None

    assert dump_json({"v": number, "l": [number]}) == b'{"v":null,"l":[null]}'
    assert dump_json(Reading(value=number, anything=[number])) == b'{"value":null,"anything":[null]}'
    assert make_dump(TypeAdapter(list[Reading]))([Reading(value=number)]) == b'[{"value":null,"anything":null}]'


def test_the_words_nan_and_infinity_may_stand_in_text() -> None:
    assert dump_json("NaN and Infinity") == b'"NaN and Infinity"'


class Constants(BaseModel):
    model_config = ConfigDict(ser_json_inf_nan="constants")
    value: float


def test_a_model_that_writes_constants_is_refused_by_name() -> None:
    class Outer(BaseModel):
        inner: Constants

    for declared in (Constants, Outer, list[Constants]):
        with pytest.raises(ValueError, match="Constants is configured"):
            make_dump(TypeAdapter(declared))
    with pytest.raises(ValueError, match="Constants is configured"):
        dump_json({"deep": [Constants(value=float("nan"))]})


def test_a_lone_surrogate_becomes_the_replacement_character() -> None:
    assert dump_json("a\ud800b") == '"a\ufffdb"'.encode()
    assert dump_json({"k\udfff": ["\ud800"]}) == '{"k\ufffd":["\ufffd"]}'.encode()
    assert make_dump(TypeAdapter(Model))(Model(name="\ud800")) == '{"name":"\ufffd","at":null}'.encode()


def test_what_has_no_json_form_is_named_and_the_way_out_given() -> None:
    with pytest.raises(TypeError, match=r"builtins\.object has no JSON form: yield a Pydantic model"):
        dump_json({"x": object()})
