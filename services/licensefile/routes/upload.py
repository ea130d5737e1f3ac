"""How an uploaded file comes in: at most 1 MiB, read and its signatures checked away from the event loop."""

import asyncio
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, File, Request, UploadFile

from services.licensefile.clients import TrustedKeys
from services.licensefile.domain.offer import Offer, inspect

LARGEST_FILE_BYTES = 1_048_576
LARGEST_BODY_BYTES = LARGEST_FILE_BYTES + 65_536
"""A file and its multipart wrapping."""


@dataclass
class FileTooLarge(Exception):
    """The file is beyond the limit."""

    size_bytes: int
    limit_bytes: int

    def __str__(self) -> str:
        return f"The file has {self.size_bytes} bytes; a license file may have {self.limit_bytes}. Is it the right file?"


@dataclass
class SeveralFiles(Exception):
    """More than one file in one upload: which of them is meant?"""

    files: int

    def __str__(self) -> str:
        return f"The upload holds {self.files} files, so none of them was read. Upload them one after the other."


async def _offer(
    request: Request,
    # Client generators recognize a file part by this format, not by the newer contentMediaType.
    file: Annotated[
        UploadFile, File(description="The .lic file as the vendor sent it, at most 1 MiB.", json_schema_extra={"format": "binary"})
    ],
) -> Offer:
    # The framework takes the last of several parts of one name and drops the others in silence.
    if (files := len((await request.form()).getlist("file"))) > 1:
        raise SeveralFiles(files)
    content = await file.read(LARGEST_FILE_BYTES + 1)
    if len(content) > LARGEST_FILE_BYTES:
        raise FileTooLarge(file.size or len(content), LARGEST_FILE_BYTES)
    keys: TrustedKeys = request.app.state.trusted_keys
    # A megabyte of lines is seconds of work, which must not hold up everybody else in this process.
    return await asyncio.to_thread(_inspect, file.filename or "", content, keys)


def _inspect(file_name: str, content: bytes, keys: TrustedKeys) -> Offer:
    return inspect(file_name, content, keys.read().check)


OfferDep = Annotated[Offer, Depends(_offer)]
