"""A PostgreSQL of the run's own, that can be stopped, killed and started again."""

import os
import pwd
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from tests.crash.processes import dies_with_parent

NAME = "waybill"
# A killed session ends when its last write to the disk does.
DEATH_SECONDS = 180
READY_SECONDS = 60
OPTIONS = {
    "synchronous_commit": "on",
    "fsync": "on",
    "max_connections": "150",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "log_min_messages": "warning",
}


@dataclass
class Database:
    """The cluster lives in `folder`; it refuses root, so root runs it as `postgres`."""

    folder: Path
    port: int
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"postgres://postgres@127.0.0.1:{self.port}/{NAME}"

    @property
    def dsn(self) -> str:
        return f"host=127.0.0.1 port={self.port} user=postgres dbname={NAME}"

    def create(self) -> None:
        """Make the cluster and the empty database, and leave it running."""
        self.folder.mkdir(mode=0o700)
        if _owner():
            shutil.chown(self.folder, _owner()["user"], _owner()["group"])
        command = ["initdb", "-D", str(self.folder), "-A", "trust", "-U", "postgres"]
        subprocess.run(command, check=True, capture_output=True, cwd="/", **_owner())
        self.start()
        self.wait_ready("postgres")
        dsn = self.dsn.replace(f"dbname={NAME}", "dbname=postgres")
        with psycopg.connect(dsn, autocommit=True) as line:
            line.execute(f"create database {NAME}")

    def start(self) -> None:
        """Start it without waiting; from the main thread only."""
        options = [word for pair in OPTIONS.items() for word in ("-c", "=".join(pair))]
        command = ["postgres", "-D", str(self.folder), "-p", str(self.port)]
        places = ["-c", "listen_addresses=127.0.0.1", "-k", str(self.folder)]
        with (self.folder.parent / "postgres.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, *places, *options],
                cwd="/",
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=dies_with_parent(signal.SIGQUIT),
                **_owner(),
            )

    def keep_alive(self) -> None:
        """Start it again if it ended: after a KILL, old sessions hold it up a little."""
        if self.process is not None and self.process.poll() is not None:
            self.start()

    def strike(self, how: int) -> None:
        """Stop it hard: QUIT is an immediate stop, KILL takes the postmaster alone."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(DEATH_SECONDS)
            self.process = None

    def is_ready(self, name: str = NAME) -> bool:
        dsn = self.dsn.replace(f"dbname={NAME}", f"dbname={name}")
        with suppress(psycopg.Error), psycopg.connect(dsn, connect_timeout=2):
            return True
        return False

    def wait_ready(self, name: str = NAME) -> None:
        """Return when it answers; raises TimeoutError after a minute."""
        give_up = time.monotonic() + READY_SECONDS
        while time.monotonic() < give_up:
            self.keep_alive()
            if self.is_ready(name):
                return
            time.sleep(0.1)
        raise TimeoutError("PostgreSQL did not start")

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(DEATH_SECONDS)


def _owner() -> dict[str, Any]:
    """Return as whom subprocess shall run the database: nobody else unless root."""
    if os.getuid():
        return {}
    name = pwd.getpwnam("postgres")
    return {"user": name.pw_uid, "group": name.pw_gid, "extra_groups": []}
