"""Whose fault was it: the data store's, a collision with others, or our own? Decides between 503 and 500, and which alarm."""

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

_STORE_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    asyncpg.DataCorruptedError,
    asyncpg.IndexCorruptedError,
    asyncpg.InternalServerError,
)
_COLLISION = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.QueryCanceledError,
    asyncpg.LockNotAvailableError,
    PoolTimeout,
)
_SESSION_ENDED = ("connection is closed", "another operation (2) is in progress")
"""What the driver says where the server ended the session between two statements, or its last word came before we had said all (2: it is
being read). Whatever else it says in these classes is our fault."""

_COLLISION_WEIGHT = 1 / 8


def _causes(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in chain:
        chain.append(cause)
        cause = getattr(cause, "orig", None) or cause.__cause__
    return chain


def is_collision(error: BaseException) -> bool:
    """Was it a deadlock, a lock or statement time-out, or no free connection? The same call may succeed a moment later."""
    return any(isinstance(cause, _COLLISION) for cause in _causes(error))


def weight_of(error: BaseException) -> float:
    """How much a failed delivery says against its event: an error of our own all, a collision little, a store without room nothing.

    A collision passes by itself, but a consumer that always meets the time-out of its statement would meet it for ever.
    """
    if is_store_failure(error) or any(isinstance(cause, PoolTimeout) for cause in _causes(error)):
        return 0.0
    return _COLLISION_WEIGHT if is_collision(error) else 1.0


def is_store_failure(error: BaseException) -> bool:
    """Did the data store itself fail (away, shutting down, disk full, corrupt), rather than what was asked of it?"""
    if is_collision(error):
        return False
    if isinstance(error, OSError):
        return _raised_by_driver(error)
    return any(map(_is_away, _causes(error)))


def _is_away(cause: BaseException) -> bool:
    if isinstance(cause, asyncpg.InterfaceError | asyncpg.InternalClientError):
        return any(words in str(cause) for words in _SESSION_ENDED)
    return isinstance(cause, _STORE_AWAY) or (isinstance(cause, DBAPIError) and cause.connection_invalidated)


def _raised_by_driver(error: BaseException) -> bool:
    """An OSError is the store's only when the driver met it: a service's own files and sockets fail with the same class."""
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_globals.get("__name__", "").startswith("asyncpg"):
            return True
        trace = trace.tb_next
    return False
