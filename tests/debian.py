"""Programs of Debian that tests need as real peers (a broker, promtool): found, or installed where the tests may.

Must not be broken: installing a package never starts its service. The tests start what they need themselves, on ports of their own,
and a machine keeps the services it had.
"""

import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

POLICY = Path("/usr/sbin/policy-rc.d")
"""Debian's packages ask this program before they start a service; 101 means no."""

_POLICY_TEXT = "#!/bin/sh\n# For the time of one installation: nothing is started.\nexit 101\n"
_FORBIDDEN = 101
_INSTALL_SECONDS = 600
_PLACES = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"))


class NotInstalled(Exception):
    """The program is missing and may not be installed from here; the text says what to install."""


def found(binary: str) -> Path | None:
    """The program ``binary``, a name or a whole path, where this machine has it."""
    path = shutil.which(binary, path=_PLACES)
    return Path(path) if path else None


def install(package: str, binary: str) -> Path:
    """The program ``binary``; Debian's ``package`` is installed first where it is missing and we may. Raises NotInstalled."""
    if path := found(binary):
        return path
    wanted = f"{binary} is missing; on Debian and Ubuntu: apt-get install {package}"
    if found("apt-get") is None:
        raise NotInstalled(wanted)
    rights = _rights()
    if rights is None:
        raise NotInstalled(f"{wanted} (neither root nor sudo without a password, so the tests cannot)")
    _install_without_starting(package, rights, wanted)
    path = found(binary)
    if path is None:
        raise NotInstalled(f"{package} is installed, but has no {binary}")
    return path


def installed_part(package: str, pattern: str) -> Path:
    """A file that is no program, by a pattern below ``/``; ``package`` is installed first as ``install`` does. Raises NotInstalled."""
    said = ""
    if not (parts := sorted(Path("/").glob(pattern))):
        try:
            install(package, pattern)
        except NotInstalled as error:  # also where it has come: the pattern is no program
            said = str(error)
        parts = sorted(Path("/").glob(pattern))
    if not parts:
        raise NotInstalled(said)
    return parts[0]


def missing(reason: object) -> NoReturn:
    """A program that a test needs is not there: with CI=true that is a failure, elsewhere the test is skipped and says why."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"needed with CI=true: {reason}")
    pytest.skip(str(reason))


def _rights() -> list[str] | None:
    """What a command must begin with to be run as root; None where we may not."""
    if os.geteuid() == 0:
        return []
    sudo = ["sudo", "-n"]
    may = shutil.which("sudo") is not None and subprocess.run([*sudo, "true"], check=False, capture_output=True).returncode == 0
    return sudo if may else None


def _install_without_starting(package: str, rights: list[str], wanted: str) -> None:
    ours = not POLICY.exists()
    if ours:
        _run([*rights, "install", "-m", "755", "/dev/stdin", str(POLICY)], wanted, given=_POLICY_TEXT)
    elif subprocess.run([str(POLICY), package, "start"], check=False, capture_output=True).returncode != _FORBIDDEN:
        raise NotInstalled(f"{wanted} (this machine's {POLICY} would have the package start its service, so the tests do not)")
    try:
        apt = [*rights, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300"]
        _run([*apt, "update"], wanted)
        _run([*apt, "install", "--yes", "--no-install-recommends", package], wanted)
    finally:
        if ours:
            _run([*rights, "rm", "-f", str(POLICY)], wanted)


def _run(command: list[str], wanted: str, given: str | None = None) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True, input=given, timeout=_INSTALL_SECONDS)
    if done.returncode:
        raise NotInstalled(f"{wanted}\n{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()[-2000:]}")
