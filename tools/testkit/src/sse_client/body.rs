//! The body of an HTTP/1.1 reply, as its headers frame it.

use http::HeaderMap;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};

use super::SseError;

/// Takes the framing off, piece by piece.
#[derive(Debug)]
pub(super) enum Body {
    Chunked(Chunk),
    Sized(u64),
    UntilClose,
}

/// Where in the chunked coding (RFC 9112, section 7.1) the next byte stands.
#[derive(Debug)]
pub(super) enum Chunk {
    Size(String),
    Data(u64),
    /// The line end after the data.
    End,
    /// After the last chunk: lines up to an empty one. Holds whether the line has anything in it.
    Trailer(bool),
    Complete,
}

impl Body {
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, SseError> {
        if headers.get(TRANSFER_ENCODING).is_some_and(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked")) {
            return Ok(Self::Chunked(Chunk::Size(String::new())));
        }
        let Some(length) = headers.get(CONTENT_LENGTH) else { return Ok(Self::UntilClose) };
        let length = length.to_str().ok().and_then(|length| length.parse().ok());
        length.map(Self::Sized).ok_or(SseError::Malformed("its length is not a number"))
    }

    /// Whether all of it has come; a body without a stated end is complete when the connection closes.
    pub(super) fn is_complete(&self) -> bool {
        matches!(self, Self::Chunked(Chunk::Complete) | Self::Sized(0))
    }

    /// The content in these bytes, which may begin and end anywhere.
    pub(super) fn decode(&mut self, bytes: &[u8]) -> Result<Vec<u8>, SseError> {
        match self {
            Self::UntilClose => Ok(bytes.to_vec()),
            Self::Sized(left) => Ok(take(left, &mut { bytes }).to_vec()),
            Self::Chunked(chunk) => {
                let mut content = Vec::with_capacity(bytes.len());
                let mut rest = bytes;
                while !rest.is_empty() && !matches!(chunk, Chunk::Complete) {
                    chunk.advance(&mut rest, &mut content)?;
                }
                Ok(content)
            }
        }
    }
}

impl Chunk {
    fn advance(&mut self, rest: &mut &[u8], content: &mut Vec<u8>) -> Result<(), SseError> {
        if let Self::Data(left) = self {
            content.extend_from_slice(take(left, rest));
            if *left == 0 {
                *self = Self::End;
            }
            return Ok(());
        }
        let Some((&byte, after)) = rest.split_first() else { return Ok(()) };
        *rest = after;
        match (&mut *self, byte) {
            (Self::Size(digits), b'\n') => {
                let digits = digits.split(';').next().unwrap_or_default().trim();
                let size = u64::from_str_radix(digits, 16).map_err(|_| SseError::Malformed("a chunk has no size"))?;
                *self = if size == 0 { Self::Trailer(false) } else { Self::Data(size) };
            }
            (Self::Size(digits), _) if digits.len() < 64 => digits.push(char::from(byte)),
            (Self::End, b'\n') => *self = Self::Size(String::new()),
            (Self::Trailer(false), b'\n') => *self = Self::Complete,
            (Self::Trailer(in_line), byte) => *in_line = byte != b'\n' && (*in_line || byte != b'\r'),
            (Self::End, b'\r') => {}
            _ => return Err(SseError::Malformed("a chunk is not as long as it says")),
        }
        Ok(())
    }
}

/// At most `left` bytes from the front of `rest`; both are moved on.
fn take<'a>(left: &mut u64, rest: &mut &'a [u8]) -> &'a [u8] {
    let length = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
    let (taken, after) = rest.split_at(length);
    *rest = after;
    *left -= length as u64;
    taken
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chunked() -> Body {
        Body::Chunked(Chunk::Size(String::new()))
    }

    #[test]
    fn extensions_and_trailers_are_passed_over() {
        let mut body = chunked();
        let content = body.decode(b"3;x=1\r\nabc\r\nA\r\n0123456789\r\n0\r\nx-sum: 1\r\n\r\nleft over").unwrap();
        assert_eq!(content, b"abc0123456789");
        assert!(body.is_complete());
    }

    #[test]
    fn damaged_chunks_are_refused() {
        assert!(chunked().decode(b"x\r\n").is_err());
        assert!(chunked().decode(b"1\r\nab\r\n").is_err());
        assert!(chunked().decode(&[b'1'; 65]).is_err());
    }

    #[test]
    fn a_sized_body_ends_at_its_length() {
        let mut body = Body::Sized(4);
        assert_eq!(body.decode(b"abc").unwrap(), b"abc");
        assert!(!body.is_complete());
        assert_eq!(body.decode(b"defg").unwrap(), b"d");
        assert!(body.is_complete());
    }

    proptest! {
        #[test]
        fn chunks_may_be_split_anywhere(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..8),
            at in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let mut wire = Vec::new();
            for piece in &pieces {
                wire.extend(format!("{:x}\r\n", piece.len()).bytes());
                wire.extend(piece);
                wire.extend(b"\r\n");
            }
            wire.extend(b"0\r\n\r\n");
            let mut cuts: Vec<usize> = at.iter().map(|at| at.index(wire.len())).chain([0, wire.len()]).collect();
            cuts.sort_unstable();
            let mut body = chunked();
            let mut content = Vec::new();
            for pair in cuts.windows(2) {
                content.extend(body.decode(&wire[pair[0]..pair[1]]).unwrap());
            }
            prop_assert_eq!(content, pieces.concat());
            prop_assert!(body.is_complete());
        }
    }
}
