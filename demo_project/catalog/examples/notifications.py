"""A channel: what anybody publishes anywhere reaches every open page, also what came while a page was away."""

from sse_django import event_stream, last_event_id, subscribe


@event_stream
async def stream_notifications(request):
    return subscribe("notifications", after=last_event_id(request))
