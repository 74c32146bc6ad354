"""What is printed: tables in Markdown, and whether each bar is met."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from importlib.metadata import version
from os import cpu_count


class Bars:
    """What was wanted and what came out."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self.missed = False

    def at_most(self, what: str, wanted: float, measured: float) -> None:
        met = measured <= wanted
        self.missed = self.missed or not met
        self._lines.append(f"| {what} | {wanted:g} | {measured:.3g} | {'met' if met else '**missed**'} |")

    def show(self) -> None:
        print("\nBars\n\n| | at most | measured | |\n| --- | --- | --- | --- |")
        print("\n".join(self._lines), flush=True)


def table(title: str, *rows: Iterable[object]) -> None:
    """The first row is the head."""
    print(f"\n{title}\n")
    for number, row in enumerate(rows):
        cells = list(row)
        print("| " + " | ".join(map(str, cells)) + " |", flush=True)
        if not number:
            print("|" + " --- |" * len(cells))


def show_versions(packages: Iterable[str]) -> None:
    """Raises PackageNotFoundError."""
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    print(
        f"Python {platform.python_version()}, {versions}; {platform.system()} {platform.machine()}, {cpu_count()} cores"
    )
