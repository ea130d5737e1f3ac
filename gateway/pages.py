"""The documentation's pages, which need no key and work without the internet.

Must not be broken: no page names another host. The documentation's program comes with the package, its start-up is a file of
ours so that no inline script has to be allowed, and the validator that it would ask over the internet is switched off.
"""

from collections.abc import Mapping
from importlib import resources

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from shared.kit.problems import NotFound

_ASSETS: Mapping[str, str] = {
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "swagger-ui.css": "text/css; charset=utf-8",
    "favicon.png": "image/png",
}
_START = """window.addEventListener("load", function () {
  SwaggerUIBundle({url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null, docExpansion: "none"});
});
"""
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>CallManager Licensing: the API</title>
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
<link rel="icon" href="/docs/assets/favicon.png">
</head>
<body>
<noscript>This page needs JavaScript; <a href="/openapi.json">the contract itself</a> does not.</noscript>
<div id="swagger-ui"></div>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script src="/docs/assets/start.js"></script>
</body>
</html>
"""
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

router = APIRouter(include_in_schema=False)


@router.get("/")
async def home() -> RedirectResponse:
    return RedirectResponse("/docs", status_code=307)


@router.get("/docs")
async def docs() -> HTMLResponse:
    return HTMLResponse(_PAGE, headers=_HEADERS)


@router.get("/docs/assets/{name}")
async def asset(name: str, request: Request) -> Response:
    """A file of the documentation; it changes with the package's version only, which the browser is told by its tag."""
    if name == "start.js":
        return Response(_START, media_type="text/javascript", headers={"X-Content-Type-Options": "nosniff"})
    if name not in _ASSETS:
        raise NotFound("file", name)
    content = resources.files("fastapi_offline").joinpath("static", name).read_bytes()
    tag = f'"{len(content):x}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=_ASSETS[name], headers=headers)
