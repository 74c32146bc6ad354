"""The source of a view as the server runs it, for a page: read from the function behind the URL, so it is never out of date."""

import inspect
import io
import keyword
import tokenize
from collections.abc import Callable, Iterator
from typing import Any

from django.urls import resolve
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

#: What a token is, to a reader; anything else is plain text.
_KINDS = {
    tokenize.COMMENT: "comment",
    tokenize.NUMBER: "number",
    tokenize.STRING: "string",
    # An f-string is tokens of its own from Python 3.12 on.
    **{
        getattr(tokenize, name): "string"
        for name in ("FSTRING_START", "FSTRING_MIDDLE", "FSTRING_END")
        if hasattr(tokenize, name)
    },
}
_LAYOUT = {tokenize.ENCODING, tokenize.INDENT, tokenize.DEDENT, tokenize.NEWLINE, tokenize.NL, tokenize.ENDMARKER}


def view_at(url: str) -> Callable[..., Any]:
    """The function, or the class, that somebody wrote for this URL, out of its decorators."""
    view = resolve(url).func
    return getattr(view, "view_class", None) or inspect.unwrap(view)


def code_of(view: Callable[..., Any]) -> SafeString:
    """The view with its decorators, as HTML."""
    return highlight(inspect.getsource(view))


def file_of(view: Callable[..., Any]) -> SafeString:
    """The whole module that the view is in, as HTML."""
    module = inspect.getmodule(view)
    assert module is not None, view
    return highlight(inspect.getsource(module))


def highlight(code: str) -> SafeString:
    """Python as HTML with a `<span class="…">` around what has a kind."""
    code = code.rstrip("\n") + "\n"
    return mark_safe("".join(_pieces(code)).rstrip("\n"))  # noqa: S308  (each piece went through format_html)


def _pieces(code: str) -> Iterator[str]:
    lines = code.splitlines(keepends=True)
    at = (1, 0)
    before = ""
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type in _LAYOUT:
            continue
        yield format_html("{}", _between(lines, at, token.start))
        at = token.end
        kind = _kind(token, before)
        before = token.string
        text = token.string
        yield format_html('<span class="{}">{}</span>', kind, text) if kind else format_html("{}", text)
    yield format_html("{}", _between(lines, at, (len(lines) + 1, 0)))


def _kind(token: tokenize.TokenInfo, before: str) -> str:
    if token.type != tokenize.NAME:
        return _KINDS.get(token.type, "")
    if keyword.iskeyword(token.string):
        return "keyword"
    if before in ("def", "class"):
        return "defined"
    return "decorator" if before == "@" else ""


def _between(lines: list[str], start: tuple[int, int], end: tuple[int, int]) -> str:
    """The text between two places, given as tokenize gives them: the line from 1, the column from 0."""
    if start >= end:
        return ""
    (first, left), (last, right) = start, end
    if first == last:
        return lines[first - 1][left:right]
    middle = lines[first : last - 1]
    tail = lines[last - 1][:right] if last <= len(lines) else ""
    return "".join([lines[first - 1][left:], *middle, tail])
