"""What a process holds in memory, as the system counts it."""

from pathlib import Path


def resident_mib(pid: int, *, most: bool = False) -> float:
    """Now, or the most that it ever was."""
    name = "VmHWM:" if most else "VmRSS:"
    lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024
