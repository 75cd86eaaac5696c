//! The store as a whole: odd keys, listings against a model, what a sudden end leaves behind.

use super::*;
use futures_util::{StreamExt as _, TryStreamExt as _};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

/// "Randomness" that never repeats.
fn random() -> Random {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    Arc::new(|bytes: &mut [u8]| {
        for chunk in bytes.chunks_mut(8) {
            let n = NEXT
                .fetch_add(1, Ordering::Relaxed)
                .wrapping_mul(0x9E37_79B9_7F4A_7C15);
            chunk.copy_from_slice(&n.to_le_bytes()[..chunk.len()]);
        }
    })
}

fn open(directory: &Path) -> Objects {
    Objects::open(directory, random()).unwrap()
}

async fn receive(objects: &Objects, bytes: &[u8]) -> Received {
    let mut incoming = objects.receive(&[Algorithm::Crc32]).await.unwrap();
    for chunk in bytes.chunks(70_000) {
        incoming
            .write(bytes::Bytes::copy_from_slice(chunk))
            .await
            .unwrap();
    }
    incoming.finish().await.unwrap()
}

fn put_of(bucket: &str, key: &str) -> Put {
    Put {
        bucket: bucket.into(),
        key: key.into(),
        now: 1_700_000_000_000,
        ..Put::default()
    }
}

async fn put(objects: &Objects, bucket: &str, key: &str, bytes: &[u8]) -> Object {
    let received = receive(objects, bytes).await;
    objects.put(put_of(bucket, key), received).await.unwrap()
}

async fn read(objects: &Objects, bucket: &str, key: &str) -> Option<Vec<u8>> {
    match objects.get(bucket, key).await {
        Ok((object, content)) => Some(collect(&content, 0..object.size).await),
        Err(Error::NoSuchKey) => None,
        Err(error) => panic!("{error}"),
    }
}

async fn collect(content: &Content, range: std::ops::Range<u64>) -> Vec<u8> {
    content
        .read(range)
        .try_collect::<Vec<_>>()
        .await
        .unwrap()
        .concat()
}

/// How many files there are below a directory.
fn files(directory: &Path) -> usize {
    std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            if path.is_dir() { files(&path) } else { 1 }
        })
        .sum()
}

