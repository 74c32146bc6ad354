"""Pages, what their buttons do, and the feeds."""

from django.urls import path

from demo_project.tasks import views
from demo_project.tasks.feeds import DatastarTaskFeed, HtmxTaskFeed

app_name = "tasks"

urlpatterns = [
    path("htmx/", views.htmx, name="htmx"),
    path("datastar/", views.datastar, name="datastar"),
    path("htmx/live/", HtmxTaskFeed.as_view(), name="htmx-live"),
    path("datastar/live/", DatastarTaskFeed.as_view(), name="datastar-live"),
    path("add/", views.add, name="add"),
    path("<int:pk>/toggle/", views.toggle, name="toggle"),
    path("<int:pk>/remove/", views.remove, name="remove"),
]
