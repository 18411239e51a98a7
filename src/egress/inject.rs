//! Puts a credential into a rendered request, after everything else has been decided.
//!
//! A secret goes only where both the slot and the credential allow it, and never over plain HTTP beyond this machine.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use url::{Host, form_urlencoded};
use zeroize::Zeroizing;

use super::{CredentialFault, Error};
use crate::domain::credential::{CredentialKind, host_matches};
use crate::domain::definition::slot::{Inject, InjectPlace, Slot};
use crate::domain::exchange::Request;
use crate::vault::Secrets;

/// Header of an API key whose slot names none.
const KEY_HEADER: &str = "X-Api-Key";

/// Puts the parts of a credential into a request as its slot says.
///
/// Usual ways: an API key in `X-Api-Key`, a token as `Authorization: Bearer …` (RFC 6750), user name and password as
/// `Authorization: Basic …` (RFC 7617); a slot that names `Authorization` without a format means the same. A header, parameter or cookie of the same name is replaced.
///
/// # Errors
/// [`Error::Credential`] when host, scheme, parts or place do not fit; the request is then unchanged.
pub fn inject(request: &mut Request, slot_name: &str, slot: &Slot, allowed_hosts: &[String], secrets: &Secrets) -> Result<(), Error> {
    let placed = judge_destination(request, slot, allowed_hosts).and_then(|()| place(request, slot, secrets));
    placed.map_err(|fault| Error::Credential { slot: slot_name.to_owned(), fault })
}

fn judge_destination(request: &Request, slot: &Slot, allowed_hosts: &[String]) -> Result<(), CredentialFault> {
    let host = request.url.host_str().unwrap_or_default();
    let listed = |patterns: &[String]| patterns.iter().any(|pattern| host_matches(pattern, host));
    if host.is_empty() || !listed(&slot.hosts) || !listed(allowed_hosts) {
        return Err(CredentialFault::Host { host: host.to_owned() });
    }
    if request.url.scheme() == "https" || is_this_machine(request) { Ok(()) } else { Err(CredentialFault::PlainHttp) }
}

/// A loopback address as a literal; a name proves nothing.
fn is_this_machine(request: &Request) -> bool {
    match request.url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(_)) | None => false,
    }
}

fn place(request: &mut Request, slot: &Slot, secrets: &Secrets) -> Result<(), CredentialFault> {
    let secret = presented(slot.kind, secrets)?;
    let usual = usual_way(slot.kind);
    let way = slot.inject.as_ref().unwrap_or(&usual);
    let is_usual_place = way.place == usual.place && way.name.eq_ignore_ascii_case(&usual.name);
    let unnamed = if is_usual_place { usual.format.as_deref() } else { None };
    let format = way.format.as_deref().or(unnamed).unwrap_or("{}");
    let text = Zeroizing::new(format.replace("{}", &secret));
    match way.place {
        InjectPlace::Header => into_header(request, &way.name, &text),
        InjectPlace::Query => into_query(request, &way.name, &text),
        InjectPlace::Cookie => into_cookie(request, &way.name, &text),
        InjectPlace::Body => into_body(request, &way.name, &text),
    }
}

fn usual_way(kind: CredentialKind) -> Inject {
    let (name, format) = match kind {
        CredentialKind::ApiKey => (KEY_HEADER, "{}"),
        CredentialKind::Bearer => ("Authorization", "Bearer {}"),
        CredentialKind::Basic => ("Authorization", "Basic {}"),
    };
    Inject { place: InjectPlace::Header, name: name.to_owned(), format: Some(format.to_owned()) }
}

/// The one text a credential is presented as.
fn presented(kind: CredentialKind, secrets: &Secrets) -> Result<Zeroizing<String>, CredentialFault> {
    let part = |name| secrets.get(name).map(crate::vault::Secret::expose).ok_or(CredentialFault::Missing { part: name });
    match kind {
        CredentialKind::ApiKey => Ok(Zeroizing::new(part("value")?.to_owned())),
        CredentialKind::Bearer => Ok(Zeroizing::new(part("token")?.to_owned())),
        CredentialKind::Basic => {
            let (username, password) = (part("username")?, part("password")?);
            // The first colon ends the name, RFC 7617 section 2.
            if username.contains(':') {
                return Err(CredentialFault::Unfit);
            }
            let pair = Zeroizing::new(format!("{username}:{password}"));
            Ok(Zeroizing::new(STANDARD.encode(pair.as_bytes())))
        }
    }
}