/// Waits until what was left for later has been done: until the number of body files is `n`.
async fn settle(directory: &Path, n: usize) {
    for _ in 0..100_000 {
        if files(&directory.join("bodies")) == n && files(&directory.join("incoming")) == 0 {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!(
        "{} bodies, {} incoming",
        files(&directory.join("bodies")),
        files(&directory.join("incoming"))
    );
}

#[tokio::test]
async fn odd_keys_are_distinct_and_stay_inside() {
    let directory = tempfile::tempdir().unwrap();
    let objects = open(&directory.path().join("store"));
    let long = "k".repeat(1024);
    let keys = [
        "a",
        "a/",
        "a/b",
        "a//b",
        "/a",
        "//",
        "..",
        "../..",
        "../../etc/passwd",
        "a/../b",
        "./a",
        "A",
        "a ",
        " a",
        "a\nb",
        "\u{1}",
        "é",
        "e\u{301}",
        "💾",
        "%2e%2e",
        "a%2Fb",
        "con",
        "index.sqlite",
        "lock",
        &long,
    ];
    for (n, key) in keys.iter().enumerate() {
        put(&objects, "bucket", key, format!("body {n}").as_bytes()).await;
    }
    for (n, key) in keys.iter().enumerate() {
        assert_eq!(
            read(&objects, "bucket", key).await.unwrap(),
            format!("body {n}").as_bytes(),
            "{key:?}"
        );
        assert_eq!(read(&objects, "other", key).await, None, "{key:?}");
    }
    let list = List {
        bucket: "bucket".into(),
        limit: 1000,
        ..List::default()
    };
    let listed: Vec<_> = objects
        .list(list)
        .await
        .unwrap()
        .objects
        .into_iter()
        .map(|(key, _)| key)
        .collect();
    let sorted: Vec<_> = keys
        .iter()
        .map(|key| (*key).to_owned())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    assert_eq!(listed, sorted);
    let beside: Vec<_> = std::fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(beside, ["store"]);
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_opening_again() {
    let directory = tempfile::tempdir().unwrap();
    let headers = Headers {
        content_type: Some("text/plain".into()),
        user: [("name".to_owned(), "välue".to_owned())].into(),
        ..Headers::default()
    };
    let bytes = vec![7; 300_000];
    let objects = open(directory.path());
    let received = receive(&objects, &bytes).await;
    let put = Put {
        headers,
        checksum: Some(Algorithm::Crc32),
        ..put_of("b", "k")
    };
    let object = objects.put(put, received).await.unwrap();
    assert_eq!(object.size, 300_000);
    drop(objects);
    let objects = open(directory.path());
    assert_eq!(objects.head("b", "k").await.unwrap(), object);
    assert_eq!(read(&objects, "b", "k").await.unwrap(), bytes);
}

/// Two that have the directory open are to each other as two processes are.
#[tokio::test]
async fn two_processes_share_a_directory() {
    let directory = tempfile::tempdir().unwrap();
    let first = open(directory.path());
    put(&first, "b", "k", b"of the first").await;
    let on_its_way = receive(&first, b"on its way").await;
    // What the first is receiving is no leftover to the second.
    let second = open(directory.path());
    first.put(put_of("b", "late"), on_its_way).await.unwrap();
    assert_eq!(read(&second, "b", "late").await.unwrap(), b"on its way");
    // What the second reads stays, whatever the first does.
    let (object, content) = second.get("b", "k").await.unwrap();
    put(&first, "b", "k", b"replaced").await;
    assert_eq!(collect(&content, 0..object.size).await, b"of the first");
    assert_eq!(read(&second, "b", "k").await.unwrap(), b"replaced");
    // Nothing comes into a bucket that the other has removed.
    let late = receive(&second, b"late").await;
    for key in ["k", "late"] {
        first.delete("b", key, Condition::None).await.unwrap();
    }
    first.remove_bucket("b").await.unwrap();
    assert!(matches!(
        second.put(put_of("b", "k"), late).await,
        Err(Error::NoSuchBucket)
    ));
    // Whoever opens the directory alone clears away what was kept for readers.
    drop((first, second, content));
    let third = open(directory.path());
    settle(directory.path(), 0).await;
    drop(third);
}

#[tokio::test]
async fn ranges_of_a_body() {
    let directory = tempfile::tempdir().unwrap();
    let objects = open(directory.path());
    let bytes: Vec<u8> = (0..400_000u32).map(|n| (n % 251) as u8).collect();
    put(&objects, "b", "k", &bytes).await;
    let (_, content) = objects.get("b", "k").await.unwrap();
    for range in [
        0..0,
        0..1,
        65_535..65_537,
        131_071..131_073,
        399_999..400_000,
        5..399_998,
    ] {
        let expected = &bytes[range.start as usize..range.end as usize];
        assert_eq!(
            collect(&content, range.clone()).await,
            expected,
            "{range:?}"
        );
    }
}

#[tokio::test]
async fn a_reader_keeps_what_it_reads() {
    let directory = tempfile::tempdir().unwrap();
    let objects = open(directory.path());
    let old = vec![1; 500_000];
    put(&objects, "b", "k", &old).await;
    let (object, content) = objects.get("b", "k").await.unwrap();
    let mut stream = Box::pin(content.read(0..object.size));
    let mut bytes = stream.next().await.unwrap().unwrap().to_vec();
    put(&objects, "b", "k", b"new").await;
    objects.delete("b", "k", Condition::None).await.unwrap();
    while let Some(block) = stream.next().await {
        bytes.extend(block.unwrap());
    }
    assert_eq!(bytes, old);
    drop((stream, content));
    settle(directory.path(), 0).await;
}

#[tokio::test]
async fn replaced_deleted_and_dropped_bodies_leave_no_files() {
    let directory = tempfile::tempdir().unwrap();
    let objects = open(directory.path());
    for n in 0..10u8 {
        put(&objects, "b", "k", &[n]).await;
    }
    settle(directory.path(), 1).await;
    drop(receive(&objects, b"dropped").await);
    drop(objects.receive(&[]).await.unwrap());
    settle(directory.path(), 1).await;
    objects
        .delete_all("b", vec!["k".into(), "absent".into()])
        .await
        .unwrap();
    settle(directory.path(), 0).await;
}

/// Removals of one process do not take one another for another process, which would put them off.
#[tokio::test]
async fn what_is_deleted_at_once_is_gone_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let objects = open(directory.path());
    for n in 0..200 {
        put(&objects, "b", &n.to_string(), &[1]).await;
    }
    let deletions = (0..200).map(|n| objects.delete_all("b", vec![n.to_string()]));
    for outcome in futures_util::future::join_all(deletions).await {
        outcome.unwrap();
    }
    settle(directory.path(), 0).await;
}

#[tokio::test]
async fn conditions_of_a_write() {
    let directory = tempfile::tempdir().unwrap();
    let objects = open(directory.path());
    let write = |condition: Condition| async {
        let received = receive(&objects, b"x").await;
        objects
            .put(
                Put {
                    condition,
                    ..put_of("b", "k")
                },
                received,
            )
            .await
            .map(|object| object.etag)
    };
    assert!(matches!(
        write(Condition::Match("*".into())).await,
        Err(Error::NoSuchKey)
    ));
    let etag = write(Condition::Absent).await.unwrap();
    assert!(matches!(
        write(Condition::Absent).await,
        Err(Error::PreconditionFailed)
    ));
    assert!(matches!(
        write(Condition::Match("other".into())).await,
        Err(Error::PreconditionFailed)
    ));
    assert_eq!(write(Condition::Match(etag.clone())).await.unwrap(), etag);
    settle(directory.path(), 1).await;
}

#[tokio::test]
async fn a_write_that_nobody_waits_for_is_whole_or_not_there() {
    let directory = tempfile::tempdir().unwrap();
    let objects = open(directory.path());
    for n in 0..50 {
        let key = format!("{n}");
        let received = receive(&objects, b"body").await;
        let mut writing = Box::pin(objects.put(put_of("b", &key), received));
        // The client goes away some time after the work has begun.
        for _ in 0..n {
            if futures_util::FutureExt::now_or_never(&mut writing).is_some() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(writing);
    }
    // Work is done in the order in which it came: behind this, all of it has been.
    put(&objects, "b", "last", b"").await;
    let list = List {
        bucket: "b".into(),
        limit: 1000,
        ..List::default()
    };
    let page = objects.list(list).await.unwrap();
    for (key, object) in &page.objects {
        assert_eq!(
            read(&objects, "b", key).await.unwrap().len() as u64,
            object.size,
            "{key}"
        );
    }
    settle(directory.path(), page.objects.len()).await;
}

#[tokio::test]
async fn only_one_of_many_creates_wins() {
    let directory = tempfile::tempdir().unwrap();
    let objects = open(directory.path());
    let create = |n: u32| {
        let objects = objects.clone();
        async move {
            let received = receive(&objects, format!("{n}").as_bytes()).await;
            objects
                .put(
                    Put {
                        condition: Condition::Absent,
                        ..put_of("b", "k")
                    },
                    received,
                )
                .await
                .is_ok()
        }
    };
    let outcomes = futures_util::future::join_all((0..32).map(create)).await;
    let winner = outcomes.iter().position(|won| *won).unwrap();
    assert_eq!(outcomes.iter().filter(|won| **won).count(), 1);
    assert_eq!(
        read(&objects, "b", "k").await.unwrap(),
        format!("{winner}").as_bytes()
    );
}

#[tokio::test]
async fn a_removed_bucket_takes_no_late_writes() {
    let directory = tempfile::tempdir().unwrap();
    let objects = open(directory.path());
    put(&objects, "b", "k", b"x").await;
    assert!(matches!(
        objects.remove_bucket("b").await,
        Err(Error::BucketNotEmpty)
    ));
    objects.delete("b", "k", Condition::None).await.unwrap();
    let upload = new_upload(&objects, "up").await;
    let part = receive(&objects, b"part").await;
    objects
        .put_part("b", "up", &upload, 1, 0, part)
        .await
        .unwrap();
    let late = receive(&objects, b"late").await;
    objects.remove_bucket("b").await.unwrap();
    assert!(matches!(
        objects.put(put_of("b", "k"), late).await,
        Err(Error::NoSuchBucket)
    ));
    assert!(matches!(
        objects.upload("b", "up", &upload).await,
        Err(Error::NoSuchUpload)
    ));
    objects.restore_bucket("b").await.unwrap();
    put(&objects, "b", "k", b"x").await;
    settle(directory.path(), 1).await;
}

#[tokio::test]
async fn a_wipe_forgets_everything_and_what_was_on_its_way() {
    let directory = tempfile::tempdir().unwrap();
    let objects = open(directory.path());
    put(&objects, "b", "k", b"x").await;
    new_upload(&objects, "up").await;
    let on_its_way = receive(&objects, b"late").await;
    objects.wipe().await.unwrap();
    assert_eq!(read(&objects, "b", "k").await, None);
    assert!(matches!(
        objects.put(put_of("b", "k"), on_its_way).await,
        Err(Error::Unavailable(_))
    ));
    let list = ListUploads {
        bucket: "b".into(),
        limit: 10,
        ..ListUploads::default()
    };
    assert_eq!(
        objects.list_uploads(list).await.unwrap(),
        UploadPage::default()
    );
    assert_eq!(files(&directory.path().join("bodies")), 0);
    put(&objects, "b", "k", b"y").await;
    assert_eq!(read(&objects, "b", "k").await.unwrap(), b"y");
}

// What a sudden end leaves behind, made by hand at each point where it may come.

#[tokio::test]
async fn an_end_while_receiving_leaves_a_file_that_is_swept() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path()));
    let incoming = directory.path().join("incoming");
    std::fs::write(incoming.join("00112233445566778899aabbccddeeff"), b"torn").unwrap();
    std::fs::write(incoming.join("not an id"), b"torn").unwrap();
    let objects = open(directory.path());
    settle(directory.path(), 0).await;
    let list = List {
        bucket: "b".into(),
        limit: 10,
        ..List::default()
    };
    assert_eq!(objects.list(list).await.unwrap(), Page::default());
}

