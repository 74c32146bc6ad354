"""The SQL of the log, per kind of database, made once. Everything that runs ten times a second or in each publish is here.

An id from a sequence is not commit order: two transactions that overlap commit as 5, then 4, and a reader at `id > 5` never
sees 4. So an event gets its place, `seq`, after its commit, by whichever reader comes first. SQLite has a single writer: there
the id is the place.
"""
# ruff: noqa: S608 -- what is put into the text are names of our tables and columns; values are parameters

from __future__ import annotations

from typing import Any

from sse_django.models import LogEvent, LogHead

#: What `insert` takes for each event, in this order.
INSERTED = ("tag", "channels", "event", "data", "key", "retry", "comment", "created")
#: What `scan` gives for each event, after its place.
SCANNED = ("tag", "channels", "event", "data", "retry", "comment")
#: A channel among an event's: too much may match (LIKE folds case on some engines), nothing is missed.
LIKE = "channels LIKE %s ESCAPE '!'"
#: Events that get their place at once.
NUMBER_BATCH = 1000


class Statements:
    """SQL for one Django connection's kind of database.

    Attributes:
        numbered: whether places are given after the commit.
        look: one row with epoch, floor, floor_tag, seq, tag, the tag at the place that is its one parameter, and whether
            there are events without a place; no row if the log has no name yet.
        lock: the head's place, locked; no row if somebody else has it.
        unnumbered: id and tag of the oldest events without a place; all_unnumbered: the tags of all of them.
        move_head: to a place and tag.
        raise_floor: to a place and tag, in a log of this name whose floor is below that place.
        drop: deletes up to and with a place.
    """

    def __init__(self, connection: Any) -> None:
        quote = connection.ops.quote_name
        self._vendor = connection.vendor
        self._log, self._head = quote(LogEvent._meta.db_table), quote(LogHead._meta.db_table)
        self._key = quote("key")  # the one reserved word among the columns
        self.numbered = self._vendor != "sqlite"
        self.place = "seq" if self.numbered else "id"
        self.look = self._look()
        self._skip = " SKIP LOCKED" if connection.features.has_select_for_update_skip_locked else ""
        self.lock = f"SELECT seq FROM {self._head} WHERE id = 1 FOR UPDATE{self._skip}"
        self.drop = f"DELETE FROM {self._log} WHERE {self.place} <= %s"
        self.unnumbered = f"SELECT id, tag FROM {self._log} WHERE seq IS NULL ORDER BY id LIMIT {NUMBER_BATCH}"
        self.all_unnumbered = f"SELECT tag FROM {self._log} WHERE seq IS NULL"
        self.move_head = f"UPDATE {self._head} SET seq = %s, tag = %s WHERE id = 1"
        self.raise_floor = (
            f"UPDATE {self._head} SET floor = %s, floor_tag = %s WHERE id = 1 AND epoch = %s AND floor < %s"
        )

    def insert(self, count: int, *, keyed: bool) -> str:
        """So many events; with `keyed` one, which is left out if its key is there already, and for no other reason."""
        columns = ", ".join(self._key if name == "key" else name for name in INSERTED)
        row = ", ".join(["%s"] * len(INSERTED))
        if keyed and self._vendor == "sqlite":  # ON CONFLICT would use an id up; with a single writer this is as good
            values = ", ".join(f"%s AS {name}" for name in columns.split(", "))
            there = f"SELECT 1 FROM {self._log} AS log WHERE log.{self._key} = new.{self._key}"
            return (
                f"INSERT INTO {self._log} ({columns}) SELECT * FROM (SELECT {values}) AS new WHERE NOT EXISTS ({there})"
            )
        sql = f"INSERT INTO {self._log} ({columns}) VALUES {', '.join([f'({row})'] * count)}"
        if keyed and self._vendor == "mysql":
            sql += " ON DUPLICATE KEY UPDATE id = id"  # INSERT IGNORE would swallow other errors as well
        elif keyed:
            sql += f" ON CONFLICT ({self._key}) DO NOTHING"
        return sql

    def scan(self, channels: int) -> str:
        """Events after a place, up to and with another, in any of so many channels by LIKE (0: in all), and at most so many."""
        columns = ", ".join(SCANNED)
        where = f"{self.place} > %s AND {self.place} <= %s"
        if channels:
            where += f" AND ({' OR '.join([LIKE] * channels)})"
        return f"SELECT {self.place}, {columns} FROM {self._log} WHERE {where} ORDER BY {self.place} LIMIT %s"

    def number_at_once(self) -> str:
        """PostgreSQL: give committed events their places, in one statement; head's place and tag, or no row.

        Its parameter is the head that an earlier statement has seen. If that still is the head once its row is locked, nobody
        has given places since, and this statement's snapshot is good; else there is no row, and nothing happens.
        """
        return f"""
            WITH head AS MATERIALIZED (
                SELECT seq FROM {self._head} WHERE id = 1 AND seq = %s FOR UPDATE{self._skip}
            ), fresh AS (
                SELECT id, row_number() OVER (ORDER BY id) AS number FROM (
                    SELECT id FROM {self._log} WHERE seq IS NULL ORDER BY id LIMIT {NUMBER_BATCH}
                ) AS waiting
            ), numbered AS (
                UPDATE {self._log} AS log SET seq = head.seq + fresh.number FROM fresh, head
                WHERE log.id = fresh.id RETURNING log.seq, log.tag
            ), last AS (
                SELECT seq, tag FROM numbered ORDER BY seq DESC LIMIT 1
            )
            UPDATE {self._head} AS state SET seq = last.seq, tag = last.tag FROM last WHERE state.id = 1
            RETURNING state.seq, state.tag
        """

    def number(self, ids: list[int], after: int) -> tuple[str, list[Any]]:
        """MySQL: give events their places, in this order, from the one after `after`."""
        cases = " ".join(["WHEN %s THEN %s"] * len(ids))
        pairs = [number for place, id_ in enumerate(ids, after + 1) for number in (id_, place)]
        return f"UPDATE {self._log} SET seq = CASE id {cases} END WHERE id IN ({', '.join(['%s'] * len(ids))})", [
            *pairs,
            *ids,
        ]

    def _look(self) -> str:
        there = f"(SELECT tag FROM {self._log} WHERE {self.place} = %s)"
        if self.numbered:
            return (
                f"SELECT epoch, floor, floor_tag, seq, tag, {there}, "
                f"EXISTS (SELECT 1 FROM {self._log} WHERE seq IS NULL) FROM {self._head} WHERE id = 1"
            )
        return (
            f"SELECT head.epoch, head.floor, head.floor_tag, last.id, last.tag, {there}, 0 FROM {self._head} AS head "
            f"LEFT JOIN (SELECT id, tag FROM {self._log} ORDER BY id DESC LIMIT 1) AS last ON 1 = 1 WHERE head.id = 1"
        )
