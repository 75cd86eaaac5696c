//! The picture that people scan instead of typing a seed: a QR code as a PNG.

use super::Seed;
use crate::names::AccountId;
use qrcodegen::{QrCode, QrCodeEcc};
use zeroize::Zeroizing;

/// Pixels of a module of the code, and modules of white around it (ISO/IEC 18004 asks for four).
const PIXELS: usize = 6;
const QUIET: usize = 4;

/// The QR code of `otpauth://totp/NAME@ACCOUNT?secret=SEED` as a PNG; `None` if the name is too long
/// for one.
pub(crate) fn png(name: &str, account: AccountId, seed: &Seed) -> Option<Zeroizing<Vec<u8>>> {
    let secret = seed.text();
    let uri = Zeroizing::new(format!(
        "otpauth://totp/{name}@{account}?secret={}",
        secret.as_str()
    ));
    let code = QrCode::encode_text(&uri, QrCodeEcc::Medium).ok()?;
    let modules = usize::try_from(code.size()).ok()? + 2 * QUIET;
    let width = modules * PIXELS;
    let dark = |x: usize, y: usize| {
        let place = |pixel: usize| i32::try_from(pixel / PIXELS).map(|at| at - QUIET as i32);
        place(x).is_ok_and(|x| place(y).is_ok_and(|y| code.get_module(x, y)))
    };
    // Rows of a byte that says "not filtered" and one bit for each pixel; 1 is white.
    let mut rows = Zeroizing::new(Vec::with_capacity(width * (width / 8 + 2)));
    for y in 0..width {
        rows.push(0);
        for byte in 0..width.div_ceil(8) {
            let bits = (byte * 8..byte * 8 + 8).map(|x| u8::from(!dark(x, y)));
            rows.push(bits.fold(0, |byte, bit| byte << 1 | bit));
        }
    }
    let pixels = Zeroizing::new(miniz_oxide::deflate::compress_to_vec_zlib(&rows, 6));
    let side = u32::try_from(width).ok()?.to_be_bytes();
    let mut png = Zeroizing::new(b"\x89PNG\r\n\x1a\n".to_vec());
    // One bit of grey; nothing that a reader could choose.
    chunk(
        &mut png,
        *b"IHDR",
        &[&side[..], &side, &[1, 0, 0, 0, 0]].concat(),
    )?;
    chunk(&mut png, *b"IDAT", &pixels)?;
    chunk(&mut png, *b"IEND", &[])?;
    Some(png)
}

/// `length ‖ kind ‖ data ‖ CRC-32 of kind and data`
fn chunk(png: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) -> Option<()> {
    png.extend_from_slice(&u32::try_from(data.len()).ok()?.to_be_bytes());
    png.extend_from_slice(&kind);
    png.extend_from_slice(data);
    let crc = crc32(kind.iter().chain(data));
    png.extend_from_slice(&crc.to_be_bytes());
    Some(())
}

/// The CRC of PNG (ISO 3309), bit by bit: a picture has a kilobyte.
fn crc32<'a>(bytes: impl Iterator<Item = &'a u8>) -> u32 {
    !bytes.fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            crc >> 1 ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_png() {
        // The check value of CRC-32/ISO-HDLC, and the end of every PNG.
        assert_eq!(crc32(b"123456789".iter()), 0xcbf4_3926);
        assert_eq!(crc32(b"IEND".iter()), 0xae42_6082);
    }

    #[test]
    fn a_name_too_long_for_a_code_has_none() {
        let account = AccountId::from_number(1).unwrap();
        let seed = Seed(Zeroizing::new(vec![7; 40]));
        assert!(png(&"n".repeat(3000), account, &seed).is_none());
        assert!(png(&"n".repeat(226), account, &seed).is_some());
    }
}