#[tokio::test]
async fn an_end_between_commit_and_settling_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let objects = open(directory.path());
    put(&objects, "b", "k", b"x").await;
    settle(directory.path(), 1).await;
    let unsettle = || {
        for entry in std::fs::read_dir(directory.path().join("bodies")).unwrap() {
            for file in std::fs::read_dir(entry.unwrap().path()).unwrap() {
                let path = file.unwrap().path();
                std::fs::rename(
                    &path,
                    directory
                        .path()
                        .join("incoming")
                        .join(path.file_name().unwrap()),
                )
                .unwrap();
            }
        }
    };
    unsettle();
    // It is found where it is ...
    assert_eq!(read(&objects, "b", "k").await.unwrap(), b"x");
    drop(objects);
    // ... and moved at the next start.
    let objects = open(directory.path());
    assert_eq!(files(&directory.path().join("bodies")), 1);
    assert_eq!(read(&objects, "b", "k").await.unwrap(), b"x");
}

#[tokio::test]
async fn an_end_between_commit_and_removal_leaves_files_that_are_swept() {
    let directory = tempfile::tempdir().unwrap();
    let objects = open(directory.path());
    put(&objects, "b", "k", b"x").await;
    put(&objects, "b", "kept", b"y").await;
    settle(directory.path(), 2).await;
    // The deletion as it is committed, without what follows it.
    objects
        .index
        .write(|connection| remove_object(connection, "b", "k"))
        .await
        .unwrap();
    assert_eq!(files(&directory.path().join("bodies")), 2);
    drop(objects);
    let objects = open(directory.path());
    assert_eq!(files(&directory.path().join("bodies")), 1);
    assert_eq!(read(&objects, "b", "kept").await.unwrap(), b"y");
}

