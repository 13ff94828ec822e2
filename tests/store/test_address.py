"""The URL of a store or stream: what is none says so, and tells nobody a password."""

from pathlib import Path

import pytest

from recsys.errors import ConfigError
from recsys.store import open_precomputed_lists, open_store, open_stream, sqlite_file, sqlite_url, stores_of
from recsys.store.tail import SharedTail


@pytest.mark.parametrize("url", ["redis://h:abc/0", "redis://:pass/word@h:6379/0", "postgresql://[::1/db"])
@pytest.mark.parametrize("open_", [open_store, open_precomputed_lists, open_stream, lambda url: stores_of([url], "")])
def test_an_address_that_cannot_be_read_is_refused_without_its_password(url: str, open_: object) -> None:
    with pytest.raises(ConfigError, match="scheme://HOST:PORT/NAME") as caught:
        open_(url)  # type: ignore[operator]
    assert "pass" not in str(caught.value).replace("password", "")
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("path", ["shop", "1o", "3/x", "-1", "word@h:6379/0"])
@pytest.mark.parametrize("open_", [open_store, open_precomputed_lists, open_stream, lambda url: SharedTail(url, "log")])
def test_a_database_of_redis_is_a_number(path: str, open_: object) -> None:
    """redis-py would take another: database 0."""
    with pytest.raises(ConfigError, match="number of a database") as caught:
        open_(f"redis://localhost:1/{path}?stream=s")  # type: ignore[operator]
    assert path not in str(caught.value)


@pytest.mark.parametrize("url", ["sqlite:shop.db", "sqlite://shop.db", "sqlite:", "sqlite:///"])
def test_a_file_needs_three_slashes(url: str) -> None:
    for open_ in (open_store, open_precomputed_lists):
        with pytest.raises(ConfigError, match="three slashes"):
            open_(url)


@pytest.mark.parametrize("name", ["store.db?mode=ro", "what?.db", "a#b.db", "new\nline.db", "tab\t.db"])
def test_a_file_whose_name_would_lose_letters_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="write \\? and # in its name as %3F and %23"):
        sqlite_file(f"sqlite:///{name}")


def test_such_a_name_is_kept_where_it_is_written_as_urls_have_it() -> None:
    assert sqlite_file(sqlite_url(Path("/a ?#%\n.db"))) == Path("/a ?#%\n.db")


def test_one_store_may_stand_beside_one_redis() -> None:
    default = "sqlite:///default.db"
    assert stores_of([], default) == (default, "")
    assert stores_of(["redis://a"], default) == ("redis://a", "")
    assert stores_of(["redis://a", "postgresql://b/c"], default) == ("postgresql://b/c", "redis://a")
    assert stores_of(["sqlite:///x.db", "redis://a"], default) == ("sqlite:///x.db", "redis://a")
    for urls in (["sqlite:///x.db", "sqlite:///y.db"], ["redis://a", "redis://b"]):
        with pytest.raises(ConfigError, match="several stores"):
            stores_of(urls, default)
