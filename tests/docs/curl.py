"""`$ curl …` blocks: the command's request goes through Django's real handlers, and what comes back is what the page shows.

Both ways, ASGI and WSGI, with CSRF enforced as on a real site. `...` in the output stands for anything, as in doctest; at its
end it says that the stream goes on, and the client leaves.
"""

import doctest
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from asgiref.sync import async_to_sync

from sse_django.eventstream import OPENING_COMMENT
from sse_django.testing import AsyncStreamClient, StreamClient
from tests.docs.blocks import Block

ORIGIN = "http://127.0.0.1:8000"


@dataclass
class Request:
    """One curl command, understood."""

    path: str = ""
    show_head: bool = False
    options: dict[str, Any] = field(default_factory=dict)


def parse(command: str) -> Request:
    """The request of a curl command line. Options that are not understood are refused, since they might matter."""
    words = iter(shlex.split(command.replace("\\\n", " "))[1:])
    request = Request()
    headers: dict[str, str] = {}
    for word in words:
        if word in ("-N", "-s", "-sN"):
            continue
        if word in ("-i", "-iN"):
            request.show_head = True
        elif word in ("-I", "--head"):
            request.show_head = True
            request.options["method"] = "HEAD"
        elif word == "-X":
            request.options["method"] = next(words)
        elif word in ("-H", "--header"):
            name, _, value = next(words).partition(":")
            headers[name.strip()] = value.strip()
        elif word in ("-d", "--data", "--json"):
            request.options["data"] = next(words)
            request.options.setdefault("method", "POST")
            if word == "--json":
                headers["Content-Type"] = "application/json"
        elif word.startswith("-"):
            raise ValueError(f"tests/docs/curl.py doesn't know curl's {word}")
        else:
            parts = urlsplit(word.strip("'\""))
            assert f"{parts.scheme}://{parts.netloc}" == ORIGIN, f"a page's server is {ORIGIN}, not {word}"
            request.path = parts.path + (f"?{parts.query}" if parts.query else "")
    if "data" in request.options:
        # curl's own default, which the page must see to
        request.options["content_type"] = headers.pop("Content-Type", "application/x-www-form-urlencoded")
    request.options["headers"] = headers
    return request


def transcript(block: Block) -> Iterator[tuple[str, str]]:
    """The commands of a block with the output that it shows for each."""
    if not block.text.startswith("$ "):
        raise ValueError(f"{block}: a console block begins with a command, as in `$ curl …`")
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        lines = part.split("\n")
        count = next(i for i, line in enumerate(lines, 1) if not line.endswith("\\"))
        yield "\n".join(lines[:count]), "\n".join(lines[count:])


def matches(wanted: str, got: str) -> bool:
    """As doctest compares with ELLIPSIS; blank lines at the end don't count, nor the comment that opens a slow stream."""
    got = re.sub(r"(^|\n)" + re.escape(OPENING_COMMENT.decode()), r"\1", got, count=1)
    if _goes_on(wanted):
        wanted = wanted.rstrip().removesuffix("...").rstrip() + "..."
    return doctest.OutputChecker().check_output(wanted.strip() + "\n", got.strip() + "\n", doctest.ELLIPSIS)


def run(block: Block) -> None:
    """Every command of a console block, under ASGI and under WSGI."""
    for command, wanted in transcript(block):
        assert command.startswith("curl "), f"{block}: a console block shows curl, got {command!r}"
        request = parse(command)
        for got, where in ((_under_wsgi(request, wanted), "WSGI"), (_under_asgi(request, wanted), "ASGI")):
            assert matches(wanted, got), f"{block}, {command}, under {where}:\n{got}\n--- the page shows:\n{wanted}"


def _under_wsgi(request: Request, wanted: str) -> str:
    with StreamClient(enforce_csrf_checks=True).stream(request.path, **request.options) as stream:
        if _goes_on(wanted):
            stream.wait_for(lambda s: matches(wanted, _text(request, s)))
        else:
            stream.rest()
        return _text(request, stream)


@async_to_sync
async def _under_asgi(request: Request, wanted: str) -> str:
    async with AsyncStreamClient(enforce_csrf_checks=True).stream(request.path, **request.options) as stream:
        if _goes_on(wanted):
            await stream.wait_for(lambda s: matches(wanted, _text(request, s)))
        else:
            await stream.rest()
        return _text(request, stream)


def _goes_on(wanted: str) -> bool:
    return wanted.rstrip().endswith("\n...")


def _text(request: Request, stream: Any) -> str:
    body: str = stream.body.decode()
    if not request.show_head:
        return body
    status = HTTPStatus(stream.status_code)
    head = [f"HTTP/1.1 {status.value} {status.phrase}"]
    head += [f"{name}: {value}" for name, value in stream.headers.items()]
    return "\n".join([*head, "", body])
