"""From a row to what goes over the wire: JSON by the feed's schema, or HTML by its template.

What isn't in the schema isn't sent: a template gets the row as the schema has read it, never the model instance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import models
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe
from pydantic import TypeAdapter, ValidationError

from sse_django.exceptions import InvalidItem
from sse_django.instances import Attributes
from sse_django.payloads import dump_json, make_dump

if TYPE_CHECKING:
    from sse_django.feeds.feed import ModelFeed

#: The one event name that Datastar's client acts on here.
PATCH = "datastar-patch-elements"


@dataclass(frozen=True)
class Sent:
    """An event's name and text."""

    event: str
    text: str


class Payload:
    """How one feed writes its rows."""

    def __init__(self, feed: ModelFeed) -> None:
        self._feed = feed
        self._adapter: TypeAdapter[Any] = TypeAdapter(feed.schema)
        self._dump = make_dump(self._adapter)
        self._pk = feed.model._meta.pk
        names = set(feed.schema.model_fields)
        meta = feed.model._meta
        attnames = {field.attname for field in meta.concrete_fields}
        read = {meta.pk.attname if name == "pk" else name for name in names}
        #: Whether it needs nothing but columns of the row.
        self.is_plain = read <= attnames and not _has_aliases(feed.schema)
        #: The columns that it may read: a schema of one's own may have validators that read others.
        self.attnames = frozenset(read if feed.fields is not None else attnames)
        self.many = [field.name for field in meta.many_to_many if field.name in names]

    def read(self, row: models.Model) -> Any:
        """The row as the schema has it.

        Raises:
            InvalidItem: if it doesn't fit.
        """
        attributes = Attributes(row)
        try:
            return self._adapter.validate_python(attributes, from_attributes=True)
        except ValidationError as error:
            if attributes.sse_problem is not None:
                raise attributes.sse_problem from None
            misfits = "; ".join(
                f"{'.'.join(map(str, e['loc']))}: {e['msg']}"
                for e in error.errors(include_url=False, include_input=False)
            )
            raise InvalidItem(
                f"{type(self._feed).__name__}: a {type(row).__name__} that does not fit: {misfits}"
            ) from None

    def changed(self, kind: str, row: models.Model) -> Sent:
        """`created` or `updated`."""
        if self._feed.template_name is None:
            return Sent(kind, self._dump(self.read(row)).decode())
        html = self.html(kind, row)
        if self._feed.datastar is None:
            return Sent(kind, html)
        return self._patch(html, "append", self._feed.datastar) if kind == "created" else self._patch(html, "outer")

    def deleted(self, pk: Any) -> Sent:
        """Only the primary key, or what removes its element."""
        pk = self._pk.to_python(pk)  # of an instance that nobody has read it may be text
        if self._feed.template_name is None:
            return Sent("deleted", dump_json({"pk": pk}).decode())
        element = self._feed.element_id(pk)
        if self._feed.datastar is not None:
            return self._patch("", "remove", f"#{element}")
        return Sent("deleted", f'<div id="{element}" hx-swap-oob="delete"></div>')

    def snapshot(self, rows: Sequence[models.Model]) -> Sent:
        """All rows."""
        self.load(rows)
        if self._feed.template_name is None:
            return Sent("snapshot", "[" + ",".join(self._dump(self.read(row)).decode() for row in rows) + "]")
        html = "\n".join(self.html("snapshot", row) for row in rows)
        return self._patch(html, "inner", self._feed.datastar) if self._feed.datastar else Sent("snapshot", html)

    def load(self, rows: Sequence[models.Model]) -> None:
        """Fetch what many-to-many fields need, for all rows at once."""
        if self.many and rows:
            models.prefetch_related_objects(rows, *self.many)

    def html(self, kind: str, row: models.Model) -> SafeString:
        """A row by the feed's template."""
        assert self._feed.template_name is not None
        oob = mark_safe('hx-swap-oob="true"') if kind == "updated" and self._feed.datastar is None else ""
        context = {
            "row": self.read(row),
            "pk": row.pk,
            "event": kind,
            "element_id": self._feed.element_id(row.pk),
            "oob": oob,
        }
        return mark_safe(render_to_string(self._feed.template_name, context).strip())  # noqa: S308 -- a template's output

    @staticmethod
    def _patch(html: str, mode: str, selector: str | None = None) -> Sent:
        lines = [f"mode {mode}"]
        if selector is not None:
            lines.insert(0, f"selector {selector}")
        lines += [f"elements {line}" for line in html.splitlines()]
        return Sent(PATCH, "\n".join(lines))


def _has_aliases(schema: Any) -> bool:
    return any(field.alias or field.validation_alias for field in schema.model_fields.values())
