"""Two pages and what their buttons do. The buttons answer nothing: what they change arrives by the feed, on every open page."""

import inspect

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.template.loader import get_template
from django.views.decorators.http import require_POST

from demo_project.catalog import source
from demo_project.catalog.pages import POLICY, served_by
from demo_project.tasks import feeds
from demo_project.tasks.models import Task


def htmx(request: HttpRequest) -> HttpResponse:
    return _page(request, "htmx", feeds.HtmxTaskFeed, POLICY)


def datastar(request: HttpRequest) -> HttpResponse:
    # Datastar makes functions of its attributes' text, which a policy has to allow.
    return _page(
        request,
        "datastar",
        feeds.DatastarTaskFeed,
        POLICY.replace("script-src 'self'", "script-src 'self' 'unsafe-eval'"),
    )


def _page(request: HttpRequest, name: str, feed: type, policy: str) -> HttpResponse:
    context = {
        "code": source.highlight(inspect.getsource(feed)),
        "row": get_template(feed.template_name).template.source,
        "other": "datastar" if name == "htmx" else "htmx",
        **served_by(request),
    }
    response = render(request, f"tasks/{name}.html", context)
    response.headers["Content-Security-Policy"] = policy
    return response


@require_POST
def add(request: HttpRequest) -> HttpResponse:
    title = request.POST.get("title", "").strip()[:80]
    if title:
        Task.objects.create(title=title)
    return HttpResponse(status=204)


@require_POST
def toggle(request: HttpRequest, pk: int) -> HttpResponse:
    task = get_object_or_404(Task, pk=pk)
    task.done = not task.done
    task.save()
    return HttpResponse(status=204)


@require_POST
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    Task.objects.filter(pk=pk).delete()
    return HttpResponse(status=204)
