"""`manage.py sse_publish`: an event from the shell, a cron job, a deploy script."""

from __future__ import annotations

import json
import math
import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser

from sse_django.events import ServerSentEvent
from sse_django.exceptions import PublishError
from sse_django.management.logcommand import LogCommand, channel_names
from sse_django.pubsub import publish

#: Characters of what came that an error message quotes.
QUOTED = 60


class Command(LogCommand):
    """Publish one event."""

    help = (
        "Publish one event, as sse_django.publish() does: manage.py sse_publish orders '{\"n\": 1}' --event created. "
        "Exits with 0 once the log has it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "channels", metavar="CHANNEL[,CHANNEL…]", help="The channel, or several with commas and no spaces between."
        )
        parser.add_argument("data", metavar="DATA", help="The event's data, in JSON; - reads it from standard input.")
        parser.add_argument("--event", metavar="NAME", help="The event's name; without one, browsers call it message.")
        parser.add_argument("--key", help="Makes a repeated publish one event, for as long as the log keeps it.")
        parser.add_argument("--raw", action="store_true", help="DATA is sent as it is, and is not JSON.")
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        text = sys.stdin.read() if options["data"] == "-" else options["data"]
        item = ServerSentEvent(raw_data=text) if options["raw"] else parse_json(text)
        self.open(options["backend"])
        channels = channel_names(options["channels"])
        try:
            publish(channels, item, event=options["event"], key=options["key"], backend=options["backend"])
        except (TypeError, ValueError, PublishError) as error:
            raise CommandError(f"not published: {error}") from error
        if options["verbosity"] > 0:
            self.stdout.write(f"Published to {', '.join(dict.fromkeys(channels))}.")


def parse_json(text: str) -> Any:
    """DATA as a value.

    Raises:
        CommandError: if it is no JSON; it quotes what came and says what to do.
    """
    try:
        return json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        came = repr(text if len(text) <= QUOTED else text[:QUOTED] + "…")
        raise CommandError(
            f"DATA is no JSON ({error}): got {came}. Quote it for the shell, as in '{{\"n\": 1}}' or '\"text\"'; "
            "or say --raw to send it as it is."
        ) from error


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not in JSON")


def _finite(number: str) -> float:
    value = float(number)
    if math.isinf(value):
        raise ValueError(f"{number} is too large for a number")
    return value
