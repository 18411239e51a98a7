//! Addresses: every call has one, and a credential goes only to the hosts of its slot.
//!
//! Only what stands in the text is looked at. An address that an expression fills is judged when the call is made.

use url::Url;

use super::report::Report;
use crate::domain::credential::host_matches;
use crate::domain::definition::expression::{Segment, is_template, segments};
use crate::domain::definition::{Definition, Placed, PlacedCall, Slot};
use crate::domain::problem::{Problem, pointer_join};

pub(super) fn check(definition: &Definition, report: &mut Report) {
    if let Some(base) = &definition.defaults.base_url {
        let place = "/defaults/base_url";
        match authority(base) {
            Ok(_) if base.contains(['?', '#']) && !is_template(base) => {
                report.follow(Problem::error("invalid-url", place, "a path is joined to this address: it has no query and no fragment"));
            }
            Ok(_) => {}
            Err(message) => report.follow(Problem::error("invalid-url", place, message)),
        }
    }
    let mut seen = Vec::new();
    for Placed { step, pointer, .. } in definition.placed() {
        for PlacedCall { request, call: http, owns_rules } in step.calls() {
            let auth = http.auth.as_ref().or(definition.defaults.auth.as_ref());
            let slot = auth.and_then(|auth| definition.credentials.get_key_value(auth));
            let call = Call { url: http.request.url.as_deref(), path: http.request.path.as_deref(), slot };
            call.check(definition, &format!("{pointer}{request}"), &mut seen, report);
            for (number, rule) in http.rules.iter().enumerate().filter(|_| owns_rules) {
                let Some(next) = rule.retry_as.as_ref().filter(|next| next.url.is_some() || next.path.is_some()) else { continue };
                let call = Call { url: next.url.as_deref(), path: next.path.as_deref(), slot };
                call.check(definition, &format!("{pointer}/rules/{number}/retry_as"), &mut seen, report);
            }
        }
    }
    for (name, slot) in &definition.credentials {
        let Some(test) = &slot.test else { continue };
        let place = pointer_join(&pointer_join("/credentials", name), "test");
        for (below, text) in [("url", &test.url), ("path", &test.path)] {
            if text.as_deref().is_some_and(is_template) {
                let message = "the test of a credential has no run and so no expressions";
                report.follow(Problem::error("invalid-url", pointer_join(&place, below), message));
            }
        }
        let call = Call { url: test.url.as_deref(), path: test.path.as_deref(), slot: Some((name, slot)) };
        call.check(definition, &place, &mut seen, report);
    }
}

struct Call<'a> {
    url: Option<&'a str>,
    path: Option<&'a str>,
    slot: Option<(&'a String, &'a Slot)>,
}

impl Call<'_> {
    fn check(&self, definition: &Definition, place: &str, seen: &mut Vec<(String, String)>, report: &mut Report) {
        let url_place = pointer_join(place, "url");
        match (self.url, self.path) {
            (Some(_), Some(_)) => {
                report.follow(Problem::error("url-and-path", place, "a call has either a `url` or a `path`, not both"));
            }
            (None, None) => {
                if !report.is_tainted(&url_place) && !report.is_tainted(&pointer_join(place, "path")) {
                    report.follow(Problem::error("missing-url", place, "a call needs a `url`, or a `path` below `defaults.base_url`"));
                }
            }
            (Some(url), None) => match authority(url) {
                Ok(host) => self.check_host(host, url_place, seen, report),
                Err(message) => report.follow(Problem::error("invalid-url", url_place, message)),
            },
            (None, Some(path)) => self.check_path(path, definition, &pointer_join(place, "path"), seen, report),
        }
    }

    fn check_path(&self, path: &str, definition: &Definition, place: &str, seen: &mut Vec<(String, String)>, report: &mut Report) {
        if ["http://", "https://", "//", "\\"].iter().any(|beginning| path.starts_with(beginning)) {
            report.follow(Problem::error(
                "invalid-url",
                place,
                "a `path` stays below `defaults.base_url`; a whole address goes into `url`",
            ));
        }
        let base_place = "/defaults/base_url";
        match &definition.defaults.base_url {
            None if report.is_tainted(base_place) => {}
            None => report.follow(Problem::error("missing-base-url", place, "a `path` needs `defaults.base_url`")),
            Some(base) => self.check_host(authority(base).ok().flatten(), base_place.to_owned(), seen, report),
        }
    }

    fn check_host(&self, host: Option<String>, place: String, seen: &mut Vec<(String, String)>, report: &mut Report) {
        let (Some(host), Some((name, slot))) = (host, self.slot) else { return };
        let hosts_place = pointer_join(&pointer_join("/credentials", name), "hosts");
        let is_unsure = slot.hosts.is_empty() || report.is_tainted(&hosts_place) || report.is_tainted_within(&hosts_place);
        if is_unsure || slot.hosts.iter().any(|pattern| host_matches(pattern, &host)) || seen.contains(&(place.clone(), name.clone())) {
            return;
        }
        let message = format!("the credential of slot `{name}` may not go to `{host}`");
        let problem = Problem::error("host-not-declared", place.as_str(), message);
        report.follow(problem.suggest(format!("add `{host}` to `credentials.{name}.hosts`")));
        seen.push((place, name.clone()));
    }
}

/// The host a text names, or nothing when an expression gives it; what is wrong with the text as an address.
fn authority(text: &str) -> Result<Option<String>, &'static str> {
    let Ok(parts) = segments(text) else { return Ok(None) };
    let literal = match parts.as_slice() {
        [] => return Err("this address is empty"),
        [Segment::Expression { .. }, ..] => return Ok(None),
        [Segment::Literal(literal), ..] => literal,
    };
    let Some(rest) = ["https://", "http://"].iter().find_map(|scheme| literal.strip_prefix(scheme)) else {
        return Err("an address begins with `https://` or `http://`");
    };
    if parts.len() > 1 && !rest.contains(['/', '?', '#', '\\']) {
        return if rest.contains('@') { Err("an address carries no user name or password") } else { Ok(None) };
    }
    let url = Url::parse(literal).map_err(|_| "this is no address")?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("an address carries no user name or password");
    }
    Ok(url.host_str().map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::authority;

    #[test]
    fn reads_the_host_that_stands_in_the_text() {
        let check = |text: &str, expected: Option<Option<&str>>| {
            assert_eq!(authority(text).ok().as_ref().map(Option::as_deref), expected, "{text}");
        };
        check("https://api.x.example/a/{{ b }}", Some(Some("api.x.example")));
        check("https://API.x.example:8443?q={{ b }}", Some(Some("api.x.example")));
        check("https://{{ config.region }}.x.example/", Some(None));
        check("{{ config.base }}/a", Some(None));
        check("https://evil.example\\@api.x.example/", Some(Some("evil.example")));
        check("", None);
        check("ftp://x.example/", None);
        check("api.x.example", None);
        check("https://", None);
        check("https://u:p@x.example/", None);
        check("https://u:p@{{ config.host }}/", None);
    }
}
