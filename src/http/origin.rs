//! Which web pages may open a socket. Browsers let any page try, and name it in `Origin` (RFC 6454).

use super::Options;
use axum::http::{HeaderMap, header};

/// Whether the page that asks for a socket is on the list, compared as a whole.
///
/// Programs other than browsers name no origin; they pass unless the options require one. That is safe because a socket's token is in
/// its first message, where no foreign page can make a browser put it.
pub(super) fn is_allowed(options: &Options, headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(header::ORIGIN).iter();
    match (values.next(), values.next()) {
        (None, _) => !options.require_origin,
        (Some(origin), None) => options.allowed_origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes()),
        (Some(_), Some(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn wss_1_only_a_listed_origin_passes() {
        let options = Options { allowed_origins: vec!["https://app.example.com".to_owned()], ..Options::default() };
        for (given, passes) in [
            ("https://app.example.com", true),
            ("http://app.example.com", false),
            ("https://app.example.com:8443", false),
            ("https://app.example.com.evil.net", false),
            ("https://evil-app.example.com", false),
            ("https://app.example.co", false),
            ("null", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(header::ORIGIN, HeaderValue::from_static(given))]);
            assert_eq!(is_allowed(&options, &headers), passes, "{given}");
        }
        let mut twice = HeaderMap::new();
        twice.append(header::ORIGIN, HeaderValue::from_static("https://app.example.com"));
        twice.append(header::ORIGIN, HeaderValue::from_static("https://evil.net"));
        assert!(!is_allowed(&options, &twice));
        assert!(is_allowed(&options, &HeaderMap::new()));
        assert!(!is_allowed(&Options { require_origin: true, ..options }, &HeaderMap::new()));
    }
}
