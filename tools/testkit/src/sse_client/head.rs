//! The head of an HTTP/1.1 reply.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::SseError;

const LARGEST: usize = 64 * 1024;
const END: &[u8] = b"\r\n\r\n";

/// Status and headers, and how many bytes they took.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) length: usize,
}

/// The head at the beginning of `received`, once all of it is there.
pub(super) fn parse(received: &[u8]) -> Result<Option<Head>, SseError> {
    let Some(end) = received.windows(END.len()).position(|window| window == END) else {
        return if received.len() > LARGEST { Err(SseError::Malformed("its head has no end")) } else { Ok(None) };
    };
    let text = std::str::from_utf8(&received[..end]).map_err(|_| SseError::Malformed("its head is not text"))?;
    let mut lines = text.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.strip_prefix("HTTP/1."))
        .and_then(|line| line.split(' ').nth(1))
        .and_then(|code| code.parse().ok())
        .ok_or(SseError::Malformed("it has no status"))?;
    let headers =
        lines.map(header).collect::<Option<HeaderMap>>().ok_or(SseError::Malformed("a header is malformed"))?;
    Ok(Some(Head { status, headers, length: end + END.len() }))
}

fn header(line: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = line.split_once(':')?;
    Some((name.parse().ok()?, value.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_once_it_is_complete() {
        let reply = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-Empty:\r\n\r\nid: 1";
        for length in 0..reply.len() - 6 {
            assert!(parse(&reply[..length]).unwrap().is_none(), "{length}");
        }
        let head = parse(reply).unwrap().unwrap();
        assert_eq!(head.status, StatusCode::OK);
        assert_eq!(head.headers["content-type"], "text/event-stream");
        assert_eq!(&reply[head.length..], b"id: 1");
    }

    #[test]
    fn what_is_not_http_is_refused() {
        assert!(parse(b"SSH-2.0-x\r\n\r\n").is_err());
        assert!(parse(b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n").is_err());
        assert!(parse(&vec![b'x'; LARGEST + 1]).is_err());
    }
}
