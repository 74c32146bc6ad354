"""What to do about Django's SynchronousOnlyOperation in a stream, as a note on it: Django's own words are few.

A note travels with the traceback: to the log, the debug page and error trackers. The exception stays what it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import SynchronousOnlyOperation

NOTE = (
    "This code runs in the event loop, where sync queries can't. Use the async ORM (async for, aget(), acount(), and "
    "await request.auser() for request.user), or sync_to_async around what has no async form; or write the function as a "
    'plain def: it runs in a thread, where queries are as ever. See docs/howto/database.md, "Sync queries in async code".'
)


def explain(error: BaseException) -> None:
    """Add the note to such an error; once, and not where whoever raised it has said what to do (`publish()` does)."""
    if not isinstance(error, SynchronousOnlyOperation) or isinstance(error.__cause__, SynchronousOnlyOperation):
        return
    if NOTE not in getattr(error, "__notes__", ()):
        error.add_note(NOTE)


@contextmanager
def explained() -> Iterator[None]:
    """The same for what the block raises."""
    try:
        yield
    except SynchronousOnlyOperation as error:
        explain(error)
        raise
