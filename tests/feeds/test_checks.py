"""System checks of feeds."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import override_settings

from sse_django.feeds import ModelFeed
from sse_django.feeds.checks import check_feeds
from tests.feeds.app.models import Order
from tests.feeds.conftest import Router


def ids() -> list[str | None]:
    return [message.id for message in check_feeds(None)]


def test_a_good_feed_has_nothing_to_complain_of() -> None:
    class OrderFeed(ModelFeed):
        model = Order
        fields = ["id"]

    assert ids() == []


@pytest.mark.parametrize(
    ("attributes", "check"),
    [
        ({"backend": "nope"}, "sse_django.E004"),
        ({"channels_for": lambda self, row: []}, "sse_django.E006"),
        ({"fields": ["status"]}, "sse_django.W007"),
        ({"get_queryset": lambda self, request: Order.objects.none()}, "sse_django.W008"),
    ],
)
def test_what_will_disappoint_is_said(attributes: dict[str, Any], check: str) -> None:
    type("OrderFeed", (ModelFeed,), {"model": Order, "fields": ["id"], **attributes})
    assert ids() == [check]
    assert all(message.hint for message in check_feeds(None))


def test_a_model_in_another_database_is_said(sqlite_alias: str) -> None:
    class OrderFeed(ModelFeed):
        model = Order
        fields = ["id"]

    with override_settings(DATABASE_ROUTERS=[Router(sqlite_alias)]):
        assert ids() == ["sse_django.E007"]


def test_settings_that_make_no_sense_are_left_to_their_own_check() -> None:
    class OrderFeed(ModelFeed):
        model = Order
        fields = ["id"]

    with override_settings(SSE_DJANGO={"MAX_STREMS": 2}):
        assert ids() == []
