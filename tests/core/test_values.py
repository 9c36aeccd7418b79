"""Stored values: where they lie, that they are checked, and that nobody else can read them."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

import pytest

from bakehouse.core.model import Damage, Stored
from bakehouse.core.problems import StoreError
from bakehouse.core.store.values import ValueStore, file_digest, folder_digest, stamp_of
from bakehouse.core.workers import codecs


@pytest.fixture
def values(tmp_path: Path) -> ValueStore:
    (tmp_path / "values").mkdir()
    return ValueStore(tmp_path)


def stored(data: bytes, codec: str = "file", inline: bool = False) -> Stored:
    digest = hashlib.sha256(data).hexdigest()
    return Stored(codec, digest, len(data), digest, data if inline else None)


def put(values: ValueStore, data: bytes, mode: int = 0o644) -> Stored:
    value = stored(data)
    left = values.scratch("a1") / "left"
    left.write_bytes(data)
    left.chmod(mode)
    touched: set[str] = set()
    values.take_in(value, left, touched)
    values.sync(touched)
    return value


def test_a_value_lies_under_its_digest_for_its_owner_only(values: ValueStore, tmp_path: Path) -> None:
    value = put(values, b"bread" * 5000, mode=0o666)
    path = values.path(value)
    assert path == tmp_path / "values" / value.digest[:2] / value.digest
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert values.check(value) is None and values.read(value) == b"bread" * 5000


@pytest.mark.case("X12")
@pytest.mark.parametrize("digest", ["../../../etc/passwd", "", "a" * 63, "A" * 64, "/" * 64, "a" * 64 + "\n"])
def test_a_digest_that_is_none_is_never_a_path(values: ValueStore, digest: str) -> None:
    with pytest.raises(StoreError):
        values.path(Stored("file", digest, 1, "v"))


@pytest.mark.case("X12")
@pytest.mark.parametrize("attempt", ["..", ".", "", "a/b", "/tmp", "a" * 201, "a\n"])
def test_an_attempt_of_an_impossible_name_gets_no_scratch(values: ValueStore, attempt: str) -> None:
    with pytest.raises(ValueError):
        values.scratch(attempt)


def test_every_flipped_byte_every_cut_and_every_zeroing_is_found(values: ValueStore) -> None:
    data = os.urandom(20_000)
    value = put(values, data)
    path = values.path(value)
    for offset in range(0, len(data), 211):
        path.write_bytes(data[:offset] + bytes([data[offset] ^ 1]) + data[offset + 1 :])
        assert values.check(value) is Damage.DAMAGED
    for spoilt in (b"", data[:-1], bytes(len(data)), data + b"\0"):
        path.write_bytes(spoilt)
        assert values.check(value) is Damage.DAMAGED
        with pytest.raises(StoreError, match="damaged"):
            values.read(value)
    path.unlink()
    assert values.check(value) is Damage.MISSING


def test_an_inline_value_is_checked_too(values: ValueStore) -> None:
    good = stored(b"[1]", inline=True)
    assert values.check(good) is None
    bad = Stored(good.codec, good.digest, good.size, good.version, b"[2]")
    assert values.check(bad) is Damage.DAMAGED
    with pytest.raises(StoreError, match="damaged"):
        values.read(bad)


@pytest.mark.case("X13")
def test_a_link_in_the_place_of_a_value_is_not_what_was_left(values: ValueStore, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    left = values.scratch("a1") / "left"
    left.symlink_to(secret)
    with pytest.raises(StoreError, match="no file value"):
        values.take_in(stored(b"secret"), left, set())


def test_a_stamp_changes_with_any_write_even_of_the_same_size(tmp_path: Path) -> None:
    folder = tmp_path / "f"
    (folder / "deep").mkdir(parents=True)
    file = folder / "deep" / "x"
    file.write_bytes(b"1")
    before = stamp_of(file), stamp_of(folder)
    assert before == (stamp_of(file), stamp_of(folder))
    file.write_bytes(b"2")
    os.utime(file, ns=(1, 1))
    after = stamp_of(file), stamp_of(folder)
    assert before[0] != after[0] and before[1] != after[1]


def test_a_folder_has_the_digest_that_the_worker_gave_it(tmp_path: Path) -> None:
    folder = tmp_path / "f"
    (folder / "a b").mkdir(parents=True)
    (folder / "a b" / "ü").write_bytes(b"1")
    (folder / "a").write_bytes(b"2")
    assert folder_digest(folder) == codecs.digest_folder(folder)[0]
    assert file_digest(folder / "a") == hashlib.sha256(b"2").hexdigest()


def test_scratch_is_private_and_goes_with_its_attempt(values: ValueStore) -> None:
    scratch = values.scratch("run-1-2")
    assert stat.S_IMODE(scratch.stat().st_mode) == 0o700
    (scratch / "x").write_text("x")
    values.drop_scratch("run-1-2")
    assert not scratch.exists()
    values.scratch("other")
    values.clear_scratch()
    assert list(scratch.parent.iterdir()) == []


def test_the_folders_of_new_names_are_named_to_be_made_durable(values: ValueStore, tmp_path: Path) -> None:
    left = values.scratch("a1") / "left"
    value = stored(b"bread")
    inner = str(values.path(value).parent)
    for expected in ({str(tmp_path / "values"), inner}, {inner}):
        left.write_bytes(b"bread")
        touched: set[str] = set()
        values.take_in(value, left, touched)
        assert touched == expected
    again = ValueStore(tmp_path)
    left.write_bytes(b"bread")
    again.take_in(value, left, touched := set())
    assert touched == {str(tmp_path / "values"), inner}, "another process may have died before it synced them"
