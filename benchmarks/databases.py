"""Real database servers for tests and checks, each on a free port and in a folder of its own."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

REDIS = shutil.which("redis-server")
MEMORY = Path("/dev/shm")
DURABLE = ("--appendonly", "yes", "--appendfsync", "always")


@contextmanager
def _stopped(processes: Sequence[int]) -> Iterator[None]:
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@dataclass
class RedisServer:
    """A Redis. Needs `REDIS`."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self, *settings: str) -> None:
        command = [str(REDIS), "--port", str(self.port), "--dir", str(self.folder), "--save", "", *settings]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if b"Ready to accept connections" in line:
                return
        raise AssertionError("redis-server did not start")

    def empty(self) -> None:
        """FLUSHALL."""
        import redis

        with redis.Redis(port=self.port) as client:
            client.flushall()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It does nothing until the block ends."""
        assert self.process is not None
        with _stopped([self.process.pid]):
            yield

    def kill(self) -> None:
        assert self.process is not None
        assert self.process.stdout is not None
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


@contextmanager
def redis_server(folder: Path, *settings: str) -> Iterator[RedisServer]:
    """A running server until the block ends."""
    server = RedisServer(folder)
    server.start(*settings)
    try:
        yield server
    finally:
        server.kill()


def postgres_program(name: str) -> str | None:
    """Debian keeps PostgreSQL's programs off the path."""
    found = [str(path) for path in sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))]
    return shutil.which(name) or (found[-1] if found else None)


def why_no_postgres() -> str | None:
    """What is missing, or None."""
    if postgres_program("initdb") is None or postgres_program("postgres") is None:
        return "needs PostgreSQL (Debian: apt-get install postgresql)"
    if os.getuid() == 0 and _other_user() is None:
        return "PostgreSQL does not run as root, and there is no user postgres"
    return None


def _other_user() -> str | None:
    with suppress(KeyError):
        return pwd.getpwnam("postgres").pw_name
    return None


@dataclass
class PostgresServer:
    """A PostgreSQL."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def _identity(self) -> dict[str, object]:
        """Who runs it: root may not."""
        user = _other_user()
        return {"user": user, "group": user, "extra_groups": []} if os.getuid() == 0 else {}

    def create(self) -> None:
        """Make the folder a cluster that everybody on this machine may use."""
        if os.getuid() == 0 and (user := _other_user()) is not None:
            shutil.chown(self.folder, user, user)
        options = ["--pgdata", str(self.folder), "--username", "tests", "--auth", "trust", "--encoding", "UTF8"]
        command = [str(postgres_program("initdb")), *options, "--no-locale", "--no-sync"]
        subprocess.run(command, check=True, capture_output=True, cwd=self.folder, **self._identity)  # type: ignore[call-overload]

    def start(self, *settings: str) -> None:
        where = ["-D", str(self.folder), "-k", str(self.folder), "-h", "127.0.0.1", "-p", str(self.port)]
        where += ["-c", "dynamic_shared_memory_type=mmap"]  # nothing outside the folder outlives kill -9
        self.process = subprocess.Popen(  # type: ignore[call-overload]
            [str(postgres_program("postgres")), *where, *settings],
            stderr=subprocess.PIPE,
            cwd=self.folder,
            **self._identity,
        )
        assert self.process is not None
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if b"ready to accept connections" in line:
                return
        raise AssertionError("PostgreSQL did not start")

    def database(self, encoding: str = "UTF8") -> str:
        """The URL of a new and empty database."""
        import psycopg

        name = f"t{uuid4().hex}"
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0".encode())
        return self._url(name)

    def stop(self) -> None:
        """End all connections, and the server."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """kill -9; its children see that and end."""
        self._end(signal.SIGKILL)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It and its children do nothing until the block ends."""
        assert self.process is not None
        pid = self.process.pid
        with _stopped([pid]), _stopped([*map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]):
            yield

    def _end(self, how: signal.Signals) -> None:
        assert self.process is not None
        assert self.process.stderr is not None
        self.process.send_signal(how)
        self.process.wait()
        self.process.stderr.read()  # until the last child has ended: one that lives on for a moment would still answer
        self.process.stderr.close()

    def _url(self, database: str) -> str:
        return f"postgresql://tests@127.0.0.1:{self.port}/{database}"


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """A running server until the block ends."""
    # pytest's own folders are closed to other users, and memory spares the disk.
    with tempfile.TemporaryDirectory(prefix="postgres", dir=MEMORY if MEMORY.is_dir() else None) as folder:
        server = PostgresServer(Path(folder))
        server.create()
        server.start()
        try:
            yield server
        finally:
            server.stop()
