"""Keys have scopes; without keys only this machine may call."""

from pathlib import Path

import pytest
from key_files import key_file
from running import serving_thread

from recsys.cli.main import main
from recsys.config import Config
from recsys.errors import ConfigError
from recsys.registry import Registry
from serving.calls.keys import ENVIRONMENT_KEY, KeyRing
from serving.calls.this_machine import check_host
from serving.settings import Settings

SECRET = "sixteen-letters-"


def test_each_key_has_its_scopes(tmp_path: Path) -> None:
    ring = KeyRing.load(key_file(tmp_path, ("one", '["read"]'), ("two", '["write", "admin"]')), {})
    assert ring
    assert ring.scopes("one") == {"read"}
    assert ring.scopes("two") == {"write", "admin"}
    for unknown in ("", "On", "ONE", "one ", "é", "\ud800"):
        assert ring.scopes(unknown) == frozenset()


def test_a_key_in_the_environment_may_do_everything() -> None:
    ring = KeyRing.load("", {ENVIRONMENT_KEY: SECRET})
    assert ring.scopes(SECRET) == {"read", "write", "admin"}
    assert not KeyRing.load("", {ENVIRONMENT_KEY: ""})


def test_a_key_that_could_be_guessed_is_for_this_machine_only(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for short in ("k", " ", SECRET[1:]):
        monkeypatch.setenv(ENVIRONMENT_KEY, short)
        assert main(["serve", "--registry", str(registry.path), "--host", "0.0.0.0", "--port", "0"]) == 2
        assert "RECSYS_API_KEY can be guessed: it must hold 16 characters or more" in capsys.readouterr().err
        check_host("127.0.0.1", KeyRing.load("", {ENVIRONMENT_KEY: short}))
    check_host("0.0.0.0", KeyRing.load("", {ENVIRONMENT_KEY: SECRET}))


@pytest.mark.parametrize(
    "content", ["key = 1", "[[key]]", "not toml", '[[key]]\nname="k"\nsha256="clear"\nscopes=["read"]', "\x00", ""]
)
def test_a_wrong_key_file_is_named(tmp_path: Path, content: str) -> None:
    file = tmp_path / "keys.toml"
    file.write_text(content)
    with pytest.raises(ConfigError, match=r"keys\.toml"):
        KeyRing.load(str(file), {})


def test_a_missing_key_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml"):
        KeyRing.load(str(tmp_path / "none.toml"), {})


def test_without_keys_only_loopback_is_allowed() -> None:
    none, some = KeyRing([]), KeyRing.load("", {ENVIRONMENT_KEY: SECRET})
    for host in ("127.0.0.1", "127.9.9.9", "::1", "localhost"):
        check_host(host, none)
    for host in ("0.0.0.0", "::", "192.168.1.1", "example.org", ""):
        with pytest.raises(ConfigError, match="API keys"):
            check_host(host, none)
        check_host(host, some)


@pytest.mark.parametrize("path", ["/v1/recommend", "/v1/rank", "/v1/events"])
def test_keys_come_before_the_body(registry: Registry, tmp_path: Path, path: str) -> None:
    keys = key_file(tmp_path, ("secret", '["read", "write"]'))
    config = Config.model_validate({"serving": {"keys": keys, "rate": 2, "encoder": "first use"}})
    with serving_thread(Settings.of(config, registry.path)) as http:

        def posted(content: str, key: str) -> int:
            headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
            return http.post(path, content=content, headers=headers).status_code

        for content in ("{bad", '{"foo": 1}', "{}"):
            assert posted(content, "wrong") == 401
        statuses = [posted(content, "secret") for content in ("{bad", '{"foo": 1}') * 6]
        assert statuses[:2] == [422, 422]
        assert statuses[-1] == 429


def test_a_page_of_another_site_changes_nothing_without_keys(registry: Registry, tmp_path: Path) -> None:
    settings = Settings.of(Config(), registry.path, f"sqlite:///{tmp_path / 's.db'}")
    with serving_thread(settings) as client:
        foreign = {"Sec-Fetch-Site": "cross-site"}
        answer = client.post("/v1/models/rollback", headers=foreign)
        assert answer.status_code == 403
        assert "another site" in answer.json()["detail"]
        assert client.get("/v1/models", headers=foreign).status_code == 200
        own = client.post("/v1/recommend", json={"user_id": "u"}, headers={"Sec-Fetch-Site": "same-origin"})
        assert own.status_code == 200
        for origin in ("http://evil.example", "http://127.0.0.1.evil.example", "null", "http://[", ""):
            answer = client.post("/v1/models/rollback", headers={"Origin": origin})
            assert (answer.status_code, "another site" in answer.text) == (403, True), origin
        for origin in ("http://localhost:3000", "http://127.0.0.1", "http://[::1]:8000"):
            answer = client.post("/v1/recommend", json={"user_id": "u"}, headers={"Origin": origin})
            assert answer.status_code == 200


def test_without_keys_only_names_of_this_machine_lead_to_it(registry: Registry, tmp_path: Path) -> None:
    settings = Settings.of(Config(), registry.path, f"sqlite:///{tmp_path / 's.db'}")
    with serving_thread(settings) as client:
        for host in ("evil.example", "evil.example:8000", "localhost.evil.example", "192.168.1.1", "[", ""):
            for method, path in (("GET", "/v1/users/u"), ("DELETE", "/v1/users/u"), ("POST", "/v1/recommend")):
                answer = client.request(method, path, headers={"Host": host}, json={"user_id": "u"})
                assert answer.status_code == 403, (host, method)
                assert ENVIRONMENT_KEY in answer.json()["detail"]
        for host in ("localhost", "LOCALHOST:80", "127.0.0.1:8000", "[::1]:8000"):
            assert client.get("/v1/models", headers={"Host": host}).status_code == 200, host


def test_with_keys_any_name_leads_to_it(registry: Registry, tmp_path: Path) -> None:
    config = Config.model_validate({"serving": {"keys": key_file(tmp_path, ("secret", '["read"]'))}})
    with serving_thread(Settings.of(config, registry.path, f"sqlite:///{tmp_path / 's.db'}")) as client:
        headers = {"Host": "shop.example", "Origin": "http://shop.example", "Authorization": "Bearer secret"}
        assert client.post("/v1/recommend", json={"user_id": "u"}, headers=headers).status_code == 200
