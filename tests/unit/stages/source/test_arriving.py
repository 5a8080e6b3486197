"""Uploads as people and attackers make them: what arrives, and what is refused with nothing left behind."""

import bz2
import gzip
import io
import lzma
import os
import tarfile

import pytest

from twelve.core.errors import HostileArchive, SourceError
from twelve.stages.source import arrive as arriving
from twelve.stages.source import metered
from twelve.stages.source.arrive import arrive
from twelve.stages.source.digest import digest

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def entry(name, content=b"", **fields):
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content


def link(name, target, kind=tarfile.SYMTYPE):
    return entry(name, type=kind, linkname=target)


def archive(*entries, headers=None):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT, pax_headers=headers or {}) as tar:
        for info, content in entries:
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


@pytest.fixture
def receive(tmp_path):
    def take(data):
        upload = tmp_path / "upload"
        upload.write_bytes(data)
        into = tmp_path / f"into{len(list(tmp_path.iterdir()))}"
        into.mkdir()
        return arrive(upload, into)

    return take


def names(tree):
    return sorted(path.relative_to(tree).as_posix() for path in tree.rglob("*") if not path.is_dir())


HOSTILE = {
    "a parent": [entry("../evil", b"x")],
    "a parent inside": [entry("a/../../evil", b"x")],
    "an absolute name": [entry("/etc/evil", b"x")],
    "an absolute link": [link("a", "/etc/passwd")],
    "a link outward": [link("a", "../../etc/passwd")],
    "a link outward from a directory": [entry("d/f", b"x"), link("d/a", "../../x")],
    "a link outward through another": [entry("d/f", b"x"), link("d/b", ".."), link("e", "d/b/..")],
    "a file below a link": [link("a", "d"), entry("a/f", b"x")],
    "a file through a link": [entry("d/f", b"x"), link("a", "d/f"), entry("a", b"x")],
    "a directory over a link": [entry("d/f", b"x"), link("a", "d"), entry("a", type=tarfile.DIRTYPE)],
    "a hard link outward": [link("a", "../../etc/passwd", tarfile.LNKTYPE)],
    "a hard link to nothing": [link("a", "nothing", tarfile.LNKTYPE)],
    "a hard link to a link": [link("l", "x"), link("a", "l", tarfile.LNKTYPE)],
    "a character device": [entry("a", type=tarfile.CHRTYPE)],
    "a block device": [entry("a", type=tarfile.BLKTYPE)],
    "a pipe": [entry("a", type=tarfile.FIFOTYPE)],
    "the same file twice": [entry("a", b"1"), entry("a", b"2")],
    "the same file under two spellings": [entry("a/b", b"1"), entry("./a//b", b"2")],
    "a file that is a directory too": [entry("a", b"1"), entry("a/b", b"2")],
    "a directory that is a file too": [entry("a/b", b"1"), entry("a", b"2")],
    "a file without a name": [entry("./", b"1", type=tarfile.REGTYPE)],
}


