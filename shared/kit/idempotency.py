"""Idempotency-Key: the same key with the same body gives the first answer again. The key is kept in the change's own transaction."""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

from fastapi import Depends, Header, Request
from pydantic import BaseModel
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from shared.kit.problems import IdempotencyKeyReused
from shared.kit.transaction import Transaction, TransactionDep

Answer = TypeVar("Answer", bound=BaseModel)


class Once:
    """Runs an action once for each caller, operation and key. Without a key it simply runs it."""

    def __init__(self, transaction: Transaction, operation: str, key: str | None, target: str = "") -> None:
        self._transaction = transaction
        self._operation = operation
        self._key = key
        self._target = target  # the same body sent to another cluster is another request

    async def answer(self, kind: type[Answer], request: BaseModel, action: Callable[[], Awaitable[Answer]]) -> Answer:
        """What ``action`` answers, or what it answered the first time. Raises IdempotencyKeyReused for another body."""
        if self._key is None:
            return await action()
        table = self._transaction.kit_tables.idempotency
        session = self._transaction.session
        digest = hashlib.sha256(f"{self._target}\n{request.model_dump_json()}".encode()).hexdigest()
        identity = {"caller": self._transaction.caller, "operation": self._operation, "idempotency_key": self._key}
        # A second request with the key waits here for the first one's commit, then finds its row.
        # A row without an answer is that of a refusal, which is kept with its transaction and may be asked again.
        claim = insert(table).values(**identity, request_digest=digest)
        claim = claim.on_conflict_do_update(index_elements=list(identity), set_={"request_digest": digest}, where=table.c.answer.is_(None))
        claimed = await session.execute(claim.returning(table.c.caller))
        row_is_ours = [table.c[name] == value for name, value in identity.items()]
        if claimed.first() is not None:
            answer = await action()
            await session.execute(update(table).where(*row_is_ours).values(answer=answer.model_dump(mode="json")))
            return answer
        kept = (await session.execute(select(table.c.request_digest, table.c.answer).where(*row_is_ours))).one()
        if kept.request_digest != digest:
            raise IdempotencyKeyReused(self._key)
        return kind.model_validate(kept.answer)


async def _once(
    request: Request,
    transaction: TransactionDep,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=255)] = None,
) -> Once:
    return Once(transaction, request.scope["route"].operation_id or request.scope["route"].name, idempotency_key, str(request.url.path))


OnceDep = Annotated[Once, Depends(_once, scope="function")]
