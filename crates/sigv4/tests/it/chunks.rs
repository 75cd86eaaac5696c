//! Bodies in chunks: the published examples, every way to cut them up, and every way to break them.

use http::request::Parts;
use locum_sigv4::{
    ChunkDecoder, ChunkEncoder, ChunkError, Claim, Credentials, Dialect, Payload, Scope,
    SignPayload, Trailers, sign,
};

use crate::support::{S3_SECRET, S3_TIME, head, verify};

const SCOPE: Scope<'_> = Scope {
    dialect: Dialect::S3,
    region: "us-east-1",
    service: "s3",
};
const CREDENTIALS: Credentials<'_> = Credentials {
    access_key_id: "AKIAIOSFODNN7EXAMPLE",
    secret_access_key: S3_SECRET,
    session_token: None,
};
const CHECKSUM: (&str, &str) = ("x-amz-checksum-crc32c", "sOO8/Q==");

fn decoder(head: &Parts) -> ChunkDecoder {
    verify(head, Dialect::S3, S3_TIME, "s3", S3_SECRET, b"")
        .unwrap()
        .chunks()
        .unwrap()
}

/// The data and the trailers of a body that comes in these pieces.
fn decode<'b>(
    head: &Parts,
    pieces: impl IntoIterator<Item = &'b [u8]>,
) -> Result<(Vec<u8>, Trailers), ChunkError> {
    let mut decoder = decoder(head);
    let mut data = Vec::new();
    let mut result = Ok(());
    for piece in pieces {
        let pushed = decoder.push(piece, &mut |bytes| data.extend_from_slice(bytes));
        // Once refused, always refused, and for the same reason.
        if result.is_err() {
            assert_eq!(pushed, result);
        }
        result = pushed;
    }
    let finished = decoder.finish();
    if let Err(error) = result {
        assert_eq!(finished, Err(error));
    }
    Ok((data, finished?))
}

/// A request and its body, in chunks of 8 KiB.
fn request(signed: bool, trailer: bool, data: &[u8]) -> (Parts, Vec<u8>) {
    let (head, mut encoder) = started(signed, trailer, data.len() as u64);
    let mut body = Vec::new();
    for chunk in data.chunks(8192) {
        encoder.chunk(chunk, &mut body);
    }
    encoder.finish(if trailer { &[CHECKSUM] } else { &[] }, &mut body);
    (head, body)
}

fn started(signed: bool, trailer: bool, decoded_length: u64) -> (Parts, ChunkEncoder) {
    let mut head = head("PUT", "/bucket/key", &[("host", "s3.amazonaws.com")]);
    let payload = SignPayload::Streaming {
        signed,
        trailer: trailer.then_some(CHECKSUM.0),
        decoded_length,
    };
    let signed = sign(&mut head, &CREDENTIALS, &SCOPE, S3_TIME, payload).unwrap();
    (head, signed.into_chunks().unwrap())
}

/// The three kinds of body that there are.
fn kinds() -> [(bool, bool); 3] {
    [(true, false), (true, true), (false, true)]
}

fn trailers(trailer: bool) -> Vec<(&'static str, &'static str)> {
    if trailer { vec![CHECKSUM] } else { vec![] }
}

/// 65 KiB of `a` in a chunk of 64 KiB and one of 1 KiB, from the Amazon S3 API Reference.
fn published(headers: &[(&str, &str)], signed: &str, signatures: &[&str], trailer: &str) {
    let [seed, first, second, last] = signatures else {
        panic!("four signatures")
    };
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,\
         SignedHeaders={signed},Signature={seed}"
    );
    let mut all = vec![
        ("host", "s3.amazonaws.com"),
        ("x-amz-date", "20130524T000000Z"),
        ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ("content-encoding", "aws-chunked"),
        ("x-amz-decoded-content-length", "66560"),
        ("authorization", &authorization),
    ];
    all.extend_from_slice(headers);
    let head = head("PUT", "/examplebucket/chunkObject.txt", &all);
    let body = format!(
        "10000;chunk-signature={first}\r\n{}\r\n400;chunk-signature={second}\r\n{}\r\n\
         0;chunk-signature={last}\r\n{trailer}\r\n",
        "a".repeat(65_536),
        "a".repeat(1024),
    );
    let (data, trailers) = decode(&head, [body.as_bytes()]).unwrap();
    assert_eq!(data, vec![b'a'; 66_560]);
    let expected: Vec<_> = match trailer.is_empty() {
        true => vec![],
        false => vec![CHECKSUM],
    };
    assert_eq!(trailers.iter().collect::<Vec<_>>(), expected);
}

