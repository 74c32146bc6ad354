"""What a page of the admin gives our script: one `<script type="module">` in its media, told everything by data attributes.

So it works with any template that renders `{{ media }}`, which all of the admin's do, and under a strict policy for content.
"""

from __future__ import annotations

import json
from typing import Any

from django.forms import Media, Script
from django.utils.translation import gettext as _

SCRIPT = "sse_django/admin/live.js"
STYLE = "sse_django/admin/live.css"


def media_for(page: str, **data: str | None) -> Media:
    """The script and its style.

    Args:
        page: "changelist" or "form".
        data: `data-…` attributes, `_` standing for `-`; None leaves one out.
    """
    attributes = {f"data-{name.replace('_', '-')}": value for name, value in data.items() if value is not None}
    script = Script(SCRIPT, type="module", **{"data-sse-live": page, "data-texts": _texts()}, **attributes)
    scripts: list[Any] = [script]  # the stubs know text only
    return Media(css={"all": [STYLE]}, js=scripts)


def _texts() -> str:
    # Labels and numbers rather than sentences about them: plural forms are the language's own business.
    texts: dict[str, Any] = {
        "live": _("Live"),
        "connecting": _("Connecting…"),
        "reconnecting": _("Reconnecting…"),
        "off": _("Not live"),
        "paused": _("Paused until the errors below are corrected"),
        "off_why": _("You may be signed out, or may no longer see this page."),
        "reload": _("Reload"),
        "updated": _("List updated."),
        "created": _("New: %s."),
        "changed": _("Changed: %s."),
        "gone": _("No longer here: %s."),
        "conflict": _("Changed meanwhile to: %s"),
        "empty": _("(nothing)"),
        "left": _("No longer in this list. What you typed can still be saved."),
        "deleted": _("Deleted meanwhile. What you typed can't be saved any more."),
        "lost": _("What you typed here would be lost."),
    }
    return json.dumps(texts, ensure_ascii=False)
