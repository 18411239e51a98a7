//! Media types: what a request is in, and what its answer may be in (RFC 9110, section 12.5.1).

use super::error::{Code, Failure};
use axum::http::{HeaderMap, HeaderValue, header};

/// What an answer is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MediaType {
    /// `application/graphql-response+json`: the status tells how the request fared.
    GraphQl,
    /// `application/json`: well-formed requests are answered with 200.
    Json,
}

impl MediaType {
    pub(super) fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::GraphQl => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        })
    }

    /// The type the caller prefers; at equal weight the more telling one, and for wildcards or no header plain JSON.
    pub(super) fn accepted(headers: &HeaderMap) -> Result<Self, Failure> {
        let mut ranges = headers.get_all(header::ACCEPT).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b',')).peekable();
        if ranges.peek().is_none() {
            return Ok(Self::Json);
        }
        let (mut graphql, mut json, mut wildcard) = (None, None, None);
        for range in ranges.filter_map(|range| std::str::from_utf8(range).ok()) {
            let (essence, weight) = weigh(range);
            let slot = if essence.eq_ignore_ascii_case("application/graphql-response+json") {
                &mut graphql
            } else if essence.eq_ignore_ascii_case("application/json") {
                &mut json
            } else if essence == "*/*" || essence.eq_ignore_ascii_case("application/*") {
                &mut wildcard
            } else {
                continue;
            };
            *slot = Some(slot.unwrap_or(0).max(weight));
        }
        let json = json.or(wildcard).unwrap_or(0);
        match graphql.unwrap_or(0) {
            0 if json == 0 => Err(Failure::new(
                Code::NOT_ACCEPTABLE,
                "Answers come as application/graphql-response+json or application/json; accept one of them.",
            )),
            weight if weight >= json => Ok(Self::GraphQl),
            _ => Ok(Self::Json),
        }
    }
}

/// A media range's type and its weight in thousandths; one that cannot be read weighs nothing.
fn weigh(range: &str) -> (&str, u16) {
    let mut parts = range.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q="))).map_or(1000, |text| {
        let share = text.parse::<f32>().ok().filter(|share| (0.0..=1.0).contains(share)).unwrap_or(0.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1000 after the check above")]
        let thousandths = (share * 1000.0) as u16;
        thousandths
    });
    (essence, weight)
}

/// Refuses a body that is not JSON in UTF-8. Forms, text and bodies without a type are what a foreign page can send unasked.
pub(super) fn require_json(headers: &HeaderMap) -> Result<(), Failure> {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let (first, second) = (values.next(), values.next());
    let text = first.filter(|_| second.is_none()).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut parts = text.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    let foreign = |part: &str| {
        part.split_once('=').is_some_and(|(name, value)| {
            name.eq_ignore_ascii_case("charset") && !matches!(value.trim_matches('"').to_ascii_lowercase().as_str(), "utf-8" | "utf8")
        })
    };
    if essence.eq_ignore_ascii_case("application/json") && !parts.any(foreign) {
        return Ok(());
    }
    Err(Failure::new(Code::UNSUPPORTED_MEDIA_TYPE, "Send the request as `Content-Type: application/json`."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &header::HeaderName, values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn the_preferred_type_is_chosen() {
        const GRAPHQL: Option<MediaType> = Some(MediaType::GraphQl);
        const JSON: Option<MediaType> = Some(MediaType::Json);
        let table: [(&[&str], Option<MediaType>); 14] = [
            (&[], JSON),
            (&["*/*"], JSON),
            (&["application/*"], JSON),
            (&["application/json"], JSON),
            (&["application/json; charset=utf-8"], JSON),
            (&["application/graphql-response+json"], GRAPHQL),
            (&["application/graphql-response+json; charset=utf-8, application/json; charset=utf-8"], GRAPHQL),
            (&["application/json", "application/graphql-response+json"], GRAPHQL),
            (&["application/graphql-response+json;q=0.5, application/json"], JSON),
            (&["application/graphql-response+json, */*;q=0.1"], GRAPHQL),
            (&["text/html, */*;q=0.8"], JSON),
            (&["application/graphql-response+json;q=0"], None),
            (&["text/event-stream"], None),
            (&["application/json;q=nan"], None),
        ];
        for (accept, expected) in table {
            assert_eq!(MediaType::accepted(&headers(&header::ACCEPT, accept)).ok(), expected, "{accept:?}");
        }
    }

    #[test]
    fn only_json_is_taken() {
        let table: [(&[&str], bool); 8] = [
            (&["application/json"], true),
            (&["Application/JSON; charset=UTF-8"], true),
            (&["application/json; charset=latin1"], false),
            (&["application/json", "text/plain"], false),
            (&["text/plain"], false),
            (&["application/x-www-form-urlencoded"], false),
            (&["multipart/form-data; boundary=application/json"], false),
            (&[], false),
        ];
        for (given, taken) in table {
            assert_eq!(require_json(&headers(&header::CONTENT_TYPE, given)).is_ok(), taken, "{given:?}");
        }
    }
}
