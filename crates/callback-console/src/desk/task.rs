//! The task in an agent's hands, from the offer to the outcome.

use axum::http::Method;
use callback_domain::attempt::Outcome;
use callback_domain::callback::Phase;
use callback_domain::date::{self, Instant};
use callback_domain::id::AgentId;
use maud::{Markup, html};
use serde_json::{Value, json};

use super::of;
use crate::failure::Failure;
use crate::form::token;
use crate::show::{badge, countdown, dial, instant, items, outside, text, words};
use crate::texts;
use crate::visit::Visit;

/// Seconds of a lease that are left when it is extended.
const EXTENDED_AT_SECONDS: i64 = 45;

/// A task as the API answers it, with what the agent has time for.
#[derive(Debug)]
pub(super) struct Task {
    answer: Value,
    /// The end of what the agent is asked to do.
    until: Option<Instant>,
    /// Since when they speak.
    since: Option<Instant>,
}

impl Task {
    /// Reads the task, and says that the agent is alive: an open desk keeps its lease.
    pub(super) async fn read(
        visit: &Visit,
        agent: AgentId,
        now: Instant,
    ) -> Result<Option<Self>, Failure> {
        let answer = visit.get(&format!("/v1.0/users/{agent}/task")).await?;
        if answer.is_null() {
            return Ok(None);
        }
        keep_lease(visit, &answer, now).await;
        // The API has let them see it; it does not tell these instants.
        let task = visit.engine().task(agent).await.ok().flatten();
        let phase = task.map(|task| task.callback.phase);
        let (until, since) = match phase {
            Some(
                Phase::Offered { until, .. }
                | Phase::Preview { until, .. }
                | Phase::Dialout { until, .. },
            ) => (Some(until), None),
            Some(Phase::Connected { since, .. }) => (None, Some(since)),
            Some(Phase::Pending | Phase::InQueue { .. } | Phase::Terminated { .. }) | None => {
                (None, None)
            }
        };
        Ok(Some(Self { answer, until, since }))
    }

    fn callback(&self) -> &Value {
        &self.answer["Callback"]
    }

    fn id(&self) -> &str {
        text(self.callback(), "Id")
    }

    fn phase(&self) -> &str {
        text(self.callback(), "Phase")
    }
}

/// Extends the lease when it runs out; that it fails is seen by what becomes of the task.
async fn keep_lease(visit: &Visit, task: &Value, now: Instant) {
    let until = task["LeaseUntil"].as_str().and_then(|until| date::parse(until).ok());
    if until.is_some_and(|until| date::add_seconds(now, EXTENDED_AT_SECONDS) > until) {
        let path = format!("/v1.0/callbacks/{}/heartbeat", text(&task["Callback"], "Id"));
        let body = json!({"LeaseToken": task["LeaseToken"]});
        let _seen_soon = visit.send(Method::POST, &path, body).await;
    }
}

pub(super) fn panel(
    visit: &Visit,
    agent: AgentId,
    task: &Task,
    services: &Value,
    now: Instant,
) -> Markup {
    let callback = task.callback();
    let service = items(services).iter().find(|known| known["Id"] == callback["ServiceId"]);
    let service = service.map_or("", |service| text(service, "Name"));
    let is_offer = task.phase() == "Offered";
    let said = format!("{} {service}", texts::OFFER_OF);
    html! {
        section.panel.task aria-labelledby="task-title" data-key=(format!("task-{}", task.id()))
            data-offer=[is_offer.then(|| task.id())] data-offer-text=[is_offer.then_some(&said)] {
            div.task-head {
                h2 #task-title { (title(task.phase())) }
                (badge(task.phase()))
                @if let Some(until) = task.until {
                    p.task-clock { (clock(task.phase())) " " (countdown(until, now)) }
                }
                @if let Some(since) = task.since {
                    p.task-clock { (texts::SPEAKING_SINCE) " " (instant(&date::format(since))) }
                }
            }
            (facts(callback, service))
            (steps(visit, agent, task))
        }
    }
}

fn title(phase: &str) -> &'static str {
    match phase {
        "Offered" => texts::TASK_OFFERED,
        "Preview" => texts::TASK_PREVIEW,
        "Dialout" => texts::TASK_DIALOUT,
        _ => texts::TASK_CONNECTED,
    }
}

