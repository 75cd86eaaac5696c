//! `aws-chunked` bodies ("Transferring payload in multiple chunks", Amazon S3 API Reference).

use std::fmt;

use crate::key::{self, Hex, Sha256, SigningKey};

/// S3's least size of a chunk, except the last with data.
const MIN_CHUNK: u64 = 8192;
/// Sixteen digits, `;chunk-signature=`, sixty-four digits, CR LF.
const MAX_SIZE_LINE: usize = 16 + 17 + 64 + 2;
/// A trailer is a checksum or a signature; none comes near this.
const MAX_TRAILER_LINE: usize = 1024;
/// The most lines that may follow the last chunk: the declared trailers are fewer.
const MAX_TRAILER_LINES: usize = 32;

const CHUNK_SIGNATURE: &[u8] = b";chunk-signature=";
const TRAILER_SIGNATURE: &str = "x-amz-trailer-signature";

/// Decodes an `aws-chunked` body as it arrives: `STREAMING-AWS4-HMAC-SHA256-PAYLOAD`, the same
/// with `-TRAILER`, and `STREAMING-UNSIGNED-PAYLOAD-TRAILER`.
///
/// It needs the same small memory whatever the size of a chunk, because data is handed out
/// **before the signature of its chunk is known to be right**. A wrong signature makes the next
/// call fail, and every one after it. So nothing that was handed out may be published or acted on
/// before [`finish`](Self::finish) has returned `Ok`.
#[derive(Debug)]
pub struct ChunkDecoder {
    chain: Option<Chain>,
    declared: Option<Vec<String>>,
    /// How much of the decoded length is still to come.
    outstanding: u64,
    /// The size of the last chunk; the first may follow anything.
    last_size: u64,
    state: State,
    /// The start of a line whose end has not arrived.
    line: Vec<u8>,
    trailers: Trailers,
    lines: usize,
    trailer_signature: Option<[u8; 32]>,
}

/// The headers that came after the last chunk, of those that `x-amz-trailer` declared. Names are
/// in lower case.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Trailers(Vec<(String, String)>);

/// Why a chunked body is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ChunkError {
    /// The framing is broken, or a line of it is too long (`InvalidRequest`).
    Malformed,
    /// The signature of a chunk or of the trailers is wrong (`SignatureDoesNotMatch`).
    SignatureDoesNotMatch,
    /// A chunk that is not the last has less than 8192 bytes (`InvalidChunkSizeError`).
    ChunkTooSmall,
    /// The data is not as long as `x-amz-decoded-content-length` says (`IncompleteBody`).
    DecodedLength,
    /// The body ends early (`IncompleteBody`).
    Incomplete,
    /// The trailers are malformed, or not those that `x-amz-trailer` declares
    /// (`MalformedTrailerError`).
    MalformedTrailer,
    /// Something follows the end (`InvalidRequest`).
    TrailingData,
}

impl ChunkDecoder {
    pub(crate) fn new(seed: Seed) -> Self {
        Self {
            chain: seed.chain,
            declared: seed.trailers,
            outstanding: seed.decoded_length,
            last_size: MIN_CHUNK,
            state: State::Size,
            line: Vec::new(),
            trailers: Trailers::default(),
            lines: 0,
            trailer_signature: None,
        }
    }

    /// Takes the next piece of the body, of any length, and hands the data in it to `out`.
    ///
    /// # Errors
    /// The first fault of the body; after that, the same one again.
    pub fn push(&mut self, input: &[u8], out: &mut impl FnMut(&[u8])) -> Result<(), ChunkError> {
        self.advance(input, out).inspect_err(|error| {
            self.state = State::Failed(*error);
        })
    }

    /// Ends the body. Only this says that all of it was right.
    ///
    /// # Errors
    /// The first fault of the body, or [`ChunkError::Incomplete`].
    pub fn finish(self) -> Result<Trailers, ChunkError> {
        match self.state {
            State::End => Ok(self.trailers),
            State::Failed(error) => Err(error),
            State::Size | State::Data { .. } | State::DataEnd | State::Trailers => {
                Err(ChunkError::Incomplete)
            }
        }
    }

