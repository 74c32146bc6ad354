"""`FeedQuerySet`: bulk operations, which send no signals, tell feeds what they change.

    class Order(models.Model):
        objects = FeedQuerySet.as_manager()

`update` (and `bulk_update`, which is made of it) changes exactly the rows that it has locked and looked at. `bulk_create`
tells of what it has created; where a conflict may make it something else it looks at the rows before and after, by primary
key or by `unique_fields`, and refuses where neither says which row is which. `delete` sends signals already.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, TypeVar

from django.db import NotSupportedError, connections, models, transaction

from sse_django.feeds.binding import Binding, bindings_of
from sse_django.feeds.changes import BATCH, Change, locked, publish, read_rows
from sse_django.feeds.visibility import channels_of

M = TypeVar("M", bound=models.Model)


class FeedQuerySet(models.QuerySet[M]):
    """A queryset whose `update`, `bulk_update` and `bulk_create` go live. With no feed on the model it is Django's own."""

    def update(self, **kwargs: Any) -> int:
        """As Django's, and told to feeds: a SELECT FOR UPDATE before, a SELECT and an INSERT after, per 500 rows."""
        here = bindings_of(self.model)
        if not here or not kwargs or self.query.is_sliced:
            return super().update(**kwargs)
        self._for_write = True
        using, updated = self.db, 0
        with transaction.atomic(using=using, savepoint=False):
            pks = self._lock(using)
            for start in range(0, len(pks), BATCH):
                batch = pks[start : start + BATCH]
                old = {binding: _channels(binding, using, batch) for binding in here}
                updated += super(FeedQuerySet, self._just(batch, using)).update(**kwargs)
                for binding in here:
                    _tell(binding, using, [*batch, *self._new_keys(kwargs, batch)], old[binding])
        self._result_cache = None
        return updated

    def _just(self, pks: Collection[Any], using: str) -> FeedQuerySet[M]:
        """The rows with these keys. Not by our own filter as well: an earlier batch may have changed what it finds."""
        if self.query.annotations:  # to which values may refer
            return self.filter(pk__in=pks)
        return type(self)(self.model, using=using).filter(pk__in=pks).order_by(*self.query.order_by)

    def _new_keys(self, values: dict[str, Any], pks: Collection[Any]) -> list[Any]:
        """The primary key that an update gives to a row, if it is one that it doesn't have."""
        key = self.model._meta.pk
        value = values.get(key.name, values.get(key.attname))
        if value is None or hasattr(value, "resolve_expression"):
            return []
        value = key.to_python(getattr(value, "pk", value))
        return [] if value in pks else [value]

    def _lock(self, using: str) -> list[Any]:
        """Lock the rows of this queryset; their primary keys."""
        rows: models.QuerySet[Any] = self.all()
        query = rows.query
        if len(query.alias_map) > 1 or query.distinct or query.group_by is not None or query.select_related:
            # What is joined or grouped can't be locked.
            rows = self.model._base_manager.using(using).filter(pk__in=rows.order_by().values("pk"))
        return list(dict.fromkeys(locked(rows, using).values_list("pk", flat=True)))

    update.alters_data = True  # type: ignore[attr-defined]

    def bulk_create(
        self,
        objs: Iterable[M],
        batch_size: int | None = None,
        ignore_conflicts: bool = False,
        update_conflicts: bool = False,
        update_fields: Collection[str] | None = None,
        unique_fields: Collection[str] | None = None,
    ) -> list[M]:
        """As Django's, and told to feeds.

        Raises:
            NotSupportedError: if it can't be known afterwards which rows were created: with `ignore_conflicts`, or on a
                database that doesn't return primary keys, if objects have none yet.
        """
        objs = list(objs)
        here = bindings_of(self.model)
        options: dict[str, Any] = {
            "batch_size": batch_size,
            "ignore_conflicts": ignore_conflicts,
            "update_conflicts": update_conflicts,
            "update_fields": update_fields,
            "unique_fields": unique_fields,
        }
        if not here or not objs:
            return super().bulk_create(objs, **options)
        self._for_write = True
        using = self.db
        find = self._finder(objs, ignore_conflicts, update_conflicts, unique_fields)
        with transaction.atomic(using=using, savepoint=False):
            old: dict[Binding, dict[Any, frozenset[str]]] = {binding: {} for binding in here}
            if find is not None:
                pks = find(locked(self.model._base_manager.using(using), using))
                old = {binding: _channels(binding, using, pks) for binding in here}
            made = super().bulk_create(objs, **options)
            if find is not None:
                after = find(self.model._base_manager.using(using))
                if ignore_conflicts:  # what was there has not been touched
                    after = [pk for pk in after if pk not in set(pks)]
                for binding in here:
                    _tell(binding, using, after, old[binding])
            else:
                for binding in here:
                    _tell_created(binding, using, made)
        return made

    bulk_create.alters_data = True  # type: ignore[attr-defined]

    def _finder(
        self, objs: Sequence[M], ignore_conflicts: bool, update_conflicts: bool, unique_fields: Collection[str] | None
    ) -> Any:
        """A function of a queryset that gives the primary keys of these objects' rows; None where the objects will know."""
        have_keys = all(obj.pk is not None for obj in objs)
        if not (ignore_conflicts or update_conflicts):
            if not have_keys and not connections[self.db].features.can_return_rows_from_bulk_insert:
                raise _unknowable("on this database bulk_create gives no primary keys back")
            return None
        meta = self.model._meta
        names = [meta.pk.name if name == "pk" else name for name in unique_fields or ()]
        if names and names != [meta.pk.name]:
            attnames = [meta.get_field(name).attname for name in names]  # type: ignore[union-attr]
            keys = [{name: getattr(obj, name) for name in attnames} for obj in objs]
        elif update_conflicts and connections[self.db].vendor == "mysql" and _has_other_keys(self.model):
            raise _unknowable("on this database a conflict may be one of any unique field")
        elif have_keys:
            keys = [{"pk": obj.pk} for obj in objs]
        else:
            raise _unknowable(
                "with conflicts and without unique_fields, objects that have no primary key can't be told apart"
            )

        def find(queryset: models.QuerySet[Any]) -> list[Any]:
            found: list[Any] = []
            for start in range(0, len(keys), 100):  # an OR of more is refused by some databases
                condition = models.Q()
                for key in keys[start : start + 100]:
                    condition |= models.Q(**key)
                found += queryset.filter(condition).values_list("pk", flat=True)
            return list(dict.fromkeys(found))

        return find


