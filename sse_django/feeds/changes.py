"""From a change of a row to events: `deleted` for those who lose it, `created` for those who gain it, `updated` for the others.

On a backend that joins the transaction the events are one INSERT in it. On others they wait for the commit, read the row again
then, and once more after the engine has taken them: if the row has changed meanwhile, what was sent may stand behind what is
newer, and is sent again. So the last event of a row always shows its last state.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connections, models, transaction
from django.db.models.sql.constants import LOUTER

from sse_django.backends import Message
from sse_django.channels import MAX_CHANNELS, RESERVED_PREFIX
from sse_django.events import replace_surrogates
from sse_django.feeds.feed import ModelFeed
from sse_django.feeds.payload import Sent
from sse_django.feeds.visibility import channels_of
from sse_django.outbox import captures, record
from sse_django.pubsub import send_all, send_late

logger = logging.getLogger("sse_django")

#: Rows that are read by one SELECT.
BATCH = 500
#: Times that a row is sent again because it has changed meanwhile; then its other writers are left to tell of it.
TRIES = 10

#: Marks a feed's events, so that its readers take nothing else for them that is published in the same channels.
MARK = f"{RESERVED_PREFIX}feed:"
#: Before the channels that a moving row has left, or has come to: readers of both see it updated.
CAME_FROM, GOES_TO = f"{RESERVED_PREFIX}from:", f"{RESERVED_PREFIX}to:"


@dataclass(slots=True)
class Change:
    """What happened to one row.

    Attributes:
        pk: its primary key.
        row: as it is stored, and visible; None if it isn't (any more).
        old: the channels it was in; None for those that it is in.
        new: the channels it is in; None if they are to be found out.
    """

    pk: Any
    row: models.Model | None
    old: frozenset[str] | None = frozenset()
    new: frozenset[str] | None = None


#: Called with a feed, a primary key, and the channels that the row was in and is in: what tests watch.
observers: list[Callable[[ModelFeed, Any, frozenset[str], frozenset[str]], None]] = []


def publish(feed: ModelFeed, using: str, changes: Sequence[Change]) -> None:
    """Tell of changes on a database alias: in its transaction, or when that has committed."""
    if not changes:
        return
    if feed.joins(using):
        feed.payload.load([change.row for change in changes if change.row is not None])
        messages = [message for change in changes for message in messages_for(feed, change)]
        if messages:
            send_all(messages, feed.backend)
        return
    if captures or observers:  # a test may never commit
        for change in changes:
            for message in messages_for(feed, change):
                record(message, feed.backend)
    late = [(change.pk, change.old) for change in changes]
    transaction.on_commit(lambda: _publish_late(feed, using, late), using=using)


def read_rows(feed: ModelFeed, using: str, pks: Collection[Any], *, lock: bool = False) -> dict[Any, models.Model]:
    """The rows with these primary keys that are visible at all, by key; locked against other changes where that is possible."""
    found: dict[Any, models.Model] = {}
    keys = list(pks)
    for start in range(0, len(keys), BATCH):
        queryset = feed.live_rows(using).filter(pk__in=keys[start : start + BATCH])
        for row in locked(queryset, using) if lock else queryset:
            found[row.pk] = row
    return found


def read_row(feed: ModelFeed, using: str, pk: Any, *, lock: bool = False) -> models.Model | None:
    """One of them."""
    queryset = feed.live_rows(using).filter(pk=pk)
    return next(iter(locked(queryset, using) if lock else queryset), None)


def locked(queryset: models.QuerySet[Any], using: str) -> models.QuerySet[Any]:
    """The queryset FOR UPDATE, where there is such a thing and a transaction that holds it."""
    features, query = connections[using].features, queryset.query
    if not features.has_select_for_update or connections[using].get_autocommit():
        return queryset
    if query.distinct or query.group_by is not None or query.combinator:
        return queryset  # such rows can't be locked
    options: dict[str, Any] = {}
    if features.has_select_for_no_key_update:
        options["no_key"] = True  # rows that point here may be inserted meanwhile
    outer = any(getattr(table, "join_type", None) == LOUTER for table in query.alias_map.values())
    if features.has_select_for_update_of and (query.select_related or outer):
        options["of"] = ("self",)  # an outer join's other side can't be locked
    return queryset.select_for_update(**options)


def refresh(feed: ModelFeed, rows: Iterable[Any], seen_by: Iterable[str] | None) -> int:
    """See ModelFeed.refresh()."""
    using = getattr(rows, "db", None) if isinstance(rows, models.QuerySet) and rows._db else None  # type: ignore[attr-defined]
    using = using or feed.live_rows().db
    if isinstance(rows, models.QuerySet):
        pks = list(rows.using(using).values_list("pk", flat=True))
    else:
        pks = [getattr(row, "pk", row) for row in rows]
    old = None if seen_by is None else frozenset(seen_by)
    told = 0
    for start in range(0, len(pks), BATCH):
        with transaction.atomic(using=using, savepoint=False):
            batch = pks[start : start + BATCH]
            found = read_rows(feed, using, batch, lock=True)
            changes = [Change(pk, found.get(feed.model._meta.pk.to_python(pk)), old) for pk in batch]
            publish(feed, using, [change for change in changes if change.row is not None or change.old])
            told += len(batch)
    return told


def messages_for(feed: ModelFeed, change: Change) -> list[Message]:
    """The events of a change: none to three, in the order in which readers of several channels need them."""
    new = change.new
    if new is None:
        new = frozenset() if change.row is None else channels_of(feed, change.row).channels
    old = new if change.old is None else change.old
    for observer in observers:
        observer(feed, change.pk, old, new)
    lost, gained, kept = old - new, new - old, old & new
    made: list[Message] = []
    if lost:
        made.append(_message(feed, feed.payload.deleted(change.pk), lost, GOES_TO, new))
    if change.row is not None:
        if gained:
            made.append(_message(feed, feed.payload.changed("created", change.row), gained, CAME_FROM, old))
        if kept:
            made.append(_message(feed, feed.payload.changed("updated", change.row), kept))
    return made


def _message(
    feed: ModelFeed, sent: Sent, channels: frozenset[str], prefix: str = "", others: frozenset[str] = frozenset()
) -> Message:
    if len(channels) > MAX_CHANNELS:
        raise ValueError(f"{feed.label}: a row is in {len(channels)} channels; up to {MAX_CHANNELS} are possible")
    names = (*sorted(channels), f"{MARK}{feed.label}", *(f"{prefix}{name}" for name in sorted(others)))
    return Message(names, replace_surrogates(sent.text).replace("\0", "\ufffd"), event=sent.event)


def _publish_late(feed: ModelFeed, using: str, changes: list[tuple[Any, frozenset[str] | None]]) -> None:
    """After the commit."""
    for pk, old in changes:
        try:
            change = Change(pk, read_row(feed, using, pk), old)
            for _ in range(TRIES):
                messages = messages_for(feed, change)
                if not send_late(messages, feed.backend):
                    break
                sent, change = change, Change(pk, read_row(feed, using, pk), old)
                if _state(feed, change) == _state(feed, sent):
                    break
                if old is None and sent.row is not None:  # it was seen where it was sent
                    change.old = channels_of(feed, sent.row).channels
        except Exception:  # the transaction has committed: there is nobody to raise it to
            logger.exception("%s: a change of %r could not be told of", feed.label, pk)


def _state(feed: ModelFeed, change: Change) -> Any:
    if change.row is None:
        return None
    feed.payload.load([change.row])
    return feed.payload.changed("updated", change.row), channels_of(feed, change.row).channels