// Listings.

/// The listing that S3 documents, done in the slow and obvious way.
fn model(keys: &BTreeSet<String>, prefix: &str, delimiter: Option<&str>) -> Vec<(String, bool)> {
    let mut listed = Vec::new();
    for key in keys.iter().filter(|key| key.starts_with(prefix)) {
        let rolled = delimiter.and_then(|delimiter| {
            let (head, _) = key.strip_prefix(prefix)?.split_once(delimiter)?;
            Some(format!("{prefix}{head}{delimiter}"))
        });
        let item = match rolled {
            Some(prefix) => (prefix, true),
            None => (key.clone(), false),
        };
        if listed.last() != Some(&item) {
            listed.push(item);
        }
    }
    listed
}

/// All pages of a listing, each begun as `next` says.
async fn pages(objects: &Objects, mut list: List, by_marker: bool) -> Vec<(String, bool)> {
    let mut listed = Vec::new();
    loop {
        let page = objects.list(list.clone()).await.unwrap();
        let mut items: Vec<_> = page
            .objects
            .into_iter()
            .map(|(key, _)| (key, false))
            .collect();
        items.extend(page.prefixes.into_iter().map(|prefix| (prefix, true)));
        items.sort();
        assert!(items.len() <= list.limit);
        listed.extend(items);
        match page.next {
            None => return listed,
            Some((marker, _)) if by_marker => {
                list.from = Bound::behind(&marker, &list.prefix, list.delimiter.as_deref());
            }
            Some((_, bound)) => list.from = bound,
        }
    }
}

