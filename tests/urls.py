"""URLs of the in-process tests. A test that needs more names its own module with `@pytest.mark.urls(__name__)`."""

from django.contrib import admin
from django.urls import path

urlpatterns = [path("admin/", admin.site.urls)]
