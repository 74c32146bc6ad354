from django.contrib import admin
from django.contrib.staticfiles.views import serve
from django.http import HttpResponse
from django.urls import path, re_path
from django.views.i18n import set_language

urlpatterns = [
    path("admin/", admin.site.urls),
    path("favicon.ico", lambda request: HttpResponse(status=204)),
    path("i18n/setlang/", set_language),
    re_path(r"^static/(?P<path>.*)$", serve, {"insecure": True}),
]
