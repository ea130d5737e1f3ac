"""A webhook told: over https, to an address that was checked, following nobody anywhere.

Must not be broken: the name is resolved once, every address it has is put to the guard, and the connection goes to what the guard let
through; a second resolution could give another answer. The certificate is still checked against the name.
"""

import asyncio
import socket
import ssl
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from services.alarms.clients.attempt import DEFAULT_TIMEOUT_SECONDS, attempt, explain
from services.alarms.clients.names import Names
from services.alarms.clients.webhook_body import body, headers
from services.alarms.domain.message import Message
from services.alarms.domain.reach import Guard, TargetRefused
from services.alarms.domain.receipt import DeliveryFailed, in_one_line
from services.alarms.domain.targets import WebhookTarget

MOST_ANSWER_BYTES = 2048
MOST_ANSWER_SECONDS = 2.0
"""The status is the answer; what stands below it is for people, and nobody waits long for that."""

LONGEST_RETRY_AFTER_SECONDS = 86_400.0
_ASKS_FOR_PATIENCE = {429, 503}


class _Checked(AbstractResolver):
    def __init__(self, names: Names, guard: Guard) -> None:
        self._names = names
        self._guard = guard

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[ResolveResult]:
        """Of both families, whichever is asked for. Raises DeliveryFailed, TargetRefused."""
        del family
        addresses = await self._names.addresses(host := host.lower())
        self._guard.admit(host, addresses)
        families = {4: socket.AF_INET, 6: socket.AF_INET6}
        numeric = int(socket.AI_NUMERICHOST)
        return [
            ResolveResult(hostname=host, host=str(address), port=port, family=families[address.version], proto=0, flags=numeric)
            for address in addresses
        ]

    async def close(self) -> None:
        """Nothing is held."""


class WebhookClient:
    """The one session of all webhooks. ``tls``: against which certificates they are checked; None: the machine's."""

    def __init__(self, names: Names, guard: Guard, tls: ssl.SSLContext | None = None) -> None:
        self.guard = guard
        self._names = names
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None

    def session(self) -> aiohttp.ClientSession:
        """Connections are not kept: each is to an address that was checked for it, and a stuck receiver takes no other's place."""
        if self._session is None:
            context = self._tls or ssl.create_default_context()
            context.minimum_version = max(context.minimum_version, ssl.TLSVersion.TLSv1_2)
            connector = aiohttp.TCPConnector(
                resolver=_Checked(self._names, self.guard), use_dns_cache=False, force_close=True, limit=0, ssl=context
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),
                trust_env=False,
                auto_decompress=False,
                headers={"User-Agent": "licensing-alarms", "Accept-Encoding": "identity"},
            )
        return self._session

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()


class WebhookSender:
    def __init__(self, target: WebhookTarget, client: WebhookClient, timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS) -> None:
        self._target = target
        self._client = client
        self._timeout = timeout_seconds

    async def send(self, message: Message) -> str:
        """The receiver's status and words. Raises DeliveryFailed."""
        target = self._target
        async with attempt(self._timeout, f"telling {target.shown}"):
            try:
                self._client.guard.admit_scheme(target.scheme)
                self._client.guard.admit_host(target.host)
                return await self._post(message)
            except TargetRefused as error:
                raise DeliveryFailed(str(error)) from error
            except aiohttp.ClientError as error:
                raise DeliveryFailed(f"{target.shown}: {_reason(error)}") from error

    async def _post(self, message: Message) -> str:
        url = URL(self._target.url, encoded=True)  # as it was written: who signs his URLs counts every character
        if URL(self._target.url).raw_host != self._target.host:
            raise DeliveryFailed(f"{self._target.shown}: the host can be read in two ways, write it plainly", gone=True)
        text = body(message)
        signed = headers(message, text, self._target.secrets, datetime.now(UTC))
        sent = self._client.session().post(
            url, data=text.encode(), headers={"Content-Type": "application/json", **signed}, allow_redirects=False
        )
        async with sent as response:
            return _judged(response, await _words(response))


def _judged(response: aiohttp.ClientResponse, said: str) -> str:
    """2xx is told. Raises DeliveryFailed for everything else."""
    status = response.status
    answer = in_one_line(f"{status} {response.reason or ''} {said}")
    if 200 <= status < 300:
        return answer
    if 300 <= status < 400:
        onward = response.headers.get("Location", "nowhere")
        raise DeliveryFailed(
            f"answered {status}, a redirect to {in_one_line(onward, 200)}, and none is followed: write the address it goes to"
        )
    patience = _retry_after(response.headers.get("Retry-After"), datetime.now(UTC)) if status in _ASKS_FOR_PATIENCE else None
    raise DeliveryFailed(f"answered {answer}", gone=status == 410, retry_after_seconds=patience)


async def _words(response: aiohttp.ClientResponse) -> str:
    """The beginning of the answer's body. Its end, its pace and its faults decide nothing."""
    said = bytearray()
    try:
        async with asyncio.timeout(MOST_ANSWER_SECONDS):
            while len(said) < MOST_ANSWER_BYTES and (piece := await response.content.read(MOST_ANSWER_BYTES - len(said))):
                said += piece
    except (TimeoutError, aiohttp.ClientError, OSError):
        said += b" (it did not end)"
    return said.decode("utf-8", "replace")


def _retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds or a date; at most a day."""
    if value is None:
        return None
    try:
        seconds = float(value) if value.isascii() and value.isdigit() else (parsedate_to_datetime(value) - now).total_seconds()
    except (TypeError, ValueError, OverflowError):
        return None
    return min(max(0.0, seconds), LONGEST_RETRY_AFTER_SECONDS)


def _reason(error: aiohttp.ClientError) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return explain(error.certificate_error)
    if isinstance(error, aiohttp.ClientConnectorError):
        return explain(error.os_error)
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "the receiver ended the connection without an answer"
    if isinstance(error, aiohttp.ClientOSError):
        return explain(error.__cause__ if isinstance(error.__cause__, OSError) else OSError(*error.args))
    # Such an error's own text repeats the whole URL, and that is as good as a secret.
    return f"the answer is no HTTP: {error.message if isinstance(error, aiohttp.ClientResponseError) else type(error).__name__}"
