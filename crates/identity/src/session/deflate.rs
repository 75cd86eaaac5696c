//! Deflate with a preset dictionary (RFC 1951; the idea of a dictionary is zlib's, RFC 1950
//! section 2.2), so that even a short policy becomes much shorter.
//!
//! The compressor is our own: one block of fixed Huffman codes behind a dictionary whose matches are
//! known beforehand. For a kilobyte of policy it is an order of magnitude faster than a general one,
//! which has tables of 200 KB to clear first, and nearly as tight.

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};
use std::sync::LazyLock;

/// Part of the token format: changing a byte of it makes older tokens unreadable. What is likeliest
/// stands last, where references to it are shortest.
const DICTIONARY: &[u8] = br#"arn:aws:dynamodb:us-east-1:table/arn:aws:sqs:sns:kms:key/secretsmanager:lambda:InvokeFunctionlogs:ec2:Describe*iam:PassRolests:AssumeRoleaws:SourceIpaws:SecureTransportaws:PrincipalTag/aws:RequestTag/aws:MultiFactorAuthPresentIpAddressNotIpAddressDateLessThanNumericLessThanEqualsBoolArnLikeArnEqualsForAllValues:ForAnyValue:StringNotEqualsStringEqualsIfExists"NotAction":"NotResource":${aws:username}"true""false"s3:AbortMultipartUploads3:ListBucketMultipartUploadss3:ListMultipartUploadPartss3:DeleteObjectVersions3:GetObjectVersions3:GetBucketLocations3:ListBucketVersions"Sid": "","Condition": {"StringEquals": {"StringLike": {"s3:prefix": ["{"Version":"2008-10-17","Id":"*"]}}},{"Effect":"Deny","Action":["s3:DeleteObject","s3:PutObject","s3:GetObject","s3:ListBucket","s3:*"],"Condition":{"StringLike":{"s3:prefix":["","*"]}},"Resource":["arn:aws:s3:::","arn:aws:iam::","arn:aws:s3:::*","/*"]}]}{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["*"], "Resource": "*"}]}{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::"#;

/// The shortest repetition worth a reference, and the longest one that the format has.
const SHORTEST: usize = 4;
const LONGEST: usize = 258;
/// How far back a reference may reach.
const FARTHEST: usize = 32 * 1024;
/// Earlier places with the same hash that are looked at: it bounds the work of repetitive input.
const PATIENCE: usize = 24;
/// A match of this length is taken without looking for a better one a byte on.
const GOOD_ENOUGH: usize = 32;
const HASH_BITS: u32 = 11;
/// No place.
const NOWHERE: u32 = u32::MAX;

/// The least length of each length code from 257 on, with its extra bits (RFC 1951, 3.2.5).
const LENGTHS: [(u16, u8); 29] = [
    (3, 0),
    (4, 0),
    (5, 0),
    (6, 0),
    (7, 0),
    (8, 0),
    (9, 0),
    (10, 0),
    (11, 1),
    (13, 1),
    (15, 1),
    (17, 1),
    (19, 2),
    (23, 2),
    (27, 2),
    (31, 2),
    (35, 3),
    (43, 3),
    (51, 3),
    (59, 3),
    (67, 4),
    (83, 4),
    (99, 4),
    (115, 4),
    (131, 5),
    (163, 5),
    (195, 5),
    (227, 5),
    (258, 0),
];

/// The last symbol of a block.
const END: usize = 256;

/// `bytes`, deflated behind the dictionary.
pub(super) fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut matcher = Matcher::new(bytes);
    let mut out = Bits::new(bytes.len() / 2 + 16);
    // The final block, of fixed codes.
    out.put(0b011, 3);
    let mut at = DICTIONARY.len();
    let mut found = matcher.longest(at);
    while let Some(&byte) = matcher.window.get(at) {
        let mut next = Match::NONE;
        if found.length < GOOD_ENOUGH {
            // A longer repetition that begins one byte later is worth a literal.
            matcher.enter(at, 1);
            next = matcher.longest(at + 1);
        }
        if found.length < SHORTEST || next.length > found.length {
            out.symbol(usize::from(byte));
            at += 1;
            found = next;
            continue;
        }
        out.reference(&found);
        let entered = usize::from(found.length < GOOD_ENOUGH);
        matcher.enter(at + entered, found.length - entered);
        at += found.length;
        found = matcher.longest(at);
    }
    out.symbol(END);
    out.finish()
}

