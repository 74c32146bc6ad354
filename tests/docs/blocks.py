"""The fenced blocks of a page, and what the page says about them in HTML comments that readers don't see.

    <!-- docs: wire -->              before a block: a word that its runner knows, with arguments if it takes any
    <!-- docs: run                   a block by itself: Python that is run here and shown to nobody
    assert shop.views.seen == 3
    -->

Anything else that looks like a fence is an error, so that nothing escapes the runners by a slip.
"""

import re
import shlex
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>[\w+-]*)\s*$")
_COMMENT = re.compile(r"^<!-- docs: (?P<words>.*?)(?P<close> -->)?$")


class PageError(Exception):
    """A page is not written as blocks.py says."""


@dataclass(frozen=True)
class Block:
    """One fenced block, or hidden Python."""

    page: str
    line: int
    """Of the first line of its text, from 1, as editors count."""
    language: str
    text: str
    directive: str = ""
    arguments: tuple[str, ...] = ()
    headings: tuple[str, ...] = field(default=(), compare=False)
    """The headings that it stands under, outermost first."""

    def __str__(self) -> str:
        return f"{self.page}:{self.line} ({self.language or 'no language'})"

    @property
    def file(self) -> str | None:
        """The path in its first line, if that is a comment with nothing else: `# shop/views.py`."""
        first = self.text.partition("\n")[0]
        match = re.fullmatch(r"# ([\w./-]+\.\w+)", first)
        return match[1] if match else None


def pages() -> list[str]:
    """README.md and every page in docs/."""
    return ["README.md", *sorted(str(p.relative_to(ROOT)) for p in (ROOT / "docs").rglob("*.md"))]


def blocks_of(page: str) -> list[Block]:
    """Every block of a page of this repository."""
    return list(parse(page, (ROOT / page).read_text(encoding="utf-8")))


def all_blocks(*languages: str) -> list[Block]:
    """The blocks of these languages, of all pages."""
    return [block for page in pages() for block in blocks_of(page) if block.language in languages]


def parse(page: str, text: str) -> Iterator[Block]:
    """The blocks in a page's text.

    Raises:
        PageError: for a fence or a comment that is never closed, and for a directive with no block behind it.
    """
    lines = text.split("\n")
    directive: tuple[str, ...] = ()
    headings: list[str] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        where = f"{page}:{at + 1}"
        at += 1
        if match := _COMMENT.match(line):
            if directive:
                raise PageError(f"{where}: the directive before this one has no block")
            if match["close"]:
                directive = tuple(shlex.split(match["words"]))
                continue
            if match["words"] != "run":
                raise PageError(f"{where}: only `docs: run` goes over several lines")
            end = _find(lines, at, "-->", where)
            yield Block(page, at + 1, "python", "\n".join(lines[at:end]), "run", (), tuple(headings))
            at = end + 1
        elif match := _FENCE.match(line):
            end = _find(lines, at, match["indent"] + "```", where)
            body = textwrap.dedent("\n".join(lines[at:end]))
            yield Block(page, at + 1, match["language"], body, *_split(directive), tuple(headings))
            directive = ()
            at = end + 1
        elif line.lstrip().startswith(("```", "~~~")):
            raise PageError(f"{where}: a fence is ``` and a language, got {line!r}")
        elif line.startswith("#"):
            level = len(line) - len(line.lstrip("#"))
            headings[level - 1 :] = [line.lstrip("# ")]
        elif line.strip() and directive:
            raise PageError(f"{where}: the directive before this line has no block")
    if directive:
        raise PageError(f"{page}: the last directive has no block")


def _split(directive: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    return (directive[0], directive[1:]) if directive else ("", ())


def _find(lines: list[str], start: int, end: str, where: str) -> int:
    for index in range(start, len(lines)):
        if lines[index].rstrip() == end:
            return index
    raise PageError(f"{where}: what begins here is never closed by {end!r}")
