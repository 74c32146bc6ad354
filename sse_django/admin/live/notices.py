"""What is told of a change: that there was one, and a row's key that says nothing to whoever doesn't see the row.

Receivers are connected for models with a live admin, and for no others. A notice is one INSERT in the change's transaction, or
is sent after the commit where the log isn't in the model's database. A transaction tells its first changes one by one and then
once that there are more, so that a burst costs a handful of INSERTs.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterable
from typing import Any

from django.db import connections, transaction
from django.db.models import Model
from django.db.models.signals import m2m_changed, post_delete, post_save
from django.utils.crypto import salted_hmac

from sse_django.admin.live.family import concrete, pk_in, relatives
from sse_django.backends import get_backend
from sse_django.channels import RESERVED_PREFIX
from sse_django.exceptions import PublishError
from sse_django.messages import make_message
from sse_django.pubsub import send

logger = logging.getLogger("sse_django")

#: Changes that a transaction tells one by one.
SINGLES = 8
#: Names this process in what it finds out by looking.
PROCESS = secrets.token_hex(4)

Rows = dict[str, str]


def channel_of(model: type[Model]) -> str:
    """The channel of a model's notices: one for a table, whatever its proxies."""
    return f"{RESERVED_PREFIX}admin:{concrete(model)._meta.label_lower}"


def row_key(model: type[Model], pk: Any) -> str:
    """Stands for a row. Keyed, so that a notice doesn't tell the primary keys of rows that its reader may not see."""
    return salted_hmac("sse_django.admin.live", f"{channel_of(model)}:{pk}", algorithm="sha256").hexdigest()[:16]


_followers: dict[tuple[type[Model], str, tuple[type[Model], ...]], Follower] = {}


def follow(model: type[Model], alias: str, also: tuple[type[Model], ...] = ()) -> Follower:
    """Have every change to a model's rows told, from now on; changes to the rows of `also` as well, without saying which."""
    follower = _followers.get((model, alias, also))
    if follower is None:
        follower = _followers[model, alias, also] = Follower(model, alias, also)
    return follower


class Follower:
    """Tells the changes of one model in one log."""

    def __init__(self, model: type[Model], alias: str, also: Iterable[type[Model]]) -> None:
        self.model = model
        self.alias = alias
        self.channel = channel_of(model)
        self._slot = f"_sse_django_{alias}_{self.channel}"
        for relative in relatives(model):
            self._connect(relative, self._saved, self._deleted)
        for field in concrete(model)._meta.many_to_many:
            m2m_changed.connect(self._related, sender=field.remote_field.through, weak=False, dispatch_uid=self._slot)
        for other in also:
            for relative in relatives(other):
                self._connect(relative, self._elsewhere, self._elsewhere)

    def _connect(self, sender: type[Model], saved: Callable[..., None], deleted: Callable[..., None]) -> None:
        # The first one stays: a model that is named in its own `also` tells its rows.
        post_save.connect(saved, sender=sender, weak=False, dispatch_uid=self._slot)
        post_delete.connect(deleted, sender=sender, weak=False, dispatch_uid=self._slot)

    # -- receivers

    def _saved(self, instance: Model, created: bool, using: str, **kwargs: Any) -> None:
        self._tell(using, {self._key(instance): "created" if created else "updated"})

    def _deleted(self, instance: Model, using: str, **kwargs: Any) -> None:
        self._tell(using, {self._key(instance): "deleted"})

    def _related(self, instance: Any, action: str, reverse: bool, pk_set: set[Any] | None, **kwargs: Any) -> None:
        if action.startswith("post_"):
            pks = pk_set if reverse else {pk_in(self.model, instance)}
            if pks is None or pks:  # None: cleared from the other side; an empty set: nothing was changed
                rows = None if pks is None or len(pks) > SINGLES else dict.fromkeys(map(self._key_of, pks), "updated")
                self._tell(kwargs["using"], rows)

    def _elsewhere(self, using: str, **kwargs: Any) -> None:
        self._tell(using, None)

    def _key(self, instance: Model) -> str:
        return self._key_of(pk_in(self.model, instance))

    def _key_of(self, pk: Any) -> str:
        return row_key(self.model, pk)

    # -- telling

    def tell_check(self) -> None:
        """A look at the table has found it changed: it isn't known by whom, nor which rows."""
        self._send("check", {"by": PROCESS})

    def _tell(self, using: str, rows: Rows | None) -> None:
        """Tell which rows changed on a database; None is that it isn't known which."""
        connection = connections[using]
        if not connection.in_atomic_block:
            self._send("change", _notice(rows))
        elif _joins(self.alias, using):
            self._join(connection, rows)
        else:
            self._collect(connection, rows)

    def _join(self, connection: Any, rows: Rows | None) -> None:
        """Into the open transaction."""
        burst = self._burst(connection)
        burst.told += 1
        if burst.told <= SINGLES:
            self._send("change", _notice(rows))
        elif not _waits(connection, burst.more):
            # Told in a savepoint that is rolled back it would be lost; then its hook is gone too, and it is told again.
            burst.more = _Mark()
            self._send("change", _notice(None))
            transaction.on_commit(burst.more, using=connection.alias)

    def _collect(self, connection: Any, rows: Rows | None) -> None:
        """For after the commit."""
        burst = self._burst(connection)
        if rows is None or len(burst.rows) >= SINGLES:
            burst.unknown = True
        else:
            burst.rows.update(rows)

    def _burst(self, connection: Any) -> _Burst:
        burst: _Burst | None = getattr(connection, self._slot, None)
        if burst is None or not _waits(connection, burst):
            burst = _Burst(self)
            setattr(connection, self._slot, burst)
            transaction.on_commit(burst, using=connection.alias)
        return burst

    def send_collected(self, burst: _Burst) -> None:
        """What `_collect` has gathered."""
        self._send("change", {"rows": burst.rows, **({"more": True} if burst.unknown else {})})

    def _send(self, event: str, data: Any) -> None:
        try:
            send(make_message([self.channel], data, event=event, key=None, reserved=True), self.alias)
        except PublishError:  # the row is saved: that nobody's list moves at once is no reason to fail
            logger.warning("a change of %s was not told to its live changelists", self.model._meta.label, exc_info=True)


class _Mark:
    """A hook that does nothing; that it waits says that what was told with it stands."""

    def __call__(self) -> None: ...


class _Burst:
    """What one transaction has told, or has to tell. It is the transaction's hook, and gone with what is rolled back."""

    def __init__(self, follower: Follower) -> None:
        self._follower = follower
        self.told = 0
        self.more: _Mark | None = None
        self.rows: Rows = {}
        self.unknown = False

    def __call__(self) -> None:
        if self.rows or self.unknown:
            self._follower.send_collected(self)


def _notice(rows: Rows | None) -> dict[str, Any]:
    return {"rows": {}, "more": True} if rows is None else {"rows": rows}


def _waits(connection: Any, hook: object) -> bool:
    """Whether a hook of the open transaction is still to be run: it isn't if its savepoint was rolled back."""
    return hook is not None and any(entry[1] is hook for entry in connection.run_on_commit)


def _joins(alias: str, using: str) -> bool:
    """Whether what is published now is part of a transaction on a database."""
    backend: Any = get_backend(alias)
    return bool(backend.transactional) and getattr(backend, "using", None) == using
