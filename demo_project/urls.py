"""The examples, the admin, and the icon that browsers ask for on pages that are not HTML."""

from django.contrib import admin
from django.contrib.staticfiles.storage import staticfiles_storage
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import include, path


def favicon(request: HttpRequest) -> HttpResponseRedirect:
    return HttpResponseRedirect(staticfiles_storage.url("catalog/favicon.svg"))


urlpatterns = [
    path("", include("demo_project.catalog.urls")),
    path("shop/", include("demo_project.shop.urls")),
    path("tasks/", include("demo_project.tasks.urls")),
    path("streams/", include("sse_django.docs_urls")),
    path("admin/", admin.site.urls),
    path("favicon.ico", favicon),
]
