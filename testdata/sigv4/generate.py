"""Writes signed.json: requests signed by botocore, which any verifier must accept.

    python generate.py > signed.json

The clock is fixed, so that the file changes only if a case or botocore's signing does.
"""

import datetime
import json
import sys
from unittest import mock
from urllib.parse import urlsplit

import botocore.auth
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TOKEN = "FwoGZXIvYXdzEXAMPLE//////////wEaDK+/=="
NOW = datetime.datetime(2024, 2, 29, 23, 59, 58)
STS, S3 = "https://sts.example.com", "https://s3.example.com:9000"
FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}

# name, signer, service, method, URL, headers, body
CASES = [
    ("sts-post", SigV4Auth, "sts", "POST", f"{STS}/", FORM, b"Action=GetCallerIdentity"),
    ("sts-post-no-path", SigV4Auth, "sts", "POST", f"{STS}", FORM, b"Action=GetCallerIdentity"),
    ("sts-get", SigV4Auth, "sts", "GET", f"{STS}/?Version=2011-06-15&Action=GetCallerIdentity", {}, b""),
    ("sts-presigned", SigV4QueryAuth, "sts", "GET", f"{STS}/?Action=GetCallerIdentity&Version=2011-06-15", {"x-k8s-aws-id": "my cluster"}, b""),
    ("json", SigV4Auth, "organizations", "POST", f"{STS}/", {"X-Amz-Target": "A.B", "Content-Type": "application/x-amz-json-1.1"}, b"{}"),
    ("path-dots", SigV4Auth, "sts", "GET", f"{STS}/a/./b/../c//d/", {}, b""),
    ("path-encoded", SigV4Auth, "sts", "GET", f"{STS}/a%20b/%C3%A9/x:y@z", {}, b""),
    ("header-blanks", SigV4Auth, "sts", "GET", f"{STS}/", {"X-A": "  a   b  ", "X-B": "\"c   d\""}, b""),
    ("port-443", SigV4Auth, "sts", "GET", "https://sts.example.com:443/", {}, b""),
    ("port-other", SigV4Auth, "sts", "GET", "http://127.0.0.1:7390/", {}, b""),
    ("binary-body", SigV4Auth, "sts", "PUT", f"{STS}/x", {}, bytes(range(256))),
    ("s3-get", S3SigV4Auth, "s3", "GET", f"{S3}/bucket/key", {}, b""),
    ("s3-get-range", S3SigV4Auth, "s3", "GET", f"{S3}/bucket/key", {"Range": "bytes=0-9"}, b""),
    ("s3-put", S3SigV4Auth, "s3", "PUT", f"{S3}/bucket/key", {"x-amz-meta-a": " b   c "}, b"data"),
    ("s3-list", S3SigV4Auth, "s3", "GET", f"{S3}/bucket?list-type=2&prefix=a%2Fb%20c%2Bd&delimiter=%2F&encoding-type=url", {}, b""),
    ("s3-subresource", S3SigV4Auth, "s3", "GET", f"{S3}/bucket?policy", {}, b""),
    ("s3-empty-value", S3SigV4Auth, "s3", "GET", f"{S3}/bucket?uploads=", {}, b""),
    ("s3-odd-keys", S3SigV4Auth, "s3", "PUT", f"{S3}/bucket/a//b/../c/./%21%27%28%29%2A%26%3D%3B%3A%40%2B%24%2C%3F%23%25", {}, b"x"),
    ("s3-unicode-key", S3SigV4Auth, "s3", "PUT", f"{S3}/bucket/%E6%97%A5%E6%9C%AC~_-.", {}, b"x"),
    ("s3-virtual-host", S3SigV4Auth, "s3", "GET", "https://bucket.s3.example.com/key", {}, b""),
    ("s3-presigned-get", S3SigV4QueryAuth, "s3", "GET", f"{S3}/bucket/a%20b%2Bc?versionId=x%2Fy", {}, b""),
    ("s3-presigned-put", S3SigV4QueryAuth, "s3", "PUT", f"{S3}/bucket/key", {"Content-Type": "text/plain", "x-amz-acl": "private"}, b""),
]


def signed(name, signer, service, method, url, headers, body, token):
    credentials = Credentials(KEY, SECRET, token)
    request = AWSRequest(method=method, url=url, headers=dict(headers), data=body)
    request.context["payload_signing_enabled"] = True
    signer(credentials, service, "eu-central-1").add_auth(request)
    parts = urlsplit(request.url)
    # The host as an HTTP client sends it.
    host = request.headers.get("Host") or botocore.auth._host_from_url(request.url)
    sent = [["Host", host]] + [[k, v] for k, v in request.headers.items() if k != "Host"]
    return {
        "name": name + ("-token" if token else ""),
        "service": service,
        "method": method,
        "target": (parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        "headers": sent,
        "body": body.hex(),
    }


with mock.patch("botocore.auth.get_current_datetime", return_value=NOW):
    cases = [signed(*case, token) for case in CASES for token in (None, TOKEN)]
document = {
    "secret": SECRET,
    "region": "eu-central-1",
    "time": int(NOW.replace(tzinfo=datetime.timezone.utc).timestamp()),
    "cases": cases,
}
json.dump(document, sys.stdout, indent=1, ensure_ascii=True)
print()
