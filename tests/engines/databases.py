"""One more database for the tests, under an alias of its own and with the log's tables in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management import call_command
from django.db import connections

from sse_django.models import LogEvent, LogHead


@contextmanager
def database(alias: str, settings: dict[str, Any]) -> Iterator[str]:
    """Put it into DATABASES, make the tables, and take it out again."""
    connections.settings[alias] = connections.configure_settings({"default": {}, alias: settings})[alias]
    try:
        call_command("migrate", "sse_django", database=alias, verbosity=0)
        yield alias
    finally:
        connections[alias].close()
        del connections[alias]
        del connections.settings[alias]


def empty(alias: str) -> None:
    """As a database is after a flush."""
    LogEvent.objects.using(alias).all().delete()
    LogHead.objects.using(alias).all().delete()


Saved = tuple[list[LogEvent], list[LogHead]]


def save(alias: str) -> Saved:
    """The log's rows, as a backup has them."""
    return list(LogEvent.objects.using(alias)), list(LogHead.objects.using(alias))


def restore(alias: str, saved: Saved) -> None:
    """Put them back; what has been numbered since is lost, and its numbers come again."""
    empty(alias)
    events, heads = saved
    LogEvent.objects.using(alias).bulk_create(events)
    LogHead.objects.using(alias).bulk_create(heads)
    if connections[alias].vendor == "sqlite":
        last = max((event.id for event in events), default=0)
        with connections[alias].cursor() as cursor:
            cursor.execute("UPDATE sqlite_sequence SET seq = %s WHERE name = %s", [last, LogEvent._meta.db_table])
