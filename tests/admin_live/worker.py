"""A process that changes things, as a task queue's worker or a shell does: `python -m tests.admin_live.worker`.

It runs what it reads, a JSON string a line, with the models at hand, and answers each with a line: `repr` of what is called
`result`, or the traceback.
"""

import json
import sys
import traceback


def main() -> None:
    import django

    django.setup()
    from django.contrib.admin.models import LogEntry
    from django.contrib.auth.models import User
    from django.contrib.sessions.models import Session
    from django.db import connection, transaction

    from tests.admin_live.orders import models

    names = {
        **{name: value for name, value in vars(models).items() if not name.startswith("_")},
        "User": User,
        "Session": Session,
        "LogEntry": LogEntry,
        "connection": connection,
        "transaction": transaction,
    }
    for line in sys.stdin:
        scope = {**names, "result": None}
        try:
            exec(json.loads(line), scope)
            answer = {"result": repr(scope["result"])}
        except Exception:
            answer = {"error": traceback.format_exc()}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
