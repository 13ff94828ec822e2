"""Run the app under uvicorn: one process, or several workers on one port."""

import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import uvicorn
from threadpoolctl import threadpool_limits

from recsys.errors import StoreError
from recsys.registry import Registry
from recsys.store import open_store
from recsys.text.interest import import_libraries
from serving.app import create_app
from serving.calls.keys import KeyRing
from serving.calls.protocol import heads_within
from serving.calls.this_machine import check_host
from serving.settings import Settings
from serving.versions.loading import check_privacy
from serving.watching.logs import JsonLines, log_json
from serving.watching.metrics import count_together
from serving.watching.metrics_folder import metrics_folder
from serving.workers import load_compiler, run_workers

GRACEFUL_SECONDS = 20
"""How long requests under way may take after a stop was asked for."""


def run(settings: Settings, workers: int = 1) -> int:
    """Serve until SIGINT, SIGTERM, or SIGHUP of a terminal that is closed; requests under way are finished.

    Returns:
        0, or the exit code of a worker that could not start and has said why.

    Raises:
        ConfigError: the host would be open to others without keys, the key file or the store's URL is wrong, or
            pseudonyms are asked for that the version or the environment does not allow.
        BundleError: the registry has no current version, or it is damaged.
        StoreError: the store cannot be used, or the port cannot be bound.
    """
    check_host(settings.serving.host, KeyRing.load(settings.serving.keys, os.environ))
    registry = Registry(settings.registry)
    version = registry.resolve(None)
    registry.path_of(version)
    check_privacy(settings.pseudonymise, registry, version)
    open_store(settings.store).close()
    settings = settings.model_copy(update={"workers": workers})
    with _stopped_by_a_closed_terminal(), listen(settings.serving.host, settings.serving.port) as listener:
        host, port = listener.getsockname()[:2]
        url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        _announce(f"serving {registry.path} on {url}, with {url}/console and {url}/docs")
        if workers == 1:
            _answer(settings, listener)
            return 0
        if settings.serving.encoder == "start":
            import_libraries()
        load_compiler()
        with metrics_folder() as folder:
            log_json()
            count_together(str(folder))
            # Held open here too, it would take callers whom no worker answers while the last requests are finished.
            return run_workers(workers, lambda: _answer(settings, listener), at_stop=listener.close)


@contextmanager
def _stopped_by_a_closed_terminal() -> Iterator[None]:
    """SIGHUP stops as SIGTERM does, unless it is ignored, as under `nohup`; afterwards it does what it did before."""
    before = signal.getsignal(signal.SIGHUP)
    if before is signal.SIG_IGN:
        yield
        return
    signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


def _answer(settings: Settings, listener: socket.socket) -> None:
    """Serve from this process until a signal says stop."""
    log_json()
    threadpool_limits(1)  # lists are made side by side: threads of BLAS within each would only wait for one another
    with suppress(KeyboardInterrupt):  # uvicorn raises the signal again when it has stopped
        make_server(settings).run(sockets=[listener])


def _announce(words: str) -> None:
    """Say it before any worker writes its log: in its form where programs read that, as it is on a terminal."""
    record = logging.LogRecord("recsys.serving", logging.INFO, "", 0, words, None, None)
    print(words if sys.stderr.isatty() else JsonLines().format(record), file=sys.stderr, flush=True)


def make_server(settings: Settings) -> uvicorn.Server:
    """The app under uvicorn. Raises as `create_app`."""
    config = uvicorn.Config(
        create_app(settings),
        http=heads_within(settings.serving.head_seconds),
        ws="none",
        log_config=None,  # its lines are of the same form as ours
        access_log=False,  # paths hold ids
        server_header=False,
        timeout_graceful_shutdown=GRACEFUL_SECONDS,
    )
    return uvicorn.Server(config)


def listen(host: str, port: int) -> socket.socket:
    """A socket bound to the address, for uvicorn to listen on; port 0 takes a free one.

    Accepted connections inherit TCP_NODELAY from it, which worker processes would not set: without it a kept-alive
    connection waits 40 ms for each answer (RFC 896 against delayed acknowledgements).

    Raises:
        StoreError: the port is in use, not allowed, or the host is not an address of this machine.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            listener.bind(address)
        except BaseException:
            listener.close()
            raise
    except OSError as error:
        raise StoreError(
            f"cannot listen on {host} port {port}: {error.strerror}; choose another with --port"
        ) from error
    return listener
