"""Runs one server for an owner, and takes it down when the owner is gone, however it went.

Three nets: standard input is a pipe from the owner, whose end of file says that it is gone; on
Linux the server gets a signal when this process dies; and a lock that the server inherits is free
exactly when the last of its processes has ended. Run as a script, with a specification in JSON.
"""

import ctypes
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
from typing import Any

LOCKED = 75


def main(spec: dict[str, Any]) -> int:
    me = os.getpid()
    for ignored in (signal.SIGINT, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    lock = os.open(spec["lock"], os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print(json.dumps({"locked": True}), flush=True)
        return LOCKED
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None

    def child() -> None:
        if libc:
            libc.prctl(1, spec["stop_signal"])  # after the change of account, which clears it
        if os.getppid() != me:
            os._exit(1)

    with open(spec["log"], "ab") as log:
        server = subprocess.Popen(
            spec["argv"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=spec["folder"],
            start_new_session=True,
            pass_fds=(lock,),
            preexec_fn=child,
            **spec["account"],
        )
    print(json.dumps({"pid": server.pid}), flush=True)
    threading.Thread(target=_watch_owner, args=(server, spec["stop_signal"]), daemon=True).start()
    signal.signal(signal.SIGTERM, lambda *_: server.send_signal(spec["stop_signal"]))
    server.wait()
    return 0


def _watch_owner(server: "subprocess.Popen[bytes]", stop_signal: int) -> None:
    while os.read(0, 1):
        pass
    server.send_signal(stop_signal)
    try:
        server.wait(20)
    except subprocess.TimeoutExpired:
        server.kill()


if __name__ == "__main__":
    os._exit(main(json.loads(sys.argv[1])))
