"""Waiting for what the product does by itself, with the patience that a busy machine needs and without keeping it busier."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import httpx

T = TypeVar("T")
PATIENCE_SECONDS = 60.0
_LOOK_AGAIN_SECONDS = 0.2


async def until(look: Callable[[], Awaitable[T]], what: str, patience: float = PATIENCE_SECONDS) -> T:
    """Look again until ``look`` answers something true, and answer that; a product that cannot be asked yet is asked again."""
    deadline = asyncio.get_running_loop().time() + patience
    while True:
        seen: T | httpx.HTTPError
        try:
            seen = await look()
            if seen:
                return seen
        except httpx.HTTPError as error:
            seen = error
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"did not happen within {patience:g} s: {what}; last seen: {seen!r}")
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)
