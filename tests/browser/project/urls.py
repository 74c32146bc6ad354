"""Pages, streams, and what the tests ask of the server."""

from django.urls import include, path

from tests.browser.project import views

urlpatterns = [
    path("", views.page),
    path("element/", views.element),
    path("sharing/", views.sharing),
    path("token/", views.token),
    path("counts/", views.counts),
    path("send/<str:channel>/", views.send),
    path("kick/<str:channel>/", views.kick_channel),
    path("channel/<str:channel>/", views.channel),
    path("snapshot/", views.snapshot),
    path("finite/", views.finite),
    path("ending/", views.ending),
    path("later/", views.later),
    path("failing/", views.failing),
    path("status/<int:code>/", views.status),
    path("flaky/<int:code>/", views.flaky),
    path("silent/", views.silent),
    path("chat/", views.chat),
    path("short-lived/", views.short_lived),
    path("fresh/", views.fresh),
    path("always-401/", views.always_401),
    path("events/", include("sse_django.urls")),
]
