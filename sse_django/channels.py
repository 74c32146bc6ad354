"""Channel names: what they may be, said when one is used. A channel exists by being named.

A name is text of 1 to 200 characters without control characters, commas or spaces: it stands in URLs, logs and engines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

MAX_LENGTH = 200
#: Names that begin so are the package's own (kicks, probes); nobody else publishes to them or reads them.
RESERVED_PREFIX = "_sse:"
#: Channels in one publish or one subscription.
MAX_CHANNELS = 100

_NAME = re.compile(rf"[^\s,\x00-\x1f\x7f\ud800-\udfff]{{1,{MAX_LENGTH}}}")


def check_channel(name: object, *, reserved: bool = False) -> str:
    """The name, if it may be one.

    Raises:
        TypeError: if it is no string.
        ValueError: if it is empty, too long, has a space, comma or control character, or is reserved.
    """
    if not isinstance(name, str):
        raise TypeError(f"a channel is a string, got {name!r}")
    if _NAME.fullmatch(name) is None:
        raise ValueError(
            f"a channel is 1 to {MAX_LENGTH} characters without spaces, commas and control characters, got {name!r}"
        )
    if name.startswith(RESERVED_PREFIX) and not reserved:
        raise ValueError(f"channels that begin with {RESERVED_PREFIX!r} are sse_django's own, got {name!r}")
    return name


def check_channels(names: Iterable[object], *, reserved: bool = False) -> tuple[str, ...]:
    """Several names, each once, in their order.

    Raises:
        TypeError, ValueError: as `check_channel`; ValueError too if there are none, or more than MAX_CHANNELS.
    """
    checked = tuple(dict.fromkeys(check_channel(name, reserved=reserved) for name in names))
    if not checked or len(checked) > MAX_CHANNELS:
        raise ValueError(f"1 to {MAX_CHANNELS} channels are expected, got {len(checked)}")
    return checked


def public(names: Iterable[str]) -> tuple[str, ...]:
    """Those that are not the package's own."""
    return tuple(name for name in names if not name.startswith(RESERVED_PREFIX))
