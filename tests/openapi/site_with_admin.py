"""The site, and an admin."""

from django.contrib import admin
from django.urls import path

from tests.openapi import site

urlpatterns = [*site.urlpatterns, path("admin/", admin.site.urls)]