#[test]
fn the_published_example() {
    published(
        &[
            ("content-length", "66824"),
            ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
        ],
        "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;\
         x-amz-decoded-content-length;x-amz-storage-class",
        &[
            "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
            "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
            "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
            "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
        ],
        "",
    );
}

#[test]
fn the_published_example_with_a_trailer() {
    published(
        &[
            (
                "x-amz-content-sha256",
                "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
            ),
            ("x-amz-trailer", "x-amz-checksum-crc32c"),
        ],
        "content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;\
         x-amz-storage-class;x-amz-trailer",
        &[
            "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
            "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
            "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
            "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
        ],
        "x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:\
         d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n",
    );
}

#[test]
fn payloads_are_recognised() {
    for (signed, trailer) in kinds() {
        let (head, _) = request(signed, trailer, b"0123456789");
        let claim = Claim::parse(&head, Dialect::S3).unwrap().unwrap();
        let expected = Payload::Streaming {
            signed,
            trailer,
            decoded_length: 10,
        };
        assert_eq!(claim.payload(), expected);
    }
    // Nothing else has a decoder.
    let mut head = head("PUT", "/b/k", &[("host", "s3.amazonaws.com")]);
    sign(
        &mut head,
        &CREDENTIALS,
        &SCOPE,
        S3_TIME,
        SignPayload::Unsigned,
    )
    .unwrap();
    let verified = verify(&head, Dialect::S3, S3_TIME, "s3", S3_SECRET, b"").unwrap();
    assert!(verified.chunks().is_none());
}

#[test]
fn what_is_encoded_is_decoded() {
    for (signed, trailer) in kinds() {
        for length in [0, 1, 8191, 8192, 8193, 20_000] {
            let data: Vec<u8> = (0..length).map(|at| at as u8).collect();
            let (head, body) = request(signed, trailer, &data);
            let (decoded, got) = decode(&head, [body.as_slice()]).unwrap();
            assert_eq!(decoded, data);
            assert_eq!(got.iter().collect::<Vec<_>>(), trailers(trailer));
            assert_eq!(got.value(CHECKSUM.0), trailer.then_some(CHECKSUM.1));
        }
    }
}

#[test]
fn however_it_is_cut() {
    for (signed, trailer) in kinds() {
        let data: Vec<u8> = (0..8200_u32).map(|at| (at * 7) as u8).collect();
        // All places of a small body; of one with two chunks, those near the framing.
        for (data, edge) in [(&data[..10], usize::MAX), (&data, 200)] {
            let (head, body) = request(signed, trailer, data);
            let whole = decode(&head, [body.as_slice()]);
            assert_eq!(whole.as_ref().unwrap().0, data);
            assert_eq!(decode(&head, body.chunks(1)), whole);
            let near = |at: &usize| *at < edge || *at + 400 > body.len() || at.is_multiple_of(997);
            for at in (0..=body.len()).filter(near) {
                let (a, b) = body.split_at(at);
                assert_eq!(decode(&head, [a, b]), whole, "cut at {at}");
                assert_eq!(decode(&head, [a, b"", b]), whole, "cut at {at}");
            }
        }
    }
}

#[test]
fn a_body_that_ends_early_or_late() {
    for (signed, trailer) in kinds() {
        let (head, body) = request(signed, trailer, b"0123456789");
        for length in 0..body.len() {
            let short = &body[..length];
            assert_eq!(
                decode(&head, [short]),
                Err(ChunkError::Incomplete),
                "{length}"
            );
        }
        for more in [&b"\r\n"[..], b"0", b"\0", b"0\r\n\r\n"] {
            let long = [&body, more].concat();
            assert_eq!(decode(&head, [&long[..]]), Err(ChunkError::TrailingData));
            let cut = [&body[..], more];
            assert_eq!(decode(&head, cut), Err(ChunkError::TrailingData));
        }
    }
}

/// Every bit of a signed body matters, but for those that only change the letter case of a size
/// or of the name of a trailer.
#[test]
fn every_bit_flip_is_refused() {
    for trailer in [false, true] {
        let data = b"0123456789abcdef";
        let (head, body) = request(true, trailer, data);
        let good = decode(&head, [body.as_slice()]);
        let size = 0..2;
        let name = body.len().saturating_sub(200)..body.len();
        for at in 0..body.len() {
            for bit in 0..8 {
                let mut broken = body.clone();
                broken[at] ^= 1 << bit;
                let result = decode(&head, [broken.as_slice()]);
                if result.is_ok() {
                    let letter = bit == 5 && body[at].is_ascii_alphabetic();
                    assert!(letter && (size.contains(&at) || name.contains(&at)));
                    assert_eq!(result, good);
                }
            }
        }
    }
}

