//! Does the time of an answer tell whether a foreign id exists? Pairs of the same question, one about an execution of
//! another workspace, one about none at all, by turns in both orders on one connection.
//!
//! Judged by the sign test: were one of the two slower more often than chance allows, the score would leave the bounds.

use std::time::{Duration, Instant};

use serde_json::json;

use super::Bench;
use crate::Result;
use crate::api::Wait;
use crate::load::{Caller as _, HttpCaller};
use crate::report::Figure;
use crate::server::Ready;
use crate::stats::number;

/// Pairs of questions of each kind.
const PAIRS: u32 = 10_000;

/// The score beyond which chance alone is less likely than 1 in 100, on both sides.
const CHANCE: f64 = 2.576;

/// What the figure is called, what is asked, and what every answer must hold.
const QUESTIONS: [(&str, &str, &str); 2] = [
    ("foreign id read, score of 10,000 pairs", "query($id: ID!) { execution(id: $id) { status } }", "\"execution\":null"),
    (
        "foreign id changed, score of 10,000 pairs",
        "mutation($id: ID!) { executionCancel(input: { id: $id }) { execution { status } userErrors { code } } }",
        "NOT_FOUND",
    ),
];

pub(super) async fn measure(bench: &Bench<'_>) -> Result<Vec<Figure>> {
    let (ready, connector) = bench.serve_one_step(None).await?;
    let foreign = ready.api.start(&connector, Wait::End).await?;
    let absent = absent(&foreign);
    let stranger = ready.mint("stranger")?;
    let mut figures = Vec::new();
    for (name, document, answer) in QUESTIONS {
        let score = score(&ready, &stranger, (document, answer), [&foreign, &absent]).await?;
        figures.push(Figure::at_most(name, score.abs(), "", (CHANCE, 1.96)));
    }
    Ok(figures)
}

/// An id of the same form that nothing has.
fn absent(id: &str) -> String {
    let (kept, last) = id.split_at(id.len().saturating_sub(4));
    let turned = last.chars().map(|letter| if letter == '7' { '8' } else { '7' });
    format!("{kept}{}", turned.collect::<String>())
}

/// How far the number of pairs whose first question took longer is from half of them, in standard deviations.
async fn score(ready: &Ready, token: &str, (document, answer): (&str, &'static str), ids: [&str; 2]) -> Result<f64> {
    let address = ready.server.address();
    let requests = ids.map(|id| HttpCaller::request(address, token, &json!({ "query": document, "variables": { "id": id } }).to_string()));
    let [first, second] = &requests;
    let mut callers = HttpCaller::open(1, address, first.clone(), answer).await?;
    let caller = callers.first_mut().ok_or("no connection")?;
    let mut slower = 0_usize;
    let mut told_apart = 0_usize;
    for pair in 0..PAIRS + 500 {
        let (mut times, swapped) = ([Duration::ZERO; 2], pair % 2 == 1);
        let order = if swapped { [(1, second), (0, first)] } else { [(0, first), (1, second)] };
        for (place, request) in order {
            caller.ask(request.clone());
            let begun = Instant::now();
            caller.call().await?;
            if let Some(time) = times.get_mut(place) {
                *time = begun.elapsed();
            }
        }
        let [first, second] = times;
        // The first few warm caches up.
        if pair >= 500 && first != second {
            told_apart += 1;
            slower += usize::from(first > second);
        }
    }
    Ok((number(slower) - number(told_apart) / 2.0) / (number(told_apart).sqrt() / 2.0))
}
