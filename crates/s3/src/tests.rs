//! The service as a whole: real signatures, a real realm, objects on a real disk.

mod world;

use bytes::Bytes;
use http::Method;
use locum_sigv4::SignPayload;
use world::{ACCOUNT, Key, World, signed};

const OBJECT: &str = "/bucket/dir/object";

/// A world with a bucket and an object in it.
async fn furnished() -> World {
    let world = World::new().await;
    let root = Some(&world.root);
    assert_eq!(
        world
            .send(root, Method::PUT, "/bucket", &[], b"")
            .await
            .outcome(),
        (200, "")
    );
    assert_eq!(
        world
            .send(root, Method::PUT, OBJECT, &[], b"hello")
            .await
            .outcome(),
        (200, "")
    );
    world
}

fn policy(effect: &str, actions: &str, resource: &str, condition: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"{effect}","Action":{actions},"Resource":"{resource}"{condition}}}]}}"#
    )
}

#[tokio::test]
async fn an_object_goes_in_and_comes_out() {
    let world = furnished().await;
    let answer = world
        .send(Some(&world.root), Method::GET, OBJECT, &[], b"")
        .await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "hello"));
    assert_eq!(
        answer.headers.get("etag").unwrap(),
        "\"5d41402abc4b2a76b9719d911017c592\""
    );
    assert_eq!(
        answer.headers.get("content-type").unwrap(),
        "binary/octet-stream"
    );
    assert_eq!(
        answer.headers.get("last-modified").unwrap(),
        "Thu, 01 Jan 2026 00:00:00 GMT"
    );
    assert_eq!(answer.headers.get("x-amz-request-id").unwrap(), "REQUEST");
    assert_eq!(answer.headers.get("x-amz-id-2").unwrap().len(), 64);
    let report = &answer.report;
    assert_eq!(report.operation.as_deref(), Some("GetObject"));
    assert_eq!(report.bucket.as_deref(), Some("bucket"));
    assert_eq!(report.key.as_deref(), Some("dir/object"));
    assert_eq!(
        report.access_key_id.as_deref(),
        Some(world.root.id.as_str())
    );
    assert_eq!(report.region.as_deref(), Some("us-east-1"));
    assert_eq!(
        report.caller.as_ref().unwrap().arn(),
        Some(format!("arn:aws:iam::{ACCOUNT}:root").as_str())
    );
}

#[tokio::test]
async fn virtual_hosts_are_buckets() {
    let world = furnished().await;
    let host = [("host", "bucket.s3.example.com")];
    let answer = world
        .send(Some(&world.root), Method::GET, "/dir/object", &host, b"")
        .await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "hello"));
    let host = [("host", "127.0.0.1:7390")];
    let answer = world
        .send(Some(&world.root), Method::GET, OBJECT, &host, b"")
        .await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "hello"));
}

