"""The server of :mod:`tests.prefork`. Its argument is the path of its socket.

It ends when its standard input does.
"""

from __future__ import annotations

import array
import atexit
import gc
import importlib
import json
import os
import select
import signal
import socket
import struct
import sys
import threading
import warnings
from typing import Any, NoReturn

Request = list[Any]


def received(connection: socket.socket) -> tuple[Request, list[int]]:
    """Return what a client asks for, and its streams."""
    size = 3 * array.array("i").itemsize
    header, ((_, _, streams),), _, _ = connection.recvmsg(4, socket.CMSG_LEN(size))
    (length,) = struct.unpack("I", header)
    data = bytearray()
    while len(data) < length:
        data += connection.recv(length - len(data))
    return json.loads(data), list(array.array("i", streams))


def watch(connection: socket.socket, child: int) -> None:
    """Send signals on to ``child``, and its exit code back; without the client it is killed."""
    ended = os.pidfd_open(child)
    while True:
        ready, _, _ = select.select([connection, ended], [], [])
        if ended in ready:
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            connection.sendall(struct.pack("i", code))
            return
        number = connection.recv(1)
        os.kill(child, number[0] if number else signal.SIGKILL)
        if not number:
            return


def serve(path: str) -> Request:
    """Fork for each request; return it in the process that is to fulfil it."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(32)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # no process waits for those that watch
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal, which is for the tests
    print("ready", flush=True)
    while True:
        ready, _, _ = select.select([listener, sys.stdin], [], [])
        if sys.stdin in ready:
            os._exit(0)
        connection, _ = listener.accept()
        if fork():
            connection.close()
            continue
        listener.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        request, streams = received(connection)
        if child := fork():
            for stream in streams:
                os.close(stream)
            try:
                watch(connection, child)
            finally:
                os._exit(0)
        connection.close()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        return request


def fork() -> int:
    """Fork as :func:`os.fork` does, without its warning of threads."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def run(program: str) -> None:
    """Run a program as ``python -m program`` does."""
    if program == "rvd":
        from rvd.cli import main
    elif program == "lbm":
        from lbm.cli import main
    elif program == "snakemake":
        from snakemake.cli import main
    else:
        from ipykernel.kernelapp import launch_new_instance as main
    main()


def end(program: str) -> NoReturn:
    """Run a program and end as the interpreter does, without the seconds of freeing all modules."""
    code = 1
    try:
        run(program)
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        if code and not isinstance(ended.code, int):
            print(ended.code, file=sys.stderr)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        threading._shutdown()
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def become(stand_in: str, folder: str, environment: dict[str, str], words: list[str]) -> None:
    """Make this process that of ``python -m *words`` in a folder and an environment."""
    import torch

    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[0] = folder
    sys.executable = stand_in  # for the rules, which call `python`, and the kernels of notebooks
    # Usage messages have the name of the program.
    program, *arguments = words
    sys.modules["__main__"].__package__ = program
    sys.modules["__main__"].__spec__ = None
    sys.argv = [f"{os.path.dirname(sys.modules[program].__file__ or '')}/__main__.py", *arguments]
    threads = environment.get("OMP_NUM_THREADS", "")
    # Snakemake sets 0 for a rule that reserves no core; OpenMP takes that for no number.
    torch.set_num_threads(int(threads) if threads.strip("0").isdigit() else os.cpu_count() or 1)


# In this order, in which commands import them.
LOADED = (
    "tests.faults.loaded",
    "rvd.workflow.notebooks",
    "rvd.gallery",
    "rvd.plotting.paper",
    "rvd.plotting.show",
    "lbm.plotting",
    "lbm.validation.report",
    "snakemake.cli",
    "snakemake.workflow",
    "ipykernel_launcher",
    "ipykernel.kernelapp",
)

if __name__ == "__main__":
    for name in LOADED:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # a collection would copy all pages of a forked process
    stand_in, folder, environment, words = serve(sys.argv[1])
    become(stand_in, folder, environment, words)
    end(words[0])
