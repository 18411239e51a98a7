//! One execution at a time, from the request to the answer that it has ended and is stored.

use super::Bench;
use crate::Result;
use crate::load::Run;
use crate::report::Figure;
use crate::stats::milliseconds;

pub(super) async fn measure(bench: &Bench<'_>) -> Result<Vec<Figure>> {
    let (duel, ..) = Box::pin(bench.duel(1, None)).await?;
    let (raw, server) = (Run::pooled(&duel.raw.runs), Run::pooled(&duel.server.runs));
    let (raw_p50, raw_p99) = (milliseconds(raw.p50()), milliseconds(raw.p99()));
    let (p50, p99) = (milliseconds(server.p50()), milliseconds(server.p99()));
    Ok(vec![
        Figure::plain("bare loop, p50", raw_p50, "ms"),
        Figure::plain("bare loop, p99", raw_p99, "ms"),
        Figure::plain("server, p50", p50, "ms"),
        Figure::plain("server, p99", p99, "ms"),
        Figure::at_most("server, p50 against the bare loop", p50 / raw_p50, "x", (3.0, 1.8)),
        Figure::at_most("server, p99 against the bare loop", p99 / raw_p99, "x", (3.0, 1.5)),
    ])
}
