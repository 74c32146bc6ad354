"""Widgets of text: rows of a table, lines of a log."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import islice
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db.models import QuerySet

from sse_django.admin.dashboard.columns import Column, has_field, has_values, heading, key, read, split, with_relations
from sse_django.admin.dashboard.sources import Call
from sse_django.admin.dashboard.tracks import Latest, Lines, Track
from sse_django.admin.dashboard.values import cell, seconds, text
from sse_django.admin.dashboard.widget import Widget
from sse_django.channels import check_channels
from sse_django.events import ServerSentEvent


class Table(Widget):
    """Rows. The source returns a queryset, or an iterable of instances, dicts or lists.

    Args:
        fields: the columns: names of fields, attributes, methods or keys, across relations with `__`; functions of a row; pairs
            of a heading and one of these. Must be said for instances; a feed has its own, and of dicts all keys are shown.
        limit: how many rows are read and shown.
        link: whether the first column leads to the admin's page of a queryset's object, for those who may see it.
    """

    kind = "table"
    default_columns = 2

    def __init__(
        self,
        source: Any,
        *,
        fields: Collection[Column] | None = None,
        limit: int = 20,
        link: bool = True,
        **options: Any,
    ) -> None:
        self.fields = fields
        self.limit = limit
        super().__init__(source, **options)
        self._require(limit in range(1, 1001), f"limit={limit!r}: 1 to 1000")
        self._require(
            fields is None or (not isinstance(fields, str) and len(fields) > 0), f"fields={fields!r}: a list of columns"
        )
        self.model = self.source.model if isinstance(self.source, QuerySet) else None
        if self.feed is not None:
            self.model = self.feed.model
            self.fields = fields = fields or self.feed.fields or list(self.feed.schema.model_fields)
        self.link = link and self.model is not None
        of_instances = isinstance(self.source, QuerySet) and not has_values(self.source)
        self._require(fields is not None or not of_instances, "which fields=[…] are the columns?")
        self._columns = [split(column) for column in fields or ()]

    def check_columns(self) -> None:
        """Refuse names that a queryset's model doesn't have. Asked once all models are there.

        Raises:
            ImproperlyConfigured: for the first of them.
        """
        if not isinstance(self.source, QuerySet) or self.model is None or has_values(self.source):
            return
        for _, reads in self._columns:
            first = reads.split("__")[0] if isinstance(reads, str) else None
            if first is not None and first not in self.source.query.annotations and not has_field(self.model, first):
                raise ImproperlyConfigured(
                    f"{type(self).__name__} {self.name!r}: {self.model.__name__} has no {first!r} to show as a column"
                )

    def convert(self, value: Any) -> Any:
        if isinstance(value, QuerySet):
            value = with_relations(value, [reads for _, reads in self._columns if isinstance(reads, str)])
            value = value[: self.limit]
        rows = list(islice(value, self.limit))
        columns = None
        if not self._columns and rows and isinstance(rows[0], Mapping):
            columns = [text(name) for name in rows[0]]
        return {"columns": columns, "rows": [[key(row, index), self._cells(row)] for index, row in enumerate(rows)]}

    def headings(self) -> list[str] | None:
        """The columns' headings, in the current language; None where they come with the rows."""
        if not self._columns:
            return None
        return [heading(self.model, given, reads) for given, reads in self._columns]

    def _cells(self, row: Any) -> list[Any]:
        if self._columns:
            return [cell(reads(row) if callable(reads) else read(row, reads)) for _, reads in self._columns]
        if isinstance(row, Mapping):
            return [cell(value) for value in row.values()]
        if isinstance(row, (list, tuple)):
            return [cell(value) for value in row]
        raise TypeError(
            f"rows that are dicts or lists are expected where there is no fields=[…], got {type(row).__name__}"
        )


class Log(Widget):
    """Lines, newest last. They are the events of a channel, or what the source returns: all lines that are to be shown.

    Args:
        source: a function that returns texts, or pairs of a time and a text, or a `ModelFeed`, whose events are the lines where
            it has its own channel; not with `channel`.
        channel: the name of a channel, or several; what is published there is a line, from when the first viewer comes.
        line: makes the text of a channel's event (`ServerSentEvent`); None as the text leaves it out.
        lines: how many are kept.
        backend: whose channel it is.
    """

    kind = "log"
    default_columns = 2

    def __init__(
        self,
        source: Any = None,
        *,
        channel: str | Iterable[str] | None = None,
        line: Callable[[ServerSentEvent[Any]], Any] | None = None,
        lines: int = 200,
        backend: str = "default",
        **options: Any,
    ) -> None:
        self.channels: tuple[str, ...] = ()
        self.lines = lines
        self._line = line or _line
        if channel is not None:
            try:
                self.channels = check_channels([channel] if isinstance(channel, str) else channel)
            except (TypeError, ValueError) as error:
                raise ImproperlyConfigured(f"{type(self).__name__}: channel={channel!r}: {error}") from None
        super().__init__(source, **options)
        if self.feed is not None:
            self._require(bool(self.on), f"the channels of {self.feed.__name__} depend on its rows: say channel=")
            self.channels, self.on = self.on, ()
        else:
            self.backend = backend
        self._require(lines in range(1, 5001), f"lines={lines!r}: 1 to 5000")
        self._require(callable(self._line), f"line={line!r}: a function of an event")

    def check_source(self) -> None:
        self._require(
            (self.source is None) != (not self.channels), "either a source or channel= is expected, and not both"
        )
        if self.source is not None:
            super().check_source()

    def track(self) -> Track:
        return Lines(self.lines) if self.channels else Latest()

    def call(self) -> Call:
        return Call(self.source, self.convert)

    def convert(self, value: Any) -> Any:
        return [_entry(one) for one in list(value)[-self.lines :]]

    def convert_event(self, event: ServerSentEvent[Any], at: float) -> list[Any]:
        """The lines of one event: one, or none."""
        said = self._line(event)
        return [] if said is None else [{"at": at, "name": event.event, "text": text(said)}]

    def options(self) -> dict[str, Any]:
        return {"lines": self.lines}


def _entry(one: Any) -> dict[str, Any]:
    if isinstance(one, (tuple, list)) and len(one) == 2:
        return {"at": seconds(one[0]), "name": None, "text": text(one[1])}
    return {"at": None, "name": None, "text": text(one)}


def _line(event: ServerSentEvent[Any]) -> Any:
    """A text that is published stands for itself, and so does the one in {"text": …} or {"message": …}."""
    data = event.data if event.raw_data is None else event.raw_data
    if isinstance(data, Mapping):
        said = data.get("text", data.get("message"))
        if isinstance(said, str):
            return said
        return ", ".join(f"{name}: {_plain(value)}" for name, value in data.items())
    return _plain(data)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
