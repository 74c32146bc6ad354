"""Whether every client got every committed event exactly once, in one order, and nothing that was rolled back.

Nothing here asks the library: what was published comes from the publishers' ledgers, what was received from the clients.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

from faults.client import Kind, Record, Seen
from faults.ledger import COMMITTED, ROLLED_BACK, UNKNOWN, Event, Fate, is_for

Fates = Mapping[Event, Fate]


@dataclass(slots=True)
class Verdict:
    """Counts, and what is wrong in words; `ok` if nothing is.

    Attributes:
        lost: events that were confirmed and that the engine doesn't have any more; none of these is missed.
        resets: by reason.
        excused: events that a client did not get, or got again, since a reset told it so.
    """

    committed: int = 0
    rolled_back: int = 0
    unknown: int = 0
    delivered: int = 0
    lost: int = 0
    excused: int = 0
    resets: Counter[str] = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    disorder: list[str] = field(default_factory=list)
    ghosts: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not (self.missed or self.twice or self.disorder or self.ghosts or self.other)

    def __str__(self) -> str:
        fates = f"{self.committed} committed, {self.rolled_back} rolled back, {self.unknown} unknown"
        wrong = f"missed {len(self.missed)}, twice {len(self.twice)}, out of order {len(self.disorder)}"
        lines = [
            f"events    {fates}; {self.delivered} deliveries",
            f"{wrong}, never committed {len(self.ghosts)}; resets {self.resets.total()}",
        ]
        if self.lost or self.resets:
            reasons = ", ".join(f"{count} {why}" for why, count in self.resets.items())
            lines.append(f"the engine lost {self.lost}; resets: {reasons or 'none'}; {self.excused} excused by them")
        for name in ("missed", "twice", "disorder", "ghosts", "other"):
            found = getattr(self, name)
            lines += [f"{name}: {line}" for line in found[:5]]
            if len(found) > 5:
                lines.append(f"{name}: and {len(found) - 5} more")
        return "\n".join(lines)


def wanted(record: Record, fates: Fates, lost: Collection[Event] = ()) -> set[Event]:
    """What a client must have in the end: events for it, committed, and begun after it had its first cursor."""
    since = record.since
    if since is None:
        return set()
    return {
        event
        for event, fate in fates.items()
        if fate.status == COMMITTED and fate.began > since and is_for(event, record.publisher) and event not in lost
    }


def judge(records: Sequence[Record], fates: Fates, *, lost: Collection[Event] = (), lossy: bool = False) -> Verdict:
    """Compare.

    Args:
        records: of each client.
        fates: of each event.
        lost: the committed events that the engine doesn't have any more.
        lossy: whether it may lose any; else a reset is an error.
    """
    status = Counter(fate.status for fate in fates.values())
    verdict = Verdict(status[COMMITTED], status[ROLLED_BACK], status[UNKNOWN], lost=len(lost))
    for record in records:
        _judge_client(verdict, record, fates, lost, lossy=lossy)
    _judge_together(verdict, records, lossy=lossy)
    if lost and not lossy:
        verdict.other.append(f"the engine lost {len(lost)} events that it had confirmed")
    if not verdict.committed or not verdict.delivered or verdict.unknown > verdict.committed:
        verdict.other.append("too little happened for a verdict")
    return verdict


def _judge_client(verdict: Verdict, record: Record, fates: Fates, lost: Collection[Event], *, lossy: bool) -> None:
    who = f"client {record.client}"
    resets = [seen for seen in record.seen if seen.kind is Kind.RESET]
    verdict.resets.update(seen.why for seen in resets)
    if record.since is None:
        verdict.other.append(f"{who} never had a cursor")
    if resets and not lossy:
        verdict.other.append(f"{who} was reset: {', '.join(sorted({seen.why for seen in resets}))}")
    got: set[Event] = set()
    for segment in segments(record.seen):
        verdict.delivered += len(segment)
        fresh: list[Seen] = []
        here: set[Event] = set()
        for seen in segment:
            event = seen.event
            assert event is not None
            fate = fates.get(event)
            if fate is None or fate.status == ROLLED_BACK or not is_for(event, record.publisher):
                verdict.ghosts.append(f"{who} was given {event}: {fate or 'nobody published it'}")
            if event in here or (event in got and not lossy):
                verdict.twice.append(f"{who} was given {event} again at {seen.cursor}")
            elif event in got:
                verdict.excused += 1
            else:
                fresh.append(seen)
            here.add(event)
        got |= here
        verdict.disorder += [f"{who} was given {text}" for text in _disorder(fresh, fates)]
    due = wanted(record, fates, lost)
    missing = lacking(record, due, fates, lossy=lossy)
    verdict.excused += len(due - got - missing)
    for event in sorted(missing):
        verdict.missed.append(f"{who} was never given {event} of {fates[event].began:.3f}; {_around(record, event)}")


def lacking(record: Record, due: set[Event], fates: Fates, *, lossy: bool) -> set[Event]:
    """What of `due` a client has neither got nor, where the engine may lose anything, been told by a reset that it won't."""
    missing = due - {seen.event for seen in record.seen if seen.event is not None}
    told = max((seen.at for seen in record.seen if seen.kind is Kind.RESET), default=None)
    if not lossy or told is None:
        return missing
    return {event for event in missing if fates[event].began >= told}


def segments(seen: Iterable[Seen]) -> list[list[Seen]]:
    """The events between resets."""
    found: list[list[Seen]] = [[]]
    for one in seen:
        if one.kind is Kind.RESET:
            found.append([])
        else:
            found[-1].append(one)
    return found


def _disorder(seen: Iterable[Seen], fates: Fates) -> Iterable[str]:
    """Where a publisher's later event came before an earlier one. One of unknown fate may have been late."""
    last: dict[int, Event] = {}
    for one in seen:
        event = one.event
        assert event is not None
        fate = fates.get(event)
        if fate is None or fate.status != COMMITTED:
            continue
        if event.p in last and event < last[event.p]:
            yield f"{event} after {last[event.p]}, at {one.cursor}"
        else:
            last[event.p] = event


def _around(record: Record, missing: Event) -> str:
    before = [one for one in record.seen if one.event is not None and one.event.p == missing.p and one.event < missing]
    after = [one for one in record.seen if one.event is not None and one.event.p == missing.p and one.event > missing]
    left = f"{before[-1].event} at {before[-1].cursor}" if before else "nothing"
    right = f"{after[0].event} at {after[0].cursor}" if after else "nothing"
    return f"between {left} and {right}"


def _judge_together(verdict: Verdict, records: Iterable[Record], *, lossy: bool) -> None:
    """One cursor, one event; and what each client saw in its order is part of one order of all."""
    events: dict[str, Event] = {}
    cursors: dict[Event, str] = {}
    before: dict[str, set[str]] = {}
    for record in records:
        for segment in segments(record.seen):
            previous = None
            for one in segment:
                event, cursor = one.event, one.cursor
                assert event is not None
                if events.setdefault(cursor, event) != event:
                    verdict.disorder.append(f"{cursor} is {event} for client {record.client}, {events[cursor]} before")
                if cursors.setdefault(event, cursor) != cursor and not lossy:
                    verdict.disorder.append(f"{event} is at {cursor} and at {cursors[event]}")
                earlier = before.setdefault(cursor, set())
                if previous is not None and previous != cursor:
                    earlier.add(previous)
                previous = cursor
    try:
        TopologicalSorter(before).prepare()
    except CycleError as error:
        verdict.disorder.append(f"clients saw these in different orders: {', '.join(error.args[1][:6])}")
