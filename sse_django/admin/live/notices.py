"""What is told of a change: that there was one, and a row's key that says nothing to whoever doesn't see the row.

Receivers are connected for models with a live admin, and for no others. A notice is one INSERT in the change's transaction, or
is sent after the commit where the log isn't in the model's database. A transaction tells its first changes one by one and then
once that there are more, so that a burst costs a handful of INSERTs.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
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

#: What the channels' names begin with.
CHANNELS = f"{RESERVED_PREFIX}admin:"
#: Changes that a transaction tells one by one.
SINGLES = 8
#: Names this process in what it finds out by looking.
PROCESS = secrets.token_hex(4)

Rows = dict[str, str]


def channel_of(model: type[Model]) -> str:
    """The channel of a model's notices: one for a table, whatever its proxies."""
    return f"{CHANNELS}{concrete(model)._meta.label_lower}"


def row_key(model: type[Model], pk: Any) -> str:
    """Stands for a row. Keyed, so that a notice doesn't tell the primary keys of rows that its reader may not see."""
    return salted_hmac("sse_django.admin.live", f"{channel_of(model)}:{pk}", algorithm="sha256").hexdigest()[:16]


_followers: dict[tuple[type[Model], str, tuple[type[Model], ...]], Follower] = {}
_tellers: dict[tuple[type[Model], str], Teller] = {}


def follow(model: type[Model], alias: str, also: tuple[type[Model], ...] = ()) -> Follower:
    """Have every change to a model's rows told, from now on; changes to the rows of `also` as well, without saying which."""
    follower = _followers.get((model, alias, also))
    if follower is None:
        follower = _followers[model, alias, also] = Follower(model, alias, also)
    return follower


@contextmanager
def isolated() -> Iterator[None]:
    """What is followed in the block is forgotten after it: for tests that make admins of their own."""
    before = set(_tellers), set(_followers)
    try:
        yield
    finally:
        for followed in set(_followers) - before[1]:
            del _followers[followed]
        for told in set(_tellers) - before[0]:
            _tellers.pop(told).stop()


class Follower:
    """Has the changes of one model told in one log."""

    def __init__(self, model: type[Model], alias: str, also: Iterable[type[Model]]) -> None:
        self.model = model
        self.alias = alias
        self.channel = channel_of(model)
        for relative in relatives(model):
            _teller(relative, alias).tell_rows_of(model)
        for field in concrete(model)._meta.many_to_many:
            assert field.remote_field.through is not None  # once models are loaded
            _teller(field.remote_field.through, alias).tell_joins_of(model)
        for other in also:
            for relative in relatives(other):
                _teller(relative, alias).tell(self.channel)

    def tell_check(self, found: dict[str, Any]) -> None:
        """A look at the table has found it changed: it isn't known by whom, nor which rows."""
        _send([self.channel], "check", {"by": PROCESS, **found}, self.alias)


def _teller(sender: type[Model], alias: str) -> Teller:
    teller = _tellers.get((sender, alias))
    if teller is None:
        teller = _tellers[sender, alias] = Teller(sender, alias)
    return teller


