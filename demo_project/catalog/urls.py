"""The pages, and the streams they show.

The streams keep the paths of FastAPI's tutorial on Server-Sent Events. It shows three different programs at
`/items/stream`; here they live side by side, so the second and the third stand under a prefix of their own:

    /items/stream                              a view that yields
    /items/stream-no-async                     the same, sync
    /items/stream-no-annotation                the same, without a return type
    /items/stream-no-async-no-annotation       the same, without either
    /events/items/stream                       ServerSentEvent: event, id, retry, comment
    /logs/stream                               raw data
    /resume/items/stream                       resumption with Last-Event-ID
    /chat/stream                               POST

and four that only Django has:

    /notifications/stream                      a channel: publish and subscribe
    /sync-orm/products/stream                  sync code through sync_to_async
    /async-orm/products/stream                 the async ORM, resumable by primary key
    /prices/stream                             EventStreamView

A stream's URL has the name of its example in tour.py.
"""

from django.urls import path

from demo_project.catalog import pages
from demo_project.catalog.examples import async_orm, chat, events, items, logs, notifications, prices, resume, sync_orm

urlpatterns = [
    path("", pages.index, name="index"),
    path("examples/<slug:slug>/", pages.example, name="example"),
    path("items/stream", items.sse_items, name="items"),
    path("items/stream-no-async", items.sse_items_no_async, name="no-async"),
    path("items/stream-no-annotation", items.sse_items_no_annotation, name="no-annotation"),
    path(
        "items/stream-no-async-no-annotation",
        items.sse_items_no_async_no_annotation,
        name="no-async-no-annotation",
    ),
    path("events/items/stream", events.stream_items, name="events"),
    path("logs/stream", logs.stream_logs, name="logs"),
    path("resume/items/stream", resume.stream_items, name="resume"),
    path("chat/stream", chat.stream_chat, name="chat"),
    path("notifications/stream", notifications.stream_notifications, name="notifications"),
    path("sync-orm/products/stream", sync_orm.stream_affordable, name="sync-orm"),
    path("async-orm/products/stream", async_orm.stream_products, name="async-orm"),
    path("prices/stream", prices.PriceTicker.as_view(), name="prices"),
]