#[test]
fn listings_agree_with_the_model() {
    let directory = tempfile::tempdir().unwrap();
    let objects = open(directory.path());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let buckets = AtomicU64::new(0);
    let cases = (
        prop::collection::btree_set("[a-c/é]{1,5}", 0..40),
        "[a-c/]{0,2}",
        prop::option::of(prop::sample::select(vec!["/", "b", "é", "//"])),
        1usize..7,
        any::<bool>(),
    );
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(100)
    };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let outcome = runner.run(&cases, |(keys, prefix, delimiter, limit, by_marker)| {
        let bucket = format!("bucket {}", buckets.fetch_add(1, Ordering::Relaxed));
        let listed = runtime.block_on(async {
            let (insert, into) = (keys.clone(), bucket.clone());
            let work = move |connection: &Connection| {
                for key in insert {
                    let object = Object {
                        size: 1,
                        etag: "e".into(),
                        modified: 0,
                        parts: None,
                        headers: Headers::default(),
                        checksum: None,
                    };
                    insert_object(connection, &into, &key, Id::default(), &object)?;
                }
                Ok(())
            };
            objects.index.write(work).await.unwrap();
            let delimiter = delimiter.map(str::to_owned);
            let list = List {
                bucket,
                prefix: prefix.clone(),
                delimiter,
                from: Bound::default(),
                limit,
            };
            pages(&objects, list, by_marker).await
        });
        prop_assert_eq!(listed, model(&keys, &prefix, delimiter));
        Ok(())
    });
    outcome.unwrap();
}

#[tokio::test]
async fn a_marker_inside_a_common_prefix_does_not_hide_the_rest_of_it() {
    let directory = tempfile::tempdir().unwrap();
    let objects = open(directory.path());
    for key in ["a/1", "a/2", "b"] {
        put(&objects, "b", key, b"").await;
    }
    let list = |marker: &str| List {
        bucket: "b".into(),
        delimiter: Some("/".into()),
        from: Bound::behind(marker, "", Some("/")),
        limit: 10,
        ..List::default()
    };
    assert_eq!(objects.list(list("a/1")).await.unwrap().prefixes, ["a/"]);
    assert!(objects.list(list("a/2")).await.unwrap().prefixes.is_empty());
    assert!(objects.list(list("a/")).await.unwrap().prefixes.is_empty());
    let none = List {
        bucket: "b".into(),
        ..List::default()
    };
    assert_eq!(objects.list(none).await.unwrap(), Page::default());
}

// Multipart uploads.

async fn new_upload(objects: &Objects, key: &str) -> String {
    let new = NewUpload {
        bucket: "b".into(),
        key: key.into(),
        checksum: Some((Algorithm::Crc32, ChecksumType::FullObject)),
        now: 1_700_000_000_000,
        ..NewUpload::default()
    };
    objects.create_upload(new).await.unwrap()
}

async fn put_part(objects: &Objects, upload: &str, number: u32, bytes: &[u8]) -> CompletedPart {
    let received = receive(objects, bytes).await;
    let part = objects
        .put_part("b", "k", upload, number, 1_700_000_000_000, received)
        .await
        .unwrap();
    CompletedPart {
        number,
        etag: part.etag,
        checksums: Vec::new(),
    }
}