    fn advance(&mut self, mut input: &[u8], out: &mut impl FnMut(&[u8])) -> Result<(), ChunkError> {
        if let State::Failed(error) = self.state {
            return Err(error);
        }
        while !input.is_empty() {
            match &mut self.state {
                State::Failed(error) => return Err(*error),
                State::End => return Err(ChunkError::TrailingData),
                State::Data { left, hash, .. } => {
                    let length = usize::try_from(*left).unwrap_or(usize::MAX);
                    let (data, rest) = input.split_at(length.min(input.len()));
                    if let Some(hash) = hash {
                        hash.update(data);
                    }
                    out(data);
                    *left = left.saturating_sub(data.len() as u64);
                    input = rest;
                    if *left == 0 {
                        self.end_data()?;
                    }
                }
                State::Size => {
                    if let Some(line) = self.take_line(&mut input, MAX_SIZE_LINE)? {
                        self.start_chunk(&line)?;
                    }
                }
                State::DataEnd => {
                    if let Some(line) = self.take_line(&mut input, 2)? {
                        if !line.is_empty() {
                            return Err(ChunkError::Malformed);
                        }
                        self.state = State::Size;
                    }
                }
                State::Trailers => {
                    if let Some(line) = self.take_line(&mut input, MAX_TRAILER_LINE)? {
                        self.trailer(&line)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Takes a line off the input, without its CR LF; `None` if its end has not arrived.
    fn take_line(
        &mut self,
        input: &mut &[u8],
        limit: usize,
    ) -> Result<Option<Vec<u8>>, ChunkError> {
        let end = input.iter().position(|byte| *byte == b'\n');
        let (piece, rest) = input.split_at(end.map_or(input.len(), |at| at + 1));
        if self.line.len() + piece.len() > limit {
            return Err(ChunkError::Malformed);
        }
        self.line.extend_from_slice(piece);
        *input = rest;
        if end.is_none() {
            return Ok(None);
        }
        let mut line = std::mem::take(&mut self.line);
        if !line.ends_with(b"\r\n") {
            return Err(ChunkError::Malformed);
        }
        line.truncate(line.len() - 2);
        Ok(Some(line))
    }

    fn start_chunk(&mut self, line: &[u8]) -> Result<(), ChunkError> {
        let (size, signature) = match &self.chain {
            None => (line, None),
            Some(_) => {
                let at = line.iter().position(|byte| *byte == b';');
                let (size, extension) = line.split_at(at.ok_or(ChunkError::Malformed)?);
                let signature = extension
                    .strip_prefix(CHUNK_SIGNATURE)
                    .and_then(key::from_hex_lower)
                    .ok_or(ChunkError::Malformed)?;
                (size, Some(signature))
            }
        };
        let size = hex_size(size).ok_or(ChunkError::Malformed)?;
        if size > 0 && self.last_size < MIN_CHUNK {
            return Err(ChunkError::ChunkTooSmall);
        }
        self.last_size = size;
        self.outstanding = match self.outstanding.checked_sub(size) {
            Some(0) => 0,
            // The end, and something is still outstanding.
            Some(_) if size == 0 => return Err(ChunkError::DecodedLength),
            Some(outstanding) => outstanding,
            None => return Err(ChunkError::DecodedLength),
        };
        self.state = State::Data {
            left: size,
            hash: signature.map(|_| Sha256::new()),
            signature,
        };
        match size {
            0 => self.end_data(),
            _ => Ok(()),
        }
    }

    /// All data of a chunk has arrived.
    fn end_data(&mut self) -> Result<(), ChunkError> {
        let state = std::mem::replace(&mut self.state, State::DataEnd);
        if let (
            Some(chain),
            State::Data {
                hash: Some(hash),
                signature: Some(signature),
                ..
            },
        ) = (&mut self.chain, state)
        {
            chain.verify_chunk(&hash.finish(), &signature)?;
        }
        if self.last_size == 0 {
            self.state = State::Trailers;
        }
        Ok(())
    }

    /// A line after the last chunk.
    fn trailer(&mut self, line: &[u8]) -> Result<(), ChunkError> {
        if line.is_empty() {
            return self.end_trailers();
        }
        self.lines += 1;
        let declared = self.declared.as_ref().ok_or(ChunkError::Malformed)?;
        // The signature is the last line.
        if self.lines > MAX_TRAILER_LINES || self.trailer_signature.is_some() {
            return Err(ChunkError::MalformedTrailer);
        }
        let line = std::str::from_utf8(line).map_err(|_| ChunkError::MalformedTrailer)?;
        let (name, value) = line.split_once(':').ok_or(ChunkError::MalformedTrailer)?;
        let (name, value) = (name.to_ascii_lowercase(), value.trim_ascii());
        if name == TRAILER_SIGNATURE && self.chain.is_some() {
            let signature =
                key::from_hex_lower(value.as_bytes()).ok_or(ChunkError::MalformedTrailer)?;
            self.trailer_signature = Some(signature);
            return Ok(());
        }
        let printable = value.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if !printable || !declared.contains(&name) || self.trailers.value(&name).is_some() {
            return Err(ChunkError::MalformedTrailer);
        }
        self.trailers.0.push((name, value.to_owned()));
        Ok(())
    }

    fn end_trailers(&mut self) -> Result<(), ChunkError> {
        if let Some(declared) = &self.declared {
            if let Some(chain) = &mut self.chain {
                let signature = self.trailer_signature.ok_or(ChunkError::MalformedTrailer)?;
                chain.verify_trailers(&self.trailers, &signature)?;
            }
            if declared
                .iter()
                .any(|name| self.trailers.value(name).is_none())
            {
                return Err(ChunkError::MalformedTrailer);
            }
        }
        self.state = State::End;
        Ok(())
    }
}

impl Trailers {
    /// The value of a trailer; `name` is in lower case.
    pub fn value(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(have, _)| have == name)?;
        Some(value)
    }

    /// Names and values in the order received.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// `name:value`, a line feed after each.
    fn canonical(&self) -> String {
        let mut text = String::new();
        for (name, value) in &self.0 {
            text.push_str(name);
            text.push(':');
            text.push_str(value);
            text.push('\n');
        }
        text
    }
}

/// Encodes an `aws-chunked` body, as a client does.
#[derive(Debug)]
pub struct ChunkEncoder {
    chain: Option<Chain>,
    trailer: bool,
}

impl ChunkEncoder {
    pub(crate) fn new(chain: Option<Chain>, trailer: bool) -> Self {
        Self { chain, trailer }
    }

    /// Appends one chunk with `data`. S3 wants 8192 bytes or more in all but the last.
    pub fn chunk(&mut self, data: &[u8], out: &mut Vec<u8>) {
        if !data.is_empty() {
            self.frame(data, out);
            out.extend_from_slice(b"\r\n");
        }
    }

    /// Appends the empty chunk that ends the body, and the trailers if the request promised any.
    pub fn finish(mut self, trailers: &[(&str, &str)], out: &mut Vec<u8>) {
        self.frame(b"", out);
        if self.trailer {
            let trailers = Trailers(
                trailers
                    .iter()
                    .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
                    .collect(),
            );
            for (name, value) in trailers.iter() {
                out.extend_from_slice(format!("{name}:{value}\r\n").as_bytes());
            }
            if let Some(chain) = &mut self.chain {
                let signature = chain.sign_trailers(&trailers);
                let line = format!("{TRAILER_SIGNATURE}:{}\r\n", Hex::new(&signature).as_str());
                out.extend_from_slice(line.as_bytes());
            }
        }
        out.extend_from_slice(b"\r\n");
    }

    fn frame(&mut self, data: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(format!("{:x}", data.len()).as_bytes());
        if let Some(chain) = &mut self.chain {
            let signature = chain.sign_chunk(&key::sha256(data));
            out.extend_from_slice(CHUNK_SIGNATURE);
            out.extend_from_slice(Hex::new(&signature).as_bytes());
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(data);
    }
}

/// What a decoder starts from.
#[derive(Clone, Debug)]
pub(crate) struct Seed {
    pub(crate) chain: Option<Chain>,
    pub(crate) trailers: Option<Vec<String>>,
    pub(crate) decoded_length: u64,
}

/// The chain of signatures: each covers the one before, the first the request's.
#[derive(Clone)]
pub(crate) struct Chain {
    pub(crate) key: SigningKey,
    pub(crate) date_time: String,
    pub(crate) scope: String,
    pub(crate) previous: Hex,
}

impl Chain {
    fn sign_chunk(&mut self, data_sha256: &[u8; 32]) -> [u8; 32] {
        let nothing = Hex::new(&key::sha256(b""));
        self.sign(
            b"AWS4-HMAC-SHA256-PAYLOAD",
            &[nothing.as_bytes(), b"\n", Hex::new(data_sha256).as_bytes()],
        )
    }

    fn verify_chunk(
        &mut self,
        data_sha256: &[u8; 32],
        signature: &[u8; 32],
    ) -> Result<(), ChunkError> {
        is_right(&self.sign_chunk(data_sha256), signature)
    }

    fn sign_trailers(&mut self, trailers: &Trailers) -> [u8; 32] {
        let hash = Hex::new(&key::sha256(trailers.canonical().as_bytes()));
        self.sign(b"AWS4-HMAC-SHA256-TRAILER", &[hash.as_bytes()])
    }

    fn verify_trailers(
        &mut self,
        trailers: &Trailers,
        signature: &[u8; 32],
    ) -> Result<(), ChunkError> {
        is_right(&self.sign_trailers(trailers), signature)
    }

    fn sign(&mut self, algorithm: &[u8], rest: &[&[u8]]) -> [u8; 32] {
        let mut parts: Vec<&[u8]> = vec![
            algorithm,
            b"\n",
            self.date_time.as_bytes(),
            b"\n",
            self.scope.as_bytes(),
            b"\n",
            self.previous.as_bytes(),
            b"\n",
        ];
        parts.extend_from_slice(rest);
        let signature = self.key.sign(&parts);
        self.previous = Hex::new(&signature);
        signature
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chain")
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for ChunkError {}

impl fmt::Display for ChunkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "The chunked body is malformed",
            Self::SignatureDoesNotMatch => {
                "The request signature we calculated does not match the signature you provided. \
                 Check your key and signing method."
            }
            Self::ChunkTooSmall => {
                "Only the last chunk is allowed to have a size less than 8192 bytes"
            }
            Self::DecodedLength | Self::Incomplete => {
                "You did not provide the number of bytes specified by the Content-Length HTTP \
                 header"
            }
            Self::MalformedTrailer => {
                "The request contained trailing data that was not well-formed or did not conform \
                 to our published schema."
            }
            Self::TrailingData => "The chunked body is followed by further data",
        })
    }
}

#[derive(Debug)]
enum State {
    /// In the line that starts a chunk.
    Size,
    /// In its data.
    Data {
        left: u64,
        hash: Option<Sha256>,
        signature: Option<[u8; 32]>,
    },
    /// In the CR LF after its data.
    DataEnd,
    /// After the empty chunk.
    Trailers,
    /// After everything.
    End,
    Failed(ChunkError),
}

fn is_right(computed: &[u8; 32], provided: &[u8; 32]) -> Result<(), ChunkError> {
    match key::constant_time_eq(computed, provided) {
        true => Ok(()),
        false => Err(ChunkError::SignatureDoesNotMatch),
    }
}

/// One to sixteen hexadecimal digits.
fn hex_size(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 16 {
        return None;
    }
    digits.iter().try_fold(0, |size: u64, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        Some(size << 4 | u64::from(digit))
    })
}
