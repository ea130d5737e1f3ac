"""A RabbitMQ of the tests' own: its name, ports, folder and epmd are nobody else's, and no broker is touched that was not started here.

Debian's programs are used where they are, without Debian's wrapper (as root the broker runs as user ``rabbitmq``), and never its service.
"""

import asyncio
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aio_pika

from shared.contracts.readers import URGENT
from shared.kit.topology import EXCHANGE, topology_of, whole_topology
from tests.debian import found, install

_DEBIANS = Path("/usr/lib/rabbitmq/bin")
_START_SECONDS = 90
_STOP_SECONDS = 30
_CONTROL_SECONDS = 60
_VHOSTS_AT_ONCE = 8
GUEST = "guest"
_READERS = ("toy", "reader", "first", "second", "other", "stuck", "well", "seen")
"""The services that tests make up."""


class BrokerFailed(Exception):
    """The broker or its control program ended otherwise than it should; the text is what it said."""


def programs() -> Path:
    """The folder of rabbitmq-server and rabbitmqctl. Raises NotInstalled."""
    if (_DEBIANS / "rabbitmqctl").exists():
        return _DEBIANS
    elsewhere = found("rabbitmqctl")
    if elsewhere is not None and found("apt-get") is None:
        return elsewhere.parent
    return install("rabbitmq-server", str(_DEBIANS / "rabbitmqctl")).parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _account() -> pwd.struct_passwd | None:
    """Who runs the broker: as root not root, where Debian's user is there."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("rabbitmq")
    except KeyError:
        return None


class RabbitNode:
    """One broker: ``await RabbitNode.make()`` runs it, ``remove`` ends it and its files.

    ``stop`` and ``start`` end and begin the process with its data kept, ``kill`` is SIGKILL, ``pause`` and ``resume`` SIGSTOP and
    SIGCONT, ``stop_app`` and ``start_app`` end the broker within a process that goes on. User ``guest`` may do everything in each vhost.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._account = _account()
        self._name = f"lic-{secrets.token_hex(4)}@localhost"
        self._programs = programs()
        self._environment = self._environment_of(free_port(), free_port())
        self._epmd: subprocess.Popen[bytes] | None = None
        self._server: subprocess.Popen[bytes] | None = None
        self._vhosts: list[str] = []
        self._made = 0

    @classmethod
    async def make(cls) -> "RabbitNode":
        """A running broker in a folder of its own. Raises NotInstalled, BrokerFailed."""
        programs()
        node = cls(Path(tempfile.mkdtemp(prefix="lic-", dir="/tmp")))
        node._prepare()
        try:
            await node.start()
        except BaseException:
            await node.remove()
            raise
        return node

    def url_of(self, vhost: str = "/", user: str = GUEST, password: str = GUEST, port: int | None = None) -> str:
        """Where a client connects; ``port``: another one, when something stands in between."""
        return f"amqp://{quote(user)}:{quote(password)}@127.0.0.1:{port or self.port}/{quote(vhost, safe='')}"

    @property
    def pid(self) -> int:
        assert self._server is not None
        return self._server.pid

    @property
    def runs(self) -> bool:
        return self._server is not None and self._server.poll() is None

    async def start(self) -> None:
        """Run, with the data that is there; returns when clients can connect."""
        if self._epmd is None:
            epmd = found("epmd")
            assert epmd is not None, "epmd comes with Erlang"
            self._epmd = self._run_beside([str(epmd), "-address", "127.0.0.1", "-port", self._environment["ERL_EPMD_PORT"]], "epmd")
        self._server = self._run_beside([str(self._programs / "rabbitmq-server")], "server")
        await self._until_it_accepts()

    async def stop(self) -> None:
        """End in order, as a package upgrade does."""
        await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """End as a power cut does. A queue that was declared within the last half second may be broken then: see ``settle``."""
        await self._end(signal.SIGKILL)

    async def settle(self) -> None:
        """Have what was declared on disk: RabbitMQ 3.10 writes the directory of its quorum queues down every half second only."""
        await self.control("eval", "[dets:sync(Table) || Table <- dets:all()].")

    def pause(self) -> None:
        """Connections stay open and nothing answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    async def stop_app(self) -> None:
        await self.control("stop_app")

    async def start_app(self) -> None:
        await self.control("start_app")
        await self._until_it_accepts()

    async def control(self, *arguments: str) -> str:
        """What ``rabbitmqctl --quiet …`` prints. Raises BrokerFailed. Takes a second: it is a whole Erlang that starts."""
        command = [str(self._programs / "rabbitmqctl"), "--quiet", "--node", self._name, *arguments]
        done = await asyncio.to_thread(self._run, command)
        if done.returncode:
            raise BrokerFailed(f"rabbitmqctl {' '.join(arguments)}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        return str(done.stdout)

    async def vhost(self) -> str:
        """A vhost that nobody has used; guest may do everything there."""
        if not self._vhosts:
            names = [f"test-{self._made + number}" for number in range(_VHOSTS_AT_ONCE)]
            self._made += len(names)
            listed = ",".join(f'<<"{name}">>' for name in names)
            await self.control("eval", f'[begin rabbit_vhost:add(N, <<"test">>), {_EVERYTHING} end || N <- [{listed}]].')
            self._vhosts = names
        return self._vhosts.pop()

    async def remove(self) -> None:
        """End everything that was started here, and forget its data."""
        await self.kill()
        if self._epmd is not None:
            self._epmd.kill()
            self._epmd.wait()
            self._epmd = None
        shutil.rmtree(self.folder)

    def _environment_of(self, distribution: int, epmd: int) -> dict[str, str]:
        inherited = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
        return inherited | {
            "PATH": os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin")),
            "HOME": str(self.folder),
            "LC_ALL": "C.UTF-8",
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(epmd),
            "RUNNING_UNDER_SYSTEMD": "true",  # the process that is started is the broker itself, not a shell around it
            "RABBITMQ_NODENAME": self._name,
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder),
            "RABBITMQ_LOGS": str(self.folder / "broker.log"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +SDio 2 +A 2 -kernel inet_dist_use_interface {127,0,0,1}",
            "RABBITMQ_CTL_ERL_ARGS": "+S 1:1 +A 1 -kernel inet_dist_use_interface {127,0,0,1}",
        }

    def _prepare(self) -> None:
        self.folder.chmod(0o711)
        (self.folder / "data").mkdir()
        (self.folder / "enabled_plugins").write_text("[].\n", "utf-8")
        settings = (
            "loopback_users.guest = true",
            "log.file.level = warning",
            "vm_memory_high_watermark.absolute = 1GB",
            "disk_free_limit.absolute = 50MB",
        )
        (self.folder / "rabbitmq.conf").write_text("".join(f"{line}\n" for line in settings), "utf-8")
        cookie = self.folder / ".erlang.cookie"
        cookie.write_text(secrets.token_hex(20), "utf-8")
        cookie.chmod(0o400)
        if self._account is not None:
            for path in (self.folder, *self.folder.rglob("*")):
                os.chown(path, self._account.pw_uid, self._account.pw_gid)

    def _as_account(self) -> dict[str, object]:
        owner = self._account
        who = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []} if owner else {}
        return {"env": self._environment, "cwd": self.folder, "stdin": subprocess.DEVNULL, **who}

    def _run(self, command: list[str]) -> "subprocess.CompletedProcess[str]":
        options: dict[str, Any] = {"check": False, "capture_output": True, "timeout": _CONTROL_SECONDS, **self._as_account()}
        return subprocess.run(command, text=True, **options)

    def _run_beside(self, command: list[str], log: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{log}.out").open("ab") as out:
            options: dict[str, Any] = {"stdout": out, "stderr": subprocess.STDOUT, "start_new_session": True, **self._as_account()}
            # Also a run that is killed leaves no broker behind.
            mortal = [str(setpriv), "--pdeathsig", "KILL"] if (setpriv := found("setpriv")) else []
            return subprocess.Popen([*mortal, *command], **options)

    async def _until_it_accepts(self) -> None:
        """The listener is opened at the end of the start."""
        deadline = asyncio.get_running_loop().time() + _START_SECONDS
        while True:
            assert self._server is not None
            if self._server.poll() is not None:
                raise BrokerFailed(f"the broker ended with {self._server.returncode}: {self._said()}")
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                if asyncio.get_running_loop().time() > deadline:
                    raise BrokerFailed(f"the broker does not accept connections: {self._said()}") from None
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return

    def _said(self) -> str:
        return (self.folder / "server.out").read_text("utf-8", "replace")[-4000:]

    async def _end(self, how: signal.Signals) -> None:
        if self._server is None or self._server.poll() is not None:
            return
        if how is signal.SIGKILL:  # the helpers of Erlang are of its session and end with it
            os.killpg(self._server.pid, how)
        else:
            self._server.send_signal(how)
        try:
            await asyncio.to_thread(self._server.wait, _STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._server.pid, signal.SIGKILL)
            self._server.wait()
            raise BrokerFailed(f"the broker did not end within {_STOP_SECONDS} s: {self._said()}") from None


async def emptied(url: str) -> str:
    """A broker that was given for tests: what our services left there is deleted. Its vhost must be used by nothing else."""
    connection = await aio_pika.connect(url)
    async with connection, connection.channel() as channel:
        await channel.exchange_delete(EXCHANGE)
        for queue in (*whole_topology().queues, *(queue for name in _READERS for queue in topology_of(name, URGENT).queues)):
            await channel.queue_delete(queue.name)
    return url


_EVERYTHING = 'rabbit_auth_backend_internal:set_permissions(<<"guest">>, N, <<".*">>, <<".*">>, <<".*">>, <<"test">>)'
