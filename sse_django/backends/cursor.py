"""The shape of a cursor: `<epoch>-<seq>-<tag>`.

The epoch names the log, the sequence a place in it, and the tag (random, stored with the event) the event that stood there: an
engine that lost its tail reuses numbers, not tags. Opaque to everyone but a backend.
"""

from __future__ import annotations

import os
import random
import re
import secrets
from dataclasses import dataclass

from sse_django.exceptions import Gone

# Not the kernel's numbers: asking for them gives the interpreter's lock away, and the hub would run after each of several
# events. Not the module's own generator either, since others may seed that one.
_random = random.Random()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_random.seed)

_FORM = re.compile(r"([0-9a-z]{1,32})-([0-9]{1,19})-([0-9a-f]{0,16})")


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in one log. The beginning, before any event, is sequence 0 with an empty tag."""

    epoch: str
    seq: int
    tag: str

    def __str__(self) -> str:
        return f"{self.epoch}-{self.seq}-{self.tag}"


def parse_cursor(text: str, head: str) -> Cursor:
    """A cursor from its text.

    Raises:
        Gone: (`epoch`, with the head to go on from) if it has another form: it is not of this kind of log.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise Gone("epoch", head)
    epoch, seq, tag = match.groups()
    return Cursor(epoch, int(seq), tag)


def new_tag() -> str:
    """Eight hexadecimal digits for a new event."""
    return f"{_random.getrandbits(32):08x}"


def new_epoch() -> str:
    """A name for a new log."""
    return secrets.token_hex(6)
