"""Where control groups are, from what the kernel tells on different machines; what joining one looks like."""

import subprocess
from pathlib import Path

import pytest

from twelve.core.policy.memory import Usage
from twelve.stages.run.local.cgroups import Group, joining, ours
from twelve.stages.run.local.limits import NOTE, noted

V1 = """\
28 26 0:24 / /sys/fs/cgroup ro,nosuid - tmpfs tmpfs ro,mode=755
31 28 0:27 / /sys/fs/cgroup/systemd rw,nosuid shared:11 - cgroup cgroup rw,xattr,name=systemd
33 28 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:15 - cgroup cgroup rw,cpu,cpuacct
34 28 0:30 / /sys/fs/cgroup/memory rw,nosuid shared:16 - cgroup cgroup rw,memory
35 28 0:31 / /sys/fs/cgroup/pids rw,nosuid shared:17 - cgroup cgroup rw,pids
"""
V1_OWN = "4:pids:/\n3:memory:/user.slice\n2:cpu,cpuacct:/user.slice\n1:name=systemd:/user.slice/session-1.scope\n"
V2 = "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
CONTAINER = "700 690 0:30 /docker/abc /sys/fs/cgroup/memory ro,nosuid master:16 - cgroup cgroup rw,memory\n"
GROUPS = Path("/sys/fs/cgroup")


@pytest.mark.parametrize(
    ("mounts", "own", "found"),
    [
        (
            V1,
            V1_OWN,
            {
                Group("pids", 1, GROUPS / "pids"),
                Group("memory", 1, GROUPS / "memory/user.slice"),
                Group("cpu", 1, GROUPS / "cpu,cpuacct/user.slice"),
            },
        ),
        (V2, "0::/system.slice/a.service\n", {Group("*", 2, GROUPS / "system.slice/a.service"), Group("*", 2, GROUPS)}),
        (V2, "0::/\n", {Group("*", 2, GROUPS)}),
        (CONTAINER, "3:memory:/docker/abc\n", {Group("memory", 1, GROUPS / "memory")}),
        (CONTAINER, "3:memory:/docker/abcd\n", {Group("memory", 1, GROUPS / "memory")}),
        ("", "0::/\n", set()),
    ],
    ids=["version 1", "version 2", "version 2, at the root", "a container", "a name that only begins alike", "none"],
)
def test_where_we_are(mounts, own, found):
    assert set(ours(mounts, own)) == found


def test_it_joins_each_directory_once_and_becomes_the_command(tmp_path):
    groups = [Group("memory", 2, tmp_path), Group("pids", 2, tmp_path)]
    done = subprocess.run(joining(groups, ["/bin/echo", "a  b", "--"]), capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("a  b --\n", "")
    assert (tmp_path / "cgroup.procs").read_text() == "0\n"
    assert joining([], ["/bin/true"]) == ("/bin/true",)


@pytest.mark.parametrize(
    ("version", "files"),
    [
        (
            1,
            {
                "memory.usage_in_bytes": "900",
                "memory.stat": "cache 1\ntotal_cache 300\ntotal_shmem 100\n",
                "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
            },
        ),
        (
            2,
            {
                "memory.current": "800\n",
                "memory.swap.current": "100\n",
                "memory.stat": "anon 1\nfile 300\nshmem 100\n",
                "memory.events": "low 0\noom 3\noom_kill 2\n",
            },
        ),
    ],
)
def test_what_a_memory_group_tells(tmp_path, version, files):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    group = Group("memory", version, tmp_path)
    assert group.usage(800) == Usage(total=900, own=700)
    assert group.usage(900) == Usage(total=900, own=900)
    assert group.out_of_memory() == 2


def test_a_group_that_is_gone_tells_nothing(tmp_path):
    group = Group("memory", 1, tmp_path / "gone")
    assert (group.usage(0), group.out_of_memory()) == (Usage(0, 0), 0)
    group.remove()


@pytest.mark.parametrize("whole", [False, True])
def test_the_groups_of_a_life_are_found_by_the_note_all_share_or_by_one_of_its_own(tmp_path, whole):
    place, group = tmp_path / "abc", tmp_path / "twelve-1-abc"
    place.mkdir()
    group.mkdir()
    (place / NOTE).write_text(f"pids 1 {group if whole else tmp_path / 'twelve-1-'}\n")
    assert noted(place).groups == (Group("pids", 1, group),)
