"""Every exception the package raises on its own account, drawn as a tree.

SSEDjangoError
├── PublishError             an engine did not take an event (outside a transaction)
├── Gone                     the log cannot answer from a cursor: the reader gets `stream-reset`
├── InvalidItem              a yielded item does not fit the declared type
└── RelationNotLoaded        a schema wants a relation that only a query could give

`ValueError`, `TypeError`, `ImproperlyConfigured` and Django's `BadRequest` are raised as themselves where they say enough.
"""

from __future__ import annotations


class SSEDjangoError(Exception):
    """Base class: `except SSEDjangoError` catches what only this package raises."""


class PublishError(SSEDjangoError):
    """The backend did not acknowledge an event; nobody will see it."""


class Gone(SSEDjangoError):
    """The log cannot answer from this cursor.

    `reason` is `trimmed` (older than what is kept), `epoch` (another log) or `ahead` (a place the log has not reached,
    or that another event holds now). `head` is the cursor to go on from.
    """

    def __init__(self, reason: str, head: str) -> None:
        super().__init__(f"the log cannot answer from this cursor ({reason}); its head is {head}")
        self.reason = reason
        self.head = head


class InvalidItem(SSEDjangoError, ValueError):
    """A yielded item does not fit the type that the view declares; the message names the type and the fields."""


class RelationNotLoaded(SSEDjangoError):
    """A schema reads a relation or a deferred field that is not loaded, where a query is not possible."""
