"""Archives of people who mean harm, and of disks that failed: named rejects or one error, and nothing is written."""

from __future__ import annotations

import contextlib
import io
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archives import source_of, write_tar, write_zip
from taskgalaxy.errors import UserError
from taskgalaxy.sources import archive_index
from taskgalaxy.sources.source import Listing

UNSAFE = ["/etc/a.jpg", "../a.jpg", "a/../../b.jpg", "a\\b.jpg", "C:/a.jpg", "a\nb.jpg", "a/b\x7f.jpg"]


def tar_of(path: Path, *entries: tuple[dict[str, Any], bytes], **options: Any) -> None:
    with tarfile.open(path, "w", **options) as tar:
        for attributes, data in entries:
            entry = tarfile.TarInfo()
            entry.size = len(data)
            for name, value in attributes.items():
                setattr(entry, name, value)
            tar.addfile(entry, io.BytesIO(data))


def listed(path: Path) -> Listing:
    return source_of(path, path.parent / "results").scan()


def reasons(listing: Listing) -> dict[str, str]:
    return {refused.path: refused.reason for refused in listing.refused}


@pytest.mark.parametrize("name", UNSAFE)
def test_names_that_lead_elsewhere_are_refused(name: str, tmp_path: Path) -> None:
    tar_of(tmp_path / "a.tar", ({"name": name}, b"x"), ({"name": "good.jpg"}, b"good"))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for member in (name, "good.jpg"):
            entry = zipfile.ZipInfo()
            entry.filename = entry.orig_filename = member
            archive.writestr(entry, b"x")
    for path in (tmp_path / "a.tar", tmp_path / "a.zip"):
        listing = listed(path)
        assert [file[0] for file in listing.files] == ["good.jpg"]
        assert [refused.reason for refused in listing.refused] == ["unsafe_name"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tar", "a.zip", "results"]


def test_steps_that_lead_nowhere_are_no_harm(tmp_path: Path) -> None:
    tar_of(tmp_path / "a.tar", ({"name": "./a//./b.jpg"}, b"x"))
    assert [file[0] for file in listed(tmp_path / "a.tar").files] == ["a/b.jpg"]


def test_what_is_no_plain_file_is_refused_and_what_is_no_image_is_ignored(tmp_path: Path) -> None:
    kinds = {
        "soft.jpg": tarfile.SYMTYPE,
        "hard.jpg": tarfile.LNKTYPE,
        "pipe.jpg": tarfile.FIFOTYPE,
        "char.jpg": tarfile.CHRTYPE,
        "block.jpg": tarfile.BLKTYPE,
        "folder.jpg": tarfile.DIRTYPE,
        "link.txt": tarfile.SYMTYPE,
        ".hidden.jpg": tarfile.REGTYPE,
        "x/.git/a.jpg": tarfile.REGTYPE,
    }
    entries = [({"name": name, "type": kind, "linkname": "/etc/passwd"}, b"") for name, kind in kinds.items()]
    tar_of(tmp_path / "a.tar", *entries, ({"name": "good.jpg"}, b"x"))
    listing = listed(tmp_path / "a.tar")
    special = ["soft.jpg", "hard.jpg", "pipe.jpg", "char.jpg", "block.jpg", "folder.jpg"]
    assert reasons(listing) == dict.fromkeys(special, "not_a_file")
    assert [file[0] for file in listing.files] == ["good.jpg"]


def test_links_and_encrypted_members_of_a_zip_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        link = zipfile.ZipInfo("link.jpg")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("secret.jpg", b"x")
        archive.writestr("good.jpg", b"x")
    raw = bytearray((tmp_path / "a.zip").read_bytes())
    at = raw.rindex(b"secret.jpg") - 46
    raw[at + 8] |= 1
    (tmp_path / "a.zip").write_bytes(raw)
    assert reasons(listed(tmp_path / "a.zip")) == {"link.jpg": "not_a_file", "secret.jpg": "encrypted"}


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compression_is_refused(method: int, tmp_path: Path) -> None:
    write_zip(tmp_path / "a.zip", {"a.jpg": b"x" * 100}, method)
    assert reasons(listed(tmp_path / "a.zip")) == {"a.jpg": "compression_unknown"}


def test_a_bomb_is_refused_by_its_ratio_and_inflates_to_no_more_than_it_declares(tmp_path: Path) -> None:
    write_zip(tmp_path / "a.zip", {"bomb.jpg": bytes(20 << 20), "flat.bmp": bytes(1 << 20)})
    listing = listed(tmp_path / "a.zip")
    assert reasons(listing) == {"bomb.jpg": "compression_bomb"}
    assert [file[:2] for file in listing.files] == [("flat.bmp", 1 << 20)]
    # A header that lies: less is declared than comes.
    raw = (tmp_path / "a.zip").read_bytes()
    lying = raw.replace(struct.pack("<L", 1 << 20), struct.pack("<L", 1000))
    (tmp_path / "b.zip").write_bytes(lying)
    source = source_of(tmp_path / "b.zip", tmp_path / "results")
    source.scan()
    with pytest.raises(OSError, match="damaged"):
        source.read("flat.bmp")


def test_more_members_than_anybody_has_are_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_index, "MAX_MEMBERS", 5)
    write_tar(tmp_path / "a.tar", {f"{number}.jpg": b"" for number in range(6)})
    with pytest.raises(UserError, match=r"a\.tar: holds more than 5 images"):
        listed(tmp_path / "a.tar")
    assert not list((tmp_path / "results").rglob("*.sqlite"))
    assert not list((tmp_path / "results").rglob("*.tmp"))