fn clock(phase: &str) -> &'static str {
    match phase {
        "Offered" => texts::CLOCK_OFFER,
        "Preview" => texts::CLOCK_PREVIEW,
        _ => texts::CLOCK_DIALOUT,
    }
}

fn facts(callback: &Value, service: &str) -> Markup {
    let called = callback["AlternativeTarget"].as_str().unwrap_or_else(|| text(callback, "Target"));
    html! {
        p.task-target {
            // Whoever dials before the attempt is stored calls past every rule.
            @if matches!(text(callback, "Phase"), "Dialout" | "Connected") { (dial(called)) }
            @else { (called) }
        }
        @if let Some(description) = callback["Description"].as_str() {
            p.task-description { (description) }
        }
        @if let Some(address) = callback["ContextUrl"].as_str() {
            p { (texts::CONTEXT) ": " (outside(address)) }
        }
        dl.facts {
            dt { (texts::SERVICE) } dd { (service) }
            dt { (texts::PRIORITY) } dd { (words(text(callback, "Priority"))) }
            dt { (texts::RETRIES) }
            dd {
                (callback["RetryCount"].as_u64().unwrap_or(0)) " / "
                (callback["MaxRetries"].as_u64().unwrap_or(0))
            }
            @for (title, member) in [
                (texts::CALLER_ID, "CallerId"),
                (texts::EXTERNAL_TASK_ID, "ExternalTaskId"),
                (texts::MADE_FOR, "Initiator"),
            ] {
                @if let Some(value) = callback[member].as_str() { dt { (title) } dd { (value) } }
            }
            dt { (texts::MADE_AT) } dd { (instant(text(callback, "CreatedAt"))) }
        }
    }
}

/// What may be done now, the likeliest first.
fn steps(visit: &Visit, agent: AgentId, task: &Task) -> Markup {
    let step = |name: &str, content: Markup| {
        html! {
            form method="post" action=(format!("/console/desk/task/{name}")) {
                (token(visit)) (of(agent))
                input type="hidden" name="callback" value=(task.id());
                input type="hidden" name="LeaseToken" value=(text(&task.answer, "LeaseToken"));
                (content)
            }
        }
    };
    let button = |class: &str, text: &str| html! { button class=(class) type="submit" { (text) } };
    match task.phase() {
        "Offered" => html! {
            div.buttons {
                (step("accept", button("primary big", texts::ACCEPT)))
                (step("decline", button("big", texts::DECLINE)))
            }
        },
        "Preview" => html! {
            div.buttons { (step("dial", button("primary big", texts::DIAL))) }
        },
        "Dialout" => html! {
            @if !visit.engine().site().caps.places_calls { p.notice { (texts::DIAL_YOURSELF) } }
            div.buttons { (step("answered", button("primary big", texts::ANSWERED))) }
            (step("outcome", outcomes(&DIALOUT_OUTCOMES)))
        },
        _ => html! {
            div.buttons { (step("hangup", button("primary big", texts::DONE))) }
            (step("outcome", outcomes(&[Outcome::Voicemail, Outcome::OptedOut])))
        },
    }
}

/// What may come of a call before anybody spoke, the likeliest first.
const DIALOUT_OUTCOMES: [Outcome; 10] = [
    Outcome::NoAnswer,
    Outcome::Busy,
    Outcome::Voicemail,
    Outcome::Rejected,
    Outcome::Unreachable,
    Outcome::InvalidTarget,
    Outcome::OptedOut,
    Outcome::Completed,
    Outcome::AgentUnavailable,
    Outcome::Failed,
];

fn outcomes(of_call: &[Outcome]) -> Markup {
    html! {
        fieldset.outcome {
            legend { (texts::OUTCOME) }
            div.fields {
                div.field {
                    label for="outcome" { (texts::WHAT_CAME_OF_IT) }
                    select #outcome name="Outcome" {
                        @for outcome in of_call {
                            option value=(outcome.name()) { (words(outcome.name())) }
                        }
                    }
                }
                div.field {
                    label for="detail" { (texts::DETAIL) }
                    input #detail name="Detail" autocomplete="off";
                }
            }
            button type="submit" { (texts::REPORT) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_that_may_be_reported_is_offered() {
        for outcome in Outcome::ALL {
            assert_eq!(DIALOUT_OUTCOMES.contains(outcome), outcome.reportable(), "{outcome}");
        }
    }
}
