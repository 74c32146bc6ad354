"""The live tests' own views, and the feed."""

from django.urls import include, path

from tests.feeds.live.feeds import MovingFeed

urlpatterns = [path("", include("tests.project.urls")), path("orders/live/", MovingFeed.as_view())]