/// A repetition of what stands `distance` bytes before.
#[derive(Clone, Copy)]
struct Match {
    length: usize,
    distance: usize,
}

impl Match {
    const NONE: Self = Self {
        length: 0,
        distance: 0,
    };
}

/// Where what was seen before stands: for each hash of four bytes the last place, and for each place
/// the one before it.
#[derive(Clone)]
struct Matcher {
    window: Vec<u8>,
    heads: Vec<u32>,
    before: Vec<u32>,
}

impl Matcher {
    /// One that has seen the dictionary.
    fn new(bytes: &[u8]) -> Self {
        static FRESH: LazyLock<Matcher> = LazyLock::new(|| {
            let mut matcher = Matcher {
                window: DICTIONARY.to_vec(),
                heads: vec![NOWHERE; 1 << HASH_BITS],
                before: Vec::new(),
            };
            matcher.before.resize(DICTIONARY.len(), NOWHERE);
            matcher.enter(0, DICTIONARY.len());
            matcher
        });
        let length = DICTIONARY.len() + bytes.len();
        let mut window = Vec::with_capacity(length);
        window.extend_from_slice(&FRESH.window);
        window.extend_from_slice(bytes);
        let mut before = Vec::with_capacity(length);
        before.extend_from_slice(&FRESH.before);
        before.resize(length, NOWHERE);
        Self {
            window,
            heads: FRESH.heads.clone(),
            before,
        }
    }

    fn hash(&self, at: usize) -> Option<usize> {
        let four = self.window.get(at..)?.first_chunk::<SHORTEST>()?;
        let hash = u32::from_le_bytes(*four).wrapping_mul(0x9E37_79B1);
        Some((hash >> (u32::BITS - HASH_BITS)) as usize)
    }

    /// Remembers the next `count` places.
    fn enter(&mut self, at: usize, count: usize) {
        for place in at..at + count {
            let Some(hash) = self.hash(place) else { return };
            if let (Some(head), Some(before)) =
                (self.heads.get_mut(hash), self.before.get_mut(place))
            {
                *before = *head;
                *head = place as u32;
            }
        }
    }

    /// The longest repetition at a place of what was entered.
    fn longest(&self, at: usize) -> Match {
        let mut best = Match::NONE;
        let Some(head) = self.hash(at).and_then(|hash| self.heads.get(hash)) else {
            return best;
        };
        let (seen, rest) = self.window.split_at(at);
        let mut place = *head;
        for _ in 0..PATIENCE {
            let candidate = place as usize;
            let Some(earlier) = self
                .window
                .get(candidate..)
                .filter(|_| candidate < seen.len())
            else {
                break;
            };
            if at - candidate > FARTHEST {
                break;
            }
            let length = rest
                .iter()
                .zip(earlier)
                .take(LONGEST)
                .take_while(|(a, b)| a == b)
                .count();
            if length > best.length {
                best = Match {
                    length,
                    distance: at - candidate,
                };
            }
            place = match self.before.get(candidate) {
                Some(before) => *before,
                None => break,
            };
        }
        best
    }
}

/// Bits in the order of deflate: the first into the lowest place of a byte.
struct Bits {
    out: Vec<u8>,
    waiting: u64,
    count: u32,
}

impl Bits {
    fn new(capacity: usize) -> Self {
        Self {
            out: Vec::with_capacity(capacity),
            waiting: 0,
            count: 0,
        }
    }

    fn put(&mut self, bits: u32, count: u32) {
        self.waiting |= u64::from(bits) << self.count;
        self.count += count;
        while self.count >= 8 {
            self.out.push((self.waiting & 0xff) as u8);
            self.waiting >>= 8;
            self.count -= 8;
        }
    }

    /// A literal or length symbol by its fixed code, of which the highest bit comes first (3.2.6).
    fn symbol(&mut self, symbol: usize) {
        let symbol = symbol as u32;
        let (code, count) = match symbol {
            ..144 => (0x30 + symbol, 8),
            144..256 => (0x190 + symbol - 144, 9),
            256..280 => (symbol - 256, 7),
            _ => (0xc0 + symbol - 280, 8),
        };
        self.put(code.reverse_bits() >> (u32::BITS - count), count);
    }

