"""What the two commands are told: lists of numbers and names, and which servers there are to compare with."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec

from bench.channels import nchan
from bench.channels.stage import DIRECT, EVENTSTREAM, NCHAN, OURS, RAW

SERVERS = (OURS, DIRECT, RAW, EVENTSTREAM, NCHAN)


def numbers(text: str) -> tuple[int, ...]:
    """Of `1000,100,5000`.

    Raises:
        ValueError: if one is no number, or below 1.
    """
    found = tuple(int(word) for word in text.split(","))
    if min(found) < 1:
        raise ValueError(f"numbers from 1 on are expected, got {text}")
    return found


def some_of(names: Sequence[str]) -> Callable[[str], list[str]]:
    """A type for argparse: some of the names, with commas between them."""

    def chosen(text: str) -> list[str]:
        if unknown := set(text.split(",")) - set(names):
            raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))}: choose from {', '.join(names)}")
        return text.split(",")

    return chosen


def parts_of(parser: argparse.ArgumentParser, given: Sequence[str], known: Sequence[str]) -> Sequence[str]:
    """Those that were named, or all."""
    if unknown := set(given) - set(known):
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    return given or known


def servers_here() -> list[str]:
    """Those that can be measured; it says why one can't."""
    found = list(SERVERS)
    if find_spec("django_eventstream") is None:
        print("django-eventstream is left out: pip install -e '.[bench]'", file=sys.stderr)
        found.remove(EVENTSTREAM)
    if reason := nchan.missing():
        print(f"nchan is left out: {reason}", file=sys.stderr)
        found.remove(NCHAN)
    return found
