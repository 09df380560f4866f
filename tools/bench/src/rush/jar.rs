//! The cookies that a gateway gave to one browser.

use std::collections::BTreeMap;

use http::{HeaderMap, header};

/// Cookies by name. All of the gateway's are for every path of its host, so nothing else is kept.
#[derive(Clone, Debug, Default)]
pub(super) struct Jar(BTreeMap<String, String>);

impl Jar {
    /// Takes in what a reply sets, and forgets what it clears.
    pub(super) fn keep(&mut self, headers: &HeaderMap) {
        for cookie in headers.get_all(header::SET_COOKIE).iter().filter_map(|cookie| cookie.to_str().ok()) {
            let Some((name, value)) = cookie.split(';').next().and_then(|pair| pair.split_once('=')) else { continue };
            if value.is_empty() {
                self.0.remove(name);
            } else {
                self.0.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    /// The value of the `Cookie` header.
    pub(super) fn header(&self) -> String {
        self.0.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    /// The waiting token for a queue, also where the name has a prefix that browsers go by.
    pub(super) fn waiting_token(&self, queue: &str) -> Option<&str> {
        let ours = format!("waiting_token.{queue}");
        let mut found = self.0.iter().filter(|(name, _)| name.trim_start_matches("__Host-") == ours);
        found.next().map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn setting(cookies: &[&'static str]) -> HeaderMap {
        cookies.iter().map(|cookie| (header::SET_COOKIE, HeaderValue::from_static(cookie))).collect()
    }

    #[test]
    fn cookies_are_kept_replaced_and_forgotten() {
        let mut jar = Jar::default();
        jar.keep(&setting(&["visitor=abc; Path=/; HttpOnly", "__Host-waiting_token.demo=one; Path=/"]));
        jar.keep(&setting(&["__Host-waiting_token.demo=two; Path=/"]));
        assert_eq!(jar.header(), "__Host-waiting_token.demo=two; visitor=abc");
        assert_eq!((jar.waiting_token("demo"), jar.waiting_token("other")), (Some("two"), None));
        jar.keep(&setting(&["__Host-waiting_token.demo=; Max-Age=0"]));
        assert_eq!(jar.header(), "visitor=abc");
    }
}