fn into_header(request: &mut Request, name: &str, text: &str) -> Result<(), CredentialFault> {
    if !is_token(name) {
        return Err(CredentialFault::Name);
    }
    let fits = text.trim() == text && !text.is_empty() && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    if !fits {
        return Err(CredentialFault::Unfit);
    }
    request.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    request.headers.push((name.to_owned(), text.to_owned()));
    Ok(())
}

fn into_query(request: &mut Request, name: &str, text: &str) -> Result<(), CredentialFault> {
    if name.is_empty() {
        return Err(CredentialFault::Name);
    }
    let mine = |pair: &&str| form_urlencoded::parse(pair.as_bytes()).next().is_some_and(|(known, _)| known == name);
    let others = request.url.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty() && !mine(pair));
    let own = pair(name, text);
    let query = Zeroizing::new(others.chain(std::iter::once(own.as_str())).collect::<Vec<_>>().join("&"));
    request.url.set_query(Some(&query));
    Ok(())
}

fn into_cookie(request: &mut Request, name: &str, text: &str) -> Result<(), CredentialFault> {
    if !is_token(name) {
        return Err(CredentialFault::Name);
    }
    // cookie-octet, RFC 6265 section 4.1.1.
    if !text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b';' | b'\\')) {
        return Err(CredentialFault::Unfit);
    }
    let is_cookie = |(known, _): &&(String, String)| known.eq_ignore_ascii_case("cookie");
    let mine = |cookie: &&str| cookie.split('=').next() == Some(name);
    let given = request.headers.iter().filter(is_cookie).flat_map(|(_, value)| value.split(';')).map(str::trim);
    let mut cookies: Vec<String> = given.filter(|cookie| !cookie.is_empty() && !mine(cookie)).map(str::to_owned).collect();
    cookies.push(format!("{name}={text}"));
    request.headers.retain(|(known, _)| !known.eq_ignore_ascii_case("cookie"));
    request.headers.push(("Cookie".to_owned(), cookies.join("; ")));
    Ok(())
}

fn into_body(request: &mut Request, name: &str, text: &str) -> Result<(), CredentialFault> {
    let body = request.body.as_mut().ok_or(CredentialFault::NoBody)?;
    let media = body.content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    body.bytes = if media == "application/x-www-form-urlencoded" {
        with_form_field(&body.bytes, name, text)?
    } else if media == "application/json" || media.ends_with("+json") {
        with_json_member(&body.bytes, name, text)?
    } else {
        return Err(CredentialFault::NoBody);
    };
    Ok(())
}

fn with_form_field(body: &[u8], name: &str, text: &str) -> Result<Vec<u8>, CredentialFault> {
    if form_urlencoded::parse(body).any(|(known, _)| known == name) {
        return Err(CredentialFault::Taken);
    }
    let separator: &[u8] = if body.is_empty() { b"" } else { b"&" };
    Ok([body, separator, pair(name, text).as_bytes()].concat())
}

/// Adds a member in front, leaving every other byte as it is, so that no number changes.
fn with_json_member(body: &[u8], name: &str, text: &str) -> Result<Vec<u8>, CredentialFault> {
    let members: BTreeMap<String, &RawValue> = serde_json::from_slice(body).map_err(|_| CredentialFault::NoBody)?;
    if members.contains_key(name) {
        return Err(CredentialFault::Taken);
    }
    let opening = body.iter().position(|byte| *byte == b'{').ok_or(CredentialFault::NoBody)?;
    let (before, after) = body.split_at_checked(opening + 1).ok_or(CredentialFault::NoBody)?;
    let quoted = |text: &str| serde_json::to_string(text).map(Zeroizing::new).map_err(|_| CredentialFault::Unfit);
    let separator: &[u8] = if members.is_empty() { b"" } else { b"," };
    Ok([before, quoted(name)?.as_bytes(), b":", quoted(text)?.as_bytes(), separator, after].concat())
}

/// `name=value`, percent-encoded.
fn pair(name: &str, text: &str) -> Zeroizing<String> {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    Zeroizing::new(format!("{}={}", encode(name), *Zeroizing::new(encode(text))))
}

/// A token, RFC 9110 section 5.6.2: what header and cookie names are made of.
fn is_token(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

#[cfg(test)]
#[path = "inject_tests.rs"]
mod tests;
