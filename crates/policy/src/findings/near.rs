//! Names that come close to a misspelt one.

/// The known name with the fewest edits (a letter put in, left out, changed, or two neighbours
/// exchanged; letter case is free), if they are few for the name's length. The first of several.
pub(super) fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    // What is so long is no misspelling, and comparing takes the product of the lengths.
    if name.len() > 128 {
        return None;
    }
    let wanted: Vec<u8> = name.bytes().map(|b| b.to_ascii_lowercase()).collect();
    // One letter changed in a name of one letter is another name.
    let most = (wanted.len() / 4)
        .clamp(1, 3)
        .min(wanted.len().saturating_sub(1));
    let mut best: Option<(usize, &str)> = None;
    for candidate in known {
        let limit = best.map_or(most + 1, |(edits, _)| edits);
        if candidate.len().abs_diff(wanted.len()) >= limit {
            continue;
        }
        let edits = distance(&wanted, candidate);
        if edits < limit {
            best = Some((edits, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// The optimal string alignment distance.
fn distance(wanted: &[u8], candidate: &str) -> usize {
    let mut older: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=wanted.len()).collect();
    let mut before = None;
    for (row, letter) in candidate.bytes().enumerate() {
        let letter = letter.to_ascii_lowercase();
        let at = |line: &[usize], index: usize| line.get(index).copied().unwrap_or(usize::MAX);
        let mut line = Vec::with_capacity(last.len());
        line.push(row + 1);
        let mut left = None;
        for (index, own) in wanted.iter().enumerate() {
            let changed = at(&last, index) + usize::from(*own != letter);
            let mut edits = changed
                .min(at(&last, index + 1) + 1)
                .min(at(&line, index) + 1);
            if before == Some(*own) && left == Some(letter) {
                edits = edits.min(at(&older, index.saturating_sub(1)).saturating_add(1));
            }
            line.push(edits);
            left = Some(*own);
        }
        before = Some(letter);
        older = last;
        last = line;
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest};

    #[test]
    fn edits() {
        for (a, b, edits) in [
            ("", "", 0),
            ("abc", "abc", 0),
            ("abc", "ABC", 0),
            ("abc", "abd", 1),
            ("abc", "acb", 1),
            ("abc", "ab", 1),
            ("abc", "xabc", 1),
            ("abcd", "badc", 2),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(
                distance(a.to_ascii_lowercase().as_bytes(), b),
                edits,
                "{a} {b}"
            );
        }
    }

    #[test]
    fn what_comes_close() {
        let known = ["GetObject", "PutObject", "GetObjectAcl", "s3", "sns"];
        let near = |name| nearest(name, known.into_iter());
        assert_eq!(near("GetObjct"), Some("GetObject"));
        assert_eq!(near("gteobject"), Some("GetObject"));
        assert_eq!(near("s4"), Some("s3"));
        assert_eq!(near("DeleteBucket"), None);
        assert_eq!(near("ec2"), None);
        assert_eq!(near("q"), None);
        assert_eq!(near(""), None);
        assert_eq!(near(&"a".repeat(1_000)), None);
    }
}
