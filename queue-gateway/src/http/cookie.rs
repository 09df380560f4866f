//! Cookies: the visitor's identity and the waiting tokens, written and read, and the active token's, read.

use std::time::Duration;

use contract::ids::QueueName;
use http::{HeaderMap, HeaderValue, header};

/// Holds an admitted visitor's token where a site keeps it in a cookie; read for forward authentication.
pub const ACTIVE_TOKEN: &str = "active_token";

/// The values of a cookie, as often as the request brought it: a sibling domain may have set another of the same name.
///
/// Other cookies of the host may hold any bytes (a nickname in Hangul, say): they must not hide ours.
pub fn values_of<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b';'))
        .filter_map(move |pair| pair.trim_ascii().strip_prefix(name.as_bytes())?.strip_prefix(b"="))
        .filter_map(|value| std::str::from_utf8(value).ok())
}

/// Names and writes our cookies. Scripts cannot read them, and no other site's request carries them along.
#[derive(Clone, Copy, Debug)]
pub struct Cookies {
    /// The gateway is reached over https: then only our own host can set them.
    pub secure: bool,
}

impl Cookies {
    /// The cookie that says who a browser is.
    pub fn identity(self) -> String {
        self.named("visitor")
    }

    /// The cookie that holds a place in this queue.
    pub fn waiting_token(self, queue: &QueueName) -> String {
        self.named(&format!("waiting_token.{queue}"))
    }

    /// Keeps a value for so long.
    ///
    /// # Panics
    /// When the value is not visible ASCII, as all tokens are.
    #[expect(clippy::expect_used, reason = "tokens, queue names and numbers are visible ASCII")]
    pub fn set(self, name: &str, value: &str, lifetime: Duration) -> HeaderValue {
        let (secure, seconds) = (if self.secure { "; Secure" } else { "" }, lifetime.as_secs());
        let text = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
        HeaderValue::try_from(text).expect("visible ASCII makes a header")
    }

    /// Makes the browser forget a cookie.
    pub fn clear(self, name: &str) -> HeaderValue {
        self.set(name, "", Duration::ZERO)
    }

    /// RFC 6265bis, 4.1.3.2: with this prefix browsers take a cookie from our own host alone, over https, for all
    /// paths.
    fn named(self, name: &str) -> String {
        if self.secure { format!("__Host-{name}") } else { name.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(headers: &HeaderMap, name: &str) -> Vec<String> {
        values_of(headers, name).map(str::to_owned).collect()
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers
            .append(header::COOKIE, HeaderValue::from_static("a=1; waiting_token.old=x; waiting_token.demo=abc.def"));
        headers.append(header::COOKIE, HeaderValue::from_static("active_token=z; waiting_token.demo=second"));
        assert_eq!(values(&headers, "waiting_token.demo"), ["abc.def", "second"]);
        assert_eq!(values(&headers, ACTIVE_TOKEN), ["z"]);
        assert!(values(&headers, "b").is_empty());
    }

    #[test]
    fn another_cookie_in_another_alphabet_hides_nothing() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_bytes("nickname=홍길동; visitor=abc".as_bytes()).unwrap());
        assert_eq!(values(&headers, "visitor"), ["abc"]);
        let latin1 = HeaderValue::from_bytes(b"active_token=\xe9; x=\xff; active_token=z").unwrap();
        headers.append(header::COOKIE, latin1);
        assert_eq!(values(&headers, ACTIVE_TOKEN), ["z"]);
    }

    #[test]
    fn our_cookies_are_closed_to_scripts_and_over_https_to_other_hosts() {
        let queue = "demo".parse().unwrap();
        let secure = Cookies { secure: true };
        assert_eq!(
            secure.set(&secure.waiting_token(&queue), "t", Duration::from_mins(1)),
            "__Host-waiting_token.demo=t; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure"
        );
        let plain = Cookies { secure: false };
        assert_eq!(plain.clear(&plain.identity()), "visitor=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
    }
}
