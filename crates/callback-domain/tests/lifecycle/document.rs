//! `docs/LIFECYCLE.md`, written from what the machine does.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use callback_domain::attempt::Outcome;
use callback_domain::callback::{PhaseName, TerminationReason, Timer};

use super::probe::{Findings, Probed, Target};

const INTRODUCTION: &str = "\
# The life of a callback

This page is generated: a test tries every event in every phase of the machine in `callback-domain`, under open and closed services, with and without previews, retries, holds and time left, and writes down where it led.
The same test fails when this page is not what the machine does.
After a change of the machine, write it anew with `UPDATE_DOCS=1 cargo test -p callback-domain --test lifecycle`.

The state that the API shows follows from the phase: `Offered` is still `InQueue`, and `Preview`, `Dialout` and `Connected` are `Processing`.
";

#[test]
fn the_page_about_the_life_cycle_is_what_the_machine_does() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/LIFECYCLE.md");
    let page = page(&Findings::new());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).expect("the docs can be written");
    }
    let kept = std::fs::read_to_string(&path).expect("docs/LIFECYCLE.md is there");
    assert!(
        kept.replace("\r\n", "\n") == page,
        "docs/LIFECYCLE.md is not what the machine does; write it anew with \
         `UPDATE_DOCS=1 cargo test -p callback-domain --test lifecycle`",
    );
}

fn page(findings: &Findings) -> String {
    let sections = [
        INTRODUCTION.to_owned(),
        diagram(findings),
        events(findings),
        deadlines(findings),
        outcomes(findings),
        reasons(findings),
    ];
    sections.join("\n")
}

fn diagram(findings: &Findings) -> String {
    let mut arrows: BTreeMap<(PhaseName, PhaseName), BTreeSet<String>> = BTreeMap::new();
    for (probed, targets) in findings.iter() {
        for (to, _) in targets.iter().filter(|(to, _)| *to != probed.phase) {
            arrows.entry((probed.phase, *to)).or_default().insert(cause(probed));
        }
    }
    let mut text = String::from("## The phases\n\n```mermaid\nstateDiagram-v2\n");
    text.push_str("    [*] --> Pending: Create\n");
    for ((from, to), causes) in arrows {
        let causes = causes.into_iter().collect::<Vec<_>>().join(", ");
        let _written = writeln!(text, "    {} --> {}: {causes}", from.name(), to.name());
    }
    text.push_str("    Terminated --> [*]\n```\n\n");
    text.push_str("An arrow names the events, and for the clock the timers, that lead along it.\n");
    text.push_str("Events that leave a callback in its phase are in the table below.\n");
    text
}

/// The event, or the timer when it is the clock.
fn cause(probed: &Probed) -> String {
    probed.timer.map_or_else(|| probed.event.into(), |timer| format!("{timer:?}"))
}

fn events(findings: &Findings) -> String {
    let mut text = String::from("## Every event in every phase\n\n");
    text.push_str("A cell names the phases that may follow; `=` means that the callback stays in its phase, and a blank that the event is refused and changes nothing.\n");
    text.push_str("Moves carry the token of their task, and reports the attempt in progress; others are refused.\n");
    text.push_str(
        "The repetition of a move that was applied is answered again and changes nothing.\n\n",
    );
    let names: Vec<_> = PhaseName::ALL.iter().map(|phase| phase.name()).collect();
    let _written = writeln!(text, "| Event | {} |", names.join(" | "));
    let _written = writeln!(text, "| --- |{}", " --- |".repeat(names.len()));
    for event in EVENTS {
        let _written = write!(text, "| `{event}` |");
        for phase in PhaseName::ALL {
            let targets = findings.targets(|probed| probed.phase == phase && probed.event == event);
            let follows: BTreeSet<_> = targets.into_iter().map(|(to, _)| to).collect();
            let cell: Vec<_> =
                follows.iter().map(|to| if *to == phase { "=" } else { to.name() }).collect();
            let _written = write!(text, " {} |", cell.join(", "));
        }
        text.push('\n');
    }
    text
}

/// In the order of a callback's life.
const EVENTS: [&str; 19] = [
    "Tick",
    "Offer",
    "Accept",
    "Decline",
    "Dial",
    "AgentAnswered",
    "Connected",
    "Answered",
    "Ended",
    "Report",
    "HangUp",
    "Heartbeat",
    "Renew",
    "Cancel",
    "Fulfil",
    "Edit",
    "PolicyChanged",
    "PreferredGone",
    "Withdraw",
];

#[test]
fn every_event_of_the_machine_is_tried() {
    let findings = Findings::new();
    let tried: BTreeSet<_> = findings.iter().map(|(probed, _)| probed.event).collect();
    assert_eq!(tried, EVENTS.into());
    let struck: BTreeSet<_> = findings.iter().filter_map(|(probed, _)| probed.timer).collect();
    assert_eq!(struck, TIMERS.into());
    let ends = findings.targets(|_| true).into_iter().filter_map(|(_, reason)| reason);
    assert_eq!(ends.collect::<BTreeSet<_>>(), TerminationReason::ALL.into());
}

