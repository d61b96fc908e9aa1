"""Addresses of Postgres and Redis: those that can never be right are told by name, and no secret of theirs is."""

from pathlib import Path

import pytest

from podium.config.load import load
from podium.config.mistake import Misconfigured
from podium.config.settings import Settings


def loaded(tmp_path: Path, name: str, value: str) -> Settings:
    return load({"data_dir": tmp_path / "data"}, {"PODIUM_LOCAL": "0", name: value}, tmp_path)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://podium@db.example/podium",
        "postgres://podium:s%40f%3A%2F%23@db.example:5432/podium?sslmode=verify-full",
        "postgresql://podium:with space@[::1]:5432,10.0.0.1/podium?target_session_attrs=any",
        "postgresql:///podium?host=%2Frun%2Fpodium&user=podium",
        "postgresql://podium@%2Frun%2Fpodium/podium?application_name=a",
        "postgresql://",
    ],
)
def test_an_address_that_may_be_right_is_taken(tmp_path: Path, url: str) -> None:
    assert loaded(tmp_path, "DATABASE_URL", f"{url}\n").server.database_url == url


@pytest.mark.parametrize(
    "url",
    [
        "redis://127.0.0.1",
        "rediss://:p@ss%2F@[::1]:6380/3?ssl_cert_reqs=none&db=2",
        "unix:///run/redis.sock?db=1",
    ],
)
def test_an_address_of_redis_that_may_be_right_is_taken(tmp_path: Path, url: str) -> None:
    assert loaded(tmp_path, "REDIS_URL", f" {url}").server.redis_url == url


@pytest.mark.parametrize(
    ("name", "url", "told"),
    [
        ("DATABASE_URL", "mysql://u:sesame@h/d", "should begin with postgresql://"),
        (
            "DATABASE_URL",
            "postgresql://u:p@sesame:word@h/d",
            'has more than one "@" before its host; percent',
        ),
        ("DATABASE_URL", "postgresql://u:sec#sesame@h/d", 'holds a bare "#"; percent-encode the password'),
        ("DATABASE_URL", "postgresql://u:12/sesame@h/d", 'has an "@" behind its host; percent-encode'),
        ("DATABASE_URL", "postgresql://u:a?sesame=1@h/d", 'has an "@" behind its host; percent-encode'),
        ("DATABASE_URL", "postgresql://u:sesame@[127.0.0.1", "has a bracket at a wrong place"),
        ("DATABASE_URL", "postgresql://u:se[same@h/d", "has a bracket at a wrong place"),
        ("DATABASE_URL", "postgresql://h:sesame/d", "has a port that is no number from 1 to 65,535; percent"),
        ("DATABASE_URL", "postgresql://u:sesame@h:99999/d", "has a port that is no number from 1 to 65,535"),
        ("DATABASE_URL", "postgresql://u:sesame@h:0/d", "has a port that is no number from 1 to 65,535"),
        ("DATABASE_URL", "postgresql://u:sesame@h:1:2/d", "has more than one port; percent-encode"),
        ("DATABASE_URL", "postgresql:///d?port=sesame", "has a port that is no number from 1 to 65,535"),
        ("DATABASE_URL", "postgresql://u@h/d?sesame", 'should have "name=value" after its "?"'),
        (
            "DATABASE_URL",
            "postgresql://u@h/d?sslmode=sesame",
            'should have "disable" or "allow" or "prefer" or',
        ),
        ("REDIS_URL", "http://sesame", "should begin with redis://, rediss:// or unix://"),
        ("REDIS_URL", "redis://127.0.0.1:sesame", "has a port that is no number from 1 to 65,535; percent"),
        ("REDIS_URL", "redis://:sec#sesame@h", 'holds a bare "#"; percent-encode the password'),
        ("REDIS_URL", "redis://h/sesame", 'should end with the number of a database, such as "/0"'),
        ("REDIS_URL", "redis://h/0?sesame=1", 'has a member after its "?" that is none of db, username'),
        ("REDIS_URL", "redis://h?db=sesame", 'needs a whole number for "db" after its "?"'),
        ("REDIS_URL", "redis://h?protocol=sesame", 'should have "2" or "3" for "protocol"'),
    ],
)
def test_one_that_can_never_be_right_is_told_by_its_part(
    tmp_path: Path, name: str, url: str, told: str
) -> None:
    with pytest.raises(Misconfigured) as caught:
        loaded(tmp_path, name, url)
    [mistake] = caught.value.mistakes
    assert mistake.startswith(f"{name} {told}")
    assert "sesame" not in mistake


def test_one_of_the_file_is_told_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "podium.toml").write_text('[server]\nredis_url = "redis://h:sesame"\n')
    with pytest.raises(Misconfigured) as caught:
        load({"data_dir": tmp_path / "data"}, {"PODIUM_LOCAL": "0"}, tmp_path)
    [mistake] = caught.value.mistakes
    assert mistake.startswith('podium.toml:2: "redis_url" in [server] has a port that is no number')
    assert "sesame" not in mistake
