//! Where credentials end up, and where they refuse to go.

use super::*;
use crate::domain::exchange::{Method, RequestBody};
use crate::vault::Secret;

fn request(url: &str) -> Request {
    Request { method: Method::Post, url: url.parse().unwrap(), headers: Vec::new(), body: None }
}

fn slot(kind: CredentialKind, inject: Option<(InjectPlace, &str, Option<&str>)>) -> Slot {
    let inject = inject.map(|(place, name, format)| Inject { place, name: name.to_owned(), format: format.map(str::to_owned) });
    Slot { kind, label: None, help: None, hosts: vec!["api.x.example".to_owned(), "127.0.0.1".to_owned()], inject, test: None }
}

fn secrets(parts: &[(&str, &str)]) -> Secrets {
    parts.iter().map(|(name, value)| ((*name).to_owned(), Secret::new((*value).to_owned()))).collect()
}

fn anywhere() -> Vec<String> {
    vec!["*.x.example".to_owned(), "127.0.0.1".to_owned()]
}

fn put(request: &mut Request, slot: &Slot, parts: &[(&str, &str)]) -> Result<(), CredentialFault> {
    match inject(request, "main", slot, &anywhere(), &secrets(parts)) {
        Err(Error::Credential { slot, fault }) => {
            assert_eq!(slot, "main");
            Err(fault)
        }
        Err(other) => panic!("{other}"),
        Ok(()) => Ok(()),
    }
}

