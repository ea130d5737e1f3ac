"""A service as small as one can be, to try the kit on: it keeps notes, and runs whatever errand a test gives it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from fastapi import APIRouter, FastAPI, HTTPException, Request
from sqlalchemy import text

from shared.contracts.base import AnswerBody, Event, Page, RequestBody
from shared.contracts.events.faults import DataStoreFailed, DataStoreRecovered, InternalErrorOccurred
from shared.contracts.fields import Count, Name
from shared.kit.app import Kit, Plan, build_app
from shared.kit.bus import Bus
from shared.kit.clock import Clock
from shared.kit.consumers import Consumers
from shared.kit.faults import FaultEvents
from shared.kit.idempotency import OnceDep
from shared.kit.metrics import Metrics
from shared.kit.paging import PageDep
from shared.kit.problems import NotFound, ProblemTable, Rule
from shared.kit.settings import ServiceSettings
from shared.kit.timers import Timers
from shared.kit.transaction import Transaction, TransactionDep

MIGRATIONS = Path(__file__).parent / "migrations"
Errand = Callable[[Transaction], Awaitable[None]]


class NoteTaken(Event):
    type: ClassVar[str] = "toy.note-taken.v1"
    name: str

    @property
    def subject(self) -> str:
        return self.name


class ToyStoreFailed(DataStoreFailed):
    type: ClassVar[str] = "toy.data-store-failed.v1"


class ToyStoreRecovered(DataStoreRecovered):
    type: ClassVar[str] = "toy.data-store-recovered.v1"


class ToyErrorOccurred(InternalErrorOccurred):
    type: ClassVar[str] = "toy.internal-error-occurred.v1"


class NewNote(RequestBody):
    name: Name
    words: str
    copies: Count = 1


class Note(AnswerBody):
    name: str
    words: str


@dataclass
class TooManyWords(Exception):
    """A refusal: a decision, kept."""

    words: int
    allowed: int

    def __str__(self) -> str:
        return f"{self.words} words are more than {self.allowed}."


PROBLEMS = ProblemTable({TooManyWords: Rule("too-many-words", 409, "Too many words", recorded=True)})
router = APIRouter(prefix="/v1", tags=["toy"])


async def write(tx: Transaction, name: str, words: str) -> Note:
    """Keep a note and tell of it."""
    await tx.session.execute(text("INSERT INTO toy.note VALUES (:name, :words)"), {"name": name, "words": words})
    tx.publish(NoteTaken(name=name))
    return Note(name=name, words=words)


async def notes_in(tx: Transaction) -> list[str]:
    """The names of all notes."""
    return list(await tx.session.scalars(text("SELECT name FROM toy.note ORDER BY name")))


@router.post("/notes", status_code=201)
async def take_note(body: NewNote, tx: TransactionDep, once: OnceDep) -> Note:
    """Keep a note; refused, and kept all the same, when it has more than three words."""

    async def take() -> Note:
        taken = await write(tx, body.name, body.words)
        if len(body.words.split()) > 3:
            raise TooManyWords(len(body.words.split()), 3)
        return taken

    return await once.answer(Note, body, take)


@router.post("/shelves/{shelf}/notes", status_code=201)
async def take_note_to_shelf(shelf: Name, body: NewNote, tx: TransactionDep, once: OnceDep) -> Note:
    """Keep a note on a shelf."""
    return await once.answer(Note, body, lambda: write(tx, f"{shelf}: {body.name}", f"{shelf}: {body.words}"))


@router.get("/notes")
async def list_notes(tx: TransactionDep, page: PageDep) -> Page[Note]:
    """Notes by name."""
    (after,) = page.after(str) or ("",)
    chosen = text("SELECT name, words FROM toy.note WHERE name > :after ORDER BY name LIMIT :limit")
    found = [Note(name=row.name, words=row.words) for row in await tx.session.execute(chosen, {"after": after, "limit": page.limit})]
    return Page(items=found, next_cursor=page.next_cursor(len(found), found[-1].name) if found else None)


@router.get("/notes/{name}")
async def read_note(name: Name, tx: TransactionDep) -> Note:
    """One note."""
    row = (await tx.session.execute(text("SELECT name, words FROM toy.note WHERE name = :name"), {"name": name})).first()
    if row is None:
        raise NotFound("note", name)
    return Note(name=row.name, words=row.words)


@router.post("/errands", status_code=201)
async def run_errand(request: Request, tx: TransactionDep) -> Note:
    """Whatever the test wants."""
    errand: Errand = request.app.state.errand
    await errand(tx)
    return Note(name="errand", words="done")


@router.get("/teapot")
async def teapot() -> Note:
    """An error in the framework's own words."""
    raise HTTPException(418, "Short and stout", headers={"x-spout": "yes"})


def toy_app(
    url: str,
    bus: Bus,
    clock: Clock,
    metrics: Metrics,
    *,
    consumers: Consumers | None = None,
    timers: Timers | None = None,
    fleeting: frozenset[str] = frozenset(),
    **settings: Any,
) -> FastAPI:
    """The toy as an application."""
    plan = Plan(
        service="toy",
        title="Toy",
        migrations=MIGRATIONS,
        routers=[router],
        problems=PROBLEMS,
        consumers=consumers or Consumers(),
        timers=timers or Timers(),
        fleeting=fleeting,
        faults=FaultEvents(ToyStoreFailed, ToyStoreRecovered, ToyErrorOccurred),
    )
    return build_app(plan, ServiceSettings.model_validate({"database_url": url, **settings}), bus, clock, metrics)


def kit_of(app: FastAPI) -> Kit:
    kit = app.state.kit
    assert isinstance(kit, Kit)
    return kit
