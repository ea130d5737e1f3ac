"""The gateway's own refusals, each a problem with what would have helped."""

from collections.abc import Iterable

from starlette.responses import JSONResponse

from gateway.domain.caller import Caller
from shared.kit.problems import problem_response


def not_found(path: str) -> JSONResponse:
    return problem_response("not-found", 404, "Not found", f"There is no {path[:200]!r} here. /openapi.json says what there is.")


def method_not_allowed(method: str, path: str, allowed: str) -> JSONResponse:
    detail = f"{method[:20]} is not possible on {path[:200]}. What is: {allowed}."
    return problem_response("method-not-allowed", 405, "Method not allowed", detail, headers={"Allow": allowed})


def unusable_path(detail: str) -> JSONResponse:
    return problem_response("invalid-request", 422, "The request cannot be understood", detail)


def unauthorized(given: bool) -> JSONResponse:
    """RFC 6750: ``error`` only where a key was given."""
    challenge = 'Bearer realm="licensing"' + (', error="invalid_token"' if given else "")
    what = "The key is not known here: it was mistyped, or its caller was deleted." if given else "A key is needed."
    detail = f"{what} Send one header `Authorization: Bearer <key>` with a caller's key."
    return problem_response("unauthorized", 401, "Unauthorized", detail, headers={"WWW-Authenticate": challenge})


def forbidden(what: str, caller: Caller, scopes: Iterable[str]) -> JSONResponse:
    needed = " or ".join(scopes)
    detail = f"{what} needs a key of scope {needed}; that of {caller.name!r} has scope {caller.scope}."
    members = {"scope_needed": needed, "scope_held": caller.scope}
    return problem_response("forbidden", 403, "Forbidden", detail, members=members)


def keys_unavailable() -> JSONResponse:
    detail = "The store of callers does not answer, so the key could not be looked up. Nothing was done; try again in 2 s."
    return problem_response("data-store-unavailable", 503, "The data store does not answer", detail, headers={"Retry-After": "2"})


def too_many(limit: int) -> JSONResponse:
    detail = f"{limit} requests are being answered already, which is the limit. Nothing was done; try again in 1 s."
    return problem_response("busy", 503, "Busy", detail, headers={"Retry-After": "1"})


def too_late(upstream: str, seconds: float) -> JSONResponse:
    detail = f"The {upstream} service did not begin an answer within {seconds:g} s. Whether it did anything of this request is not known; "
    members = {"upstream": upstream}
    headers = {"Retry-After": "2"}
    title = "The time for an answer is over"
    return problem_response("deadline-exceeded", 504, title, detail + "look before you repeat it.", members=members, headers=headers)


def failed() -> JSONResponse:
    detail = "An error in the gateway that nobody foresaw. Report the trace_id with the gateway's log."
    return problem_response("internal-error", 500, "Internal error", detail)
