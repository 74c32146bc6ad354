"""The verdict sees each kind of fault in a doctored record, and nothing in a good one."""

from pathlib import Path

import pytest

from faults.client import Kind, Record, Seen
from faults.ledger import COMMITTED, ROLLED_BACK, UNKNOWN, Event, Fate, Ledger, is_for, read
from faults.verdict import Verdict, judge, wanted

#: Two publishers, ten events each; the fourth of publisher 0 was rolled back, of its sixth nobody knows.
FATES = {Event(p, n): Fate(COMMITTED, 10.0 * n + p) for p in (0, 1) for n in range(1, 11)}
ROLLED, UNSURE = Event(0, 4), Event(0, 6)
FATES[ROLLED] = Fate(ROLLED_BACK, 40.0)
FATES[UNSURE] = Fate(UNKNOWN, 60.0)
#: In the order of the log.
ORDER = sorted((event for event in FATES if event != ROLLED), key=lambda event: (event.n, event.p))


def seen(event: Event, cursor: str | None = None) -> Seen:
    return Seen(Kind.EVENT, FATES[event].began + 1, cursor or f"x-{ORDER.index(event)}", event)


def reset(at: float) -> Seen:
    return Seen(Kind.RESET, at, "x-0", why="ahead")


def record(client: int = 0, *, since: float = 0.0) -> Record:
    """Of a client that got everything."""
    publisher = client % 2
    got = [seen(event) for event in ORDER if is_for(event, publisher) and FATES[event].began > since]
    return Record(client, publisher, since=since, seen=got)


def without(one: Record, *events: Event) -> Record:
    one.seen = [entry for entry in one.seen if entry.event not in events]
    return one


def faulty(verdict: Verdict) -> list[str]:
    return [name for name in ("missed", "twice", "disorder", "ghosts", "other") if getattr(verdict, name)]


def test_what_everybody_got_once_and_in_order_is_good() -> None:
    verdict = judge([record(0), record(1)], FATES)
    assert verdict.ok, str(verdict)
    assert (verdict.committed, verdict.rolled_back, verdict.unknown) == (18, 1, 1)


def test_each_client_wants_what_is_for_it() -> None:
    """An event whose number ends in 5 or 0 is for those alone who read its publisher."""
    assert Event(0, 5) in wanted(record(0), FATES)
    assert Event(0, 5) not in wanted(record(1), FATES)
    assert Event(1, 2) in wanted(record(0), FATES)


def test_what_began_before_a_client_came_is_not_missed() -> None:
    assert judge([record(0), record(1, since=35.0)], FATES).ok


def test_a_missing_event_is_missed() -> None:
    verdict = judge([record(0), without(record(1), Event(1, 7))], FATES)
    assert faulty(verdict) == ["missed"]
    assert "client 1 was never given Event(p=1, n=7)" in verdict.missed[0]
    assert "between Event(p=1, n=6)" in verdict.missed[0]


def test_a_client_that_got_nothing_misses_everything() -> None:
    empty = record(1)
    empty.seen = []
    assert len(judge([record(0), empty], FATES).missed) == len(wanted(empty, FATES))


def test_a_client_without_a_cursor_is_not_good() -> None:
    assert faulty(judge([record(0), Record(1, 1)], FATES)) == ["other"]


def test_an_event_of_unknown_fate_may_be_missing() -> None:
    assert judge([without(record(0), UNSURE), record(1)], FATES).ok


def test_an_event_again_is_twice() -> None:
    one = record(0)
    one.seen.append(one.seen[-1])
    assert faulty(judge([one], FATES)) == ["twice"]


def test_an_event_of_unknown_fate_may_not_come_twice() -> None:
    one = record(0)
    place = next(index for index, entry in enumerate(one.seen) if entry.event == UNSURE)
    one.seen.insert(place, one.seen[place])
    assert faulty(judge([one], FATES)) == ["twice"]


def test_a_publishers_events_in_the_wrong_order() -> None:
    one = record(0)
    place = next(index for index, entry in enumerate(one.seen) if entry.event == Event(1, 2))
    late = one.seen.pop(place)
    one.seen.append(late)
    assert faulty(judge([one], FATES)) == ["disorder"]