#[tokio::test]
async fn every_action_is_authorized_as_aws_names_it() {
    let world = furnished().await;
    let bucket = "arn:aws:s3:::bucket";
    let objects = "arn:aws:s3:::bucket/*";
    let copy: &[(&str, &str)] = &[("x-amz-copy-source", "bucket/dir/object")];
    let delete = "<Delete><Object><Key>none</Key></Object></Delete>";
    let md5: &[(&str, &str)] = &[("content-md5", "EpvYphShtu0A5NGVEQm6CQ==")];
    let policy_document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:PutBucketTagging","Resource":"arn:aws:s3:::bucket"}]}"#;
    // Method, target, headers, body, the one action that is enough, on what, the answer then.
    type Row<'a> = (
        Method,
        &'a str,
        &'a [(&'a str, &'a str)],
        &'a str,
        &'a str,
        &'a str,
        u16,
    );
    let rows: &[Row<'_>] = &[
        (Method::GET, "/", &[], "", "s3:ListAllMyBuckets", "*", 200),
        (
            Method::PUT,
            "/another",
            &[],
            "",
            "s3:CreateBucket",
            "arn:aws:s3:::another",
            200,
        ),
        (
            Method::HEAD,
            "/bucket",
            &[],
            "",
            "s3:ListBucket",
            bucket,
            200,
        ),
        (
            Method::GET,
            "/bucket",
            &[],
            "",
            "s3:ListBucket",
            bucket,
            200,
        ),
        (
            Method::GET,
            "/bucket?list-type=2",
            &[],
            "",
            "s3:ListBucket",
            bucket,
            200,
        ),
        (
            Method::GET,
            "/bucket?location",
            &[],
            "",
            "s3:GetBucketLocation",
            bucket,
            200,
        ),
        (
            Method::GET,
            "/bucket?versioning",
            &[],
            "",
            "s3:GetBucketVersioning",
            bucket,
            200,
        ),
        (
            Method::GET,
            "/bucket?uploads",
            &[],
            "",
            "s3:ListBucketMultipartUploads",
            bucket,
            200,
        ),
        (
            Method::PUT,
            "/bucket?policy",
            &[],
            policy_document,
            "s3:PutBucketPolicy",
            bucket,
            204,
        ),
        (
            Method::GET,
            "/bucket?policy",
            &[],
            "",
            "s3:GetBucketPolicy",
            bucket,
            200,
        ),
        (
            Method::DELETE,
            "/bucket?policy",
            &[],
            "",
            "s3:DeleteBucketPolicy",
            bucket,
            204,
        ),
        (
            Method::DELETE,
            "/bucket",
            &[],
            "",
            "s3:DeleteBucket",
            bucket,
            409,
        ),
        (Method::GET, OBJECT, &[], "", "s3:GetObject", objects, 200),
        (
            Method::GET,
            "/bucket/dir/object?versionId=null",
            &[],
            "",
            "s3:GetObjectVersion",
            objects,
            200,
        ),
        (Method::HEAD, OBJECT, &[], "", "s3:GetObject", objects, 200),
        (
            Method::PUT,
            "/bucket/new",
            &[],
            "x",
            "s3:PutObject",
            objects,
            200,
        ),
        (
            Method::POST,
            "/bucket/new?uploads",
            &[],
            "",
            "s3:PutObject",
            objects,
            200,
        ),
        (
            Method::PUT,
            "/bucket/new?partNumber=1&uploadId=u",
            &[],
            "x",
            "s3:PutObject",
            objects,
            404,
        ),
        (
            Method::GET,
            "/bucket/new?uploadId=u",
            &[],
            "",
            "s3:ListMultipartUploadParts",
            objects,
            404,
        ),
        (
            Method::DELETE,
            "/bucket/new?uploadId=u",
            &[],
            "",
            "s3:AbortMultipartUpload",
            objects,
            404,
        ),
        (
            Method::DELETE,
            "/bucket/none",
            &[],
            "",
            "s3:DeleteObject",
            objects,
            204,
        ),
        (
            Method::GET,
            "/bucket?acl",
            &[],
            "",
            "s3:GetBucketAcl",
            bucket,
            501,
        ),
        (
            Method::GET,
            "/bucket/new?tagging",
            &[],
            "",
            "s3:GetObjectTagging",
            objects,
            501,
        ),
    ];
    for (n, (method, target, headers, body, action, resource, status)) in rows.iter().enumerate() {
        let allowed = world
            .user(
                &format!("allowed{n}"),
                Some(&policy("Allow", &format!("\"{action}\""), resource, "")),
            )
            .await;
        let others = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","NotAction":"{action}","Resource":"*"}}]}}"#
        );
        let denied = world.user(&format!("denied{n}"), Some(&others)).await;
        let answer = world
            .send(
                Some(&denied),
                method.clone(),
                target,
                headers,
                body.as_bytes(),
            )
            .await;
        assert_eq!(answer.outcome(), (403, "AccessDenied"), "{method} {target}");
        let reason = format!("because no identity-based policy allows the {action} action");
        assert!(
            answer.report.error_message.unwrap().ends_with(&reason),
            "{method} {target}"
        );
        let answer = world
            .send(
                Some(&allowed),
                method.clone(),
                target,
                headers,
                body.as_bytes(),
            )
            .await;
        assert_eq!(answer.status, *status, "{method} {target}: {}", answer.body);
    }

    // Both sides of a copy.
    let only =
        |action: &str, resource: &str| policy("Allow", &format!("\"{action}\""), resource, "");
    let reader = world
        .user("reader", Some(&only("s3:GetObject", objects)))
        .await;
    let writer = world
        .user("writer", Some(&only("s3:PutObject", objects)))
        .await;
    let both = world
        .user(
            "both",
            Some(&policy(
                "Allow",
                r#"["s3:GetObject","s3:PutObject"]"#,
                objects,
                "",
            )),
        )
        .await;
    for (key, outcome) in [
        (&reader, (403, "AccessDenied")),
        (&writer, (403, "AccessDenied")),
        (&both, (200, "")),
    ] {
        let answer = world
            .send(Some(key), Method::PUT, "/bucket/copy", copy, b"")
            .await;
        assert_eq!(answer.outcome(), outcome);
    }

    // Each key of a deletion by itself.
    let answer = world
        .send(
            Some(&reader),
            Method::POST,
            "/bucket?delete",
            md5,
            delete.as_bytes(),
        )
        .await;
    assert_eq!(
        (answer.status, answer.element("Code")),
        (200, Some("AccessDenied"))
    );
}

