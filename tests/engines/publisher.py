"""A process that publishes: `python -m tests.engines.publisher JSON`, with what it is to do and where in JSON.

It says "ready", waits for a line, and publishes from two threads; each event is `<name>:<index>`.
"""

import json
import os
import sys
import threading
from typing import Any


def main(task: dict[str, Any]) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    from django.conf import settings

    settings.DATABASES = {"default": {"ENGINE": "django.db.backends.dummy"}, **task["databases"]}
    if any(database["ENGINE"] == "django.db.backends.mysql" for database in task["databases"].values()):
        from tests.engines import mysqldriver

        mysqldriver.choose()
    import django

    django.setup()
    from django.db import connections
    from django.utils.module_loading import import_string

    from sse_django.backends import Message

    backend = import_string(task["backend"])("default", task["options"])

    def publish(name: str) -> None:
        for index in range(task["count"]):
            backend.publish([Message(("orders",), f"{name}:{index}")])
        connections.close_all()

    threads = [threading.Thread(target=publish, args=(name,)) for name in task["names"]]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    backend.close()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