fn completed(upload: &str, parts: &[CompletedPart]) -> Completed {
    Completed {
        bucket: "b".into(),
        key: "k".into(),
        upload: upload.into(),
        parts: parts.to_vec(),
        ..Completed::default()
    }
}

#[tokio::test]
async fn a_multipart_upload_becomes_one_object() {
    let directory = tempfile::tempdir().unwrap();
    let objects = open(directory.path());
    put(&objects, "b", "k", b"old").await;
    let upload = new_upload(&objects, "k").await;
    let (first, second, last) = (
        vec![1u8; MIN_PART as usize],
        vec![2u8; MIN_PART as usize + 1],
        vec![3u8; 10],
    );
    let parts = [
        put_part(&objects, &upload, 2, &first).await,
        put_part(&objects, &upload, 5, &second).await,
        put_part(&objects, &upload, 10_000, &last).await,
    ];
    put_part(&objects, &upload, 7, b"never listed").await;
    assert_eq!(read(&objects, "b", "k").await.unwrap(), b"old");
    let object = objects
        .complete_upload(completed(&upload, &parts))
        .await
        .unwrap();
    let whole = [first, second, last].concat();
    assert_eq!(object.size, whole.len() as u64);
    assert_eq!(object.parts, Some(3));
    assert_eq!(object.etag, multipart_etag_of(&parts));
    let mut hasher = Hasher::new(&[Algorithm::Crc32]);
    hasher.update(&whole);
    assert_eq!(
        object.checksum.unwrap().value,
        hasher.finish().value(Algorithm::Crc32).unwrap()
    );
    let (_, content) = objects.get("b", "k").await.unwrap();
    assert_eq!(collect(&content, 0..object.size).await, whole);
    let across = MIN_PART - 3..2 * MIN_PART + 5;
    assert_eq!(
        collect(&content, across.clone()).await,
        whole[across.start as usize..across.end as usize]
    );
    assert_eq!(
        content.part(5).await.unwrap().unwrap().0,
        MIN_PART..2 * MIN_PART + 1
    );
    assert!(content.part(1).await.unwrap().is_none());
    drop(content);
    assert!(matches!(
        objects.complete_upload(completed(&upload, &parts)).await,
        Err(Error::NoSuchUpload)
    ));
    settle(directory.path(), 3).await;
    drop(objects);
    assert_eq!(
        read(&open(directory.path()), "b", "k").await.unwrap(),
        whole
    );
}

fn multipart_etag_of(parts: &[CompletedPart]) -> String {
    digest::multipart_etag(parts.iter().map(|part| part.etag.as_str())).unwrap()
}

#[tokio::test]
async fn a_multipart_upload_that_does_not_fit_is_refused_and_kept() {
    let directory = tempfile::tempdir().unwrap();
    let objects = open(directory.path());
    let upload = new_upload(&objects, "k").await;
    let small = put_part(&objects, &upload, 1, b"small").await;
    let last = put_part(&objects, &upload, 2, b"last").await;
    let check = |parts: Vec<CompletedPart>, expected: &'static str| {
        let (objects, upload) = (objects.clone(), upload.clone());
        async move {
            let error = objects
                .complete_upload(completed(&upload, &parts))
                .await
                .unwrap_err();
            assert!(format!("{error:?}").starts_with(expected), "{error:?}");
        }
    };
    check(vec![], "InvalidPart").await;
    check(vec![last.clone(), small.clone()], "InvalidPartOrder").await;
    check(vec![last.clone(), last.clone()], "InvalidPartOrder").await;
    check(
        vec![small.clone(), last.clone()],
        "EntityTooSmall { part: 1",
    )
    .await;
    check(
        vec![CompletedPart {
            etag: last.etag.clone(),
            ..small.clone()
        }],
        "InvalidPart",
    )
    .await;
    check(
        vec![CompletedPart {
            number: 3,
            ..small.clone()
        }],
        "InvalidPart",
    )
    .await;
    check(
        vec![CompletedPart {
            checksums: vec![(Algorithm::Crc32, "AAAAAA==".into())],
            ..small.clone()
        }],
        "InvalidPart",
    )
    .await;
    let wrong = Completed {
        size: Some(6),
        ..completed(&upload, std::slice::from_ref(&small))
    };
    assert!(matches!(
        objects.complete_upload(wrong).await,
        Err(Error::BadDigest)
    ));
    let wrong = Completed {
        checksums: vec![(Algorithm::Crc32, "AAAAAA==".into())],
        ..completed(&upload, std::slice::from_ref(&small))
    };
    assert!(matches!(
        objects.complete_upload(wrong).await,
        Err(Error::BadDigest)
    ));
    objects
        .complete_upload(completed(&upload, &[small]))
        .await
        .unwrap();
    assert_eq!(read(&objects, "b", "k").await.unwrap(), b"small");
    settle(directory.path(), 1).await;
}

