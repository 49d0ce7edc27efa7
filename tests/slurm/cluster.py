"""A SLURM cluster of one node for tests: ``python -m tests.slurm.cluster up`` and ``down``.

From Debian's packages, as root, on loopback alone: munge, MariaDB, slurmdbd, slurmctld and slurmd,
with accounting and two pretended GPUs. State lies in one folder, which ``down`` removes. Of the
system only ``/etc/slurm`` is touched, where links to the configuration are made and removed: jobs
lose the variable ``SLURM_CONF``, so that the default place is the only one they know.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from string import Template

ROOT = Path("/var/tmp/rvd-test-slurm")
SYSTEM = Path("/etc/slurm")
PACKAGES = ("munge", "mariadb-server", "slurmdbd", "slurmctld", "slurmd", "slurm-client")
CONFIGS = ("slurm.conf", "slurmdbd.conf", "gres.conf", "cgroup.conf")
GPUS = 2
HOST = socket.gethostname().partition(".")[0]
# In stopping order, with the name of the program of each pid file.
DAEMONS = {
    "slurmd": "slurmd",
    "slurmctld": "slurmctld",
    "slurmdbd": "slurmdbd",
    "mariadbd": "mariadbd",
    "munged": "munged",
}


def why_not() -> str | None:
    """Return why no cluster can be started here, or None."""
    if os.geteuid() != 0:
        return "only root can install and start SLURM"
    if not shutil.which("apt-get"):
        return "it is installed from Debian's packages, and there is no apt-get"
    foreign = [SYSTEM / name for name in CONFIGS if (SYSTEM / name).exists() and not _ours(name)]
    return f"{foreign[0]} belongs to a SLURM of this machine" if foreign else None


def up() -> None:
    """Install what is missing and start what is not running."""
    if reason := why_not():
        raise SystemExit(f"no test cluster: {reason}")
    _install()
    _configure()
    socket_path, database = ROOT / "munge.socket", ROOT / "mariadb.socket"
    if not _running("munged"):
        key = ROOT / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        flags = {"key-file": key, "socket": socket_path, "pid-file": ROOT / "munged.pid"}
        flags |= {"log-file": ROOT / "munged.log", "seed-file": ROOT / "munged.seed"}
        _do("munged", "--force", *(f"--{name}={value}" for name, value in flags.items()))
        _await("munge", lambda: _works("munge", "--no-input", f"--socket={socket_path}"))
    if not _running("mariadbd"):
        _start_database(database)
    if not _running("slurmdbd"):
        _do("slurmdbd")
        _await("slurmdbd", lambda: _works("sacctmgr", "--noheader", "show", "cluster"))
    if not _running("slurmctld"):
        # Existing entries are no error; the jobs will show whether all are there.
        manager = ("sacctmgr", "--immediate", "--quiet", "add")
        _works(*manager, "cluster", "rvd-test")
        _works(*manager, "account", "rvd", "cluster=rvd-test")
        _works(*manager, "user", "root", "account=rvd")
        _do("slurmctld", "-c")
        _await("slurmctld", lambda: _works("scontrol", "ping"))
    if not _running("slurmd"):
        _do("slurmd")
    _await("the node", lambda: "idle" in _said("sinfo", "--noheader", "--format=%T"))


def down() -> None:
    """Stop what ``up`` started, each by its process id, and remove its state."""
    if _running("slurmctld"):
        _works("scancel", "--user=root")
    for name, program in DAEMONS.items():
        if (number := _pid(name, program)) is None:
            continue
        os.kill(number, signal.SIGTERM)
        for _ in range(200):
            if _pid(name, program) is None:
                break
            time.sleep(0.1)
        else:
            os.kill(number, signal.SIGKILL)
    for name in CONFIGS:
        if _ours(name):
            (SYSTEM / name).unlink()
    shutil.rmtree(ROOT, ignore_errors=True)


def _install() -> None:
    if all(_works("dpkg", "--status", package) for package in PACKAGES):
        return
    # Debian starts services during installation unless this program forbids it.
    policy = Path("/usr/sbin/policy-rc.d")
    added = not policy.exists()
    if added:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    try:
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        _do("apt-get", "-qq", "update", env=environment)
        options = ("-qq", "--yes", "--no-install-recommends")
        _do("apt-get", *options, "install", *PACKAGES, env=environment)
    finally:
        if added:
            policy.unlink()


def _configure() -> None:
    for name in ("", "state", "spool", "mariadb"):
        (ROOT / name).mkdir(parents=True, exist_ok=True)
    for number in range(GPUS):
        # Like /dev/null: SLURM requires a device and passes on its number.
        if not (device := ROOT / f"gpu{number}").exists():
            os.mknod(device, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    here, values = Path(__file__).parent, {"root": ROOT, "host": HOST}
    for name in ("slurm.conf", "slurmdbd.conf"):
        text = Template((here / f"{name}.template").read_text()).substitute(values)
        (ROOT / name).write_text(text)
    (ROOT / "slurmdbd.conf").chmod(0o600)
    devices = f"{ROOT}/gpu[0-{GPUS - 1}]"
    (ROOT / "gres.conf").write_text(f"NodeName={HOST} Name=gpu Type=pretended File={devices}\n")
    (ROOT / "cgroup.conf").write_text("CgroupAutomount=no\nConstrainCores=no\n")
    SYSTEM.mkdir(exist_ok=True)
    for name in CONFIGS:
        if not _ours(name):
            (SYSTEM / name).symlink_to(ROOT / name)


def _start_database(endpoint: Path) -> None:
    data = ROOT / "mariadb"
    common = ("--no-defaults", "--user=root", f"--datadir={data}")
    if not (data / "mysql").exists():
        _do("mariadb-install-db", *common, "--auth-root-authentication-method=normal")
    command = ["mariadbd", *common, f"--socket={endpoint}", f"--pid-file={ROOT}/mariadbd.pid"]
    command += ["--bind-address=127.0.0.1", "--port=26306", f"--log-error={ROOT}/mariadbd.log"]
    quiet = subprocess.DEVNULL
    subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True)
    client = ("mariadb", "--no-defaults", f"--socket={endpoint}", "--user=root", "--execute")
    _await("MariaDB", lambda: _works(*client, "select 1"))
    for account in ("slurm@localhost", "slurm@'127.0.0.1'"):
        _do(*client, f"create user if not exists {account} identified by 'slurm'")
        _do(*client, f"grant all on slurm_acct_db.* to {account}")


def _ours(name: str) -> bool:
    link = SYSTEM / name
    return link.is_symlink() and link.readlink().is_relative_to(ROOT)


def _running(name: str) -> bool:
    return _pid(name, DAEMONS[name]) is not None


def _pid(name: str, program: str) -> int | None:
    """Return the process in the pid file if it runs that program (ids are reused)."""
    try:
        number = int((ROOT / f"{name}.pid").read_text())
        running = Path(os.readlink(f"/proc/{number}/exe")).name
    except (OSError, ValueError):
        return None
    # Debian's programs are called slurmd-wlm, slurmctld-wlm.
    return number if running.removesuffix("-wlm") == program else None


def _do(*command: str, **options: object) -> None:
    run = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if run.returncode:
        raise SystemExit(f"{' '.join(command)}: {run.stderr.strip() or run.stdout.strip()}")


def _works(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False, timeout=30).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def _said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=30).stdout


def _await(what: str, ready: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise SystemExit(f"{what} has not come up in {seconds:.0f} s; see {ROOT}/*.log")
        time.sleep(0.2)


if __name__ == "__main__":
    {"up": up, "down": down}[sys.argv[1]]()
