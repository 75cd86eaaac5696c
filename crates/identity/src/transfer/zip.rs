//! Reading ZIP files (APPNOTE.TXT of PKWARE): as much of the format as programs write small archives in.

use super::Unreadable;
use miniz_oxide::inflate::decompress_to_vec_with_limit;

/// The most that a file of an archive may hold, in bytes.
const LARGEST: usize = 1 << 26;
/// The most files of an archive.
const MOST: usize = 1000;
/// The end of the central directory, without its comment.
const END: usize = 22;
/// The longest comment behind that.
const LONGEST_COMMENT: usize = 65_535;

/// A file in an archive, not yet unpacked.
pub(super) struct Packed<'a> {
    /// Its name, as the archive spells it. It is no path of this machine's.
    pub(super) name: String,
    data: &'a [u8],
    deflated: bool,
    size: usize,
    crc: u32,
}

/// The files of an archive, in the order of its directory; directories are left out.
pub(super) fn files(archive: &[u8]) -> Result<Vec<Packed<'_>>, Unreadable> {
    let (count, mut at) = directory(archive).ok_or_else(no_zip)?;
    if count > MOST {
        return Err(Unreadable(format!("has more than {MOST} files")));
    }
    let mut files: Vec<Packed<'_>> = Vec::new();
    for _ in 0..count {
        let (file, next) = file(archive, at)?;
        at = next;
        if file.name.ends_with('/') {
            continue;
        }
        if files.iter().any(|other| other.name == file.name) {
            return Err(Unreadable(format!("has two files `{}`", file.name)));
        }
        files.push(file);
    }
    Ok(files)
}

impl Packed<'_> {
    /// What the file holds: text.
    pub(super) fn text(&self) -> Result<String, Unreadable> {
        let refuse = |why: &str| Unreadable(format!("has a file `{}` that {why}", self.name));
        if self.size > LARGEST {
            return Err(refuse(&format!("is longer than {LARGEST} bytes")));
        }
        let bytes = if self.deflated {
            // What the directory says of the size is a claim, and a limit.
            decompress_to_vec_with_limit(self.data, self.size)
                .map_err(|_| refuse("cannot be unpacked"))?
        } else {
            self.data.to_vec()
        };
        if bytes.len() != self.size || crc32(&bytes) != self.crc {
            return Err(refuse("is damaged"));
        }
        String::from_utf8(bytes).map_err(|_| refuse("is not UTF-8 text"))
    }
}

fn no_zip() -> Unreadable {
    Unreadable("is no ZIP file".to_owned())
}

/// How many files there are, and where the central directory begins.
fn directory(archive: &[u8]) -> Option<(usize, usize)> {
    let first = archive.len().saturating_sub(END + LONGEST_COMMENT);
    let last = archive.len().checked_sub(END)?;
    let mut places = (first..=last).rev();
    let end = places.find(|at| {
        archive
            .get(*at..)
            .is_some_and(|rest| rest.starts_with(b"PK\x05\x06"))
    })?;
    Some((
        u16_at(archive, end + 10)?.into(),
        u32_at(archive, end + 16)? as usize,
    ))
}

/// The file whose entry of the directory begins at `at`, and where the next entry does.
fn file(archive: &[u8], at: usize) -> Result<(Packed<'_>, usize), Unreadable> {
    let entry = archive.get(at..).ok_or_else(no_zip)?;
    if !entry.starts_with(b"PK\x01\x02") {
        return Err(no_zip());
    }
    let short = |place| u16_at(entry, place).map(usize::from).ok_or_else(no_zip);
    let long = |place| u32_at(entry, place).ok_or_else(no_zip);
    let (name_length, extra, comment) = (short(28)?, short(30)?, short(32)?);
    let name = entry.get(46..46 + name_length).ok_or_else(no_zip)?;
    let name = String::from_utf8_lossy(name).into_owned();
    let deflated = match (short(8)? & 1, short(10)?) {
        (0, 0) => false,
        (0, 8) => true,
        _ => {
            return Err(Unreadable(format!(
                "has a file `{name}` that is encrypted, or packed otherwise than by Deflate"
            )));
        }
    };
    let (packed, size) = (long(20)? as usize, long(24)? as usize);
    let local = long(42)? as usize;
    let header = archive.get(local..).ok_or_else(no_zip)?;
    let length = |place| u16_at(header, place).map(usize::from).ok_or_else(no_zip);
    if !header.starts_with(b"PK\x03\x04") {
        return Err(no_zip());
    }
    let begin = 30 + length(26)? + length(28)?;
    let data = header.get(begin..begin + packed).ok_or_else(no_zip)?;
    let file = Packed {
        name,
        data,
        deflated,
        size,
        crc: long(16)?,
    };
    Ok((file, at + 46 + name_length + extra + comment))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..)?.first_chunk::<2>()?;
    Some(u16::from_le_bytes(*bytes))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk::<4>()?;
    Some(u32::from_le_bytes(*bytes))
}

