//! The stand-in for the enrichment API: a real HTTP server on loopback that answers like the provider does, on its
//! good days and its bad ones. It knows who it answers by the number asked for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// What the stand-in takes as its key.
pub(super) const KEY: &str = "demo-stand-in-key";

/// Calls per number, so that the first may be turned away and the second served.
type Calls = Arc<Mutex<HashMap<String, u32>>>;

/// Serves until told to stop.
pub(super) async fn serve(listener: tokio::net::TcpListener, stop: CancellationToken) -> std::io::Result<()> {
    let router = Router::new().route("/v2/identities/byPhone", get(by_phone)).with_state(Calls::default());
    axum::serve(listener, router).with_graceful_shutdown(async move { stop.cancelled().await }).await
}

async fn by_phone(State(calls): State<Calls>, Query(query): Query<HashMap<String, String>>, headers: HeaderMap) -> Response {
    let expected = format!("Bearer {KEY}");
    if headers.get("authorization").and_then(|value| value.to_str().ok()) != Some(expected.as_str()) {
        return answer(StatusCode::UNAUTHORIZED, json!({ "error": "unknown token" }));
    }
    let Some(phone) = query.get("phone") else {
        return answer(StatusCode::BAD_REQUEST, json!({ "error": "phone is missing" }));
    };
    let call = {
        let mut calls = calls.lock().unwrap_or_else(PoisonError::into_inner);
        let count = calls.entry(phone.clone()).or_default();
        *count += 1;
        *count
    };
    // The last digit decides what kind of day it is for this number.
    match (phone.bytes().last().map_or(0, |digit| digit.wrapping_sub(b'0')), call) {
        (3, 1) => {
            let body = json!({ "error": "too many requests" });
            (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "1")], axum::Json(body)).into_response()
        }
        (6, 1) => answer(StatusCode::SERVICE_UNAVAILABLE, json!({ "error": "busy, try again" })),
        (7, _) => answer(StatusCode::NOT_FOUND, json!({ "error": "nobody known" })),
        (last, _) => {
            if last == 9 {
                tokio::time::sleep(Duration::from_millis(800)).await;
            }
            answer(StatusCode::OK, identity(phone))
        }
    }
}

fn answer(status: StatusCode, body: Value) -> Response {
    (status, axum::Json(body)).into_response()
}

/// An invented person for a number, always the same for the same number.
fn identity(phone: &str) -> Value {
    const FIRST: [&str; 8] = ["Ada", "Ben", "Cora", "Dan", "Edda", "Finn", "Gwen", "Hal"];
    const LAST: [&str; 7] = ["Archer", "Brook", "Castell", "Dunmore", "Ellery", "Farrow", "Gale"];
    const PLACES: [(&str, &str, &str); 5] = [
        ("Albany", "NY", "12207"),
        ("Boise", "ID", "83702"),
        ("Dover", "DE", "19901"),
        ("Olympia", "WA", "98501"),
        ("Salem", "OR", "97301"),
    ];
    let seed: usize = phone.bytes().fold(7, |seed: usize, digit| seed.wrapping_mul(31).wrapping_add(usize::from(digit)));
    let first = FIRST.get(seed % FIRST.len()).copied().unwrap_or("Ada");
    let last = LAST.get(seed / 8 % LAST.len()).copied().unwrap_or("Archer");
    let (city, state, zip) = PLACES.get(seed / 64 % PLACES.len()).copied().unwrap_or(("Albany", "NY", "12207"));
    json!({
        "requestId": seed % 100_000,
        "identities": [{
            "firstName": first,
            "lastName": last,
            "city": city,
            "state": state,
            "zip": zip,
            "birthDate": "1980-01-01",
            "emails": [{ "email": format!("{}.{}@mail.example", first.to_lowercase(), last.to_lowercase()), "optIn": true, "rankOrder": 1 }],
        }],
    })
}
