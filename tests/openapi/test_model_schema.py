"""`model_schema`: what each kind of Django field becomes, and that what is sent fits it."""

# ruff: noqa: DJ008  (models that have no rows to name)

import datetime as dt
import json
import uuid
from decimal import Decimal
from typing import Any

import jsonschema
import pytest
from django.contrib.postgres.fields import (
    ArrayField,
    DateTimeRangeField,
    DecimalRangeField,
    HStoreField,
    IntegerRangeField,
)
from django.contrib.postgres.search import SearchVectorField
from django.core import validators
from django.db import models
from django.db.backends.postgresql.psycopg_any import NumericRange
from django.db.models.functions import Upper
from django.test.utils import isolate_apps
from pydantic import BaseModel, TypeAdapter

from sse_django import model_schema
from sse_django.encoding import Encoder

UTC = dt.UTC


class Size(models.IntegerChoices):
    SMALL = 1, "Small"
    LARGE = 2, "Large"


def one_field(field: Any) -> type[models.Model]:
    with isolate_apps("tests.app"):
        return type(
            "Thing",
            (models.Model,),
            {"__module__": __name__, "value": field, "Meta": type("Meta", (), {"app_label": "app"})},
        )


def schema_of(field: Any, name: str = "value") -> Any:
    """The JSON Schema of a field, without its title."""
    described = TypeAdapter(model_schema(one_field(field), fields=[name])).json_schema(mode="serialization")
    (found,) = described["properties"].values()
    found.pop("title")
    return found


def sent(field: Any, value: Any) -> Any:
    """What stands in `data` for a field with this value; it fits the schema."""
    model = one_field(field)
    schema = model_schema(model, fields=["value"])
    wire = Encoder(schema)(model(value=value))
    data = json.loads(wire.removeprefix(b"data: "))
    checker = jsonschema.FormatChecker()
    jsonschema.Draft202012Validator(
        TypeAdapter(schema).json_schema(mode="serialization"), format_checker=checker
    ).validate(data)
    return data["value"]


