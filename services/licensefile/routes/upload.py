"""How an uploaded file comes in: at most 1 MiB, read and its signatures checked away from the event loop.

Must not be broken: whatever length a body has or hides, no more of it is read than a license file and its wrapping may have.
"""

import asyncio
import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, File, Request, Response, UploadFile
from fastapi.routing import APIRoute
from python_multipart.multipart import parse_options_header
from starlette.datastructures import UploadFile as Part
from starlette.types import Message

from services.licensefile.clients import TrustedKeys
from services.licensefile.domain.offer import Offer, inspect

LARGEST_FILE_BYTES = 1_048_576
LARGEST_BODY_BYTES = LARGEST_FILE_BYTES + 65_536
"""A file and its multipart wrapping."""

_NAME = re.compile(r'filename="((?:[^"\\]|\\.)*)"', re.IGNORECASE)


@dataclass
class FileTooLarge(Exception):
    """The file is beyond the limit."""

    size_bytes: int
    limit_bytes: int

    def __str__(self) -> str:
        return f"The file has {self.size_bytes} bytes; a license file may have {self.limit_bytes}. Is it the right file?"


@dataclass
class UploadTooLarge(Exception):
    """The body goes on beyond what a license file and its wrapping may have; the rest of it was not read."""

    limit_bytes: int

    def __str__(self) -> str:
        return f"An upload may have {self.limit_bytes} bytes; the rest of this one was not read. Is it the right file?"


@dataclass
class UploadCutOff(Exception):
    """The body ends before its parts do."""

    received_bytes: int

    def __str__(self) -> str:
        return (
            f"{self.received_bytes} bytes of the upload came, and not its multipart end. Nothing was installed. Send the whole of it again."
        )


@dataclass
class SeveralFiles(Exception):
    """More than one file in one upload: which of them is meant?"""

    files: int

    def __str__(self) -> str:
        return f"The upload holds {self.files} files, so none of them was read. Upload them one after the other."


class UploadRoute(APIRoute):
    """A route whose body is cut off at the limit of an upload and must be whole, before anything looks into it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_upload(request: Request) -> Response:
            return await handle(await _within_limit(request))

        return handle_upload


async def _within_limit(request: Request) -> Request:
    """The request with its body at hand. Raises UploadTooLarge, UploadCutOff."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > LARGEST_BODY_BYTES:
            raise UploadTooLarge(LARGEST_BODY_BYTES)
    kind, options = parse_options_header(request.headers.get("content-type"))
    boundary = options.get(b"boundary")
    if kind == b"multipart/form-data" and boundary and b"--" + boundary + b"--" not in body:
        raise UploadCutOff(len(body))
    read = False

    async def receive() -> Message:
        nonlocal read
        if read:
            return await request.receive()
        read = True
        return {"type": "http.request", "body": bytes(body), "more_body": False}

    return Request(request.scope, receive)


async def _offer(
    request: Request,
    # Client generators recognize a file part by this format, not by the newer contentMediaType.
    file: Annotated[
        UploadFile, File(description="The .lic file as the vendor sent it, at most 1 MiB.", json_schema_extra={"format": "binary"})
    ],
) -> Offer:
    # The framework takes the last of several parts of one name, and drops those and all others in silence.
    if (files := sum(isinstance(part, Part) for _, part in (await request.form()).multi_items())) > 1:
        raise SeveralFiles(files)
    content = await file.read(LARGEST_FILE_BYTES + 1)
    if len(content) > LARGEST_FILE_BYTES:
        raise FileTooLarge(file.size or len(content), LARGEST_FILE_BYTES)
    keys: TrustedKeys = request.app.state.trusted_keys
    # A megabyte of lines is seconds of work, which must not hold up everybody else in this process.
    return await asyncio.to_thread(_inspect, _name_of(file), content, keys)


def _name_of(file: UploadFile) -> str:
    """The name as it was sent: the framework makes `a.lic` of `C:\\folder\\a.lic`, and a name with a path is none."""
    sent = _NAME.search(file.headers.get("content-disposition", ""))
    if sent and "\\" in sent[1].replace('\\"', ""):
        return sent[1].encode("latin-1").decode("utf-8", "replace")
    return file.filename or ""


def _inspect(file_name: str, content: bytes, keys: TrustedKeys) -> Offer:
    return inspect(file_name, content, keys.read().check)


OfferDep = Annotated[Offer, Depends(_offer)]
