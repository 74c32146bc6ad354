"""`ModelFeed`: what goes live of a model, to whom, and as what. Defining a subclass with a model makes its changes go live.

Three methods say who sees what, and they have to agree: `channels_for(row)` says where a change goes, `channels(request)`
what a request may read, `get_queryset(request)` what it is shown first. `sse_django.testing.assert_feed_agrees` checks that
in tests.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cached_property
from typing import Any, ClassVar, Self

from asgiref.sync import async_to_sync, sync_to_async
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.db import models, router
from django.http import HttpRequest, HttpResponseBase
from django.template.defaultfilters import slugify
from pydantic import BaseModel, create_model

from sse_django.backends import get_backend
from sse_django.feeds import registry
from sse_django.feeds.payload import PATCH, Payload
from sse_django.feeds.schema import make_schema, pk_type
from sse_django.response import FROM_SETTINGS


class ModelFeed:
    """A model whose changes go live.

    Attributes:
        model: the Django model. A class without one is a base for others.
        fields: names of the fields that are sent; many-to-many fields are sent as lists of primary keys. Or:
        schema: a Pydantic model that reads a row by its attributes.
        backend: an alias of SSE_DJANGO["BACKENDS"].
        template_name: a template that makes a row HTML; events then carry HTML instead of JSON.
        datastar: with it, a CSS selector of the list: events are Datastar's.
        recheck: `recheck(request)`, a method of yours, sync or async, is asked again while a stream runs; False ends it.

    The others are the options of `event_stream`.

    Raises:
        ImproperlyConfigured: when a subclass is defined that has no sense; the message says why.
    """

    model: ClassVar[Any] = None
    fields: ClassVar[Collection[str] | None] = None
    schema: ClassVar[Any] = None
    backend: ClassVar[str] = "default"
    template_name: ClassVar[str | None] = None
    datastar: ClassVar[str | None] = None

    ping_interval: float | None = FROM_SETTINGS
    retry: int | None = None
    start_timeout: float | None = None
    headers: Mapping[str, str] | None = None
    compress: bool = False
    max_duration: float | None = FROM_SETTINGS
    recheck: Any = None
    recheck_interval: float = 60.0
    release_connections: bool = True

    #: `app.FeedName`.
    label: ClassVar[str] = ""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.model is None:
            return
        _check_definition(cls)
        if cls.model._meta.abstract:
            return  # a base for the feeds of its subclasses
        if cls.fields is not None:
            cls.schema = make_schema(cls.model, cls.fields, f"{cls.__name__.removesuffix('Feed')}Row", cls.__name__)
        cls.label = f"{_app_label(cls)}.{cls.__name__}"
        cls._instance = cls()
        registry.register(cls)

    _instance: ClassVar[Any] = None

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Refuse to be called as a view, as the class itself would be that stands in a URLconf."""
        if args and isinstance(args[0], HttpRequest):
            raise TypeError(
                f"{cls.__name__} was called with a request, and it is no view: use {cls.__name__}.as_view()"
            )
        return super().__new__(cls)

    @classmethod
    def instance(cls) -> Self:
        """The one on which the methods are called when something changes."""
        if cls._instance is None:
            raise ImproperlyConfigured(f"{cls.__name__} has no model: it is a base for feeds, not a feed")
        return cls._instance  # type: ignore[no-any-return]

    # -- who sees what

    def channels_for(self, row: Any) -> Iterable[str]:
        """The channels in which a change of this row is told; none if nobody may see the row.

        By default one channel, which everybody reads who may open the feed.
        """
        return [f"feed:{self.label}"]

    def channels(self, request: HttpRequest) -> Iterable[str]:
        """The channels that a request may read."""
        return [f"feed:{self.label}"]

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        """The rows that a request is shown first."""
        return self.get_live_queryset()

    def get_live_queryset(self) -> models.QuerySet[Any]:
        """Where a row that has changed is looked up; one that isn't in it is in no channel. The default manager's rows."""
        return self.model._default_manager.all()  # type: ignore[no-any-return]

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether a request may open the feed at all."""
        return True

    def handle_no_permission(self, request: HttpRequest) -> HttpResponseBase:
        """What it is answered if it may not: a 403, unless you return something else."""
        raise PermissionDenied(f"{self.label} may not be read")

    # -- how a row looks

    def element_id(self, pk: Any) -> str:
        """The id of a row's element, for templates: `order-7`."""
        return f"{self.model._meta.model_name}-{slugify(str(pk))}"

    @cached_property
    def payload(self) -> Payload:
        """Makes rows text."""
        return Payload(self)

    @classmethod
    def event_models(cls) -> dict[str, Any]:
        """The types of the events' data, by event name; `str` where it is HTML."""
        if cls.template_name is not None:
            return {PATCH: str} if cls.datastar else dict.fromkeys(("snapshot", "created", "updated", "deleted"), str)
        name = cls.__name__.removesuffix("Feed")
        deleted = create_model(f"{name}Deleted", pk=(pk_type(cls.model), ...))
        return {"snapshot": list[cls.schema], "created": cls.schema, "updated": cls.schema, "deleted": deleted}  # type: ignore[name-defined]

    # -- what Django calls

    @classmethod
    def as_view(cls, **options: Any) -> Callable[..., HttpResponseBase]:
        """The feed as a view: an event stream. Takes the options of `event_stream`."""
        from sse_django.feeds.view import feed_view

        if cls.label and (problem := half_defined(cls)):
            raise ImproperlyConfigured(f"{problem}. Define both, or neither for one channel that everybody reads")
        return feed_view(cls, options)

    @classmethod
    def refresh(cls, queryset: Iterable[Any], *, seen_by: Iterable[str] | None = None) -> int:
        """Tell of rows that have changed where nothing told of it: by raw SQL, or `on_delete=SET_NULL`.

        Args:
            queryset: the rows, or their primary keys.
            seen_by: channels whose readers may have had the rows until now, where that may have changed. Without it the rows
                are taken to be where they were. Rows that are gone are `deleted` for these.

        Returns:
            How many rows were told of.
        """
        from sse_django.feeds.changes import refresh

        return refresh(cls.instance(), queryset, seen_by)

    @classmethod
    async def arefresh(cls, queryset: Iterable[Any], *, seen_by: Iterable[str] | None = None) -> int:
        """See refresh()."""
        return await sync_to_async(cls.refresh)(queryset, seen_by=seen_by)

    # -- inside

    def ask(self, method: str, *arguments: Any) -> Any:
        """Call a method of ours, which may be async, from a thread."""
        answer = getattr(self, method)(*arguments)
        return async_to_sync(_awaited)(answer) if inspect.isawaitable(answer) else answer

    @property
    def log(self) -> Any:
        """The backend that carries it."""
        return get_backend(self.backend)

    def joins(self, using: str) -> bool:
        """Whether an event is part of the transaction of this database alias."""
        log = self.log
        return bool(log.transactional) and getattr(log, "using", using) == using

    def live_rows(self, using: str | None = None) -> models.QuerySet[Any]:
        """`get_live_queryset` on a database alias; where the model is written, by default."""
        return self.get_live_queryset().using(using or router.db_for_write(self.model))


