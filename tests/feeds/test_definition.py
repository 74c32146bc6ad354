"""Defining a feed: what is refused, and how feeds are found."""

from __future__ import annotations

import sys
import types
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.test import Client, override_settings
from django.urls import path
from pydantic import BaseModel

from sse_django.feeds import ModelFeed, registry
from tests.feeds.app.models import Note, Order, Tag


class Row(BaseModel):
    id: int


@pytest.mark.parametrize(
    ("attributes", "text"),
    [
        ({}, "needs fields"),
        ({"fields": "__all__"}, "must not go live by itself"),
        ({"fields": "id"}, "OrderFeed: fields is a list of names"),
        ({"fields": []}, "names of the fields"),
        ({"fields": ["id", "nope"]}, "OrderFeed: Order has no concrete field 'nope'"),
        ({"fields": ["id", "customer__name"]}, "'customer__name'.*; relations need schema=, a Pydantic model"),
        ({"fields": ["id"], "schema": Row}, "both fields and schema"),
        ({"schema": dict}, "a Pydantic model"),
        ({"fields": ["id"], "model": "feedshop.Order"}, "a Django model class"),
        ({"fields": ["id"], "datastar": "#list"}, "needs template_name"),
    ],
)
def test_what_makes_no_sense_is_refused_when_it_is_defined(attributes: dict[str, Any], text: str) -> None:
    before = registry.feeds()
    with pytest.raises(ImproperlyConfigured, match=text):
        type("OrderFeed", (ModelFeed,), {"model": Order, **attributes})
    assert registry.feeds() == before


def test_a_feed_in_a_urlconf_that_is_no_view_says_how_to_make_it_one() -> None:
    class OrderFeed(ModelFeed):
        model = Order
        fields = ["id"]

    urlconf = types.ModuleType("urlconf_of_a_test")
    urlconf.urlpatterns = [path("orders/", OrderFeed)]  # type: ignore[attr-defined]
    with (
        override_settings(ROOT_URLCONF=urlconf),
        pytest.raises(TypeError, match=r"no view: use OrderFeed\.as_view\(\)"),
    ):
        Client().get("/orders/")


@pytest.mark.parametrize("label", ["", None, [], ["feedshop.OrderFeed"]])
def test_a_feed_that_is_asked_for_by_no_string_asks_for_quotes(label: Any) -> None:
    with pytest.raises(ImproperlyConfigured, match="Is it quoted"):
        registry.get_feed(label)


@pytest.mark.parametrize(("defined", "missing"), [("channels", "channels_for"), ("channels_for", "channels")])
def test_a_feed_that_says_only_half_of_who_sees_what_is_no_view(defined: str, missing: str) -> None:
    cls: Any = type("OrderFeed", (ModelFeed,), {"model": Order, "fields": ["id"], defined: lambda self, it: []})
    with pytest.raises(ImproperlyConfigured, match=f"lacks {missing}"):
        cls.as_view()


def test_a_class_without_a_model_or_with_an_abstract_one_is_a_base() -> None:
    class Base(ModelFeed):
        fields = ["id"]

    class Abstract(models.Model):
        class Meta:
            abstract = True
            app_label = "feedshop"

    class AbstractFeed(Base):
        model = Abstract

    class NoteFeed(AbstractFeed):
        model = Note

    assert registry.feeds()[-1] is NoteFeed
    assert Base not in registry.feeds()
    assert AbstractFeed not in registry.feeds()
    with pytest.raises(ImproperlyConfigured, match="no model"):
        Base.as_view()


def test_a_feed_has_a_label_and_is_found_by_it() -> None:
    class TagFeed(ModelFeed):
        model = Tag
        fields = ["id"]

    assert TagFeed.label == "feedshop.TagFeed"
    assert registry.get_feed("feedshop.TagFeed") is TagFeed
    with pytest.raises(ImproperlyConfigured, match=r"feedshop\.TagFeed"):
        registry.get_feed("feedshop.Nope")
    registry.unregister(TagFeed)
    assert TagFeed not in registry.feeds()


def test_the_events_types_are_known() -> None:
    class OrderFeed(ModelFeed):
        model = Order
        fields = ["id", "status", "tags"]

    types_ = OrderFeed.event_models()
    assert list(types_) == ["snapshot", "created", "updated", "deleted"]
    created: Any = types_["created"]
    assert types_["snapshot"] == list[created]
    assert types_["created"].model_json_schema()["properties"]["tags"]["items"] == {"type": "integer"}
    assert types_["deleted"](pk=1).model_dump() == {"pk": 1}

    class HtmlFeed(OrderFeed):
        template_name = "row.html"

    assert set(HtmlFeed.event_models().values()) == {str}


def test_a_schema_may_read_relations_and_properties() -> None:
    from sse_django.testing import capture_events

    class Named(BaseModel):
        name: str

    class Detailed(BaseModel):
        id: int
        customer: Named | None

    class OrderFeed(ModelFeed):
        model = Order
        schema = Detailed

    assert OrderFeed.fields is None
    assert not OrderFeed.instance().payload.is_plain
    assert capture_events is not None


def test_an_apps_feeds_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.apps import apps

    module = types.ModuleType("tests.feeds.app.feeds")
    monkeypatch.setitem(sys.modules, "tests.feeds.app.feeds", module)
    seen: list[str] = []
    monkeypatch.setattr("django.utils.module_loading.autodiscover_modules", lambda *names, **_: seen.extend(names))
    apps.get_app_config("sse_django").ready()
    assert seen == ["feeds"]
