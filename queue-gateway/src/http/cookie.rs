//! Cookies: the waiting token's, written and read, and the active token's, read.

use std::time::Duration;

use contract::ids::QueueName;
use http::{HeaderMap, HeaderValue, header};

/// Holds a visitor's place for browsers: scripts cannot read it, and it goes to the calls of its own queue alone.
pub const WAITING_TOKEN: &str = "waiting_token";

/// Holds an admitted visitor's token where a site keeps it in a cookie; read for forward authentication.
pub const ACTIVE_TOKEN: &str = "active_token";

/// The value of a cookie, if the request brought it.
///
/// Other cookies of the host may hold any bytes (a nickname in Hangul, say): they must not hide ours.
pub fn value_of<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b';'))
        .filter_map(|pair| pair.trim_ascii().strip_prefix(name.as_bytes())?.strip_prefix(b"="))
        .find_map(|value| std::str::from_utf8(value).ok())
}

/// Writes the waiting token's cookie.
#[derive(Clone, Copy, Debug)]
pub struct WaitingCookie {
    /// Only over https; set where the gateway is reached so.
    pub secure: bool,
}

impl WaitingCookie {
    /// Keeps the token for its own lifetime.
    pub fn set(self, queue: &QueueName, token: &str, lifetime: Duration) -> HeaderValue {
        self.header(queue, token, lifetime.as_secs())
    }

    /// Makes the browser forget the token.
    pub fn clear(self, queue: &QueueName) -> HeaderValue {
        self.header(queue, "", 0)
    }

    #[expect(clippy::expect_used, reason = "tokens, queue names and numbers are visible ASCII")]
    fn header(self, queue: &QueueName, token: &str, max_age: u64) -> HeaderValue {
        let secure = if self.secure { "; Secure" } else { "" };
        let text = format!(
            "{WAITING_TOKEN}={token}; Path=/v1/queues/{queue}; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}"
        );
        HeaderValue::try_from(text).expect("visible ASCII makes a header")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("a=1; waiting_token_old=x; waiting_token=abc.def"));
        headers.append(header::COOKIE, HeaderValue::from_static("active_token=z"));
        assert_eq!(value_of(&headers, WAITING_TOKEN), Some("abc.def"));
        assert_eq!(value_of(&headers, ACTIVE_TOKEN), Some("z"));
        assert_eq!(value_of(&headers, "b"), None);
    }

    #[test]
    fn another_cookie_in_another_alphabet_hides_nothing() {
        let mut headers = HeaderMap::new();
        headers
            .append(header::COOKIE, HeaderValue::from_bytes("nickname=홍길동; waiting_token=abc".as_bytes()).unwrap());
        assert_eq!(value_of(&headers, WAITING_TOKEN), Some("abc"));
        let latin1 = HeaderValue::from_bytes(b"active_token=\xe9; x=\xff; active_token=z").unwrap();
        headers.append(header::COOKIE, latin1);
        assert_eq!(value_of(&headers, ACTIVE_TOKEN), Some("z"));
    }

    #[test]
    fn the_cookie_is_closed_to_scripts_and_bound_to_its_queue() {
        let queue = "demo".parse().unwrap();
        assert_eq!(
            WaitingCookie { secure: true }.set(&queue, "t", Duration::from_mins(1)),
            "waiting_token=t; Path=/v1/queues/demo; Max-Age=60; HttpOnly; SameSite=Lax; Secure"
        );
        assert_eq!(
            WaitingCookie { secure: false }.clear(&queue),
            "waiting_token=; Path=/v1/queues/demo; Max-Age=0; HttpOnly; SameSite=Lax"
        );
    }
}
