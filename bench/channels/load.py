"""How much is connected: the numbers that a measurement is made at, and the lists of them along which it grows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

Axis = Literal["clients", "channels", "processes"]
AXES: tuple[Axis, ...] = ("clients", "channels", "processes")
_ONE: dict[Axis, str] = {"clients": "client", "channels": "channel", "processes": "process"}


def counted(number: int, axis: Axis) -> str:
    """As in "1 process" and "1,000 clients"."""
    return f"{number:,} {_ONE[axis] if number == 1 else axis}"


@dataclass(frozen=True)
class Load:
    """`clients` that read `channels` in all, evenly, at servers in so many `processes`."""

    clients: int = 1000
    channels: int = 1
    processes: int = 1

    def __str__(self) -> str:
        return ", ".join(counted(getattr(self, axis), axis) for axis in AXES)

    @property
    def path(self) -> str:
        """What a client asks for; it puts its own number in."""
        if self.channels <= self.clients:
            return f"/stream?channel=c{{i%{self.channels}}}"
        return "/stream?" + "&".join(f"channel=c{{i+{first}}}" for first in range(0, self.channels, self.clients))

    @property
    def busy(self) -> int:
        """The channels that are published to, c0 and so on: each client reads one of them."""
        return min(self.channels, self.clients)

    @property
    def readers(self) -> float:
        """Of an event, on average."""
        return self.clients / self.busy


@dataclass(frozen=True)
class Sweep:
    """Numbers of clients, channels and processes: the first of each is where it stays while another one is varied."""

    clients: Sequence[int]
    channels: Sequence[int]
    processes: Sequence[int]

    @property
    def base(self) -> Load:
        return Load(self.clients[0], self.channels[0], self.processes[0])

    def along(self, axis: Axis) -> list[Load]:
        """The base with each number of one list, by size."""
        return [replace(self.base, **{axis: number}) for number in sorted(set(getattr(self, axis)))]

    def loads(self) -> list[Load]:
        """All of them, each once."""
        return list(dict.fromkeys(load for axis in AXES for load in self.along(axis)))

    def alone(self) -> Sweep:
        """In one process."""
        return replace(self, processes=(1,))

    def only(self, axis: Axis) -> Sweep:
        """The others stay where they are."""
        kept = {other: getattr(self, other)[:1] for other in AXES if other != axis}
        return replace(self, **kept)
