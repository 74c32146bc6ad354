"""Pings cost a timer a loop, and leave nothing behind in it."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any

from sse_django.wheel import TICK, Wheel


class Member:
    """Silent since `last_sent`; while it is busy, a ping does nothing."""

    def __init__(self, now: float, ping_interval: float = 15.0) -> None:
        self.last_sent = now
        self.ping_interval: float | None = ping_interval
        self.busy = False
        self.pinged: list[float] = []

    def ping(self) -> None:
        if not self.busy:
            self.last_sent = asyncio.get_running_loop().time()
            self.pinged.append(self.last_sent)


class Loop(asyncio.SelectorEventLoop):
    """Its clock can be put on."""

    ahead = 0.0

    def time(self) -> float:
        return super().time() + self.ahead


def run(main: Any) -> None:
    loop = Loop()
    try:
        loop.run_until_complete(main(loop))
    finally:
        loop.close()


async def turn(loop: Loop, seconds: float) -> None:
    loop.ahead += seconds
    for _ in range(3):
        await asyncio.sleep(0)


def test_what_is_silent_is_pinged_and_what_has_sent_is_left_alone() -> None:
    async def main(loop: Loop) -> None:
        silent, talking = Member(loop.time()), Member(loop.time())
        for member in (silent, talking):
            Wheel.here().add(member)
        await turn(loop, 10)
        talking.last_sent = loop.time()
        await turn(loop, 5 + TICK)
        assert (len(silent.pinged), len(talking.pinged)) == (1, 0)
        await turn(loop, 10)
        assert (len(silent.pinged), len(talking.pinged)) == (1, 1)

    run(main)


def test_what_is_busy_is_asked_again_and_has_not_sent() -> None:
    async def main(loop: Loop) -> None:
        began = loop.time()
        member = Member(began)
        member.busy = True
        Wheel.here().add(member)
        for _ in range(3):
            await turn(loop, 16)
        assert (member.pinged, member.last_sent) == ([], began)
        member.busy = False
        await turn(loop, 2 * TICK)
        assert len(member.pinged) == 1

    run(main)


def test_members_that_come_and_go_leave_nothing() -> None:
    async def main(loop: Loop) -> None:
        wheel = Wheel.here()
        for _ in range(100):
            member = Member(loop.time())
            wheel.add(member)
            wheel.remove(member)
            await turn(loop, 20)
        assert (wheel._slots, wheel._where, wheel._timer) == ({}, {}, None)

    run(main)


def test_what_leaves_when_it_is_pinged_is_gone() -> None:
    class Leaving(Member):
        def ping(self) -> None:
            Wheel.here().remove(self)

    async def main(loop: Loop) -> None:
        wheel = Wheel.here()
        wheel.add(Leaving(loop.time()))
        await turn(loop, 16)
        assert (wheel._slots, wheel._where, wheel._timer) == ({}, {}, None)

    run(main)


def test_a_loop_that_is_closed_is_let_go_of() -> None:
    seen: list[weakref.ref[Loop]] = []

    async def main(loop: Loop) -> None:
        member = Member(loop.time())
        Wheel.here().add(member)
        Wheel.here().remove(member)
        seen.append(weakref.ref(loop))

    run(main)
    gc.collect()
    assert seen[0]() is None
