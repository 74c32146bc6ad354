"""The request's JSON body as a parameter of the view: parsed and validated before anything runs.

Another content type is 415: a form or text/plain could be sent from anywhere without a preflight, past what guards JSON
endpoints against CSRF. A body that doesn't fit is 422, in FastAPI's shape.
"""

from __future__ import annotations

import logging
from typing import Any

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from pydantic import ValidationError

from sse_django.annotations import BODY_RULE, Body, ViewAnnotations

logger = logging.getLogger("sse_django")


def parse_body(request: HttpRequest, body: Body) -> tuple[dict[str, Any], HttpResponseBase | None]:
    """The keyword argument for the view, or the response that says why there is none.

    A parameter with a default may be left out: no body and no content type.
    """
    raw = request.body
    if not raw and not body.required and not request.content_type:
        return {}, None
    if not _is_json(request.content_type or ""):
        came = request.content_type or "none"
        message = f"the body must be JSON: send Content-Type: application/json (it was {came})"
        return {}, JsonResponse({"detail": message}, status=415)
    try:
        return {body.name: body.adapter.validate_json(raw)}, None
    except ValidationError as error:
        detail = error.errors(include_url=False, include_input=False, include_context=False)
        return {}, JsonResponse({"detail": detail}, status=422)


def tell_of_lost_body(request: HttpRequest, view: ViewAnnotations, taken: frozenset[str]) -> bool:
    """Warn, in the log, if JSON came and a parameter that could be meant for it stays at its default; whether it did.

    Not an error: the view may read the body itself, and the parameter may be for other callers.
    """
    if request.method not in {"POST", "PUT", "PATCH"} or not _is_json(request.content_type or ""):
        return False
    left_out = view.left_out(taken)
    if left_out:
        logger.warning(
            "%s: the JSON body of %s %s fills no parameter, and %s stays at its default. %s.",
            view.name,
            request.method,
            request.path,
            " and ".join(left_out),
            BODY_RULE,
        )
    return bool(left_out)


def _is_json(content_type: str) -> bool:
    kind, _, subtype = content_type.lower().partition("/")
    return kind == "application" and (subtype == "json" or subtype.endswith("+json"))