def _channels(binding: Binding, using: str, pks: Collection[Any]) -> dict[Any, frozenset[str]]:
    rows = read_rows(binding.feed, using, pks, lock=True)
    return {pk: channels_of(binding.feed, row).channels for pk, row in rows.items()}


def _tell(binding: Binding, using: str, pks: Collection[Any], old: dict[Any, frozenset[str]]) -> None:
    rows = read_rows(binding.feed, using, pks)
    changes = [Change(pk, rows.get(pk), old.get(pk, frozenset())) for pk in pks]
    publish(binding.feed, using, [change for change in changes if change.row is not None or change.old])


def _tell_created(binding: Binding, using: str, made: Sequence[models.Model]) -> None:
    unread = [obj.pk for obj in made if binding.as_stored(obj) is None]
    rows = {**{obj.pk: obj for obj in made}, **dict.fromkeys(unread), **read_rows(binding.feed, using, unread)}
    publish(binding.feed, using, [Change(pk, row) for pk, row in rows.items() if row is not None])


def _has_other_keys(model: type[models.Model]) -> bool:
    meta = model._meta
    fields = any(field.unique and not field.primary_key for field in meta.concrete_fields)
    return fields or bool(meta.unique_together) or any(isinstance(c, models.UniqueConstraint) for c in meta.constraints)


def _unknowable(why: str) -> NotSupportedError:
    return NotSupportedError(
        f"feeds can't tell which rows bulk_create makes here: {why}. Give the objects primary keys (a UUID, say), or write "
        "`with suppress_feeds(): …` and tell of the rows with YourFeed.refresh(queryset)"
    )