def test_of_two_members_of_one_name_the_later_counts(tmp_path: Path) -> None:
    tar_of(tmp_path / "a.tar", ({"name": "a.jpg"}, b"first"), ({"name": "./a.jpg"}, b"second"))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.jpg", b"first")
        archive.NameToInfo.clear()  # so that it does not notice
        archive.writestr("a.jpg", b"second")
    for path in (tmp_path / "a.tar", tmp_path / "a.zip"):
        source = source_of(path, tmp_path / "results")
        assert reasons(source.scan()) == {"a.jpg": "duplicate_name"}
        assert source.read("a.jpg") == b"second"


def test_data_that_overlap_or_lie_outside_are_refused(tmp_path: Path) -> None:
    write_zip(tmp_path / "a.zip", {"a.jpg": b"x" * 100, "b.jpg": b"y" * 100, "c.jpg": b"z"}, zipfile.ZIP_STORED)
    raw = bytearray((tmp_path / "a.zip").read_bytes())
    at = raw.rindex(b"b.jpg") - 46
    first = struct.unpack_from("<L", raw, at + 42)[0]
    struct.pack_into("<L", raw, at + 42, first - 50)
    at = raw.rindex(b"c.jpg") - 46
    struct.pack_into("<L", raw, at + 20, 1 << 30)
    (tmp_path / "a.zip").write_bytes(raw)
    assert reasons(listed(tmp_path / "a.zip")) == {"b.jpg": "overlapping", "c.jpg": "overlapping"}


