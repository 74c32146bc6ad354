"""A docstring as documentation: a summary, a description, and what its `Args:` say of each parameter."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass, field

#: Sections (Google's and NumPy's style have these names) that speak to callers in Python, not to clients.
_SECTION = re.compile(
    r"^(Args|Arguments|Parameters|Raises|Returns|Yields|Note|Notes|Example|Examples):?\s*$", re.MULTILINE
)
_ARGUMENT = re.compile(r"^ {4}(\w+)(?: \([^)]*\))?: (.+(?:\n {8,}.+)*)", re.MULTILINE)


@dataclass(frozen=True)
class Docstring:
    """Its parts; empty where it has none."""

    summary: str = ""
    description: str = ""
    arguments: dict[str, str] = field(default_factory=dict)


def parse(text: str | None) -> Docstring:
    """The parts of a docstring."""
    text = inspect.cleandoc(text or "")
    arguments = {}
    if found := re.search(r"^(?:Args|Arguments|Parameters):\s*\n((?:(?: {4}.*)?\n?)*)", text, re.MULTILINE):
        arguments = {name: " ".join(words.split()) for name, words in _ARGUMENT.findall(found[1])}
    if section := _SECTION.search(text):
        text = text[: section.start()]
    summary, _, description = text.strip().partition("\n\n")
    return Docstring(" ".join(summary.split()).removesuffix("."), description.strip(), arguments)


def words(name: str) -> str:
    """`stream_products` and `PriceTicker` as a person would write them."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).replace("_", " ").strip()
    return spaced[:1].upper() + spaced[1:].lower()