/// CRC-32 of ISO 3309, bit by bit: archives here are small.
fn crc32(bytes: &[u8]) -> u32 {
    let crc = bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            crc >> 1 ^ (0xedb8_8320 & 0u32.wrapping_sub(crc & 1))
        })
    });
    !crc
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An archive of files, each packed or not.
    pub(crate) fn archive(files: &[(&str, &[u8], bool)]) -> Vec<u8> {
        let (mut out, mut directory) = (Vec::new(), Vec::new());
        for (name, content, deflate) in files {
            let data = if *deflate {
                miniz_oxide::deflate::compress_to_vec(content, 6)
            } else {
                content.to_vec()
            };
            let offset = u32::try_from(out.len()).unwrap();
            let method = if *deflate { 8u16 } else { 0 };
            let mut fields = Vec::new();
            for short in [20, 0, method, 0, 0] {
                fields.extend(u16::to_le_bytes(short));
            }
            for long in [crc32(content), data.len() as u32, content.len() as u32] {
                fields.extend(u32::to_le_bytes(long));
            }
            fields.extend(u16::to_le_bytes(name.len() as u16));
            fields.extend([0, 0]);
            out.extend(b"PK\x03\x04");
            out.extend(&fields);
            out.extend(name.as_bytes());
            out.extend(&data);
            directory.extend(b"PK\x01\x02\x14\x00");
            directory.extend(&fields);
            directory.extend([0; 10]);
            directory.extend(offset.to_le_bytes());
            directory.extend(name.as_bytes());
        }
        let begin = out.len() as u32;
        let count = u16::to_le_bytes(files.len() as u16);
        out.extend(&directory);
        out.extend(b"PK\x05\x06\0\0\0\0");
        out.extend([count, count].concat());
        out.extend((directory.len() as u32).to_le_bytes());
        out.extend(begin.to_le_bytes());
        out.extend([0, 0]);
        out
    }

    #[test]
    fn files_come_out_as_they_went_in() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        let bytes = archive(&[
            ("a/b.json", b"{}", false),
            ("a/", b"", false),
            ("c", &[b'x'; 9999], true),
        ]);
        let files = files(&bytes).unwrap();
        let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["a/b.json", "c"]);
        assert_eq!(files[0].text().unwrap(), "{}");
        assert_eq!(files[1].text().unwrap(), "x".repeat(9999));
    }

    #[test]
    fn a_bomb_does_not_go_off() {
        let content = vec![b' '; 1 << 20];
        let mut bytes = archive(&[("bomb", &content, true)]);
        // What is said of the size does not say what comes out.
        let entry = bytes
            .windows(4)
            .position(|four| four == b"PK\x01\x02")
            .unwrap();
        bytes[entry + 24..entry + 28].copy_from_slice(&1000u32.to_le_bytes());
        let said = files(&bytes).unwrap()[0].text().unwrap_err().to_string();
        assert_eq!(said, "has a file `bomb` that cannot be unpacked");
        bytes[entry + 24..entry + 28].copy_from_slice(&u32::MAX.to_le_bytes());
        let said = files(&bytes).unwrap()[0].text().unwrap_err().to_string();
        assert_eq!(said, "has a file `bomb` that is longer than 67108864 bytes");
    }

    #[test]
    fn what_is_cut_or_changed_is_refused() {
        let bytes = archive(&[
            ("a", b"some text, and more of it", true),
            ("b", b"text", false),
        ]);
        for end in 0..bytes.len() {
            assert!(files(&bytes[..end]).is_err(), "{end}");
        }
        for at in 0..bytes.len() {
            let mut other = bytes.clone();
            other[at] ^= 0x10;
            // Whatever is read of it, nothing panics, and no text changes unnoticed.
            for file in files(&other).unwrap_or_default() {
                let text = file.text().unwrap_or_default();
                assert!(
                    ["", "text", "some text, and more of it"].contains(&text.as_str()),
                    "{at}"
                );
            }
        }
        assert_eq!(
            files(&archive(&[("a", b"", false), ("a", b"", false)]))
                .err()
                .unwrap()
                .to_string(),
            "has two files `a`"
        );
    }
}