@pytest.mark.parametrize(
    "cut",
    [
        lambda raw: raw[: len(raw) // 2],
        lambda raw: raw[:-1],
        lambda raw: raw[:-40],
        lambda raw: raw.replace(b"PK\1\2", b"PK\1\3"),
        lambda raw: b"",
        lambda raw: b"x" * 2000,
    ],
)
def test_a_zip_with_a_broken_directory_is_one_error(cut: Callable[[bytes], bytes], tmp_path: Path) -> None:
    write_zip(tmp_path / "a.zip", {f"{number}.jpg": b"x" * 100 for number in range(9)})
    (tmp_path / "a.zip").write_bytes(cut((tmp_path / "a.zip").read_bytes()))
    with pytest.raises(UserError, match=r"a\.zip: cannot be read as a zip file"):
        listed(tmp_path / "a.zip")


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("kept", [512, 512 * 3, 512 * 4, 700, 512 * 5 + 20])
def test_a_tar_that_was_cut_off_is_one_error(form: int, kept: int, tmp_path: Path) -> None:
    write_tar(tmp_path / "a.tar", {f"{number}.jpg": b"x" * 600 for number in range(9)}, format=form)
    raw = (tmp_path / "a.tar").read_bytes()
    (tmp_path / "a.tar").write_bytes(raw[:kept])
    with pytest.raises(UserError, match=r"a\.tar: cannot be read as a tar file"):
        listed(tmp_path / "a.tar")


def test_rubbish_between_the_members_of_a_tar_is_one_error(tmp_path: Path) -> None:
    write_tar(tmp_path / "a.tar", {f"{number}.jpg": b"x" * 100 for number in range(9)})
    raw = bytearray((tmp_path / "a.tar").read_bytes())
    raw[4096:4608] = b"?" * 512
    (tmp_path / "a.tar").write_bytes(raw)
    with pytest.raises(UserError, match="damaged at byte 4,096"):
        listed(tmp_path / "a.tar")


def test_a_header_of_gigabytes_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "a.tar").open("wb") as file:
        header = tarfile.TarInfo("././@PaxHeader")
        header.type, header.size = tarfile.XHDTYPE, 4 << 30
        file.write(header.tobuf(tarfile.USTAR_FORMAT))
        file.truncate(5 << 30)
    with pytest.raises(UserError, match=r"claims to have 4,294,967,296 bytes"):
        listed(tmp_path / "a.tar")


def test_sparse_members_are_refused(tmp_path: Path) -> None:
    headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "s.jpg", "GNU.sparse.realsize": "9"}
    data = b"0\n".ljust(512, b"\0")
    tar_of(tmp_path / "a.tar", ({"name": "x/s.jpg", "pax_headers": headers}, data), format=tarfile.PAX_FORMAT)
    assert reasons(listed(tmp_path / "a.tar")) == {"s.jpg": "not_a_file"}


def test_long_names_are_read_in_every_dialect(tmp_path: Path) -> None:
    name = "/".join(["größe" * 12] * 6) + ".jpg"
    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        write_tar(tmp_path / f"{form}.tar", {name: b"x"}, format=form)
        assert [file[0] for file in listed(tmp_path / f"{form}.tar").files] == [name]


def test_an_archive_without_images_holds_none(tmp_path: Path) -> None:
    write_tar(tmp_path / "a.tar", {})
    write_zip(tmp_path / "a.zip", {})
    assert listed(tmp_path / "a.tar") == listed(tmp_path / "a.zip") == Listing([], [])


CONTENTS = {f"{number}.jpg": bytes([number]) * (200 + 300 * number) for number in range(4)}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("sound")
    write_tar(folder / "a.tar", CONTENTS)
    write_zip(folder / "a.zip", CONTENTS)
    return {path.suffix: path.read_bytes() for path in folder.iterdir()}


@given(data=st.data())
@pytest.mark.parametrize("suffix", [".tar", ".zip"])
def test_any_damage_ends_in_an_error_or_a_reject_or_does_no_harm(
    suffix: str, data: st.DataObject, sound: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    raw = bytearray(sound[suffix])
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    folder = tmp_path_factory.mktemp("damaged")
    (folder / f"a{suffix}").write_bytes(raw[: data.draw(st.integers(len(raw) // 2, len(raw)))])
    source = source_of(folder / f"a{suffix}", folder / "results")
    try:
        files, _ = source.scan()
    except UserError:
        return
    for path, size, _ in files:
        with contextlib.suppress(OSError):
            assert len(source.read(path)) == size
    assert {path.name for path in folder.iterdir()} == {f"a{suffix}", "results"}
