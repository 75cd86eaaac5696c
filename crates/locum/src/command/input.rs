//! Files that commands are given.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The text of a file of at most `limit` bytes; `-` is standard input. The error says why there is
/// none, without the file's name.
pub(super) fn read(path: &Path, limit: u64) -> Result<String, String> {
    String::from_utf8(read_bytes(path, limit)?).map_err(|error| {
        format!(
            "is not UTF-8 text: byte {} begins no character",
            error.utf8_error().valid_up_to() + 1
        )
    })
}

/// The same of a file that is not text.
pub(super) fn read_bytes(path: &Path, limit: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    // One byte more than the limit tells that there is too much, whatever the file's length says.
    let read = if path == Path::new("-") {
        io::stdin().lock().take(limit + 1).read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|file| file.take(limit + 1).read_to_end(&mut bytes))
    };
    let length = read.map_err(|error| format!("cannot be read: {error}"))?;
    if u64::try_from(length).is_ok_and(|length| length > limit) {
        return Err(format!("is longer than {limit} bytes"));
    }
    Ok(bytes)
}