class Teller:
    """Receives one class's signals, and tells all lists that a change concerns of it in one event."""

    def __init__(self, sender: type[Model], alias: str) -> None:
        self._sender = sender
        self._alias = alias
        self._models: dict[str, type[Model]] = {}  # whose rows its instances are, by channel
        self._joined: dict[str, type[Model]] = {}  # whose rows its instances join to others
        self._others: set[str] = set()  # channels of lists that show them in passing
        self._slot = f"_sse_django_{alias}_{sender._meta.label_lower}"
        post_save.connect(self._saved, sender=sender, weak=False)
        post_delete.connect(self._deleted, sender=sender, weak=False)
        m2m_changed.connect(self._related, sender=sender, weak=False)  # where it is what joins two models

    def tell_rows_of(self, model: type[Model]) -> None:
        """To the lists of a model whose rows the instances are."""
        self._models.setdefault(channel_of(model), model)

    def tell_joins_of(self, model: type[Model]) -> None:
        """To the lists of a model that has a ManyToManyField through this class."""
        self._joined.setdefault(channel_of(model), model)

    def tell(self, channel: str) -> None:
        """To another list."""
        self._others.add(channel)

    def stop(self) -> None:
        """Tell no more."""
        post_save.disconnect(self._saved, sender=self._sender)
        post_delete.disconnect(self._deleted, sender=self._sender)
        m2m_changed.disconnect(self._related, sender=self._sender)

    # -- receivers

    def _saved(self, instance: Model, created: bool, using: str, **kwargs: Any) -> None:
        self._tell(using, self._rows(instance, "created" if created else "updated"))

    def _deleted(self, instance: Model, using: str, **kwargs: Any) -> None:
        self._tell(using, self._rows(instance, "deleted"))

    def _related(
        self, instance: Any, action: str, reverse: bool, using: str, pk_set: set[Any] | None, **kwargs: Any
    ) -> None:
        if not action.startswith("post_") or pk_set == set():  # an empty set: nothing was changed
            return
        if not reverse:
            rows = {row_key(model, pk_in(model, instance)): "updated" for model in self._joined.values()}
        elif pk_set is None or len(pk_set) > SINGLES:  # None: cleared from the other side
            rows = {}
        else:
            rows = {row_key(model, pk): "updated" for model in self._joined.values() for pk in pk_set}
        self._tell(using, {} if self._models else rows)

    def _rows(self, instance: Model, action: str) -> Rows:
        if self._joined:
            return {}
        return {row_key(model, pk_in(model, instance)): action for model in self._models.values()}

    # -- telling

    def _tell(self, using: str, rows: Rows) -> None:
        """Tell which rows changed on a database; none is that it isn't known which."""
        connection = connections[using]
        if not connection.in_atomic_block:
            self.deliver(rows)
        elif _joins(self._alias, using):
            self._join(connection, rows)
        else:
            self._collect(connection, rows)

    def _join(self, connection: Any, rows: Rows) -> None:
        """Into the open transaction."""
        burst = self._burst(connection)
        burst.count += 1
        if burst.count <= SINGLES:
            self.deliver(rows)
        elif not _waits(connection, burst.more):
            # Told in a savepoint that is rolled back it would be lost; then its hook is gone too, and it is told again.
            burst.more = _Mark()
            self.deliver({})
            transaction.on_commit(burst.more, using=connection.alias)

    def _collect(self, connection: Any, rows: Rows) -> None:
        """For after the commit."""
        burst = self._burst(connection)
        burst.count += 1
        if rows and burst.count <= SINGLES:
            burst.rows.update(rows)
        else:
            burst.unknown = True

    def _burst(self, connection: Any) -> _Burst:
        burst: _Burst | None = getattr(connection, self._slot, None)
        if burst is None or not _waits(connection, burst):
            burst = _Burst(self)
            setattr(connection, self._slot, burst)
            transaction.on_commit(burst, using=connection.alias)
        return burst

    def deliver(self, rows: Rows, *, more: bool = False) -> None:
        """One event for all lists that these rows concern."""
        data = {"rows": rows, **({"more": True} if more or not rows or self._others else {})}
        _send([*self._models, *self._joined, *self._others], "change", data, self._alias)


def _send(channels: Iterable[str], event: str, data: Any, alias: str) -> None:
    try:
        send(make_message(channels, data, event=event, key=None, reserved=True), alias)
    except PublishError:  # the row is saved: that nobody's list moves at once is no reason to fail
        logger.warning("a change was not told to live changelists (%s)", ", ".join(channels), exc_info=True)


class _Mark:
    """A hook that does nothing; that it waits says that what was told with it stands."""

    def __call__(self) -> None: ...


class _Burst:
    """What one transaction has told, or has to tell. It is the transaction's hook, and gone with what is rolled back."""

    def __init__(self, teller: Teller) -> None:
        self._teller = teller
        self.count = 0
        self.more: _Mark | None = None
        self.rows: Rows = {}
        self.unknown = False

    def __call__(self) -> None:
        if self.rows or self.unknown:
            self._teller.deliver(self.rows, more=self.unknown)


def _waits(connection: Any, hook: object) -> bool:
    """Whether a hook of the open transaction is still to be run: it isn't if its savepoint was rolled back."""
    return hook is not None and any(entry[1] is hook for entry in connection.run_on_commit)


def _joins(alias: str, using: str) -> bool:
    """Whether what is published now is part of a transaction on a database."""
    backend: Any = get_backend(alias)
    return bool(backend.transactional) and getattr(backend, "using", None) == using