#[tokio::test]
async fn keys_of_one_deletion_are_authorized_one_by_one() {
    let world = furnished().await;
    world
        .send(Some(&world.root), Method::PUT, "/bucket/own/1", &[], b"x")
        .await;
    let user = world
        .user(
            "bob",
            Some(&policy(
                "Allow",
                "\"s3:DeleteObject\"",
                "arn:aws:s3:::bucket/own/*",
                "",
            )),
        )
        .await;
    let delete =
        "<Delete><Object><Key>own/1</Key></Object><Object><Key>dir/object</Key></Object></Delete>";
    let checksum = {
        let mut hasher = crate::disk::Hasher::new(&[crate::disk::Algorithm::Crc32]);
        hasher.update(delete.as_bytes());
        hasher
            .finish()
            .value(crate::disk::Algorithm::Crc32)
            .unwrap()
            .to_owned()
    };
    let headers = [("x-amz-checksum-crc32", checksum.as_str())];
    let answer = world
        .send(
            Some(&user),
            Method::POST,
            "/bucket?delete",
            &headers,
            delete.as_bytes(),
        )
        .await;
    assert_eq!(answer.status, 200);
    assert!(
        answer.body.contains("<Deleted><Key>own/1</Key></Deleted>"),
        "{}",
        answer.body
    );
    assert!(
        answer.body.contains("<Key>dir/object</Key>")
            && answer.body.contains("<Code>AccessDenied</Code>")
    );
    let root = Some(&world.root);
    assert_eq!(
        world
            .send(root, Method::HEAD, "/bucket/own/1", &[], b"")
            .await
            .status,
        404
    );
    assert_eq!(
        world
            .send(root, Method::HEAD, OBJECT, &[], b"")
            .await
            .status,
        200
    );
    // Without a digest, or with a wrong one, nothing is done.
    let answer = world
        .send(root, Method::POST, "/bucket?delete", &[], delete.as_bytes())
        .await;
    assert_eq!(answer.outcome(), (400, "InvalidRequest"));
    let wrong = [("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==")];
    let answer = world
        .send(
            root,
            Method::POST,
            "/bucket?delete",
            &wrong,
            delete.as_bytes(),
        )
        .await;
    assert_eq!(answer.outcome(), (400, "BadDigest"));
    assert_eq!(
        world
            .send(root, Method::HEAD, OBJECT, &[], b"")
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn a_listing_can_be_limited_to_a_prefix() {
    let world = furnished().await;
    let condition = r#","Condition":{"StringEquals":{"s3:prefix":"dir/"},"NumericLessThanEquals":{"s3:max-keys":"10"}}"#;
    let user = world
        .user(
            "bob",
            Some(&policy(
                "Allow",
                "\"s3:ListBucket\"",
                "arn:aws:s3:::bucket",
                condition,
            )),
        )
        .await;
    for (query, status) in [
        ("list-type=2&prefix=dir%2F&max-keys=10", 200),
        ("list-type=2&prefix=dir/&max-keys=10", 200),
        ("prefix=dir/&max-keys=5", 200),
        ("prefix=dir/&max-keys=11", 403),
        ("prefix=dir/", 403),
        ("prefix=&max-keys=1", 403),
        ("max-keys=1", 403),
        ("prefix=dir/x&max-keys=1", 403),
        // Whichever of the two would be used.
        ("prefix=dir/&max-keys=1&prefix=", 400),
    ] {
        let answer = world
            .send(
                Some(&user),
                Method::GET,
                &format!("/bucket?{query}"),
                &[],
                b"",
            )
            .await;
        assert_eq!(answer.status, status, "{query}: {}", answer.body);
    }
}

#[tokio::test]
async fn who_may_not_list_does_not_learn_what_is_missing() {
    let world = furnished().await;
    let reader = policy("Allow", "\"s3:GetObject\"", "arn:aws:s3:::bucket/*", "");
    let lister = policy("Allow", r#"["s3:GetObject","s3:ListBucket"]"#, "*", "");
    let (reader, lister) = (
        world.user("reader", Some(&reader)).await,
        world.user("lister", Some(&lister)).await,
    );
    for method in [Method::GET, Method::HEAD] {
        let answer = world
            .send(Some(&reader), method.clone(), "/bucket/missing", &[], b"")
            .await;
        assert_eq!(answer.outcome(), (403, "AccessDenied"));
        assert_eq!(answer.body.is_empty(), method == Method::HEAD);
        let answer = world
            .send(Some(&lister), method.clone(), "/bucket/missing", &[], b"")
            .await;
        assert_eq!(answer.outcome(), (404, "NoSuchKey"));
        assert_eq!(answer.body.is_empty(), method == Method::HEAD);
        let answer = world
            .send(Some(&reader), method, "/nowhere/missing", &[], b"")
            .await;
        assert_eq!(answer.outcome(), (404, "NoSuchBucket"));
    }
    let answer = world
        .send(Some(&reader), Method::GET, "/bucket/missing", &[], b"")
        .await;
    assert_eq!(
        answer.element("Message").unwrap().replace("&quot;", "\""),
        format!(
            "User: arn:aws:iam::{ACCOUNT}:user/reader is not authorized to perform: s3:ListBucket on resource: \
             \"arn:aws:s3:::bucket\" because no identity-based policy allows the s3:ListBucket action"
        )
    );
    assert_eq!(answer.element("RequestId"), Some("REQUEST"));
}

#[tokio::test]
async fn the_anonymous_have_what_bucket_policies_give_them() {
    let world = furnished().await;
    let answer = world.send(None, Method::GET, OBJECT, &[], b"").await;
    assert_eq!(
        (answer.outcome(), answer.element("Message")),
        ((403, "AccessDenied"), Some("Access Denied"))
    );
    let public = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::bucket/dir/*"}]}"#;
    let put = world
        .send(
            Some(&world.root),
            Method::PUT,
            "/bucket?policy",
            &[],
            public.as_bytes(),
        )
        .await;
    assert_eq!(put.outcome(), (204, ""));
    assert_eq!(
        world.send(None, Method::GET, OBJECT, &[], b"").await.body,
        "hello"
    );
    for (method, target) in [
        (Method::GET, "/"),
        (Method::GET, "/bucket"),
        (Method::GET, "/bucket?policy"),
        (Method::PUT, OBJECT),
        (Method::DELETE, OBJECT),
        (Method::PUT, "/another"),
        (Method::GET, "/bucket/dir/missing"),
    ] {
        let answer = world.send(None, method.clone(), target, &[], b"").await;
        assert_eq!(answer.outcome(), (403, "AccessDenied"), "{method} {target}");
    }
    let overridden = world
        .send(
            None,
            Method::GET,
            &format!("{OBJECT}?response-content-type=text/html"),
            &[],
            b"",
        )
        .await;
    assert_eq!(overridden.outcome(), (400, "InvalidRequest"));
}

/// Sends an upload whose body is not the one that was signed, and expects nothing to be stored.
async fn refused(
    world: &World,
    key: &Key,
    headers: &[(&str, &str)],
    payload: SignPayload<'_>,
    body: &[u8],
    outcome: (u16, &str),
) {
    let request = signed(Some(key), Method::PUT, "/bucket/refused", headers, payload);
    let answer = world
        .answer(request.map(|()| Bytes::copy_from_slice(body)))
        .await;
    assert_eq!(answer.outcome(), outcome, "{}", answer.body);
    let head = world
        .send(Some(&world.root), Method::HEAD, "/bucket/refused", &[], b"")
        .await;
    assert_eq!(head.status, 404);
}

#[tokio::test]
async fn a_body_that_is_not_what_was_signed_is_not_stored() {
    let world = furnished().await;
    let key = &world.root;
    refused(
        &world,
        key,
        &[],
        SignPayload::Body(b"hello"),
        b"hellO",
        (400, "XAmzContentSHA256Mismatch"),
    )
    .await;
    let md5 = [("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==")];
    refused(
        &world,
        key,
        &md5,
        SignPayload::Unsigned,
        b"hello",
        (400, "BadDigest"),
    )
    .await;
    let crc = [("x-amz-checksum-crc32", "AAAAAA==")];
    refused(
        &world,
        key,
        &crc,
        SignPayload::Unsigned,
        b"hello",
        (400, "BadDigest"),
    )
    .await;
    let unsigned = SignPayload::Streaming {
        signed: false,
        trailer: Some("x-amz-checksum-crc32"),
        decoded_length: 5,
    };
    let body = b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n";
    refused(&world, key, &[], unsigned, body, (400, "BadDigest")).await;
    let body = b"5\r\nhello\r\n0\r\n\r\n";
    refused(
        &world,
        key,
        &[],
        unsigned,
        body,
        (400, "MalformedTrailerError"),
    )
    .await;
    let body = b"5\r\nhel";
    refused(&world, key, &[], unsigned, body, (400, "IncompleteBody")).await;
    // A document is checked like an object.
    let request = signed(
        Some(key),
        Method::PUT,
        "/bucket?policy",
        &[],
        SignPayload::Body(b"{}"),
    );
    let answer = world
        .answer(request.map(|()| Bytes::from_static(b"[]")))
        .await;
    assert_eq!(answer.outcome(), (400, "XAmzContentSHA256Mismatch"));
    // And so is a body that nobody asked for.
    let request = signed(
        Some(key),
        Method::DELETE,
        OBJECT,
        &[],
        SignPayload::Body(b""),
    );
    let answer = world
        .answer(request.map(|()| Bytes::from_static(b"x")))
        .await;
    assert_eq!(answer.outcome(), (400, "XAmzContentSHA256Mismatch"));
    assert_eq!(
        world
            .send(Some(key), Method::HEAD, OBJECT, &[], b"")
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn a_trailing_checksum_is_verified_and_kept() {
    let world = furnished().await;
    let payload = SignPayload::Streaming {
        signed: false,
        trailer: Some("x-amz-checksum-crc32"),
        decoded_length: 5,
    };
    let headers = [
        ("content-encoding", "gzip"),
        ("x-amz-sdk-checksum-algorithm", "CRC32"),
    ];
    let request = signed(
        Some(&world.root),
        Method::PUT,
        "/bucket/chunked",
        &headers,
        payload,
    );
    let body = b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n";
    let answer = world
        .answer(request.map(|()| Bytes::from_static(body)))
        .await;
    assert_eq!(answer.outcome(), (200, ""));
    assert_eq!(
        answer.headers.get("x-amz-checksum-crc32").unwrap(),
        "NhCmhg=="
    );
    let headers = [("x-amz-checksum-mode", "ENABLED")];
    let answer = world
        .send(
            Some(&world.root),
            Method::GET,
            "/bucket/chunked",
            &headers,
            b"",
        )
        .await;
    assert_eq!(answer.body, "hello");
    assert_eq!(answer.headers.get("content-encoding").unwrap(), "gzip");
    assert_eq!(
        answer.headers.get("x-amz-checksum-crc32").unwrap(),
        "NhCmhg=="
    );
    assert_eq!(
        answer.headers.get("x-amz-checksum-type").unwrap(),
        "FULL_OBJECT"
    );
}

#[tokio::test]
async fn what_is_not_in_the_table_is_refused() {
    let world = furnished().await;
    let form = [("content-type", "multipart/form-data; boundary=x")];
    let routed = [("x-amz-request-route", "r"), ("x-amz-request-token", "t")];
    for (method, target, headers, outcome) in [
        (Method::POST, "/bucket", &form[..], (501, "NotImplemented")),
        (
            Method::POST,
            "/bucket",
            &routed[..],
            (501, "NotImplemented"),
        ),
        (Method::GET, "/bucket?session", &[], (501, "NotImplemented")),
        (
            Method::GET,
            "/?x-id=ListDirectoryBuckets",
            &[],
            (501, "NotImplemented"),
        ),
        (
            Method::PUT,
            "/bucket/key?renameObject",
            &[("x-amz-rename-source", "/bucket/dir/object")],
            (501, "NotImplemented"),
        ),
        (
            Method::PUT,
            "/bucket/key?partNumber=1",
            &[],
            (501, "NotImplemented"),
        ),
        (
            Method::GET,
            "/bucket/dir/object?versionId=other",
            &[],
            (400, "InvalidArgument"),
        ),
        (Method::GET, "/bucket/a%00b", &[], (400, "InvalidURI")),
        (Method::PATCH, "/bucket/key", &[], (501, "NotImplemented")),
    ] {
        let answer = world
            .send(Some(&world.root), method.clone(), target, headers, b"")
            .await;
        assert_eq!(
            answer.outcome(),
            outcome,
            "{method} {target}: {}",
            answer.body
        );
    }
}

#[tokio::test]
async fn signatures_that_do_not_hold() {
    let world = furnished().await;
    let check = |key: Key, code: &'static str| {
        let world = &world;
        async move {
            let answer = world.send(Some(&key), Method::GET, OBJECT, &[], b"").await;
            assert_eq!(answer.outcome(), (403, code));
            assert_eq!(answer.element("AWSAccessKeyId"), Some(key.id.as_str()));
            assert_eq!(answer.report.access_key_id, Some(key.id));
            assert!(answer.report.caller.is_none());
        }
    };
    check(
        Key {
            secret: "wrong".into(),
            ..world.root.clone()
        },
        "SignatureDoesNotMatch",
    )
    .await;
    check(
        Key {
            id: "AKIAIOSFODNN7EXAMPLE".into(),
            ..world.root.clone()
        },
        "InvalidAccessKeyId",
    )
    .await;
    // A header that was added behind the signature.
    let mut request = signed(
        Some(&world.root),
        Method::PUT,
        OBJECT,
        &[],
        SignPayload::Body(b""),
    );
    request
        .headers_mut()
        .insert("x-amz-acl", "private".parse().unwrap());
    let answer = world.answer(request.map(|()| Bytes::new())).await;
    assert_eq!(
        (answer.outcome(), answer.element("HeadersNotSigned")),
        ((403, "AccessDenied"), Some("x-amz-acl"))
    );
}

#[tokio::test]
async fn a_bucket_comes_and_goes() {
    let world = World::new().await;
    let root = Some(&world.root);
    for round in 0..2 {
        assert_eq!(
            world
                .send(root, Method::PUT, "/bucket", &[], b"")
                .await
                .outcome(),
            (200, ""),
            "{round}"
        );
        assert_eq!(
            world
                .send(root, Method::PUT, "/bucket", &[], b"")
                .await
                .outcome(),
            (200, ""),
            "{round}"
        );
        let listed = world.send(root, Method::GET, "/bucket", &[], b"").await;
        assert_eq!(listed.element("Key"), None);
        assert_eq!(
            world
                .send(root, Method::PUT, OBJECT, &[], b"x")
                .await
                .outcome(),
            (200, ""),
            "{round}"
        );
        assert_eq!(
            world
                .send(root, Method::DELETE, "/bucket", &[], b"")
                .await
                .outcome(),
            (409, "BucketNotEmpty")
        );
        assert_eq!(
            world
                .send(root, Method::DELETE, OBJECT, &[], b"")
                .await
                .outcome(),
            (204, "")
        );
        assert_eq!(
            world
                .send(root, Method::DELETE, "/bucket", &[], b"")
                .await
                .outcome(),
            (204, "")
        );
        assert_eq!(
            world
                .send(root, Method::GET, OBJECT, &[], b"")
                .await
                .outcome(),
            (404, "NoSuchBucket")
        );
    }
    world.send(root, Method::PUT, "/bucket", &[], b"").await;
    world.send(root, Method::PUT, OBJECT, &[], b"x").await;
    world.s3.wipe().await.unwrap();
    assert_eq!(
        world
            .send(root, Method::GET, OBJECT, &[], b"")
            .await
            .outcome(),
        (404, "NoSuchKey")
    );
    let expected = [("x-amz-expected-bucket-owner", "210987654321")];
    assert_eq!(
        world
            .send(root, Method::GET, "/bucket", &expected, b"")
            .await
            .outcome(),
        (403, "AccessDenied")
    );
    let owner = world.realm.bucket("bucket").await.unwrap().unwrap().owner;
    assert_eq!(owner.as_str(), ACCOUNT);
}