/// Unsigned data may change, and is for the checksum to guard; the framing may not.
#[test]
fn every_bit_flip_of_unsigned_framing_is_refused() {
    let data = b"0123456789abcdef";
    let (head, body) = request(false, true, data);
    let good = decode(&head, [body.as_slice()]).unwrap();
    let data_at = 4..4 + data.len();
    let value_at = body.len() - 4 - CHECKSUM.1.len()..body.len() - 4;
    for at in (0..body.len()).filter(|at| !data_at.contains(at) && !value_at.contains(at)) {
        for bit in 0..8 {
            let mut broken = body.clone();
            broken[at] ^= 1 << bit;
            let result = decode(&head, [broken.as_slice()]);
            if let Ok(result) = result {
                assert!(bit == 5 && body[at].is_ascii_alphabetic(), "{at} {bit}");
                assert_eq!(result, good);
            }
        }
    }
}

#[test]
fn chunks_cannot_be_reordered_dropped_or_repeated() {
    let data: Vec<u8> = [[1; 8192], [2; 8192], [3; 8192]].concat();
    let (head, body) = request(true, true, &data);
    let chunk = |at: usize| {
        let length = "2000;chunk-signature=".len() + 64 + 2 + 8192 + 2;
        &body[at * length..(at + 1) * length]
    };
    let rest = &body[3 * chunk(0).len()..];
    let good = [chunk(0), chunk(1), chunk(2), rest];
    assert_eq!(decode(&head, good).unwrap().0, data);
    for pieces in [
        [chunk(1), chunk(0), chunk(2), rest],
        [chunk(0), chunk(2), chunk(1), rest],
        [chunk(0), chunk(0), chunk(2), rest],
    ] {
        let refused = decode(&head, pieces);
        assert_eq!(refused, Err(ChunkError::SignatureDoesNotMatch));
    }
    assert_eq!(
        decode(&head, [chunk(0), chunk(1), rest]),
        Err(ChunkError::DecodedLength)
    );
    assert_eq!(
        decode(&head, [chunk(0), chunk(1), chunk(2), chunk(2), rest]),
        Err(ChunkError::DecodedLength)
    );
    // Nor taken from another request: here, one for another length.
    let (other, _) = request(true, true, &data[..16_384]);
    assert_eq!(decode(&other, good), Err(ChunkError::SignatureDoesNotMatch));
}

#[test]
fn the_decoded_length_is_exact() {
    for (signed, trailer) in kinds() {
        for (declared, sent) in [(10, 9), (10, 11), (0, 1), (1, 0), (u64::MAX, 3)] {
            let (head, mut encoder) = started(signed, trailer, declared);
            let mut body = Vec::new();
            encoder.chunk(&b"0123456789ab"[..sent], &mut body);
            encoder.finish(&trailers(trailer), &mut body);
            assert_eq!(
                decode(&head, [body.as_slice()]),
                Err(ChunkError::DecodedLength),
                "{declared} {sent}"
            );
        }
    }
}

#[test]
fn only_the_last_chunk_may_be_small() {
    for (signed, trailer) in kinds() {
        let refused = |sizes: &[usize]| {
            let total: usize = sizes.iter().sum();
            let (head, mut encoder) = started(signed, trailer, total as u64);
            let mut body = Vec::new();
            for size in sizes {
                encoder.chunk(&vec![0; *size], &mut body);
            }
            encoder.finish(&trailers(trailer), &mut body);
            decode(&head, [body.as_slice()]).map(|(data, _)| data.len())
        };
        assert_eq!(refused(&[8192, 1]), Ok(8193));
        assert_eq!(refused(&[1]), Ok(1));
        assert_eq!(refused(&[8191, 1]), Err(ChunkError::ChunkTooSmall));
        assert_eq!(refused(&[9000, 1, 9000]), Err(ChunkError::ChunkTooSmall));
    }
}