fn deadlines(findings: &Findings) -> String {
    let mut text = String::from("## Deadlines\n\n");
    text.push_str("A callback is looked at when its earliest deadline passes; at one instant, the timer further up in its phase's rows goes first.\n\n");
    text.push_str("| Phase | Timer | Passes | What follows |\n| --- | --- | --- | --- |\n");
    for phase in PhaseName::ALL {
        for timer in TIMERS {
            let targets =
                findings.targets(|probed| probed.phase == phase && probed.timer == Some(timer));
            if !targets.is_empty() {
                let _written = writeln!(
                    text,
                    "| {} | `{timer:?}` | {} | {} |",
                    phase.name(),
                    passes(timer),
                    list(&targets, phase),
                );
            }
        }
    }
    text.push_str("\nThe wait and the hold run in `InQueue` and `Offered`, and only while the service is open.\n");
    text.push_str("They stand still in `Preview` and `Dialout`, and are looked at again when the callback comes back.\n");
    text.push_str("A callback that comes due while the service is closed stays `Pending`, until the next opening or for an hour if the calendar has none.\n");
    text.push_str("One whose wait would be over stays `InQueue` when an edit of the service has moved that end meanwhile.\n");
    text
}

/// In the order in which they go at one instant.
const TIMERS: [Timer; 9] = [
    Timer::LeaseLost,
    Timer::WaitOver,
    Timer::Due,
    Timer::BackOffOver,
    Timer::HoldOver,
    Timer::OfferMissed,
    Timer::PreviewOver,
    Timer::AgentRangOut,
    Timer::CustomerRangOut,
];

const fn passes(timer: Timer) -> &'static str {
    match timer {
        Timer::LeaseLost => "60 s after the last sign of life of the agent, dialler or driver",
        Timer::WaitOver => "when the allowed wait is used up",
        Timer::Due => "at the due date",
        Timer::BackOffOver => "1 s after a failed attempt, doubling to 60 s with each in a row",
        Timer::HoldOver => "when the preferred agent's time is used up",
        Timer::OfferMissed => "`RonaTimeoutInSeconds` after the offer",
        Timer::PreviewOver => "`PreviewTimeInSeconds` after the acceptance",
        Timer::AgentRangOut => "`RonaTimeoutInSeconds` after the agent's phone was rung",
        Timer::CustomerRangOut => "`MaxDialoutTimeInSeconds` after the customer's was",
    }
}

fn outcomes(findings: &Findings) -> String {
    let mut text = String::from("## Outcomes of an attempt\n\n");
    text.push_str("What follows when the driver reports the end of an attempt, by its outcome, and in which phases an agent may report the same.\n");
    text.push_str(
        "A service may forbid a retry after an outcome, or give it a delay of its own.\n",
    );
    text.push_str(
        "A call that was `Cancelled` although nobody had ordered that counts as `Lost`.\n\n",
    );
    text.push_str("| Outcome | Uses a retry | Ended in `Dialout` | Ended in `Connected` | Reported by the agent |\n");
    text.push_str("| --- | --- | --- | --- | --- |\n");
    for outcome in Outcome::ALL.iter().copied() {
        let ended = |phase| {
            let targets = findings.targets(|probed| {
                (probed.phase, probed.event, probed.outcome) == (phase, "Ended", Some(outcome))
            });
            list(&targets, phase)
        };
        let phases = [PhaseName::Dialout, PhaseName::Connected].into_iter().filter(|phase| {
            let reported = (*phase, "Report", Some(outcome));
            let is_it = |probed: &Probed| (probed.phase, probed.event, probed.outcome) == reported;
            !findings.targets(is_it).is_empty()
        });
        let phases: Vec<_> = phases.map(PhaseName::name).collect();
        let _written = writeln!(
            text,
            "| `{outcome}` | {} | {} | {} | {} |",
            if outcome.consumes_retry() { "yes" } else { "" },
            ended(PhaseName::Dialout),
            ended(PhaseName::Connected),
            phases.join(", "),
        );
    }
    text
}

fn reasons(findings: &Findings) -> String {
    let mut text = String::from("## Reasons of termination\n\n");
    text.push_str("| Reason | In | By |\n| --- | --- | --- |\n");
    for reason in TerminationReason::ALL {
        let ends: Vec<_> = findings
            .iter()
            .filter(|(probed, targets)| {
                probed.phase != PhaseName::Terminated
                    && targets.contains(&(PhaseName::Terminated, Some(reason)))
            })
            .map(|(probed, _)| probed)
            .collect();
        let phases: BTreeSet<_> = ends.iter().map(|probed| probed.phase).collect();
        let phases: Vec<_> = phases.into_iter().map(PhaseName::name).collect();
        let causes: BTreeSet<_> =
            ends.iter().map(|probed| format!("`{}`", cause(probed))).collect();
        let causes: Vec<_> = causes.into_iter().collect();
        let _written = writeln!(
            text,
            "| `{}` | {} | {} |",
            reason.name(),
            phases.join(", "),
            causes.join(", ")
        );
    }
    text
}

fn list(targets: &BTreeSet<Target>, phase: PhaseName) -> String {
    let names = targets.iter().map(|(to, reason)| match reason {
        Some(reason) => format!("{} ({})", to.name(), reason.name()),
        None if *to == phase => "=".into(),
        None => to.name().into(),
    });
    names.collect::<Vec<_>>().join(", ")
}
