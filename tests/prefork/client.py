# The stand-in for Python, of which tests.prefork makes a program: it adds the first line, ADDRESS,
# PYTHON and KNOWN.
# ruff: noqa: F821
import array
import json
import os
import signal
import socket
import struct
import sys

PROGRAMS = ("rvd", "lbm", "snakemake", "ipykernel_launcher")


def main():
    arguments = sys.argv[1:]
    if os.path.basename(sys.argv[0]) in PROGRAMS:
        arguments = ["-m", os.path.basename(sys.argv[0]), *arguments]
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if arguments[:1] != ["-m"] or arguments[1] not in PROGRAMS or not {*paths} <= {*KNOWN}:
        os.execv(PYTHON, [PYTHON, *arguments])
    stand_in = os.path.join(os.path.dirname(ADDRESS), "python")
    request = json.dumps([stand_in, os.getcwd(), dict(os.environ), arguments[1:]]).encode()
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(ADDRESS)
    streams = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))]
    connection.sendmsg([struct.pack("I", len(request))], streams)
    connection.sendall(request)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(number, lambda number, frame: connection.sendall(bytes([number])))
    (code,) = struct.unpack("i", connection.recv(4, socket.MSG_WAITALL))
    if code < 0:
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


main()