@pytest.mark.parametrize("entries", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_archive_is_refused_in_one_sentence_and_leaves_nothing(entries, tmp_path):
    upload, into = tmp_path / "upload", tmp_path / "deep" / "into"
    upload.write_bytes(archive(entry("harmless", b"x"), *entries))
    into.mkdir(parents=True)

    with pytest.raises(HostileArchive) as caught:
        arrive(upload, into)

    assert str(caught.value).endswith(("it was not unpacked.",))
    assert str(caught.value).count("\n") == 0
    assert list(into.iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["deep", "upload"]


def test_a_bomb_is_refused_by_its_ratio(receive):
    with pytest.raises(HostileArchive, match="200 times its size"):
        receive(gzip.compress(archive(entry("zeros", bytes(metered.RATIO_FROM + (1 << 20))))))


def test_a_bomb_is_refused_by_its_size(receive, monkeypatch):
    monkeypatch.setattr(metered, "MAX_BYTES", 1 << 20)
    with pytest.raises(HostileArchive, match="more than 0 GiB"):
        receive(archive(entry("big", os.urandom(2 << 20))))


def test_a_bomb_is_refused_by_its_number_of_entries(receive, monkeypatch):
    monkeypatch.setattr(arriving, "MAX_FILES", 10)
    with pytest.raises(HostileArchive, match="more than 10 entries"):
        receive(archive(*(entry(f"f{number}") for number in range(11))))


def test_a_bomb_in_a_header_is_refused(receive):
    huge = tarfile.TarInfo("a")
    huge.pax_headers = {"comment": "x" * (3 << 20)}
    with pytest.raises(HostileArchive, match="header"):
        receive(archive((huge, b"")))


@pytest.mark.parametrize("pack", [lambda data: data, gzip.compress, bz2.compress, lzma.compress])
def test_every_compression_gives_the_same_source(receive, pack):
    source = receive(pack(archive(entry("app/web.py", b"print()", mode=0o755), entry("app/a/b", b"2"))))
    assert names(source.tree) == ["a/b", "web.py"]
    assert source.digest == digest(source.tree)
    assert os.access(source.tree / "web.py", os.X_OK)
    assert not os.access(source.tree / "a/b", os.X_OK)


def test_one_top_directory_is_stripped_and_two_are_not(receive):
    assert names(receive(archive(entry("me-app-1a2b/x", b""), entry("me-app-1a2b/y/z", b""))).tree) == ["x", "y/z"]
    assert names(receive(archive(entry("a/x", b""), entry("b/y", b""))).tree) == ["a/x", "b/y"]
    assert names(receive(archive(entry("only", b""))).tree) == ["only"]


def test_secrets_histories_and_leftovers_are_dropped(receive):
    kept = [".env.example", "src/app.py", ".github/x"]
    dropped = [".env", "src/.env", ".git/HEAD", "node_modules/a/b.js", "src/__pycache__/a.pyc", ".venv/bin/python"]
    source = receive(archive(*(entry(f"app/{name}", b"x") for name in kept + dropped)))
    assert names(source.tree) == sorted(kept)
    assert not (source.tree / ".git").exists()


def test_slugignore_is_honoured_on_arrival(receive):
    files = {".slugignore": b"*.psd\n/docs\n", "a.psd": b"1", "docs/x": b"1", "src/docs/y": b"1"}
    source = receive(archive(*(entry(f"app/{name}", content) for name, content in files.items())))
    assert names(source.tree) == [".slugignore", "src/docs/y"]


def test_links_that_stay_inside_arrive_as_links(receive):
    source = receive(
        archive(entry("app/a/f", b"x"), link("app/l", "a/f"), link("app/a/up", "../a"), link("app/no", "gone"))
    )
    assert (source.tree / "l").readlink().as_posix() == "a/f"
    assert (source.tree / "a/up/f").read_bytes() == b"x"
    assert source.digest == digest(source.tree)


def test_a_hard_link_arrives_as_a_file(receive):
    source = receive(archive(entry("app/a", b"x"), link("app/b", "app/a", tarfile.LNKTYPE)))
    assert (source.tree / "b").read_bytes() == b"x"


def test_modes_are_reduced_to_the_executable_bit(receive):
    source = receive(archive(entry("app/su", b"x", mode=0o6777, uid=1234), entry("app/b", b"", mode=0o000)))
    assert (source.tree / "su").stat().st_mode & 0o7777 == 0o755
    assert (source.tree / "b").stat().st_mode & 0o7777 == 0o644
    assert (source.tree / "su").stat().st_uid == os.getuid()


def test_the_commit_in_the_header_is_recorded(receive):
    assert receive(archive(entry("a/b"), headers={"comment": COMMIT})).commit == COMMIT
    assert receive(archive(entry("a/b"), headers={"comment": "made by hand"})).commit is None


BROKEN = {
    "text": b"hello",
    "nothing": b"",
    "a zip": b"PK\3\4" + bytes(2000),
    "half a tar": archive(entry("a", bytes(100_000)))[:50_000],
    "half a gzip": gzip.compress(archive(entry("a", os.urandom(100_000))))[:50_000],
    "a broken gzip": b"\x1f\x8b\x08" + bytes(500),
    "a broken xz": b"\xfd7zXZ\0" + bytes(500),
    "a broken bzip2": b"BZh9" + bytes(500),
    "no files": archive(entry("a", type=tarfile.DIRTYPE)),
    "only ignored files": archive(entry("a/.env", b"X=1")),
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN.keys())
def test_what_is_no_archive_is_refused_in_one_sentence(data, tmp_path):
    upload, into = tmp_path / "upload", tmp_path / "into"
    upload.write_bytes(data)
    into.mkdir()
    with pytest.raises(SourceError) as caught:
        arrive(upload, into)
    assert "upload" in str(caught.value).lower()
    assert not (into / "tree").exists()
    assert not (into / "unpacked").exists()
