"""A feed in the document: what it sends first, and what it tells of each change."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import path

from sse_django.feeds import ModelFeed
from sse_django.feeds.registry import isolated_feeds
from sse_django.openapi import typescript_types
from tests.app.models import Product
from tests.openapi.describe import data_schema, document, event_schemas, urlconf


@pytest.fixture(autouse=True)
def _isolated() -> Iterator[None]:
    with isolated_feeds():
        yield


@pytest.fixture
def feed() -> Any:
    class ProductFeed(ModelFeed):
        """The catalogue as it changes."""

        model = Product
        fields = ["id", "name", "price", "status"]

    return ProductFeed


def test_feed_has_an_event_for_the_snapshot_and_for_each_change(feed: Any) -> None:
    made = document(path("products/live/", feed.as_view(), name="products"))
    described = made["paths"]["/products/live/"]["get"]

    assert described["summary"] == "The catalogue as it changes"
    assert list(event_schemas(described)) == [
        "snapshot",
        "created",
        "updated",
        "deleted",
        "stream-reset",
        "stream-error",
    ]
    row = data_schema(described, "created")
    assert data_schema(described, "snapshot") == {"type": "array", "items": row}
    name = row["$ref"].rpartition("/")[2]
    assert made["components"]["schemas"][name]["properties"]["status"]["enum"] == ["draft", "on_sale"]
    assert list(described["responses"]) == ["200", "204"]


def test_feed_at_two_urls_has_its_types_once(feed: Any) -> None:
    made = document(path("a/", feed.as_view()), path("b/", feed.as_view()))
    schemas = made["components"]["schemas"]

    assert len([name for name in schemas if name.startswith("Product")]) == 2


def test_feed_that_asks_who_is_there_may_answer_403() -> None:
    class StaffFeed(ModelFeed):
        model = Product
        fields = ["id"]

        def has_permission(self, request: Any) -> bool:
            return bool(request.user.is_staff)

    (methods,) = document(path("a/", StaffFeed.as_view()))["paths"].values()
    assert "403" in methods["get"]["responses"]


def test_feed_of_html_sends_text() -> None:
    class HtmlFeed(ModelFeed):
        model = Product
        template_name = "row.html"
        fields = ["id"]

    (methods,) = document(path("a/", HtmlFeed.as_view()))["paths"].values()
    assert event_schemas(methods["get"])["created"]["properties"]["data"] == {"type": "string"}


def test_feed_has_typescript_for_a_list_and_for_rows(feed: Any) -> None:
    text = typescript_types(urlconf(path("a/", feed.as_view(), name="products")))

    assert (
        "  snapshot: ProductRow[];\n  created: ProductRow;\n  updated: ProductRow;\n  deleted: ProductDeleted;\n"
        in text
    )
