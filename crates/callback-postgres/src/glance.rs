//! A look at what the driver asks for, before a transaction is begun for it: most rounds of offers
//! find nobody who waits for one, and most ticks nothing that is due.

use callback_domain::date::Instant;
use callback_engine::clock::Clock;
use callback_engine::command::{After, Answer, Command, Done, What};
use uuid::Uuid;

use crate::connection::Session;
use crate::failure::Failure;
use crate::records::column;
use crate::rows::{NEXT_SOON, TAKERS, takers, window_end};
use crate::settled::Settled;

/// What is left to do of a command.
pub(crate) enum Glance {
    Nothing(Done),
    /// Less than was asked for.
    Less(Command),
    All,
}

/// Looks at what there is for a command of the driver.
///
/// Whatever comes up after the look wakes the driver again by its own commit.
pub(crate) async fn glance(
    session: &mut Session,
    command: &Command,
    clock: Option<&dyn Clock>,
    settled: &Settled,
) -> Result<Glance, Failure> {
    if let What::Dispatch { services, agents, limit } = &command.what {
        let asked: Vec<Uuid> = services.iter().map(|service| service.0).collect();
        let named: Vec<Uuid> = agents.iter().map(|agent| agent.0).collect();
        let rows = session.query(TAKERS, &[&asked, &named]).await?;
        let (services, agents) = takers(&rows).map_err(Failure::Other)?;
        if services.is_empty() && agents.is_empty() {
            let answer = Answer::Dispatched { offers: 0, more: false };
            return Ok(Glance::Nothing(Done { answer, after: After::default() }));
        }
        let what = What::Dispatch { services, agents, limit: *limit };
        return Ok(Glance::Less(Command {
            actor: command.actor.clone(),
            site: std::sync::Arc::clone(&command.site),
            what,
        }));
    }
    if let What::Tick { .. } = &command.what {
        let end = clock.and_then(|clock| window_end(clock.now()));
        let look = settled.look();
        let rows = session.query(NEXT_SOON, &[&end, &look.since]).await?;
        let Some(row) = rows.first() else { return Ok(Glance::All) };
        let deadline: Option<Instant> =
            column(row, "callbacks", "deadline").map_err(Failure::Other)?;
        let now: Instant = column(row, "callbacks", "now").map_err(Failure::Other)?;
        if clock.is_none() {
            settled.looked(look, now, deadline);
        }
        let now = clock.map_or(now, Clock::now);
        if deadline.is_none_or(|at| at > now) {
            let after = After { deadline, ..After::default() };
            let answer = Answer::Ticked { moved: 0, more: false };
            return Ok(Glance::Nothing(Done { answer, after }));
        }
    }
    Ok(Glance::All)
}
