"""A channel on the memory of this process: readers, a publisher, and how many the hub has."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from sse_django import EventSourceResponse, apublish, subscribe
from sse_django.hubs import get_hub


async def read(request: HttpRequest) -> EventSourceResponse:
    """Of the user `?user=`, as if he had signed in."""
    request.sse_user_pk = request.GET.get("user")  # type: ignore[attr-defined]
    return EventSourceResponse(subscribe("live"), ping_interval=0.5)


async def tell(request: HttpRequest) -> HttpResponse:
    await apublish("live", {"text": request.GET["text"]})
    return HttpResponse("told")


async def flood(request: HttpRequest) -> HttpResponse:
    """`?count=` events of `?size=` bytes, numbered from `?first=`."""
    first, size = int(request.GET["first"]), int(request.GET["size"])
    for number in range(first, first + int(request.GET["count"])):
        await apublish("live", {"n": number, "text": "x" * size})
    return HttpResponse("told")


async def readers(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"readers": get_hub("default").readers})


urlpatterns = [
    path("channel/read/", read),
    path("channel/tell/", tell),
    path("channel/flood/", flood),
    path("channel/readers/", readers),
]
