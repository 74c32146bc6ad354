"""The assertion for tests: what goes live to a reader is what the reader's queryset has."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpRequest
from django.test import RequestFactory

from sse_django.feeds import ModelFeed
from sse_django.testing import assert_feed_agrees
from tests.feeds.app.models import Customer, Order
from tests.feeds.test_publishing import CustomerOrders

pytestmark = pytest.mark.usefixtures("database")


class Mine(CustomerOrders):
    fields = ["id"]

    def get_queryset(self, request: HttpRequest) -> Any:
        return Order.objects.filter(customer=request.GET["customer"])


def readers(*customers: Customer) -> list[HttpRequest]:
    return [RequestFactory().get("/", {"customer": str(customer.pk)}) for customer in customers]


def change(ada: Customer, bob: Customer) -> None:
    order = Order.objects.create(customer=ada)
    other = Order.objects.create(customer=bob)
    order.customer = bob
    order.save()
    other.delete()


@pytest.fixture
def two() -> list[Customer]:
    return [Customer.objects.create(name=name) for name in ("Ada", "Bob")]


def test_a_feed_whose_methods_agree_passes(two: list[Customer]) -> None:
    class Good(Mine, ModelFeed):
        pass

    with assert_feed_agrees(Good, *readers(*two)):
        change(*two)


def test_what_goes_to_those_who_may_not_see_it_is_found(two: list[Customer]) -> None:
    class Leaks(Mine, ModelFeed):
        def channels_for(self, order: Order) -> list[str]:
            return [f"customer:{customer.pk}" for customer in two]

    with (
        pytest.raises(AssertionError, match=r"Live, but not in get_queryset: \d+"),
        assert_feed_agrees(Leaks, *readers(*two)),
    ):
        change(*two)


def test_what_does_not_reach_those_who_may_see_it_is_found(two: list[Customer]) -> None:
    class Forgets(Mine, ModelFeed):
        def channels_for(self, order: Order) -> list[str]:
            return [f"customer:{order.customer_id}"] if order.customer_id == two[0].pk else []

    with (
        pytest.raises(AssertionError, match=r"In get_queryset, but not live: \d+"),
        assert_feed_agrees(Forgets, *readers(*two)),
    ):
        change(*two)


def test_a_user_stands_for_a_request_of_theirs() -> None:
    class ByUser(ModelFeed):
        model = Order
        fields = ["id"]

        def channels_for(self, order: Order) -> list[str]:
            return [f"customer:{order.customer_id}"]

        def channels(self, request: HttpRequest) -> list[str]:
            return [f"customer:{request.user.pk}"]

        def get_queryset(self, request: HttpRequest) -> Any:
            return Order.objects.filter(customer=request.user.pk)

    ada = Customer.objects.create(name="Ada")  # anybody with a key will do
    with assert_feed_agrees(ByUser, ada):
        Order.objects.create(customer=ada)