#[test]
fn malformed_framing() {
    let (head, _) = started(false, true, 10);
    let end = "0\r\nx-amz-checksum-crc32c:sOO8/Q==\r\n\r\n";
    let check = |body: &str, error| {
        assert_eq!(decode(&head, [body.as_bytes()]), Err(error), "{body:?}");
    };
    for size in [
        "",
        " a",
        "a ",
        "0xa",
        "+a",
        "-1",
        "g",
        "a;chunk-signature=",
        "a;x=y",
        "a\r",
        "00000000000000000",
    ] {
        check(
            &format!("{size}\r\n0123456789\r\n{end}"),
            ChunkError::Malformed,
        );
    }
    check(&format!("a\n0123456789\r\n{end}"), ChunkError::Malformed);
    check(&format!("a\r\n0123456789\n{end}"), ChunkError::Malformed);
    check(&format!("a\r\n0123456789{end}"), ChunkError::Malformed);
    check(
        &format!("a\r\n0123456789ab\r\n{end}"),
        ChunkError::Malformed,
    );
    check(&"0".repeat(1_000_000), ChunkError::Malformed);
    check("ffffffffffffffff\r\n", ChunkError::DecodedLength);
    let good = format!("A\r\n0123456789\r\n{end}");
    assert!(decode(&head, [good.as_bytes()]).is_ok());

    let (head, _) = started(true, false, 10);
    let signature = "0".repeat(64);
    for line in [
        "a".to_owned(),
        "a;".to_owned(),
        "a;chunk-signature=".to_owned(),
        format!("a;chunk-signature={signature}0"),
        format!("a;chunk-signature={}", signature.replace('0', "A")),
        format!("a; chunk-signature={signature}"),
        format!("a;Chunk-Signature={signature}"),
    ] {
        let body = format!("{line}\r\n0123456789\r\n");
        let refused = decode(&head, [body.as_bytes()]);
        assert_eq!(refused, Err(ChunkError::Malformed), "{line}");
    }
}

#[test]
fn trailers_are_those_declared() {
    let (head, _) = started(false, true, 0);
    let check = |lines: &str, expected| {
        let body = format!("0\r\n{lines}\r\n");
        let got = decode(&head, [body.as_bytes()]);
        let got = got.map(|(_, it)| it.value(CHECKSUM.0).unwrap().to_owned());
        assert_eq!(got, expected, "{lines:?}");
    };
    let bad = Err(ChunkError::MalformedTrailer);
    let good = Ok("sOO8/Q==".to_owned());
    check("x-amz-checksum-crc32c:sOO8/Q==\r\n", good.clone());
    check("X-Amz-Checksum-CRC32C: sOO8/Q== \r\n", good);
    check("", bad.clone());
    check("x-amz-checksum-crc32:sOO8/Q==\r\n", bad.clone());
    check("x-amz-checksum-crc32c\r\n", bad.clone());
    check(" x-amz-checksum-crc32c:sOO8/Q==\r\n", bad.clone());
    check("x-amz-checksum-crc32c :sOO8/Q==\r\n", bad.clone());
    check("x-amz-checksum-crc32c:s\u{e9}\r\n", bad.clone());
    check("x-amz-checksum-crc32c:s\0\r\n", bad.clone());
    check(
        "x-amz-checksum-crc32c:1\r\nx-amz-checksum-crc32c:1\r\n",
        bad.clone(),
    );
    check("x-amz-checksum-crc32c:1\r\nx-amz-meta-a:1\r\n", bad.clone());
    let signature = format!("x-amz-trailer-signature:{}\r\n", "0".repeat(64));
    check(&format!("x-amz-checksum-crc32c:1\r\n{signature}"), bad);
    let long = format!("x-amz-checksum-crc32c:{}\r\n", "1".repeat(2000));
    check(&long, Err(ChunkError::Malformed));
    check("x-amz-checksum-crc32c:1\n", Err(ChunkError::Malformed));
}

#[test]
fn the_signature_of_trailers_comes_last_and_once() {
    let (head, body) = request(true, true, b"");
    let text = String::from_utf8(body).unwrap();
    let lines: Vec<&str> = text.split_terminator("\r\n").collect();
    let [zero, checksum, signature, ""] = lines[..] else {
        panic!("{lines:?}")
    };
    let check = |lines: &[&str], error| {
        let body = lines.join("\r\n") + "\r\n";
        assert_eq!(decode(&head, [body.as_bytes()]), Err(error), "{body}");
    };
    let bad = ChunkError::MalformedTrailer;
    check(&[zero, signature, checksum, ""], bad);
    check(&[zero, checksum, signature, signature, ""], bad);
    check(&[zero, checksum, ""], bad);
    check(&[zero, ""], bad);
    let wrong = ChunkError::SignatureDoesNotMatch;
    check(&[zero, signature, ""], wrong);
    check(&[zero, &checksum.replace('Q', "q"), signature, ""], wrong);
    // A body without trailers has none, not even a signature.
    let (head, body) = request(true, false, b"");
    let text = String::from_utf8(body).unwrap();
    let zero = text.split("\r\n").next().unwrap();
    let body = format!("{zero}\r\n{signature}\r\n\r\n");
    assert_eq!(decode(&head, [body.as_bytes()]), Err(ChunkError::Malformed));
}
