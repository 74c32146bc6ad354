"""The model is in another database than the log: nothing that is rolled back is told of. And what MySQL can not tell."""

from __future__ import annotations

import pytest
from django.db import NotSupportedError, transaction

from sse_django.feeds import ModelFeed
from tests.feeds.app.models import Note, Order
from tests.feeds.conftest import one_database
from tests.feeds.test_publishing import logged


def test_events_wait_for_the_commit_of_the_models_database(sqlite_alias: str, postgres: str) -> None:
    class OrderFeed(ModelFeed):
        model = Order
        fields = ["id"]

    def fail() -> None:
        with transaction.atomic(using=sqlite_alias):
            Order.objects.using(sqlite_alias).create()
            raise RuntimeError

    from django.test import override_settings

    settings = {
        "default": {"BACKEND": "sse_django.backends.database.DatabaseBackend", "OPTIONS": {"using": postgres}},
    }
    for _ in one_database(sqlite_alias):
        with override_settings(SSE_DJANGO={"BACKENDS": settings}):
            with pytest.raises(RuntimeError):
                fail()
            with transaction.atomic(using=sqlite_alias):
                Order.objects.using(sqlite_alias).create()
                assert logged(postgres) == []
            assert [event for event, *_ in logged(postgres)] == ["created"]


@pytest.mark.parametrize("overlapping", ["mariadb"], indirect=True)
def test_conflicts_of_any_key_are_refused(overlapping: str) -> None:
    class NoteFeed(ModelFeed):
        model = Note
        fields = ["slug", "text"]

    Note.objects.create(slug="a")
    with pytest.raises(NotSupportedError, match="a conflict may be one of any unique field"):
        Note.objects.bulk_create([Note(slug="a", text="x")], update_conflicts=True, update_fields=["text"])
    assert Note.objects.get().text == ""