CASES: list[tuple[Any, Any, Any, Any]] = [
    (models.IntegerField(), {"type": "integer"}, 3, 3),
    (models.BigIntegerField(), {"type": "integer"}, 2**40, 2**40),
    (models.SmallIntegerField(), {"type": "integer"}, -3, -3),
    (models.PositiveIntegerField(), {"type": "integer", "minimum": 0}, 3, 3),
    (models.PositiveBigIntegerField(), {"type": "integer", "minimum": 0}, 3, 3),
    (models.PositiveSmallIntegerField(), {"type": "integer", "minimum": 0}, 3, 3),
    (models.BooleanField(), {"type": "boolean"}, True, True),
    (models.CharField(max_length=5), {"type": "string", "maxLength": 5}, "a", "a"),
    (models.TextField(), {"type": "string"}, "a\nb", "a\nb"),
    (models.SlugField(), {"type": "string", "maxLength": 50, "pattern": "^[-a-zA-Z0-9_]*$"}, "a-b", "a-b"),
    (models.EmailField(), {"type": "string", "maxLength": 254, "format": "email"}, "a@b.c", "a@b.c"),
    (models.URLField(), {"type": "string", "maxLength": 200, "format": "uri"}, "https://a.b/", "https://a.b/"),
    (models.GenericIPAddressField(), {"type": "string", "maxLength": 39}, "::1", "::1"),
    (
        models.GenericIPAddressField(protocol="IPv4"),
        {"type": "string", "maxLength": 39, "format": "ipv4"},
        "1.2.3.4",
        "1.2.3.4",
    ),
    (models.FilePathField(path="/tmp"), {"type": "string", "maxLength": 100}, "/tmp/a", "/tmp/a"),
    (models.FileField(), {"type": "string"}, "a.pdf", "a.pdf"),
    (models.ImageField(), {"type": "string"}, "", ""),
    (models.DateField(), {"type": "string", "format": "date"}, dt.date(2026, 1, 2), "2026-01-02"),
    (
        models.DateTimeField(),
        {"type": "string", "format": "date-time"},
        dt.datetime(2026, 1, 2, tzinfo=UTC),
        "2026-01-02T00:00:00Z",
    ),
    (models.TimeField(), {"type": "string", "format": "time"}, dt.time(1, 2), "01:02:00"),
    (models.DurationField(), {"type": "string", "format": "duration"}, dt.timedelta(hours=1), "PT1H"),
    (models.FloatField(), {"type": "number"}, 1.5, 1.5),
    (
        models.UUIDField(),
        {"type": "string", "format": "uuid"},
        uuid.UUID(int=1),
        "00000000-0000-0000-0000-000000000001",
    ),
    (models.JSONField(), {}, {"a": [1, None]}, {"a": [1, None]}),
    (models.BinaryField(), {"type": "string", "contentEncoding": "base64"}, b"\xff", "/w=="),
    (
        models.DecimalField(max_digits=6, decimal_places=2),
        {"type": "string", "format": "decimal", "pattern": r"^-?\d{1,4}(\.\d{1,2})?$"},
        Decimal("-12.50"),
        "-12.50",
    ),
    (
        models.DecimalField(max_digits=3, decimal_places=0),
        {"type": "string", "format": "decimal", "pattern": r"^-?\d{1,3}$"},
        Decimal(7),
        "7",
    ),
    (models.IntegerField(null=True), {"anyOf": [{"type": "integer"}, {"type": "null"}]}, None, None),
    (models.CharField(choices={"a": "A", "b": "B"}), {"type": "string", "enum": ["a", "b"]}, "a", "a"),
    (models.CharField(choices={"a": "A"}, blank=True), {"type": "string", "enum": ["a", ""]}, "", ""),
    (models.IntegerField(choices=Size), {"type": "integer", "enum": [1, 2]}, Size.LARGE, 2),
    (
        models.IntegerField(choices=[("group", [(1, "a"), (2, "b")]), (3, "c")], null=True),
        {"anyOf": [{"type": "integer", "enum": [1, 2, 3]}, {"type": "null"}]},
        2,
        2,
    ),
    (
        models.DateField(choices=[(dt.date(2026, 1, 1), "new year")]),
        {"type": "string", "format": "date", "enum": ["2026-01-01"]},
        dt.date(2026, 1, 1),
        "2026-01-01",
    ),
    (
        models.IntegerField(validators=[validators.MinValueValidator(2), validators.MaxValueValidator(lambda: 9)]),
        {"type": "integer", "minimum": 2, "maximum": 9},
        3,
        3,
    ),
    (
        models.CharField(
            max_length=9, validators=[validators.MinLengthValidator(2), validators.RegexValidator("^[a-z]+$")]
        ),
        {"type": "string", "minLength": 2, "maxLength": 9, "pattern": "^[a-z]+$"},
        "ab",
        "ab",
    ),
    (
        models.GeneratedField(expression=Upper("id"), output_field=models.CharField(max_length=5), db_persist=True),
        {
            "anyOf": [{"type": "string", "maxLength": 5}, {"type": "null"}]
        },  # no NOT NULL, so its expression may give NULL
        "A",
        "A",
    ),
    (ArrayField(models.IntegerField()), {"type": "array", "items": {"type": "integer"}}, [1, 2], [1, 2]),
    (
        ArrayField(ArrayField(models.CharField(max_length=3, null=True)), size=2),
        {
            "type": "array",
            "maxItems": 2,
            "items": {
                "type": "array",
                "items": {"anyOf": [{"type": "string", "maxLength": 3}, {"type": "null"}]},
            },
        },
        [["a", None], []],
        [["a", None], []],
    ),
    (
        HStoreField(),
        {"type": "object", "additionalProperties": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
        {"a": None},
        {"a": None},
    ),
    (
        IntegerRangeField(),
        {"$ref": "#/$defs/IntegerRange"},
        NumericRange(1, 5),
        {"bounds": "[)", "empty": False, "lower": 1, "upper": 5},
    ),
    (
        DecimalRangeField(),
        {"$ref": "#/$defs/DecimalRange"},
        NumericRange(None, Decimal("1.5"), "(]"),
        {"bounds": "(]", "empty": False, "lower": None, "upper": "1.5"},
    ),
    (
        DateTimeRangeField(),
        {"$ref": "#/$defs/DateTimeRange"},
        NumericRange(empty=True),
        {"bounds": None, "empty": True, "lower": None, "upper": None},
    ),
]


@pytest.mark.parametrize(
    ("field", "schema", "value", "wire"),
    CASES,
    ids=lambda part: type(part).__name__ if isinstance(part, models.Field) else "",
)
def test_field_is_described_and_what_is_sent_fits(field: Any, schema: Any, value: Any, wire: Any) -> None:
    assert schema_of(field) == schema
    assert sent(field.clone(), value) == wire


def test_every_field_that_django_has_is_known() -> None:
    built_in = {
        cls
        for cls in vars(models).values()
        if isinstance(cls, type) and issubclass(cls, models.Field) and cls not in (models.Field, models.ForeignObject)
    }
    relations = {models.ForeignKey, models.OneToOneField, models.ManyToManyField}
    automatic = {models.AutoField, models.BigAutoField, models.SmallAutoField}
    rare = {
        cls
        for cls in built_in
        if cls.__name__
        in ("CompositePrimaryKey", "OrderWrt", "IPAddressField", "CommaSeparatedIntegerField", "NullBooleanField")
    }

    assert built_in - relations - automatic - rare == {type(field) for field, *_ in CASES} & built_in


@pytest.mark.parametrize("field", [models.AutoField, models.BigAutoField, models.SmallAutoField])
def test_automatic_keys_are_integers(field: Any) -> None:
    assert schema_of(field(primary_key=True)) == {"type": "integer"}
    assert schema_of(field(primary_key=True), "pk") == {"type": "integer"}


def test_title_is_the_verbose_name_and_description_the_help_text() -> None:
    field = models.IntegerField(verbose_name="number of things", help_text="How many there are.", null=True)
    described = TypeAdapter(model_schema(one_field(field), fields=["value"])).json_schema()

    assert described["properties"]["value"]["title"] == "Number of things"
    assert described["properties"]["value"]["description"] == "How many there are."


@isolate_apps("tests.app")
def test_foreign_keys_are_the_columns_of_what_they_point_to() -> None:
    class Shop(models.Model):
        code = models.CharField(max_length=4, unique=True)

        class Meta:
            app_label = "app"

    class Order(models.Model):
        shop = models.ForeignKey(Shop, models.CASCADE, to_field="code", null=True, help_text="Whose it is.")
        parent = models.OneToOneField("self", models.CASCADE)

        class Meta:
            app_label = "app"

    schema = model_schema(Order, fields=["shop", "parent_id"])
    described = TypeAdapter(schema).json_schema(mode="serialization")["properties"]

    assert described["shop_id"]["anyOf"] == [{"type": "string", "maxLength": 4}, {"type": "null"}]
    assert described["shop_id"]["description"] == "Whose it is."
    assert described["parent_id"]["type"] == "integer"
    assert Encoder(schema)(Order(shop_id="a", parent_id=2)) == b'data: {"shop_id":"a","parent_id":2}\n\n'


@isolate_apps("tests.app")
def test_composite_primary_key_is_a_tuple() -> None:
    class Line(models.Model):
        pk = models.CompositePrimaryKey("order", "position")
        order = models.IntegerField()
        position = models.CharField(max_length=2)

        class Meta:
            app_label = "app"

    schema = model_schema(Line, fields=["pk"])
    described = TypeAdapter(schema).json_schema()["properties"]["pk"]

    assert described["prefixItems"] == [{"type": "integer"}, {"type": "string", "maxLength": 2}]
    assert Encoder(schema)(Line(order=1, position="a")) == b'data: {"pk":[1,"a"]}\n\n'


def test_a_row_may_have_what_choices_and_lengths_no_longer_allow() -> None:
    model = one_field(models.CharField(max_length=1, choices={"a": "A"}))

    assert Encoder(model_schema(model, fields=["value"]))(model(value="old")) == b'data: {"value":"old"}\n\n'


class ColumnOnly(models.Field):
    """A third party's field that says no more than its column."""

    def __init__(self, column: str = "integer", **options: Any) -> None:
        self.kind = column
        super().__init__(**options)

    def db_type(self, connection: Any) -> str:
        return self.kind


class Money(ColumnOnly):
    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return value


@pytest.mark.parametrize(
    ("column", "schema"),
    [
        ("bigint", {"type": "integer"}),
        ("int4", {"type": "integer"}),
        ("VARCHAR(20)", {"type": "string"}),
        ("tsvector", {"type": "string"}),
        ("double precision", {"type": "number"}),
        ("timestamp with time zone", {"type": "string", "format": "date-time"}),
        ("jsonb", {}),
        ("uuid", {"type": "string", "format": "uuid"}),
    ],
)
def test_unknown_field_goes_by_its_column(column: str, schema: Any) -> None:
    assert schema_of(ColumnOnly(column)) == schema
    assert schema_of(SearchVectorField()) == {"type": "string"}


def test_field_that_makes_objects_of_its_own_is_a_clear_error() -> None:
    with pytest.raises(TypeError, match=r"value is a Money, which makes an object of its own.*write a Pydantic model"):
        schema_of(Money())
    with pytest.raises(TypeError, match=r"has the column type 'geometry\(POINT\)'.*write a Pydantic model"):
        schema_of(ColumnOnly("geometry(POINT)"))


def test_schemas_of_two_models_with_one_name_are_named_by_their_modules() -> None:
    schema: type[BaseModel] = model_schema(one_field(models.IntegerField()), fields=["value"])

    assert (schema.__name__, schema.__module__) == ("ThingSchema", __name__)
