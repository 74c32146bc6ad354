"""The log of the database backend in the admin: to look at, and nothing else.

An event that somebody changed or deleted would break the promise that readers see one order without gaps, so nobody may,
whatever their rights. With several database backends it is the log of "default", or else of the first; with none, there is no
page.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.exceptions import ImproperlyConfigured
from django.core.paginator import Paginator
from django.db import connections
from django.db.models import QuerySet, Subquery
from django.db.models.functions import Substr
from django.http import HttpRequest

from sse_django.backends import get_backend
from sse_django.backends.cursor import Cursor
from sse_django.backends.database import DatabaseBackend
from sse_django.conf import get_settings
from sse_django.models import LogEvent, LogHead

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[LogEvent]
    EventPaginator = Paginator[LogEvent]
else:
    ModelAdmin = admin.ModelAdmin
    EventPaginator = Paginator

#: Characters of an event's data in the list.
PREVIEW = 120
#: Events that the list can be paged through: what comes before is found by searching. Counting all would read the whole table.
COUNTED = 10_000


def shown_log() -> DatabaseBackend | None:
    """The backend whose log is shown."""
    for alias in sorted(get_settings().BACKENDS, key=lambda alias: alias != "default"):
        try:
            backend = get_backend(alias)
        except ImproperlyConfigured:  # a check's error, and no reason to close the admin
            continue
        if isinstance(backend, DatabaseBackend):
            return backend
    return None


class BoundedPaginator(EventPaginator):
    """Counts no further than COUNTED."""

    @cached_property
    def count(self) -> int:
        assert isinstance(self.object_list, QuerySet)
        return int(self.object_list.order_by()[:COUNTED].count())


@admin.register(LogEvent)
class EventAdmin(ModelAdmin):
    """Events, newest first."""

    list_display = ("cursor", "channel_names", "name", "created", "preview")
    fields = ("cursor", "channel_names", "name", "created", "retry", "comment", "text")
    readonly_fields = fields
    search_fields = ("channels", "event")
    search_help_text = "Searches in the names of channels and events."
    ordering = ("-id",)
    sortable_by = ()
    actions = None
    paginator = BoundedPaginator
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: LogEvent | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: LogEvent | None = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: LogEvent | None = None) -> bool:
        return shown_log() is not None and super().has_view_permission(request, obj)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return shown_log() is not None and super().has_module_permission(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[LogEvent]:
        """The columns of the list, and the beginning of the data: an event may be a megabyte."""
        log = shown_log()
        if log is None:
            return LogEvent.objects.none()
        epoch = LogHead.objects.using(log.using).filter(id=1).values("epoch")
        return (
            LogEvent.objects.using(log.using)
            .only("id", "seq", "tag", "channels", "event", "created")
            .annotate(epoch=Subquery(epoch), beginning=Substr("data", 1, PREVIEW + 1))
        )

    @admin.display(description="cursor")
    def cursor(self, event: Any) -> str | None:
        """What readers go on after; an event has none before it has its place in the log."""
        place = event.id if connections[event._state.db].vendor == "sqlite" else event.seq
        if place is None or event.epoch is None:
            return None
        return str(Cursor(event.epoch, place, event.tag))

    @admin.display(description="channels")
    def channel_names(self, event: LogEvent) -> str:
        """As they were published, with commas."""
        return ", ".join(event.channels.split())

    @admin.display(description="event", empty_value="message")
    def name(self, event: LogEvent) -> str | None:
        """What browsers call it."""
        return event.event

    @admin.display(description="data")
    def preview(self, event: Any) -> str | None:
        """The beginning."""
        beginning: str | None = event.beginning
        return beginning if beginning is None or len(beginning) <= PREVIEW else beginning[:PREVIEW] + "…"

    @admin.display(description="data")
    def text(self, event: LogEvent) -> str | None:
        """All of it, as it stands in the log."""
        return event.data
