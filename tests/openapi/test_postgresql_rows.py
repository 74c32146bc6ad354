"""Rows of a real PostgreSQL: what its arrays and ranges are sent as fits what is said of them."""

# ruff: noqa: DJ008  (a model that has no rows to name)

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import jsonschema
from django.contrib.postgres.fields import ArrayField, DateTimeRangeField, DecimalRangeField, IntegerRangeField
from django.contrib.postgres.search import SearchVectorField
from django.db import connections, models
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange, NumericRange
from django.db.models import F, Value
from django.test.utils import isolate_apps
from pydantic import TypeAdapter

from sse_django import model_schema
from sse_django.encoding import Encoder


@isolate_apps("tests.app")
def test_rows_are_sent_as_they_are_described(postgresql_alias: str) -> None:
    class Booking(models.Model):
        nights = IntegerRangeField()
        price = DecimalRangeField(null=True)
        stay = DateTimeRangeField()
        tags = ArrayField(models.CharField(max_length=5), size=3)
        grid = ArrayField(ArrayField(models.IntegerField(null=True)))
        words = SearchVectorField(null=True)
        twice = models.GeneratedField(
            expression=F("id") * Value(2), output_field=models.IntegerField(), db_persist=True
        )

        class Meta:
            app_label = "app"

    connection = connections[postgresql_alias]
    with connection.schema_editor() as editor:
        editor.create_model(Booking)
    noon = dt.datetime(2026, 1, 2, 12, tzinfo=dt.UTC)
    made = Booking.objects.using(postgresql_alias).create(
        nights=NumericRange(1, 4),
        price=NumericRange(Decimal("1.50"), None, "(]"),
        stay=DateTimeTZRange(noon, noon, "()"),
        tags=["a", "b"],
        grid=[[1, None], [2, 3]],
    )
    try:
        row = Booking.objects.using(postgresql_alias).get(pk=made.pk)
    finally:
        with connection.schema_editor() as editor:
            editor.delete_model(Booking)

    names = ["nights", "price", "stay", "tags", "grid", "words", "twice"]
    schema: Any = model_schema(Booking, fields=names)
    sent = json.loads(Encoder(schema)(row).removeprefix(b"data: "))

    jsonschema.validate(sent, TypeAdapter(schema).json_schema(mode="serialization"))
    assert sent == {
        "nights": {"bounds": "[)", "empty": False, "lower": 1, "upper": 4},
        "price": {"bounds": "()", "empty": False, "lower": "1.50", "upper": None},
        "stay": {"bounds": None, "empty": True, "lower": None, "upper": None},
        "tags": ["a", "b"],
        "grid": [[1, None], [2, 3]],
        "words": None,
        "twice": 2 * row.pk,
    }