    fn reference(&mut self, found: &Match) {
        let code = LENGTHS.partition_point(|(least, _)| usize::from(*least) <= found.length) - 1;
        self.symbol(END + 1 + code);
        if let Some((least, extra)) = LENGTHS.get(code) {
            self.put(
                (found.length - usize::from(*least)) as u32,
                u32::from(*extra),
            );
        }
        // Two distance codes for each number of bits: what follows the two highest bits is extra.
        let distance = (found.distance - 1) as u32;
        let extra = (u32::BITS - distance.leading_zeros()).saturating_sub(2);
        let code = 2 * extra + (distance >> extra);
        self.put(code.reverse_bits() >> (u32::BITS - 5), 5);
        self.put(distance & ((1 << extra) - 1), extra);
    }

    fn finish(mut self) -> Vec<u8> {
        if self.count > 0 {
            self.put(0, 8 - self.count);
        }
        self.out
    }
}

/// The inverse of [`deflate`], and of any other compressor with the same dictionary; `None` if
/// `bytes` are none of its making, have bytes left over or would inflate to more than `limit`.
pub(super) fn inflate(bytes: &[u8], limit: usize) -> Option<Vec<u8>> {
    let mut room = (bytes.len() * 8).clamp(1024, limit);
    loop {
        let mut out = vec![0; DICTIONARY.len() + room];
        out.get_mut(..DICTIONARY.len())?.copy_from_slice(DICTIONARY);
        let (status, read, written) = decompress(
            &mut DecompressorOxide::new(),
            bytes,
            &mut out,
            DICTIONARY.len(),
            TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
        );
        match status {
            TINFLStatus::Done if read == bytes.len() => {
                out.truncate(DICTIONARY.len() + written);
                out.drain(..DICTIONARY.len());
                return Some(out);
            }
            TINFLStatus::HasMoreOutput if room < limit => room = (room * 4).min(limit),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_round_trip(bytes: &[u8]) -> usize {
        let packed = deflate(bytes);
        assert_eq!(
            inflate(&packed, 1 << 20).as_deref(),
            Some(bytes),
            "{} bytes",
            bytes.len()
        );
        packed.len()
    }

    /// Bytes without a pattern.
    fn noise(count: usize, mut seed: u64) -> Vec<u8> {
        let step = |_| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed as u8
        };
        (0..count).map(step).collect()
    }

    #[test]
    fn what_is_deflated_inflates_to_the_same() {
        for length in 0..40 {
            check_round_trip(&vec![b'a'; length]);
            check_round_trip(&noise(length, 7));
        }
        // Every length of a repetition and the distances around each code's limits.
        for length in 3..300 {
            let mut text = noise(300, 11);
            let repeated = text.get(..length).unwrap_or(&text).to_vec();
            text.extend_from_slice(&repeated);
            check_round_trip(&text);
        }
        for power in 2..15 {
            for distance in (1usize << power) - 2..=(1 << power) + 2 {
                let mut text = noise(distance, 13);
                text.extend_from_slice(&text.clone().iter().take(9).copied().collect::<Vec<_>>());
                check_round_trip(&text);
            }
        }
        check_round_trip(&(0..=255).cycle().take(4000).collect::<Vec<_>>());
        check_round_trip(DICTIONARY);
        // Farther back than a reference may reach.
        let mut long = noise(FARTHEST - DICTIONARY.len() + 100, 17);
        long.extend_from_slice(DICTIONARY);
        long.extend_from_slice(&noise(FARTHEST, 19));
        long.extend_from_slice(DICTIONARY);
        check_round_trip(&long);
    }

    #[test]
    fn repetition_costs_no_more_time_than_it_is_long() {
        // 80 KB of one letter: each reference skips 258 of them.
        assert!(check_round_trip(&vec![b'a'; 80_000]) < 1_000);
    }

    #[test]
    fn what_is_no_deflate_data_is_refused() {
        let packed = deflate(b"{\"Version\":\"2012-10-17\"}");
        assert_eq!(inflate(&[], 1024), None);
        for length in 0..packed.len() {
            assert_eq!(inflate(&packed[..length], 1024), None, "{length}");
        }
        let mut longer = packed.clone();
        longer.push(0);
        assert_eq!(inflate(&longer, 1024), None);
        // A bomb.
        let bomb = deflate(&vec![b'a'; 5000]);
        assert_eq!(inflate(&bomb, 4999), None);
        assert_eq!(inflate(&bomb, 5000).map(|bytes| bytes.len()), Some(5000));
    }
}