#[tokio::test]
async fn parts_are_replaced_listed_and_given_up() {
    let directory = tempfile::tempdir().unwrap();
    let objects = open(directory.path());
    let upload = new_upload(&objects, "k").await;
    for number in [3, 1, 2, 1] {
        put_part(&objects, &upload, number, b"part").await;
    }
    let list = |after, limit| ListParts {
        bucket: "b".into(),
        key: "k".into(),
        upload: upload.clone(),
        after,
        limit,
    };
    let page = objects.list_parts(list(0, 2)).await.unwrap();
    assert_eq!(
        page.parts
            .iter()
            .map(|part| part.number)
            .collect::<Vec<_>>(),
        [1, 2]
    );
    assert!(page.truncated);
    let page = objects.list_parts(list(2, 2)).await.unwrap();
    assert_eq!(
        page.parts
            .iter()
            .map(|part| part.number)
            .collect::<Vec<_>>(),
        [3]
    );
    assert!(!page.truncated);
    settle(directory.path(), 3).await;
    let late = receive(&objects, b"late").await;
    assert!(matches!(
        objects.abort_upload("b", "other", &upload).await,
        Err(Error::NoSuchUpload)
    ));
    objects.abort_upload("b", "k", &upload).await.unwrap();
    assert!(matches!(
        objects.abort_upload("b", "k", &upload).await,
        Err(Error::NoSuchUpload)
    ));
    assert!(matches!(
        objects.put_part("b", "k", &upload, 1, 0, late).await,
        Err(Error::NoSuchUpload)
    ));
    settle(directory.path(), 0).await;
}

#[tokio::test]
async fn uploads_are_listed_by_key_then_age() {
    let directory = tempfile::tempdir().unwrap();
    let objects = open(directory.path());
    let mut ids = Vec::new();
    for key in ["a", "a", "dir/x", "dir/y", "z"] {
        ids.push(new_upload(&objects, key).await);
    }
    for (limit, delimiter, expected) in [
        (1, None, "a a dir/x dir/y z"),
        (2, None, "a a dir/x dir/y z"),
        (1, Some("/"), "a a dir/ z"),
        (3, Some("/"), "a a dir/ z"),
        (9, Some("/"), "a a dir/ z"),
    ] {
        let mut seen = Vec::new();
        let mut list = ListUploads {
            bucket: "b".into(),
            delimiter: delimiter.map(str::to_owned),
            limit,
            ..ListUploads::default()
        };
        loop {
            let page = objects.list_uploads(list.clone()).await.unwrap();
            let mut keys: Vec<_> = page.uploads.into_iter().map(|upload| upload.key).collect();
            keys.extend(page.prefixes);
            keys.sort();
            seen.extend(keys);
            let Some((key, upload)) = page.next else {
                break;
            };
            (list.key_marker, list.upload_marker) = (Some(key), Some(upload));
        }
        assert_eq!(seen.join(" "), expected, "{limit} {delimiter:?}");
    }
    let behind = ListUploads {
        bucket: "b".into(),
        key_marker: Some("a".into()),
        limit: 9,
        ..ListUploads::default()
    };
    assert_eq!(objects.list_uploads(behind).await.unwrap().uploads.len(), 3);
    let prefix = ListUploads {
        bucket: "b".into(),
        prefix: "dir/".into(),
        limit: 9,
        ..ListUploads::default()
    };
    assert_eq!(objects.list_uploads(prefix).await.unwrap().uploads.len(), 2);
}
