"""The pages around the streams. They allow no script and no style but the site's own files."""

from collections.abc import Callable
from functools import wraps

import django
from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from demo_project import engine
from demo_project.catalog import source, tour

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

#: What the index shows of the bakery.
DRAWINGS = [f"shop/art/{name}.svg" for name in ("loaf", "croissant", "bun", "cake")]

Page = Callable[..., HttpResponse]


def strict(page: Page) -> Page:
    """Send the content security policy with a page."""

    @wraps(page)
    def with_policy(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        response = page(request, *args, **kwargs)
        response.headers["Content-Security-Policy"] = POLICY
        return response

    return with_policy


@strict
def index(request: HttpRequest) -> HttpResponse:
    first = tour.EXAMPLES[0]
    code = source.code_of(source.view_at(first.stream_url))
    context = {"parts": tour.parts(), "count": len(tour.EXAMPLES), "first": first, "code": code, "bakery": DRAWINGS}
    return render(request, "catalog/index.html", {**context, **served_by(request)})


@strict
def example(request: HttpRequest, slug: str) -> HttpResponse:
    chosen = tour.BY_SLUG.get(slug)
    if chosen is None:
        raise Http404(f"there is no example {slug!r}")
    view = source.view_at(chosen.stream_url)
    before, after = tour.neighbours(chosen)
    context = {
        "example": chosen,
        "code": source.code_of(view),
        "file": source.file_of(view),
        "file_name": view.__module__.removeprefix("demo_project.").replace(".", "/") + ".py",
        "curl": f"{chosen.curl} {request.build_absolute_uri(chosen.stream_url)}",
        "before": before,
        "after": after,
        "engine": engine.name_of(settings.DEMO_ENGINE),
    }
    return render(request, chosen.template, {**context, **served_by(request)})


def served_by(request: HttpRequest) -> dict[str, str]:
    """What the foot of a page says."""
    return {"interface": "ASGI" if isinstance(request, ASGIRequest) else "WSGI", "django": django.get_version()}
