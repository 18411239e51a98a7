//! Credential slots: named where they are used, used where they are named, and entering requests in a way that can work.

use super::headers::is_forbidden;
use super::report::Report;
use crate::domain::credential::CredentialKind;
use crate::domain::definition::fields::Pattern;
use crate::domain::definition::{BodyKind, Definition, HttpStep, Inject, InjectPlace, Placed, PlacedCall, Slot, StepAction};
use crate::domain::exchange::Method;
use crate::domain::problem::{Problem, pointer_join};

pub(super) fn check(definition: &Definition, report: &mut Report) {
    let mut named = Vec::new();
    if let Some(slot) = &definition.defaults.auth {
        named.push((slot, "/defaults/auth".to_owned()));
    }
    let placed = definition.placed();
    for Placed { step, pointer, .. } in &placed {
        let own = match &step.action {
            StepAction::Http(http) => http.auth.as_ref(),
            StepAction::Poll(poll) => poll.auth.as_ref(),
            _ => continue,
        };
        named.extend(own.map(|slot| (slot, format!("{pointer}/auth"))));
        if let Some(slot) = own.or(definition.defaults.auth.as_ref()).and_then(|auth| definition.credentials.get(auth)) {
            for PlacedCall { request, call, .. } in step.calls() {
                room_for(slot, &call, &format!("{pointer}{request}"), report);
            }
        }
    }
    for (slot, place) in &named {
        if !definition.credentials.contains_key(*slot) && !report.is_tainted(&pointer_join("/credentials", slot)) {
            let problem = Problem::error("unknown-slot", place.as_str(), format!("`credentials` has no slot `{slot}`"));
            let problem = report.meant(problem, slot, definition.credentials.keys().map(String::as_str));
            report.follow(problem);
        }
    }
    let is_whole = !report.is_tainted_within("/steps") && !report.is_tainted_within("/defaults") && !report.is_tainted("/defaults");
    for (name, slot) in &definition.credentials {
        let place = pointer_join("/credentials", name);
        if is_whole && !named.iter().any(|(used, _)| *used == name) {
            report.follow(Problem::warning("unused-slot", place.as_str(), format!("no step uses the slot `{name}`")));
        }
        if slot.hosts.is_empty() {
            let message = "a secret goes only to hosts named here, and there are none";
            report.follow(Problem::error("missing-hosts", pointer_join(&place, "hosts"), message));
        }
        if let Some(inject) = &slot.inject {
            sense_of_inject(slot.kind, inject, &pointer_join(&place, "inject"), report);
        }
    }
}

fn sense_of_inject(kind: CredentialKind, inject: &Inject, place: &str, report: &mut Report) {
    let mut wrong = |below: &str, message: String| report.follow(Problem::error("invalid-inject", format!("{place}{below}"), message));
    if kind != CredentialKind::ApiKey && inject.place != InjectPlace::Header {
        wrong("/in", format!("a credential of kind `{}` can only enter as a header", kind.as_str()));
    }
    if kind == CredentialKind::Basic && (!inject.name.eq_ignore_ascii_case("authorization") || inject.format.is_some()) {
        wrong("", "a user name and password enter as `Authorization`, RFC 7617; leave `inject` out".to_owned());
    }
    let in_line = matches!(inject.place, InjectPlace::Header | InjectPlace::Cookie);
    if in_line && !Pattern::Header.matches(&inject.name) {
        wrong("/name", format!("the name must be {}", Pattern::Header.what()));
    }
    if inject.place == InjectPlace::Header && (is_forbidden(&inject.name) || inject.name.eq_ignore_ascii_case("cookie")) {
        wrong("/name", format!("`{}` cannot carry a credential", inject.name));
    }
    if let Some(format) = &inject.format {
        if format.matches("{}").count() != 1 {
            wrong("/format", "`{}` stands for the secret and must be there exactly once".to_owned());
        }
        if in_line && format.chars().any(char::is_control) {
            wrong("/format", "a header has no line breaks and no control characters".to_owned());
        }
    }
}

/// Can the secret enter this request, and does it not meet a value that is already there?
fn room_for(slot: &Slot, http: &HttpStep, place: &str, report: &mut Report) {
    let request = &http.request;
    let default = Inject { place: InjectPlace::Header, name: "Authorization".to_owned(), format: None };
    let inject = slot.inject.as_ref().unwrap_or(&default);
    let (below, name) = match inject.place {
        InjectPlace::Header => ("headers", request.headers.keys().find(|name| name.eq_ignore_ascii_case(&inject.name))),
        InjectPlace::Query => ("query", request.query.keys().find(|name| **name == inject.name)),
        InjectPlace::Cookie => ("headers", request.headers.keys().find(|name| name.eq_ignore_ascii_case("cookie"))),
        InjectPlace::Body => {
            let has_members = request.body.as_ref().is_some_and(|body| match body.kind {
                BodyKind::Json | BodyKind::Form | BodyKind::Graphql => body.value.is_object(),
                BodyKind::Text | BodyKind::Multipart => false,
            });
            if !has_members && !report.is_tainted_within(place) {
                let message = "the slot puts its secret into the body, and this request has no body with members";
                report.follow(Problem::error("invalid-inject", place, message));
            } else if matches!(request.method, Method::Get | Method::Head) {
                report.follow(Problem::error(
                    "invalid-inject",
                    place,
                    "the slot puts its secret into the body, and this method sends none",
                ));
            }
            return;
        }
    };
    if let Some(name) = name {
        let place = pointer_join(&pointer_join(place, below), name);
        report.follow(Problem::error("invalid-inject", place, format!("the slot's credential already fills `{name}`")));
    }
}
