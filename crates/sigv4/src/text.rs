//! Cutting short texts at ASCII separators. The standard library's searchers are made for long
//! haystacks; on the few dozen bytes between two separators of a request's head, a plain loop
//! is several times as fast.

/// The text before the first separator and the text after it.
pub(crate) fn cut(text: &str, separator: u8) -> Option<(&str, &str)> {
    let at = text.bytes().position(|byte| byte == separator)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// The texts between separators, empty ones included.
pub(crate) fn pieces(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let (piece, after) = match cut(text, separator) {
            Some((piece, after)) => (piece, Some(after)),
            None => (text, None),
        };
        rest = after;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_those_of_the_standard_library() {
        for text in [
            "",
            ";",
            "a",
            "a;",
            ";a",
            "a;b",
            "a;;b",
            "\u{e9};\u{1234};",
            ";;;",
        ] {
            let expected: Vec<&str> = text.split(';').collect();
            assert_eq!(pieces(text, b';').collect::<Vec<_>>(), expected, "{text}");
            assert_eq!(cut(text, b';'), text.split_once(';'), "{text}");
        }
    }
}
