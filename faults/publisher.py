"""A publisher: numbered events in transactions, some of which overlap those of others, and some of which are rolled back.

`python -m faults.publisher NUMBER LEDGER SEED` until SIGTERM. Started again, it goes on with the next number. While the
engine is down it waits; a number whose commit raised is left behind.
"""
# ruff: noqa: T201

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from faults.ledger import COMMITTED, ROLLED_BACK, UNKNOWN, Event, Ledger, channels_of, read

#: Seconds between two transactions, at most.
PAUSE = 0.06
#: The chance of a rollback: half of them of all the transaction did, half of a savepoint within it.
ROLLBACK = 0.05
#: The chance of a publish without a transaction.
ALONE = 0.15
#: The chance of work between a publish and the commit, and its seconds at most: meanwhile others commit what came later.
WORK, WORK_SECONDS = 0.4, 0.03


class RollBackError(Exception):
    """The application changes its mind."""


class Publisher:
    def __init__(self, number: int, path: Path, seed: int) -> None:
        self.number = number
        self.next = max((event.n for event, _ in read(path, number)), default=0) + 1
        self.ledger = Ledger(path)
        self.random = random.Random(f"{seed} {number} {self.next}")
        self.failed: set[int] = set()  # sent after the commit, where the backend doesn't join it, and not taken
        self.stopping = False

    def run(self) -> None:
        from django.db import connection

        while not self.stopping:
            time.sleep(self.random.uniform(0, PAUSE))
            try:
                connection.ensure_connection()
            except Exception as error:
                print(f"waiting: {error}", file=sys.stderr)
                connection.close()
                time.sleep(0.2)
                continue
            numbers = list(range(self.next, self.next + self.random.choice([1, 1, 1, 2, 3])))
            self.next = numbers[-1] + 1
            self.ledger.write("began", numbers)
            try:
                rolled_back = self.transact(numbers)
            except Exception:
                traceback.print_exc()
                self.ledger.write(UNKNOWN, numbers)
                connection.close()
                time.sleep(0.2)
                continue
            committed = [n for n in numbers if n not in rolled_back and n not in self.failed]
            self.ledger.write(ROLLED_BACK, rolled_back)
            self.ledger.write(COMMITTED, committed)
            if len(rolled_back) + len(committed) < len(numbers):
                time.sleep(0.2)

    def transact(self, numbers: list[int]) -> set[int]:
        """Publish them; which of them were rolled back."""
        from django.db import transaction

        if self.random.random() < ALONE:
            for n in numbers:
                self.publish(n)
            return set()
        fate = self.random.random()
        gone: set[int] = set()
        try:
            with transaction.atomic():
                for n in numbers:
                    if fate < ROLLBACK / 2 and n == numbers[0]:
                        gone.add(n)
                        with contextlib.suppress(RollBackError), transaction.atomic():
                            self.publish(n)
                            raise RollBackError
                    else:
                        self.publish(n)
                    if self.random.random() < WORK:
                        time.sleep(self.random.uniform(0, WORK_SECONDS))
                if ROLLBACK / 2 <= fate < ROLLBACK:
                    raise RollBackError
        except RollBackError:
            gone = set(numbers)
        return gone

    def publish(self, n: int) -> None:
        from sse_django import publish

        event = Event(self.number, n)
        publish(channels_of(event), {"p": event.p, "n": event.n})

    def not_taken(self, messages: Any, **kwargs: object) -> None:
        """The signal `publish_failed`."""
        self.failed.update(json.loads(message.data)["n"] for message in messages)

    def stop(self, *args: object) -> None:
        self.stopping = True


def main(number: int, path: Path, seed: int) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "faults.settings")
    import django

    django.setup()
    from sse_django.signals import publish_failed

    publisher = Publisher(number, path, seed)
    publish_failed.connect(publisher.not_taken)
    signal.signal(signal.SIGTERM, publisher.stop)
    publisher.run()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
