//! What a server answered.

use bytes::Bytes;
use http::header::SET_COOKIE;
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;

/// A whole reply.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Reply {
    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none; the message shows status and body.
    pub fn json(&self) -> serde_json::Value {
        self.json_as()
    }

    /// The body as a value of a type of its own.
    ///
    /// # Panics
    /// When it is none; the message shows status and body.
    pub fn json_as<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in the body of a {}: {}", self.status, self.text()))
    }

    /// The body as text; bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The first header of this name, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The value that a `Set-Cookie` of this reply gives to a cookie.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let mut cookies = self.headers.get_all(SET_COOKIE).iter().filter_map(|cookie| cookie.to_str().ok());
        cookies.find_map(|cookie| cookie.split(';').next()?.strip_prefix(name)?.strip_prefix('='))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let mut headers = HeaderMap::new();
        headers.append(SET_COOKIE, "waiting_token_old=1".parse().unwrap());
        headers.append(SET_COOKIE, "waiting_token=a=b; Path=/; HttpOnly".parse().unwrap());
        let reply = Reply { status: StatusCode::OK, headers, body: Bytes::new() };
        assert_eq!(reply.cookie("waiting_token"), Some("a=b"));
        assert_eq!(reply.cookie("waiting"), None);
    }
}
