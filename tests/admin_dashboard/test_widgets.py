"""What a widget may be made of, and what it makes of its source's answers."""

import datetime as dt
import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db.models import Count

from sse_django import ServerSentEvent
from sse_django.admin import Bar, Log, Number, Progress, Table, TimeSeries, Widget
from sse_django.admin.dashboard.values import cell, number, seconds
from tests.app.models import Category, Product


def one() -> int:
    return 1


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Number(5), "a function without arguments, a queryset or a ModelFeed is expected as its source, got 5"),
        (lambda: Number(Product), "Number: the model Product is no source: use Product.objects"),
        (lambda: Table(Product, fields=["name"]), "Table: the model Product is no source: use Product.objects"),
        (lambda: Number(one, interval=0), "interval=0: seconds, 0.1 or more"),
        (lambda: Number(one, interval=math.inf), "interval=inf"),
        (lambda: Number(one, timeout=-1), "timeout=-1: seconds above 0"),
        (lambda: Number(one, columns=5), "columns=5: 1 to 4"),
        (lambda: Number(one, permission="view_order"), "permission is 'app.codename'"),
        (lambda: Number(one, unit="ms", percent=True), "one of unit, currency and percent"),
        (lambda: Number(one, currency="euro"), "currency='euro': as in 'EUR'"),
        (lambda: Number(one, digits=-1), "digits=-1: 0 to 20"),
        (lambda: Number(one, points=-1), "points=-1"),
        (lambda: TimeSeries(one, points=1), "points=1: 2 to 10000"),
        (lambda: TimeSeries(one, history=[]), "history=[]: a function"),
        (lambda: Bar(one, limit=0), "limit=0"),
        (lambda: Table(Product.objects.all()), "which fields=[…] are the columns?"),
        (lambda: Table(one, fields="name"), "fields='name': a list of columns"),
        (lambda: Table(one, fields=[5]), "a column is a name, a function or"),
        (lambda: Log(), "either a source or channel="),
        (lambda: Log(one, channel="a"), "either a source or channel="),
        (lambda: Log(channel="no spaces"), "without spaces"),
        (lambda: Log(channel="a", lines=0), "lines=0"),
    ],
)
def test_what_can_not_be_is_said_when_the_widget_is_made(make: Any, said: str) -> None:
    with pytest.raises(ImproperlyConfigured) as error:
        make()

    assert said in str(error.value)


def test_making_widgets_asks_no_database() -> None:
    # pytest-django refuses queries in a test without the mark.
    Table(Product.objects.all(), fields=["name"])
    Number(Product.objects)
    with pytest.raises(ImproperlyConfigured):
        Table(Product.objects.all())


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (3, 3),
        (True, 1),
        (2.5, 2.5),
        (math.nan, None),
        (-math.inf, None),
        (None, None),
        (2**53, 2**53),
        (2**53 + 1, "9007199254740993"),
        (Decimal("8.60"), "8.60"),
        (Decimal("NaN"), None),
        (Fraction(1, 4), 0.25),
        (dt.timedelta(minutes=1), 60.0),
    ],
)
def test_a_number_is_json_that_loses_no_digit(value: Any, sent: Any) -> None:
    assert number(value) == sent
    assert type(number(value)) is type(sent)


def test_what_is_no_number_is_an_error_that_names_its_type() -> None:
    with pytest.raises(TypeError, match="is expected, got str"):
        number("5")


def test_a_cell_keeps_its_kind() -> None:
    moment = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)

    assert cell(moment) == {"time": moment.timestamp()}
    assert cell(dt.date(2026, 11, 22)) == {"date": "2026-11-22"}
    assert cell(Decimal("8.60")) == {"number": "8.60"}
    assert cell(True) is True
    assert cell(None) is None
    assert len(cell("x" * 10_000)) == 500


def test_times_are_seconds_since_1970() -> None:
    assert seconds(dt.datetime(1970, 1, 1, 0, 1, tzinfo=dt.UTC)) == 60
    assert seconds(12) == 12
    with pytest.raises(TypeError, match="a datetime or seconds"):
        seconds("now")
    for wrong in (math.nan, math.inf, 1_700_000_000_000):  # milliseconds
        with pytest.raises(ValueError, match="seconds since 1970 are expected"):
            seconds(wrong)


def convert(widget: Widget, value: Any) -> Any:
    return widget.convert(value)


