"""Text that is no JSON and should not become any: `raw_data` goes out as it is."""

from collections.abc import AsyncIterable

from demo_project.catalog.pace import slowly
from sse_django import ServerSentEvent, event_stream


@event_stream
async def stream_logs(request) -> AsyncIterable[ServerSentEvent]:
    logs = [
        "2025-01-01 INFO Application started",
        "2025-01-01 DEBUG Connected to database",
        "2025-01-01 WARN High memory usage detected",
    ]
    async for log_line in slowly(logs):
        yield ServerSentEvent(raw_data=log_line)
