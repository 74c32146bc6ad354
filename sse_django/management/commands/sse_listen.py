"""`manage.py sse_listen`: what a browser would get, in a terminal or a pipe.

Events go to standard output, one write and flush each; all that is about them goes to standard error, and the last line there
says where to go on. An event's cursor counts as seen when the event has been written: whoever goes on from it may see one twice
and misses none.
"""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Callable
from typing import Any

from django.core.management.base import CommandError, CommandParser

from sse_django.channelevent import ChannelEvent
from sse_django.management.logcommand import LogCommand, channel_names, count, seconds
from sse_django.payloads import dump_json
from sse_django.pubsub import subscribe
from sse_django.subscription import Subscription

#: What a terminal could take for a command, or a reader for a new line of ours.
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")


class Command(LogCommand):
    """Follow channels."""

    help = (
        "Follow channels and print their events as they come, until Ctrl-C. Standard error says from which cursor "
        "to go on with --after."
    )

    #: Up to where everything has been printed.
    cursor: str | None = None

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("channels", nargs="+", metavar="CHANNEL", help="The channels to follow.")
        parser.add_argument("--after", metavar="CURSOR", help="Go on after this cursor, rather than from now on.")
        parser.add_argument("--count", type=count, metavar="N", help="End after so many events.")
        parser.add_argument(
            "--timeout",
            type=seconds,
            metavar="SECONDS",
            help="End after so long; with --count, fail if N have not come.",
        )
        parser.add_argument(
            "--format",
            choices=list(FORMATS),
            default="text",
            help="text: a line for people. wire: the bytes that a browser gets. json: an object a line, for programs.",
        )
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        self.open(options["backend"])
        channels = [name for text in options["channels"] for name in channel_names(text)]
        try:
            subscription = subscribe(*channels, after=options["after"], backend=options["backend"])
        except (TypeError, ValueError) as error:
            raise CommandError(str(error)) from error
        self.cursor = options["after"]
        timer = None
        if options["timeout"] is not None:
            timer = threading.Timer(options["timeout"], subscription.close, ["timeout"])
            timer.daemon = True
            timer.start()
        wanted = options["count"]
        try:
            came = self.follow(subscription, FORMATS[options["format"]], wanted)
            if wanted is not None and came < wanted:
                raise CommandError(f"{came} of {wanted} events came before the end ({subscription.closed})")
        except KeyboardInterrupt:
            pass  # how one stops it: no failure
        except BrokenPipeError:
            leave_pipe()  # `sse_listen … | head`: nobody reads on
        finally:
            subscription.close("finished")
            if timer is not None:
                timer.cancel()
            if self.cursor is not None:
                self.note(f"go on with: --after {self.cursor}")

    def follow(self, subscription: Subscription, write: Callable[[ChannelEvent], str], wanted: int | None) -> int:
        """Print until the subscription is closed or `wanted` events have come; how many came."""
        came = 0
        told = False
        for event in subscription:
            if text := write(event):
                self.stdout.write(text, ending="")
                self.stdout.flush()
            self.cursor = event.id
            if not told:
                told = True
                self.note(f"listening to {', '.join(subscription.channels)} after {event.id}; Ctrl-C ends")
            if event.event == "stream-reset":
                self.note("the log can't say what came before this stream-reset; going on from here")
            elif event.event is not None or event.text is not None:
                came += 1
                if came == wanted:
                    break
        return came


def as_text(event: ChannelEvent) -> str:
    """A line, safe for terminals: the cursor, the name, the data. Nothing for a cursor alone."""
    if event.event is None and event.text is None:
        return ""
    line = "  ".join([event.id or "", event.event or "message", event.text or ""])
    return _CONTROL.sub(lambda match: repr(match[0])[1:-1], line.rstrip()) + "\n"


def as_wire(event: ChannelEvent) -> str:
    """The block itself, cursors alone included."""
    return (event.wire or b"").decode()


def as_json(event: ChannelEvent) -> str:
    """An object with id, event and data, on a line. Nothing for a cursor alone."""
    if event.event is None and event.text is None:
        return ""
    return dump_json({"id": event.id, "event": event.event, "data": event.data}).decode() + "\n"


FORMATS = {"text": as_text, "wire": as_wire, "json": as_json}


def leave_pipe() -> None:
    """Let the interpreter's own flush at exit find nothing wrong either."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