async def _awaited(answer: Any) -> Any:
    return await answer


def _app_label(cls: type[ModelFeed]) -> str:
    config = apps.get_containing_app_config(cls.__module__) if apps.apps_ready else None
    return config.label if config is not None else str(cls.model._meta.app_label)


def half_defined(cls: type[ModelFeed]) -> str | None:
    """What is wrong with a feed that says where changes go and not who reads there, or the other way round."""
    if (cls.channels_for is ModelFeed.channels_for) == (cls.channels is ModelFeed.channels):
        return None
    missing = "channels_for" if cls.channels_for is ModelFeed.channels_for else "channels"
    return f"{cls.label} lacks {missing}: channels_for(row) says where a change goes, channels(request) who reads there"


def _check_definition(cls: type[ModelFeed]) -> None:
    """Refuse what could only go wrong later.

    Raises:
        ImproperlyConfigured: with what to do.
    """
    name, model = cls.__name__, cls.model
    if not (isinstance(model, type) and issubclass(model, models.Model)):
        raise ImproperlyConfigured(f"{name}.model is a Django model class, got {model!r}")
    own_schema = cls.__dict__.get("schema")
    if "fields" in cls.__dict__ and cls.fields is not None and own_schema is not None:
        raise ImproperlyConfigured(f"{name} has both fields and schema: what is sent is said once")
    if own_schema is not None:
        cls.fields = None
    if cls.fields is None and cls.schema is None:
        raise ImproperlyConfigured(
            f"{name} needs fields, a list of names, or schema, a Pydantic model: nothing of a {model.__name__} goes live "
            "that isn't named"
        )
    if cls.fields is None and not (isinstance(cls.schema, type) and issubclass(cls.schema, BaseModel)):
        raise ImproperlyConfigured(f"{name}.schema is a Pydantic model class, got {cls.schema!r}")
    if cls.datastar is not None and cls.template_name is None:
        raise ImproperlyConfigured(f"{name}.datastar needs template_name: Datastar patches HTML")
