"""The Django project that a page writes block by block, as modules of this process.

A block that begins with `# shop/views.py` is that module, or its continuation; one without a file is the page's own scratch
module. `shop.models` is tests.app.models: a model class can be made only once. Every `urlpatterns` is in the page's URLconf.
"""

import ast
import sys
import types
from contextlib import ExitStack
from typing import Any, Self

from django.contrib import admin
from django.test.utils import override_settings
from django.urls import clear_url_caches

from sse_django import conf
from sse_django.admin.dashboard.section import dashboards
from sse_django.admin.live.notices import isolated
from sse_django.feeds.registry import isolated_feeds
from tests.app import models
from tests.docs.blocks import Block

URLCONF = "docs_urlconf"


class Project:
    """What a page has written so far. A context manager: at its end the modules are gone."""

    def __init__(self) -> None:
        self._modules: dict[str, types.ModuleType] = {}
        self._settings: list[override_settings] = []
        self._feeds = ExitStack()
        self.urlconf = types.ModuleType(URLCONF)
        self.urlconf.urlpatterns = []  # type: ignore[attr-defined]

    def __enter__(self) -> Self:
        sys.modules[URLCONF] = self.urlconf
        self._add("shop", types.ModuleType("shop")).__path__ = []
        self._add("shop.models", models)
        self.override(ROOT_URLCONF=URLCONF)
        self._feeds.enter_context(isolated_feeds())
        self._feeds.enter_context(isolated())
        self._feeds.callback(setattr, admin.site, "_registry", dict(admin.site._registry))
        self._feeds.callback(self._forget_dashboards, frozenset(dashboards(admin.site)))
        return self

    def __exit__(self, *exc: object) -> None:
        self._feeds.close()
        while self._settings:
            self._settings.pop().disable()
        for name in [URLCONF, *self._modules]:
            sys.modules.pop(name, None)
        clear_url_caches()

    def _forget_dashboards(self, kept: frozenset[str]) -> None:
        registered = dashboards(admin.site)
        for slug in registered.keys() - kept:
            del registered[slug]

    def override(self, **settings: Any) -> None:
        """Settings for the rest of the page."""
        overridden = override_settings(**settings)
        overridden.enable()
        self._settings.append(overridden)

    def execute(self, block: Block) -> types.ModuleType:
        """Run a block in its module; line numbers in tracebacks are the page's."""
        if block.file == "shop/models.py":
            return self._same_models(block)
        module = self.module(block.file)
        before = list(getattr(module, "urlpatterns", ()))
        source = "\n" * (block.line - 1) + block.text
        exec(compile(source, block.page, "exec", dont_inherit=True), module.__dict__)
        for pattern in getattr(module, "urlpatterns", ()):
            if pattern not in before:
                self.urlconf.urlpatterns.append(pattern)
        clear_url_caches()
        if module.__name__.endswith(".settings"):
            self._check_settings(module)
        return module

    def _same_models(self, block: Block) -> types.ModuleType:
        """The models of a page have to be those of tests.app, which are made already."""
        for node in ast.parse(block.text).body:
            if isinstance(node, ast.ClassDef):
                fields = {field.name for field in getattr(models, node.name)._meta.get_fields()}
                shown = {target.id for line in node.body if isinstance(line, ast.Assign) for target in line.targets}  # type: ignore[attr-defined]
                assert shown <= {*fields, "objects"}, f"{block}: {node.name} has {fields}"
        return models

    def module(self, file: str | None) -> types.ModuleType:
        """The module of a path like `shop/views.py`; the scratch module for None."""
        name = file.removesuffix(".py").replace("/", ".") if file else "docs_page"
        if name in self._modules:
            return self._modules[name]
        package = name.rpartition(".")[0]
        if package and package not in self._modules:
            self._add(package, types.ModuleType(package)).__path__ = []
        module = types.ModuleType(name)
        module.__dict__["__package__"] = package
        return self._add(name, module)

    def _add(self, name: str, module: types.ModuleType) -> types.ModuleType:
        package, _, short = name.rpartition(".")
        if package:
            setattr(self._modules[package], short, module)
        self._modules[name] = sys.modules[name] = module
        return module

    def _check_settings(self, module: types.ModuleType) -> None:
        """A settings file may elide with `...`; what it does say must hold."""
        raw = getattr(module, "SSE_DJANGO", None)
        if raw is not None:
            assert not list(conf.problems(raw)), list(conf.problems(raw))
            self.override(SSE_DJANGO=raw)
        apps = [app for app in getattr(module, "INSTALLED_APPS", ()) if app is not ...]
        assert not apps or "sse_django" in apps, apps
