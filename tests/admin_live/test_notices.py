"""What a change tells, what that costs, and that a model whose admin isn't live pays nothing."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.db.models.signals import m2m_changed, post_delete, post_save
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from sse_django.admin.live import notices
from sse_django.admin.live.family import relatives
from sse_django.admin.live.notices import SINGLES, channel_of, row_key
from sse_django.backends import Message, reset_backends
from sse_django.exceptions import PublishError
from sse_django.outbox import captures
from sse_django.testing import capture_events
from tests.admin_live.orders.models import Customer, Draft, OpenOrder, Order, RushOrder, SummedOrder, Tag

pytestmark = pytest.mark.django_db

CHANNEL = "_sse:admin:orders.order"
MEMORY = {"BACKENDS": {"default": {"BACKEND": "sse_django.backends.memory.MemoryBackend"}}}


Told = list[tuple[Message, str]]


@pytest.fixture
def told() -> Iterator[Told]:
    """Everything that is published, what the package tells itself as well."""
    published: Told = []
    captures.append(published)
    yield published
    captures.remove(published)


def of(told: Told, channel: str) -> list[Message]:
    return [message for message, _ in told if channel in message.channels]


def rows(told: Told) -> list[Any]:
    return [json.loads(message.data or "") for message in of(told, CHANNEL)]


def keys(pk: int, action: str) -> dict[str, str]:
    """A change as it is told: an order may be a rush order too."""
    return {row_key(model, pk): action for model in (Order, RushOrder)}


def test_a_change_tells_a_key_and_what_happened_and_nothing_else(told: Told) -> None:
    order = Order.objects.create(number="A1")
    order.save()
    pk = order.pk
    order.delete()
    assert rows(told) == [
        {"rows": keys(pk, "created")},
        {"rows": keys(pk, "updated")},
        {"rows": keys(pk, "deleted")},
    ]
    assert [message.event for message in of(told, CHANNEL)] == ["change"] * 3


def test_a_key_is_keyed_and_says_nothing_to_who_doesnt_know_the_secret() -> None:
    mine = row_key(Order, 1)
    assert len(mine) == 16
    assert mine == row_key(OpenOrder, "1")  # one table, one row
    assert mine not in {row_key(Order, 2), row_key(Customer, 1)}
    with override_settings(SECRET_KEY="another"):
        assert row_key(Order, 1) != mine


@pytest.mark.django_db(transaction=True)
def test_a_change_costs_one_insert_in_the_changes_own_transaction() -> None:
    order = Order.objects.create(number="A1")
    with CaptureQueriesContext(connection) as queries, transaction.atomic():
        order.save(update_fields=["number"])
    statements = [query["sql"].split()[0] for query in queries]
    assert statements == ["BEGIN", "UPDATE", "INSERT", "COMMIT"]


def test_a_model_whose_admin_isnt_live_has_no_receiver_and_tells_nothing(told: Told) -> None:
    draft = Draft.objects.create(text="x")
    with CaptureQueriesContext(connection) as queries:
        draft.save()
    assert len(queries) == 1
    assert len(told) == 0
    for signal in (post_save, post_delete, m2m_changed):
        assert not signal.has_listeners(Draft)
        assert not signal.has_listeners(apps.get_model("shop", "Product"))


def test_all_classes_that_share_a_row_tell_of_it(told: Told) -> None:
    assert set(relatives(OpenOrder)) == {Order, OpenOrder, RushOrder, SummedOrder}
    assert set(relatives(RushOrder)) == {Order, OpenOrder, RushOrder, SummedOrder}
    rush = RushOrder.objects.create(number="R1")
    both = (row_key(Order, rush.pk), row_key(RushOrder, rush.pk))
    assert rows(told) == [{"rows": dict.fromkeys(both, "created")}]
    assert told[0][0].channels == (CHANNEL, "_sse:admin:orders.rushorder")
    OpenOrder.objects.get(pk=rush.pk).save()
    assert rows(told)[1:] == [{"rows": dict.fromkeys(both, "updated")}]
    assert channel_of(OpenOrder) == CHANNEL


def test_many_to_many_changes_tell_from_both_sides_and_only_if_there_is_one(told: Told) -> None:
    order, tag = Order.objects.create(number="A1"), Tag.objects.create(name="fragile")
    before = len(rows(told))
    order.tags.add(tag)
    tag.order_set.remove(order)
    order.tags.add(tag)
    order.tags.add(tag)  # it has it
    tag.order_set.clear()
    assert rows(told)[before:] == [
        {"rows": keys(order.pk, "updated")},
        {"rows": keys(order.pk, "updated")},
        {"rows": keys(order.pk, "updated")},
        {"rows": {}, "more": True},
    ]


def test_a_related_model_tells_that_something_changed(told: Told) -> None:
    Customer.objects.create(name="Ada")
    assert rows(told) == [{"rows": {}, "more": True}]


def test_a_burst_in_one_transaction_tells_its_first_rows_and_then_once_that_there_are_more(
    told: Told,
) -> None:
    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        for i in range(1000):
            Order.objects.create(number=str(i))
    assert len(rows(told)) == SINGLES + 1
    assert rows(told)[-1] == {"rows": {}, "more": True}
    assert len(queries) == 1000 + SINGLES + 1


def test_more_is_told_again_if_the_savepoint_in_which_it_was_told_is_rolled_back(told: Told) -> None:
    with transaction.atomic():
        for i in range(SINGLES):
            Order.objects.create(number=str(i))
        with transaction.atomic():
            Order.objects.create(number="rolled back")
            transaction.set_rollback(True)
        assert rows(told)[SINGLES:] == [{"rows": {}, "more": True}]
        Order.objects.create(number="stays")
        assert rows(told)[SINGLES:] == [{"rows": {}, "more": True}] * 2
        Order.objects.create(number="told already")
    assert len(rows(told)) == SINGLES + 2


def test_a_burst_whose_savepoint_is_rolled_back_is_forgotten(told: Told) -> None:
    with transaction.atomic():
        with transaction.atomic():
            for i in range(SINGLES + 5):
                Order.objects.create(number=str(i))
            transaction.set_rollback(True)
        order = Order.objects.create(number="stays")
    assert rows(told)[-1] == {"rows": keys(order.pk, "created")}


@pytest.mark.django_db(transaction=True)
def test_two_transactions_are_two_bursts(told: Told) -> None:
    for _ in range(2):
        with transaction.atomic():
            for i in range(SINGLES + 5):
                Order.objects.create(number=str(i))
    assert len(rows(told)) == 2 * (SINGLES + 1)


@pytest.mark.django_db(transaction=True)
def test_where_the_log_isnt_in_the_transaction_a_burst_is_one_event_after_the_commit(told: Told) -> None:
    with override_settings(SSE_DJANGO=MEMORY):
        reset_backends()
        with transaction.atomic():
            first = Order.objects.create(number="first")
            for i in range(100):
                Order.objects.create(number=str(i))
            assert rows(told) == []
        assert len(rows(told)) == 1
        assert rows(told)[0]["more"] is True
        assert rows(told)[0]["rows"][row_key(Order, first.pk)] == "created"
        assert len(rows(told)[0]["rows"]) == 2 * SINGLES
        with transaction.atomic():
            Customer.objects.create(name="Ada")
        assert rows(told)[1:] == [{"rows": {}, "more": True}]
        del told[1:]
        with transaction.atomic():
            first.save()
            transaction.set_rollback(True)
        assert len(rows(told)) == 1
        first.save()
        assert rows(told)[1:] == [{"rows": keys(first.pk, "updated")}]
    reset_backends()


@pytest.mark.django_db(transaction=True)
def test_an_engine_that_doesnt_answer_doesnt_keep_a_row_from_being_saved(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*args: object) -> None:
        raise PublishError("no engine")

    monkeypatch.setattr(notices, "send", refuse)
    Order.objects.create(number="A1")
    assert Order.objects.count() == 1
    assert "a change was not told to live changelists (_sse:admin:orders.order" in caplog.text


def test_fixtures_are_changes_too(told: Told, tmp_path: Any) -> None:
    from django.core.management import call_command

    file = tmp_path / "orders.json"
    file.write_text(json.dumps([{"model": "orders.order", "pk": 5, "fields": {"number": "F", "tags": []}}]))
    call_command("loaddata", str(file), verbosity=0)
    assert {"rows": keys(5, "created")} in rows(told)


def test_notices_are_not_among_what_a_test_of_ones_own_captures() -> None:
    with capture_events() as events:
        Order.objects.create(number="A1")
    assert len(events) == 0
    assert list(events) == []
