"""What a data catalog does all day: one role, and for each table a session that reaches this table alone.

The engine is Arrow's, which speaks S3 through the AWS SDK for C++.
"""

import concurrent.futures
import json

import pyarrow
import pyarrow.fs
import pyarrow.parquet
import pytest
from botocore.exceptions import ClientError
from harness import ACCOUNT, REGION, Credentials, allow, not_authorized, refused, root_of, trusting

ROLE = f"arn:aws:iam::{ACCOUNT}:role/catalog"
READER = f"arn:aws:iam::{ACCOUNT}:role/reader"
CATALOG = f"arn:aws:iam::{ACCOUNT}:user/catalog"
EXTERNAL_ID = "warehouse-7f3a"
BUCKET = "lake"
VENDED = 200
ROWS = pyarrow.table({"id": [1, 2, 3], "city": ["Köln", "Lyon", "Oslo"]})


def prefix_of(number):
    """No prefix is the beginning of another's name, but for the slash."""
    return f"warehouse/db/table-{number}"


def access_to(*prefixes):
    """The session policy of these tables, without a blank."""
    objects = [f"arn:aws:s3:::{BUCKET}/{prefix}/*" for prefix in prefixes]
    listing = {"StringLike": {"s3:prefix": [f"{prefix}/*" for prefix in prefixes]}}
    statements = [
        allow(["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"], objects),
        allow("s3:ListBucket", f"arn:aws:s3:::{BUCKET}", Condition=listing),
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))


