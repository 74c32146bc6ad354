"""The request's JSON body as a parameter of the view: parsed and validated before anything runs.

Another content type is 415: a form or text/plain could be sent from anywhere without a preflight, past what guards JSON
endpoints against CSRF. A body that doesn't fit is 422, in FastAPI's shape.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from pydantic import ValidationError

from sse_django.annotations import Body


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


def _is_json(content_type: str) -> bool:
    kind, _, subtype = content_type.lower().partition("/")
    return kind == "application" and (subtype == "json" or subtype.endswith("+json"))