@pytest.fixture
def _products(db: None) -> None:
    bread = Category.objects.create(name="Bread")
    Product.objects.create(name="Rye", price="8.60", category=bread, status="on_sale")
    Product.objects.create(name="Oven", price="120")
    Product.objects.create(name="Salt", price="1", status="on_sale")


@pytest.mark.usefixtures("_products")
def test_number_counts_a_queryset() -> None:
    assert convert(Number(Product.objects), Product.objects.all()) == {"value": 3}


def test_time_series_takes_one_number_or_several_by_name() -> None:
    series = TimeSeries(one)

    assert convert(series, 5) == {"": 5}
    assert convert(series, {"web": 1, "shop": Decimal("2.5")}) == {"web": 1, "shop": "2.5"}


@pytest.mark.usefixtures("_products")
def test_bars_of_a_queryset_bear_the_names_of_choices() -> None:
    queryset = Product.objects.order_by().values("status").annotate(n=Count("id")).order_by("-n")

    assert convert(Bar(queryset), queryset) == {"bars": [["On sale", 2], ["Draft", 1]], "more": 0}


def test_bars_of_dicts_and_pairs() -> None:
    assert convert(Bar(one), {"a": 1, None: 2}) == {"bars": [["a", 1], [None, 2]], "more": 0}
    assert convert(Bar(one, limit=1), [("a", 1), ("b", 2)]) == {"bars": [["a", 1]], "more": 1}
    with pytest.raises(TypeError, match="a name and a number each"):
        convert(Bar(one), ["a", "b"])


@pytest.mark.usefixtures("_products")
def test_a_table_of_instances_reads_its_columns_in_one_query(django_assert_num_queries: Any) -> None:
    table = Table(
        Product.objects.order_by("id"),
        fields=["name", "status", "price", "category__name", ("Loud", lambda row: row.name.upper())],
        limit=2,
    )

    with django_assert_num_queries(1):
        made = convert(table, Product.objects.order_by("id"))

    assert [cells for _, cells in made["rows"]] == [
        ["Rye", "On sale", {"number": "8.60"}, "Bread", "RYE"],
        ["Oven", "Draft", {"number": "120.00"}, None, "OVEN"],
    ]
    assert table.headings() == ["Name", "Status", "Price", "Category name", "Loud"]


@pytest.mark.usefixtures("_products")
def test_a_table_of_dicts_has_their_keys_as_columns() -> None:
    queryset = Product.objects.order_by("id").values("id", "name")
    made = convert(Table(queryset), queryset[:1])

    assert made["columns"] == ["id", "name"]
    assert [cells[1] for _, cells in made["rows"]] == ["Rye"]


def test_a_column_that_the_model_lacks_is_named() -> None:
    Table(Product.objects.annotate(n=Count("related")), fields=["n", "get_status_display"]).check_columns()
    with pytest.raises(ImproperlyConfigured, match="Product has no 'nmae' to show as a column"):
        Table(Product.objects.all(), fields=["nmae"]).check_columns()


def test_progress_is_a_fraction_a_pair_several_or_nothing() -> None:
    progress = Progress(one)

    assert convert(progress, None) == []
    assert convert(progress, 0.25) == [{"name": "", "done": 0.25, "total": None, "fraction": True}]
    assert convert(progress, {"a": (3, 10), "b": None}) == [{"name": "a", "done": 3, "total": 10}]
    with pytest.raises(TypeError, match="a pair"):
        convert(progress, (1, 2, 3))


def test_a_line_of_a_channel_is_its_text() -> None:
    log = Log(channel="orders")

    def text(data: Any) -> str:
        return str(log.convert_event(ServerSentEvent(data=data, event="created"), 1.0)[0]["text"])

    assert text("plain") == "plain"
    assert text({"text": "said"}) == "said"
    assert text({"message": "said"}) == "said"
    assert text({"id": 5, "status": "paid"}) == "id: 5, status: paid"
    assert text([1, None]) == "[1, null]"


def test_line_may_leave_an_event_out() -> None:
    log = Log(channel="orders", line=lambda event: None if event.event == "noise" else "kept")

    assert log.convert_event(ServerSentEvent(data=1, event="noise"), 1.0) == []
    assert log.convert_event(ServerSentEvent(data=1, event="news"), 1.0) == [
        {"at": 1.0, "name": "news", "text": "kept"}
    ]


def test_a_log_of_a_function_shows_its_newest_lines() -> None:
    made = convert(Log(one, lines=2), ["a", "b", (60, "c")])

    assert made == [{"at": None, "name": None, "text": "b"}, {"at": 60.0, "name": None, "text": "c"}]