@pytest.fixture
def catalog(locum):
    """The catalog's own key, the role that it vends sessions of, and a role for who works with them."""
    locum.client("s3").create_bucket(Bucket=BUCKET)
    key = locum.user("catalog", allow(["sts:AssumeRole", "sts:TagSession"], ROLE))
    condition = {"StringEquals": {"sts:ExternalId": EXTERNAL_ID}}
    locum.role(
        "catalog",
        trusting(CATALOG, ["sts:AssumeRole", "sts:TagSession"], Condition=condition),
        allow("s3:*", [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/warehouse/*"]),
        allow(["sts:AssumeRole", "sts:TagSession"], READER),
    )
    locum.role(
        "reader",
        trusting(root_of(ACCOUNT), ["sts:AssumeRole", "sts:TagSession"]),
        allow("s3:GetObject", f"arn:aws:s3:::{BUCKET}/warehouse/db/${{aws:PrincipalTag/Table}}/*"),
    )
    return key


def tags_of(number):
    tags = {"Table": f"table-{number}", "Tenant": f"tenant-{number % 7}", "Engine": "arrow"}
    return {
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
        "TransitiveTagKeys": list(tags),
    }


def vend(sts, number, **options):
    wanted = {
        "RoleArn": ROLE,
        "RoleSessionName": f"table-{number}",
        "ExternalId": EXTERNAL_ID,
        "Policy": access_to(prefix_of(number)),
        "DurationSeconds": 900,
    }
    return sts.assume_role(**wanted | tags_of(number) | options)


def arrow(locum, credentials):
    """Arrow's own S3 client."""
    host, port = locum.server.address
    return pyarrow.fs.S3FileSystem(
        access_key=credentials.id,
        secret_key=credentials.secret,
        session_token=credentials.token,
        region=REGION,
        scheme="http",
        endpoint_override=f"{host}:{port}",
        connect_timeout=60,
        request_timeout=60,
        retry_strategy=pyarrow.fs.AwsStandardS3RetryStrategy(max_attempts=1),
    )


def denied(call):
    """S3 refuses it, for that it is not allowed."""
    with pytest.raises(ClientError) as caught:
        call()
    assert caught.value.response["Error"]["Code"] == "AccessDenied"


def denied_to_arrow(call):
    with pytest.raises(OSError, match="ACCESS_DENIED"):
        call()


def at_once(work, count, threads=8):
    """Every number's result; the first failure fails the test."""
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, range(count)))


def test_each_session_reaches_its_table_alone(locum, catalog):
    """A few hundred at a time, each with its neighbour as what it must not see."""
    sts = locum.client("sts", catalog)
    answers = at_once(lambda number: vend(sts, number), VENDED)
    vended = [Credentials.of(answer) for answer in answers]
    assert len({session.id for session in vended}) == VENDED
    assert len({session.secret for session in vended}) == VENDED
    assert all(0 < answer["PackedPolicySize"] <= 25 for answer in answers)
    assert max(answer["SessionTokenSize"] for answer in answers) < 700
    clients = [locum.client("s3", session) for session in vended]

    def write(number):
        body = str(number).encode()
        clients[number].put_object(Bucket=BUCKET, Key=f"{prefix_of(number)}/part", Body=body)

    def use(number):
        s3, own, other = clients[number], prefix_of(number), prefix_of((number + 1) % VENDED)
        assert s3.get_object(Bucket=BUCKET, Key=f"{own}/part")["Body"].read() == str(number).encode()
        listed = s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{own}/")["Contents"]
        assert [entry["Key"] for entry in listed] == [f"{own}/part"]
        denied(lambda: s3.get_object(Bucket=BUCKET, Key=f"{other}/part"))
        denied(lambda: s3.put_object(Bucket=BUCKET, Key=f"{other}/part", Body=b"mine"))
        denied(lambda: s3.delete_object(Bucket=BUCKET, Key=f"{other}/part"))
        denied(lambda: s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{other}/"))
        # A prefix of the own name, which is one of others' names too.
        denied(lambda: s3.list_objects_v2(Bucket=BUCKET, Prefix=own))
        denied(lambda: s3.put_object(Bucket=BUCKET, Key=f"{own}x/part", Body=b"mine"))

    at_once(write, VENDED)
    at_once(use, VENDED)
    # Nothing was written that should not have been.
    listed = locum.client("s3").get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    keys = {entry["Key"] for page in listed for entry in page.get("Contents", [])}
    assert keys == {f"{prefix_of(number)}/part" for number in range(VENDED)}


def test_arrow_writes_and_reads_its_table(locum, catalog):
    sts = locum.client("sts", catalog)

    def work(number):
        files = arrow(locum, Credentials.of(vend(sts, number)))
        own, other = f"{BUCKET}/{prefix_of(number)}", f"{BUCKET}/{prefix_of(number + 100)}"
        table = ROWS.append_column("number", pyarrow.array([number] * 3))
        pyarrow.parquet.write_table(table, f"{own}/part-0.parquet", filesystem=files)
        assert pyarrow.parquet.read_table(f"{own}/part-0.parquet", filesystem=files).equals(table)
        # By the listing of the folder, too.
        found = files.get_file_info(pyarrow.fs.FileSelector(own, recursive=True))
        assert [entry.path for entry in found] == [f"{own}/part-0.parquet"]
        denied_to_arrow(lambda: pyarrow.parquet.write_table(table, f"{other}/part-0.parquet", filesystem=files))
        denied_to_arrow(lambda: pyarrow.parquet.read_table(f"{other}/part-0.parquet", filesystem=files))
        denied_to_arrow(lambda: files.get_file_info(pyarrow.fs.FileSelector(other)))
        denied_to_arrow(lambda: files.get_file_info(pyarrow.fs.FileSelector(BUCKET)))

    at_once(work, 24, threads=4)
    # Many parts: more than one upload holds.
    files = arrow(locum, Credentials.of(vend(sts, 1)))
    large = bytes(range(256)) * 4096 * 12
    with files.open_output_stream(f"{BUCKET}/{prefix_of(1)}/large") as stream:
        stream.write(large)
    with files.open_input_file(f"{BUCKET}/{prefix_of(1)}/large") as stream:
        assert stream.read_at(1000, len(large) - 1000) == large[-1000:]


def test_the_tags_go_on_to_whoever_works_for_it(locum, catalog):
    sts = locum.client("sts", catalog)
    for number in (3, 4):
        locum.client("s3").put_object(Bucket=BUCKET, Key=f"{prefix_of(number)}/part", Body=b"x")
    allowed = json.dumps({"Version": "2012-10-17", "Statement": [allow(["sts:AssumeRole", "sts:TagSession"], READER)]})
    session = Credentials.of(vend(sts, 3, Policy=allowed))
    reading = arrow(locum, locum.assume(session, READER))
    with reading.open_input_file(f"{BUCKET}/{prefix_of(3)}/part") as stream:
        assert stream.read() == b"x"
    denied_to_arrow(lambda: reading.open_input_file(f"{BUCKET}/{prefix_of(4)}/part"))
    # A session of a table may not go on: its policy does not let it.
    narrow = Credentials.of(vend(sts, 3))
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/catalog/table-3"
    refused(lambda: locum.assume(narrow, READER), "AccessDenied", not_authorized(arn, "sts:AssumeRole", READER))


def test_without_the_external_id_nothing_is_vended(locum, catalog):
    sts = locum.client("sts", catalog)
    sentence = not_authorized(CATALOG, "sts:AssumeRole", ROLE)
    for wrong in ("warehouse-7f3b", EXTERNAL_ID.upper(), f"{EXTERNAL_ID}-"):
        refused(lambda wrong=wrong: vend(sts, 1, ExternalId=wrong), "AccessDenied", sentence)


def test_beyond_two_kilobytes(locum, catalog):
    """A query over many tables in one session."""
    sts = locum.client("sts", catalog)
    prefixes = [f"warehouse/db/{n * 2654435761 % 2**32:08x}-{n * 40503 % 2**31:08x}" for n in range(1, 121)]
    document = access_to(*prefixes)
    assert len(document) > 8000
    with pytest.raises(sts.exceptions.PackedPolicyTooLargeException):
        vend(sts, 1, Policy=document)
    locum.client("iam").tag_role(RoleName="catalog", Tags=[{"Key": "locum:MaxPackedPolicySize", "Value": "8192"}])
    answer = vend(sts, 1, Policy=document)
    assert 0 < answer["PackedPolicySize"] <= 100
    assert answer["SessionTokenSize"] > 2048
    files = arrow(locum, Credentials.of(answer))
    for prefix in (prefixes[0], prefixes[60], prefixes[-1]):
        path = f"{BUCKET}/{prefix}/part-0.parquet"
        pyarrow.parquet.write_table(ROWS, path, filesystem=files)
        assert pyarrow.parquet.read_table(path, filesystem=files).equals(ROWS)
    for prefix in ("warehouse/db/other", prefixes[0] + "0", prefixes[0][:-1]):
        path = f"{BUCKET}/{prefix}/part-0.parquet"
        denied_to_arrow(lambda path=path: pyarrow.parquet.write_table(ROWS, path, filesystem=files))
        denied_to_arrow(lambda path=path: pyarrow.parquet.read_table(path, filesystem=files))
