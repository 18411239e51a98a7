//! From starting the program to listening, and to the first execution that has ended and is stored.

use std::time::{Duration, Instant};

use super::Bench;
use crate::api::{Api, Wait};
use crate::report::Figure;
use crate::server::{Place, Server};
use crate::{Result, definitions, stats};

/// How often it is done; the medians count.
const TIMES: usize = 3;

/// What one start took.
#[derive(Default)]
struct Start {
    ready: Duration,
    executed: Duration,
}

pub(super) async fn measure(bench: &Bench<'_>) -> Result<Vec<Figure>> {
    let (mut fresh, mut existing) = (Vec::new(), Vec::new());
    for _ in 0..TIMES {
        let place = Place::new(&bench.program, None)?;
        let (start, token, connector) = on_fresh(bench, &place).await?;
        fresh.push(start);
        existing.push(on_existing(&place, &token, &connector).await?);
    }
    let first = |starts: &[Start]| stats::median(starts.iter().map(|start| stats::milliseconds(start.executed)).collect());
    let ready = |starts: &[Start]| stats::median(starts.iter().map(|start| stats::milliseconds(start.ready)).collect());
    Ok(vec![
        Figure::at_most("fresh database, listening", ready(&fresh), "ms", (1000.0, 150.0)),
        Figure::at_most("fresh database, first execution stored", first(&fresh), "ms", (1000.0, 150.0)),
        Figure::plain("existing database, listening", ready(&existing), "ms"),
        Figure::at_most("existing database, first execution stored", first(&existing), "ms", (300.0, 60.0)),
    ])
}

/// Migrations, keys, workspace, connector and the first execution; minting the token is another program's time and left out.
async fn on_fresh(bench: &Bench<'_>, place: &Place) -> Result<(Start, String, String)> {
    let begun = Instant::now();
    let server = Server::start(place, 1).await?;
    let ready = begun.elapsed();
    let token = place.mint(crate::server::SUBJECT)?;
    let resumed = Instant::now();
    let api = Api::new(server.address(), &token)?;
    let workspace = api.create_workspace().await?;
    let connector = api.publish_connector(&workspace, "One step", &definitions::one_step(&bench.upstream.people())).await?;
    api.start(&connector, Wait::End).await?;
    let executed = ready + resumed.elapsed();
    server.stop().await?;
    Ok((Start { ready, executed }, token, connector))
}

async fn on_existing(place: &Place, token: &str, connector: &str) -> Result<Start> {
    let begun = Instant::now();
    let server = Server::start(place, 1).await?;
    let ready = begun.elapsed();
    Api::new(server.address(), token)?.start(connector, Wait::End).await?;
    let executed = begun.elapsed();
    server.stop().await?;
    Ok(Start { ready, executed })
}
