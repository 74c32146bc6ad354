"""The log of `DatabaseBackend`: two tables, which nothing but that backend reads or writes.

An application has no use for them: `publish` and `subscribe` are the interface, and what stands in the columns may change.
"""

from __future__ import annotations

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db import models

if apps.apps_ready and not apps.is_installed("sse_django"):  # Django would say that a class lacks an app_label
    raise ImproperlyConfigured(
        "the log in the database (the default of SSE_DJANGO['BACKENDS']) is the app 'sse_django', which is not installed: "
        "add 'sse_django' to INSTALLED_APPS and run manage.py migrate"
    )


class LogEvent(models.Model):
    """One event.

    `id` is the order of inserts, which is not the order of commits. `seq`, given after the commit, is the log's order. SQLite
    has a single writer: there `id` is both, and `seq` stays empty.
    """

    id = models.BigAutoField(primary_key=True)  # AUTOINCREMENT on SQLite too: a number is never used twice
    seq = models.BigIntegerField(null=True, unique=True)
    tag = models.CharField(max_length=16)
    channels = models.TextField()  # each with a space before and after it
    event = models.TextField(null=True)  # noqa: DJ001 -- no event name and an empty one differ
    data = models.TextField(null=True)  # noqa: DJ001 -- None is no data
    key = models.CharField(max_length=64, null=True, unique=True)  # noqa: DJ001 -- a digest; unique allows NULL many times
    retry = models.BigIntegerField(null=True)
    comment = models.TextField(null=True)  # noqa: DJ001
    created = models.DateTimeField()

    class Meta:
        verbose_name = "event"
        default_permissions = ("view",)  # the admin shows it, and nobody may change it

    def __str__(self) -> str:
        return f"{self.event or 'message'} in{self.channels}"


class LogHead(models.Model):
    """The one row that says how far the log reaches: after `floor`, up to and with `seq` (on SQLite: with the last id)."""

    id = models.BigAutoField(primary_key=True)  # always 1
    epoch = models.CharField(max_length=32)
    seq = models.BigIntegerField(default=0)
    tag = models.CharField(max_length=16, default="")
    floor = models.BigIntegerField(default=0)
    floor_tag = models.CharField(max_length=16, default="")

    class Meta:
        verbose_name = "state of the log"
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.epoch}: after {self.floor} to {self.seq}"