#[test]
fn each_kind_has_a_usual_way() {
    let check = |slot: Slot, parts: &[(&str, &str)], name: &str, value: &str| {
        let mut request = request("https://api.x.example/");
        put(&mut request, &slot, parts).unwrap();
        assert_eq!(request.headers, [(name.to_owned(), value.to_owned())]);
    };
    let basic = [("username", "Aladdin"), ("password", "open sesame")];
    check(slot(CredentialKind::ApiKey, None), &[("value", "k-1")], "X-Api-Key", "k-1");
    check(slot(CredentialKind::Bearer, None), &[("token", "t-1")], "Authorization", "Bearer t-1");
    check(slot(CredentialKind::Basic, None), &basic, "Authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    let header = |kind, name, format| slot(kind, Some((InjectPlace::Header, name, format)));
    check(header(CredentialKind::ApiKey, "Authorization", Some("Token {}")), &[("value", "k")], "Authorization", "Token k");
    check(header(CredentialKind::ApiKey, "Authorization", None), &[("value", "k")], "Authorization", "k");
    check(header(CredentialKind::Bearer, "authorization", None), &[("token", "t")], "authorization", "Bearer t");
    check(header(CredentialKind::Bearer, "X-Token", None), &[("token", "t")], "X-Token", "t");
}

#[test]
fn what_was_there_under_that_name_is_replaced() {
    let mut posted = request("https://api.x.example/p?a=1&api%5Fkey=old&b=%20&api_key=older#f");
    posted.headers = vec![("x-api-key".to_owned(), "old".to_owned()), ("Cookie".to_owned(), "a=1; sid=old".to_owned())];
    put(&mut posted, &slot(CredentialKind::ApiKey, None), &[("value", "new")]).unwrap();
    let query = slot(CredentialKind::ApiKey, Some((InjectPlace::Query, "api_key", None)));
    put(&mut posted, &query, &[("value", "a b&c=d#é")]).unwrap();
    let cookie = slot(CredentialKind::ApiKey, Some((InjectPlace::Cookie, "sid", None)));
    put(&mut posted, &cookie, &[("value", "c1")]).unwrap();
    assert_eq!(posted.url.as_str(), "https://api.x.example/p?a=1&b=%20&api_key=a+b%26c%3Dd%23%C3%A9#f");
    assert_eq!(posted.headers, [("X-Api-Key".to_owned(), "new".to_owned()), ("Cookie".to_owned(), "a=1; sid=c1".to_owned())]);
}

#[test]
fn bodies_gain_a_member_and_keep_every_byte() {
    let into = slot(CredentialKind::ApiKey, Some((InjectPlace::Body, "key", None)));
    let check = |media: &str, body: &str, expected: Result<&str, CredentialFault>| {
        let mut request = request("https://api.x.example/");
        request.body = Some(RequestBody { content_type: media.to_owned(), bytes: body.as_bytes().to_vec() });
        let outcome = put(&mut request, &into, &[("value", "a\"&b")]);
        let text = outcome.map(|()| String::from_utf8(request.body.unwrap().bytes).unwrap());
        assert_eq!(text, expected.map(str::to_owned), "{media} {body}");
    };
    check("application/json; charset=utf-8", "{}", Ok(r#"{"key":"a\"&b"}"#));
    check(
        "application/json",
        " {\"n\": 123456789012345678901234567890.10}",
        Ok(r#" {"key":"a\"&b","n": 123456789012345678901234567890.10}"#),
    );
    check("application/vnd.x+json", r#"{"a":{"key":1}}"#, Ok(r#"{"key":"a\"&b","a":{"key":1}}"#));
    check("application/x-www-form-urlencoded", "", Ok("key=a%22%26b"));
    check("application/x-www-form-urlencoded", "a=1", Ok("a=1&key=a%22%26b"));
    check("application/json", r#"{"k\u0065y":1}"#, Err(CredentialFault::Taken));
    check("application/x-www-form-urlencoded", "k%65y=1", Err(CredentialFault::Taken));
    for (media, body) in [("application/json", "[]"), ("application/json", "x"), ("text/plain", "{}"), ("application/jsonp", "{}")] {
        check(media, body, Err(CredentialFault::NoBody));
    }
    assert_eq!(put(&mut request("https://api.x.example/"), &into, &[("value", "v")]), Err(CredentialFault::NoBody));
}

#[test]
fn sec_8_goes_only_where_slot_and_credential_allow() {
    let slot = slot(CredentialKind::ApiKey, None);
    let check = |url: &str, allowed: &[&str], expected: bool| {
        let mut request = request(url);
        let before = request.clone();
        let allowed: Vec<String> = allowed.iter().map(|&host| host.to_owned()).collect();
        let outcome = inject(&mut request, "main", &slot, &allowed, &secrets(&[("value", "canary")]));
        assert_eq!(outcome.is_ok(), expected, "{url} {allowed:?}");
        if let Err(error) = outcome {
            assert_eq!(request, before, "an untouched request");
            assert!(!format!("{error} {error:?} {:?}", error.clone().into_execution_error()).contains("canary"));
        }
    };
    check("https://api.x.example/", &["api.x.example"], true);
    check("https://API.x.example:8443/", &["*.x.example"], true);
    check("https://api.x.example/", &[], false);
    check("https://api.x.example/", &["other.example"], false);
    check("https://evil.example/", &["evil.example", "*.example"], false);
    check("https://api.x.example.evil.example/", &["*.evil.example"], false);
    check("https://api.x.example@evil.example/", &["evil.example"], false);
    check("https://evil.example/api.x.example", &["api.x.example"], false);
}

#[test]
fn plain_http_only_to_this_machine() {
    let mut host = slot(CredentialKind::ApiKey, None);
    host.hosts.extend(["localhost", "[::1]", "10.0.0.1"].map(str::to_owned));
    let allowed: Vec<String> = host.hosts.clone();
    let check = |url: &str, expected: bool| {
        let outcome = inject(&mut request(url), "main", &host, &allowed, &secrets(&[("value", "v")]));
        assert_eq!(outcome.is_ok(), expected, "{url}");
    };
    check("http://127.0.0.1:9000/", true);
    check("http://[::1]/", true);
    check("https://10.0.0.1/", true);
    for url in ["http://api.x.example/", "http://10.0.0.1/", "http://localhost/"] {
        check(url, false);
    }
}

#[test]
fn hdr_1_unfit_secrets_are_refused() {
    let header = slot(CredentialKind::ApiKey, None);
    let cookie = slot(CredentialKind::ApiKey, Some((InjectPlace::Cookie, "sid", None)));
    for value in ["", "a\r\nX-Evil: 1", "a\n", " a", "a\u{0}", "é", "a\tb"] {
        assert_eq!(put(&mut request("https://api.x.example/"), &header, &[("value", value)]), Err(CredentialFault::Unfit), "{value:?}");
    }
    for value in ["a; b=c", "a b", "a,b", "a\r\n"] {
        assert_eq!(put(&mut request("https://api.x.example/"), &cookie, &[("value", value)]), Err(CredentialFault::Unfit), "{value:?}");
    }
    for name in ["", "X Key", "X:Key", "X\r\n"] {
        let named = slot(CredentialKind::ApiKey, Some((InjectPlace::Header, name, None)));
        assert_eq!(put(&mut request("https://api.x.example/"), &named, &[("value", "v")]), Err(CredentialFault::Name), "{name:?}");
    }
}

#[test]
fn all_parts_are_needed() {
    let basic = slot(CredentialKind::Basic, None);
    let outcome = put(&mut request("https://api.x.example/"), &basic, &[("username", "ann")]);
    assert_eq!(outcome, Err(CredentialFault::Missing { part: "password" }));
    let outcome = put(&mut request("https://api.x.example/"), &basic, &[("username", "a:b"), ("password", "p")]);
    assert_eq!(outcome, Err(CredentialFault::Unfit), "a colon would end the name");
    let outcome = put(&mut request("https://api.x.example/"), &slot(CredentialKind::Bearer, None), &[("value", "v")]);
    assert_eq!(outcome, Err(CredentialFault::Missing { part: "token" }));
}
