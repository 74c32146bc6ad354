"""LISTEN: PostgreSQL says that something was published, at once. A wake-up and nothing more: polling goes on behind it.

It is silent behind a transaction pooler and on a server that hangs. So it is trusted only once it has been heard, and not for
a while after a poll found what it had not told; polls are rare as long as it is trusted.
"""

from __future__ import annotations

import copy
import os
import select
import time
from typing import Any

from django.db import connections
from django.db.utils import load_backend

from sse_django.backends.bell import Bell

CHANNEL = "sse_django"
NOTIFY = f"NOTIFY {CHANNEL}"
#: Seconds between two polls while the listener is trusted.
TRUSTED_INTERVAL = 1.0
#: Seconds of polling at the usual interval after a poll has found what was not told.
DISTRUST = 60.0
#: Seconds for the connection to be made, and for a wake-up to be waited for.
CONNECT_TIMEOUT = 5


class Listener:
    """A connection of its own that listens, and a pipe of the process's bell. For one thread.

    Raises:
        django.db.Error: if the connection can't be made.
    """

    def __init__(self, using: str, bell: Bell) -> None:
        self._bell = bell
        settings = copy.deepcopy(connections[using].settings_dict)
        options = settings.setdefault("OPTIONS", {})
        options.pop("pool", None)  # it stays open for as long as there are readers
        options.setdefault("connect_timeout", CONNECT_TIMEOUT)
        self._connection: Any = load_backend(settings["ENGINE"]).DatabaseWrapper(settings, using)
        self._trusted = False
        self._distrusted_until = 0.0
        self._reading, self._writing = bell.open()
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(f"LISTEN {CHANNEL}")
        except BaseException:
            self.close()
            raise

    def interval(self, poll_interval: float) -> float:
        """Seconds until the next poll."""
        return max(poll_interval, TRUSTED_INTERVAL) if self._trusted else poll_interval

    def sleep(self, seen: int, timeout: float) -> bool:
        """Until a notification, a ring or the time is up, when it is False.

        Raises:
            Exception: the driver's, if the connection is lost.
        """
        if self._bell.rings != seen:
            return True
        driver = self._connection.connection.pgconn
        ready, _, _ = select.select([driver.socket, self._reading], [], [], timeout)
        if self._reading in ready:
            os.read(self._reading, 65536)
        if driver.socket in ready:
            driver.consume_input()
            heard = False
            while driver.notifies() is not None:
                heard = True
            if heard and time.monotonic() > self._distrusted_until:
                self._trusted = True
        return bool(ready)

    def missed(self) -> None:
        """A poll has found what was not told."""
        self._trusted = False
        self._distrusted_until = time.monotonic() + DISTRUST

    def close(self) -> None:
        """Close the connection and the pipe."""
        self._bell.shut(self._reading, self._writing)
        self._connection.close()
