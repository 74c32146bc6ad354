"""The order of the examples. What a page says about its example is in templates/catalog/about/."""

from dataclasses import dataclass
from itertools import groupby

from django.urls import reverse


@dataclass(frozen=True)
class Example:
    """One page.

    Args:
        slug: the page's address, and the name of the stream's URL.
        part: the heading it stands under.
        line: what the index says.
        names: the events that the page listens for, besides nameless ones.
        returns: whether the browser may come back when the stream ends. Off where the view takes no notice of ids: it
            would send everything again, for ever.
        resumes: whether the view does take notice of them.
        curl: the command for a terminal, without the URL.
    """

    slug: str
    part: str
    title: str
    line: str
    names: tuple[str, ...] = ()
    returns: bool = False
    resumes: bool = False
    curl: str = "curl -N"
    template: str = "catalog/example.html"

    @property
    def stream_url(self) -> str:
        return reverse(self.slug)

    @property
    def page_url(self) -> str:
        return reverse("example", args=[self.slug])

    @property
    def about(self) -> str:
        return f"catalog/about/{self.slug}.html"


EXAMPLES = [
    Example(
        slug="items",
        part="Yield items",
        title="A view that yields",
        line="Decorate an async generator. Its return type validates and serializes each item.",
    ),
    Example(
        slug="no-async",
        part="Yield items",
        title="Without async",
        line="A plain generator streams just as well, in a thread of its own.",
    ),
    Example(
        slug="no-annotation",
        part="Yield items",
        title="Without a return type",
        line="Nothing declared, nothing validated: each item is serialized by what it is.",
    ),
    Example(
        slug="no-async-no-annotation",
        part="Yield items",
        title="Without either",
        line="The least that streams: a function, a loop, a yield.",
    ),
    Example(
        slug="events",
        part="Shape events",
        title="Names, ids, retry, comments",
        line="Yield a ServerSentEvent to set the fields of an event yourself.",
        names=("item_update",),
    ),
    Example(
        slug="logs",
        part="Shape events",
        title="Raw data",
        line="Log lines and sentinels go out as they are, with no JSON around them.",
    ),
    Example(
        slug="resume",
        part="Lose nothing",
        title="Resume where it broke off",
        line="last_event_id() says what the browser has; the view goes on from there.",
        returns=True,
        resumes=True,
        curl="curl -N -H 'Last-Event-ID: 0'",
    ),
    Example(
        slug="async-orm",
        part="Lose nothing",
        title="Rows with the async ORM",
        line="Iterate a queryset. With the primary key as the id, a restart loses nothing.",
        returns=True,
        resumes=True,
        curl="curl -N -H 'Last-Event-ID: 9'",
    ),
    Example(
        slug="notifications",
        part="Lose nothing",
        title="A channel for everybody",
        line="publish() anywhere, subscribe() in a view: every open page gets it, in any process.",
        names=("note",),
        returns=True,
        resumes=True,
    ),
    Example(
        slug="sync-orm",
        part="At home in Django",
        title="Sync code in an async stream",
        line="What is sync already stays sync, behind sync_to_async.",
    ),
    Example(
        slug="prices",
        part="At home in Django",
        title="A class-based view",
        line="EventStreamView takes mixins, and events= names each event by its item's type.",
        names=("quote",),
        returns=True,
    ),
    Example(
        slug="chat",
        part="At home in Django",
        title="Answer a POST",
        line="A chat that replies word by word. The JSON body is a Pydantic parameter.",
        template="catalog/chat.html",
    ),
]

BY_SLUG = {example.slug: example for example in EXAMPLES}


def parts() -> list[tuple[str, list[Example]]]:
    """The examples under their headings."""
    return [(part, list(examples)) for part, examples in groupby(EXAMPLES, key=lambda example: example.part)]


def neighbours(example: Example) -> tuple[Example | None, Example | None]:
    """The examples before and after one."""
    at = EXAMPLES.index(example)
    return (EXAMPLES[at - 1] if at else None), (EXAMPLES[at + 1] if at + 1 < len(EXAMPLES) else None)
