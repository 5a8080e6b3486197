"""Object storage for apps on a real SeaweedFS server; installed on first use, so the first test takes longer."""

import os
import signal
import urllib.request
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from twelve.infra import procfs
from twelve.stages.services.s3 import S3Provider

pytestmark = pytest.mark.integration


def client(services, details, **other):
    config = services["s3"].config("FILES", details) | other
    return boto3.client(
        "s3",
        endpoint_url=config["FILES_ENDPOINT"],
        region_name=config["FILES_REGION"],
        aws_access_key_id=config["FILES_ACCESS_KEY_ID"],
        aws_secret_access_key=config["FILES_SECRET_ACCESS_KEY"],
        config=Config(retries={"total_max_attempts": 1}),
    )


def process(services, name):
    return next((found.pid for found in services["s3"].processes() if found.name == name), None)


def server(services):
    """The server itself, below its launcher; None while it is being started again."""
    launcher = process(services, "s3")
    return launcher and procfs.child_of(launcher, "weed")


@pytest.fixture(scope="module")
def two(services):
    made = [services["s3"].create(f"s3-flat-{number}") for number in (1, 2)]
    yield made
    for details in made:
        services["s3"].destroy(details)
    assert services["s3"].processes() == []


def test_an_app_uses_its_bucket(services, two):
    bucket, own = two[0]["bucket"], client(services, two[0])
    own.put_object(Bucket=bucket, Key="a/b", Body=b"x" * 6_000_000, Metadata={"kind": "test"})
    found = own.get_object(Bucket=bucket, Key="a/b")
    assert (found["Metadata"], len(found["Body"].read())) == ({"kind": "test"}, 6_000_000)
    link = own.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a/b"})
    with urllib.request.urlopen(link) as answer:
        assert len(answer.read()) == 6_000_000
    assert [found["Name"] for found in own.list_buckets()["Buckets"]] == [bucket]


def test_an_app_reaches_no_other_bucket(services, two):
    theirs, own = two[1]["bucket"], client(services, two[0])
    client(services, two[1]).put_object(Bucket=theirs, Key="secret", Body=b"1")
    for attempt in (
        lambda: own.get_object(Bucket=theirs, Key="secret"),
        lambda: own.list_objects_v2(Bucket=theirs),
        lambda: own.put_object(Bucket=theirs, Key="more", Body=b"2"),
        lambda: own.create_bucket(Bucket="another-one"),
        lambda: client(services, two[0], FILES_SECRET_ACCESS_KEY="wrong").list_buckets(),
    ):
        with pytest.raises(ClientError, match=r"AccessDenied|SignatureDoesNotMatch"):
            attempt()


def test_its_other_ports_are_out_of_reach(services, two):
    """The server's network is its own: what listens without a password there cannot be asked from here."""
    assert Path(f"/proc/{server(services)}/ns/net").readlink() != Path("/proc/self/ns/net").readlink()


def test_the_default_attachment_also_has_the_names_aws_libraries_read(services, two):
    config = services["s3"].config("S3", two[0])
    assert set(config) == services["s3"].keys("S3")
    assert config["AWS_ENDPOINT_URL_S3"] == config["S3_ENDPOINT"]
    assert "AWS_REGION" not in services["s3"].config("FILES", two[0])


@pytest.mark.parametrize("victim", ["server", "launcher", "relay"])
def test_objects_outlive_a_killed_server(services, two, eventually, victim):
    bucket, own = two[0]["bucket"], client(services, two[0])
    eventually(lambda: own.put_object(Bucket=bucket, Key="kept", Body=b"safe"), BotoCoreError, ClientError)
    eventually(lambda: server(services))
    pids = {"launcher": process(services, "s3"), "server": server(services), "relay": process(services, "s3-relay")}
    os.kill(pids[victim], signal.SIGKILL)

    def read():
        return own.get_object(Bucket=bucket, Key="kept")["Body"].read()

    eventually(lambda: procfs.identity(pids[victim]) is None)
    assert eventually(read, BotoCoreError, ClientError, seconds=30) == b"safe"


def test_the_next_platform_adopts_the_server_and_forgets_nobody(services, two, eventually):
    eventually(lambda: server(services) and process(services, "s3-relay"))
    services["s3"].ensure_running()
    pid = process(services, "s3")
    services["s3"].release()
    following = S3Provider(services.settings, lambda component, chunk: None)
    following.ensure_running([two[0]])
    assert pid in {process.pid for process in following.processes()}
    client(services, two[1]).list_objects_v2(Bucket=two[1]["bucket"])
    following.release()
    services["s3"].ensure_running(two)


def test_a_destroyed_bucket_is_gone_with_its_key(services, two, eventually):
    details = services["s3"].create("s3-wide-1")
    own = client(services, details)
    own.put_object(Bucket=details["bucket"], Key="x", Body=b"1")
    services["s3"].destroy(details)

    def refused():
        with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
            own.list_buckets()
        return True

    eventually(refused, pytest.fail.Exception)
    with pytest.raises(ClientError, match=r"NoSuchBucket|AccessDenied"):
        client(services, two[0]).list_objects_v2(Bucket=details["bucket"])