def test_two_clients_with_different_orders_of_different_publishers() -> None:
    """Each is in order by publisher; together they are not."""
    one, other = record(0), record(2)
    first = next(index for index, entry in enumerate(other.seen) if entry.event == Event(0, 2))
    other.seen[first], other.seen[first + 1] = other.seen[first + 1], other.seen[first]
    assert {other.seen[first].event, other.seen[first + 1].event} == {Event(0, 2), Event(1, 2)}
    assert judge([other], FATES).ok
    assert faulty(judge([one, other], FATES)) == ["disorder"]


def test_one_cursor_of_two_events() -> None:
    one, other = record(0), record(2)
    other.seen[3] = other.seen[3]._replace(cursor=other.seen[4].cursor)
    assert "disorder" in faulty(judge([one, other], FATES))


def test_what_was_rolled_back_or_never_published_is_a_ghost() -> None:
    one = record(0)
    one.seen.append(Seen(Kind.EVENT, 200.0, "x-77", ROLLED))
    one.seen.append(Seen(Kind.EVENT, 200.0, "x-78", Event(9, 1)))
    assert len(judge([one], FATES).ghosts) == 2


def test_what_is_for_others_is_a_ghost() -> None:
    one = record(0)
    one.seen.append(Seen(Kind.EVENT, 200.0, "x-77", Event(1, 10)))
    assert faulty(judge([one], FATES)) == ["ghosts"]


def test_a_reset_is_an_error_where_the_engine_lost_nothing() -> None:
    one = record(0)
    one.seen.append(reset(200.0))
    assert faulty(judge([one], FATES)) == ["other"]
    assert judge([one], FATES).resets == {"ahead": 1}


def test_what_the_engine_lost_is_missed_by_nobody_but_may_not_be_lost_unasked() -> None:
    gone = Event(1, 7)
    records = [without(record(0), gone), without(record(1), gone)]
    assert judge(records, FATES, lost={gone}, lossy=True).ok
    assert faulty(judge(records, FATES, lost={gone})) == ["other"]


def test_a_reset_excuses_what_came_before_it_and_nothing_after() -> None:
    one = without(record(0), Event(1, 3), Event(1, 4))
    one.seen.insert(5, reset(45.0))
    verdict = judge([one, record(1)], FATES, lossy=True)
    assert verdict.ok, str(verdict)
    assert verdict.excused == 2
    assert faulty(judge([without(one, Event(1, 8)), record(1)], FATES, lossy=True)) == ["missed"]


def test_after_a_reset_what_was_lost_and_numbered_again_may_come_again() -> None:
    one = record(0)
    again = [entry._replace(cursor=f"y-{index}") for index, entry in enumerate(one.seen[-2:])]
    one.seen += [reset(150.0), *again]
    verdict = judge([one], FATES, lossy=True)
    assert verdict.ok, str(verdict)
    assert verdict.excused == 2
    one.seen.append(again[-1])
    assert faulty(judge([one], FATES, lossy=True)) == ["twice"]


@pytest.mark.parametrize("fates", [{}, {Event(0, 1): Fate(UNKNOWN, 1.0)}])
def test_a_run_in_which_nothing_happened_is_not_good(fates: dict[Event, Fate]) -> None:
    assert not judge([Record(0, 0, since=0.0)], fates).ok


def test_a_ledger_knows_what_a_killed_publisher_did_not_write(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    for numbers, words in {(1, 2): [COMMITTED], (3,): [ROLLED_BACK], (4, 5): [UNKNOWN], (6,): []}.items():
        ledger = Ledger(path)  # each a process's own
        ledger.write("began", numbers)
        for word in words:
            ledger.write(word, numbers)
        ledger.close()
    found = {event.n: fate.status for event, fate in read(path, 3)}
    assert found == {1: COMMITTED, 2: COMMITTED, 3: ROLLED_BACK, 4: UNKNOWN, 5: UNKNOWN, 6: UNKNOWN}
    assert list(read(tmp_path / "none", 3)) == []
