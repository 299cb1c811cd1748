//! Texts of the supervisor's page.

pub(crate) const TITLE: &str = "Supervisor";
pub(crate) const ALL_SERVICES: &str = "All services";
pub(crate) const SERVICE: &str = "Service";
pub(crate) const DAY: &str = "Day";
pub(crate) const SHOW: &str = "Show";

// Right now.
pub(crate) const WAITING: &str = "Waiting";
pub(crate) const IN_A_CALL: &str = "Offered or called";
pub(crate) const READY_AGENTS: &str = "Agents ready";
pub(crate) const OLDEST_WAIT: &str = "Longest wait";
pub(crate) const RIGHT_NOW: &str = "Right now";

// Queues.
pub(crate) const QUEUES: &str = "Queues";
pub(crate) const STATUS: &str = "Status";
pub(crate) const OPEN: &str = "Open";
pub(crate) const CLOSED: &str = "Closed";
pub(crate) const BY_PRIORITY: &str = "By priority";
pub(crate) const LIVE: &str = "Live";
pub(crate) const AGENTS: &str = "Agents";
pub(crate) const NO_SERVICES: &str = "There are no services yet.";
pub(crate) const READY: &str = "ready";
pub(crate) const OCCUPIED: &str = "occupied";
pub(crate) const AFTER_CALL_WORK: &str = "after-call work";
pub(crate) const IN_RONA: &str = "RONA";
pub(crate) const AWAY: &str = "away";

// Agents.
pub(crate) const NAME: &str = "Name";
pub(crate) const STATE: &str = "State";
pub(crate) const SINCE: &str = "Since";
pub(crate) const SERVICES: &str = "Services";
pub(crate) const PRESENCE: &str = "Presence";
pub(crate) const NO_AGENTS: &str = "There are no agents yet.";
pub(crate) const RESET_RONA: &str = "Reset RONA";
pub(crate) const NOT_SELECTABLE: &str = "Not selectable";
pub(crate) const ON_A_TASK: &str = "On a task";
pub(crate) const WORKS_AFTER_CALL: &str = "After-call work";
pub(crate) const RONA: &str = "RONA";

// The day.
pub(crate) const THE_DAY: &str = "The day";
pub(crate) const EARLIER: &str = "Day before";
pub(crate) const LATER: &str = "Day after";
pub(crate) const HOUR: &str = "Hour";
pub(crate) const ARRIVALS: &str = "Arrivals";
pub(crate) const ARRIVALS_HOW: &str = "Callbacks asked for";
pub(crate) const ATTEMPTS: &str = "Attempts by outcome";
pub(crate) const ATTEMPTS_HOW: &str = "By the hour in which they were placed";
pub(crate) const WAITS: &str = "Wait to the first call";
pub(crate) const WAITS_HOW: &str = "Minutes from the place in the queue";
pub(crate) const PROMISES: &str = "Promises";
pub(crate) const PROMISES_HOW: &str =
    "Kept: over after a conversation. Broken: the wait was used up.";
pub(crate) const AVERAGE: &str = "Average";
pub(crate) const LONGEST: &str = "Longest";
pub(crate) const KEPT: &str = "Kept";
pub(crate) const BROKEN: &str = "Broken";
pub(crate) const REACHED: &str = "Reached";
pub(crate) const BUSY_OR_NO_ANSWER: &str = "Busy or no answer";
pub(crate) const MACHINE: &str = "Voicemail";
pub(crate) const OTHER: &str = "Other";
pub(crate) const NOTHING_YET: &str = "Nothing yet";
pub(crate) const AS_A_TABLE: &str = "The figures as a table";
pub(crate) const NO_SUCH_DAY: &str = "That is no date; the present day is shown.";

/// Which clock the hours are by.
pub(crate) fn times_in(zone: &str) -> String {
    format!("Hours are in {zone}.")
}

/// What a chart says to whoever does not see it.
pub(crate) fn chart_sum(title: &str, sums: &str) -> String {
    format!("{title} by the hour. {sums}. Every figure is in the table below the charts.")
}

/// The name of the buttons by which somebody's presence is chosen.
pub(crate) fn presence_of(name: &str) -> String {
    format!("Presence of {name}")
}
