"""Official files at hand: from the caller's folder or archive, from an installed package, or from the network."""

import shutil
import tarfile
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from recsys.data.datasets.completejourney import package_folder
from recsys.data.datasets.source import Frames, KnownDataset
from recsys.errors import DataError, StoreError

_TIMEOUT_SECONDS = 30
_AGENT = "recsys data get"


def obtain(dataset: KnownDataset, given: Path | None, report: Callable[[str], None]) -> Frames:
    """Find the official files of a dataset and read them.

    Args:
        dataset: which one.
        given: a folder, an archive or a file that the caller has; None takes the package or downloads.
        report: takes a line on what is going on.

    Raises:
        DataError: the files are not there or are not the official ones.
        StoreError: the download failed.
    """
    with TemporaryDirectory(prefix="recsys-") as temporary:
        return dataset.read(_folder(dataset, given, Path(temporary), report))


def _folder(dataset: KnownDataset, given: Path | None, temporary: Path, report: Callable[[str], None]) -> Path:
    if given is None and dataset.name == "completejourney":
        return package_folder()
    if given is None:
        if not dataset.urls:
            raise DataError(
                f"{dataset.name} cannot be downloaded; get it from {dataset.origin} and give it with --from"
            )
        for url in dataset.urls:
            report(f"downloading {url}")
            _unpack(_download(dataset, url, temporary), temporary)
        return _level(dataset, temporary)
    if not given.exists():
        raise DataError(f"--from {given} does not exist; give the folder with {' and '.join(dataset.files)}")
    if given.is_dir():
        archives = [given / name for url in dataset.urls if (given / (name := url.rsplit("/", 1)[-1])).is_file()]
        if not any(zipfile.is_zipfile(archive) for archive in archives):
            return _level(dataset, given)
        for archive in archives:
            _unpack(archive, temporary)
        return _level(dataset, temporary)
    if zipfile.is_zipfile(given) or tarfile.is_tarfile(given):
        _unpack(given, temporary)
        return _level(dataset, temporary)
    return given.parent


def _download(dataset: KnownDataset, url: str, folder: Path) -> Path:
    target = folder / url.rsplit("/", 1)[-1]
    request = urllib.request.Request(url, headers={"User-Agent": _AGENT})
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as response, target.open("wb") as stream:
            shutil.copyfileobj(response, stream)
    except (urllib.error.URLError, TimeoutError, ConnectionError, OSError) as error:
        reason = getattr(error, "reason", error)
        raise StoreError(
            f"{url} cannot be downloaded: {reason}. Get {' and '.join(dataset.files)} from {dataset.origin} on a "
            f"machine that can, and run: recsys data get {dataset.name} --out DIR --from FOLDER"
        ) from error
    return target


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack a zip or tar into a folder of the archive's name; other files stay where they are."""
    target = folder / archive.name.split(".")[0]
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as opened:
                opened.extractall(target)
        elif tarfile.is_tarfile(archive):
            with tarfile.open(archive) as opened_tar:
                opened_tar.extractall(target, filter="data")
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, tarfile.TarError) as error:
        raise DataError(f"{archive} cannot be unpacked: {error}; fetch it again") from error


def _level(dataset: KnownDataset, folder: Path) -> Path:
    """The folder that holds the official files; parts in several folders keep their parent."""
    wanted = dataset.files[-1]
    holders = {path.parent for name in (wanted, f"{wanted}.gz") for path in folder.rglob(name)}
    if folder in holders or not holders:
        return folder
    if len(holders) == 1:
        return holders.pop()
    parents = {path.parent for path in holders}
    return parents.pop() if len(parents) == 1 else folder
