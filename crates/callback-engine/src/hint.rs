//! What one node tells the others after a commit, so that they need not wait until they look.
//!
//! A hint may be lost or come twice; whoever gets it looks for itself.

use std::collections::BTreeSet;

use callback_domain::date::Instant;
use callback_domain::id::{AgentId, ServiceId};
use serde::{Deserialize, Serialize};

use crate::command::After;

/// What another node's commit may have changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hint {
    /// Services to dispatch.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub services: BTreeSet<ServiceId>,
    /// Agents to dispatch to.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub agents: BTreeSet<AgentId>,
    /// The earliest deadline that was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Instant>,
    /// The ledger grew.
    pub lines: bool,
    /// Attempts are to be stopped, perhaps of the receiver's.
    pub stops: bool,
    /// Services were made, edited or removed.
    pub services_edited: bool,
    /// Deadlines are to be computed anew.
    pub recalculate: bool,
    /// Webhooks were changed, so that there may be something to hand out.
    pub webhooks: bool,
    /// There is something new to deliver.
    pub deliveries: bool,
    /// Too much to be named: everything is to be looked at.
    pub survey: bool,
}

impl Hint {
    /// The hint of one who does not know what was missed.
    #[must_use]
    pub fn of_anything() -> Self {
        Self {
            lines: true,
            stops: true,
            services_edited: true,
            webhooks: true,
            deliveries: true,
            survey: true,
            ..Self::default()
        }
    }

    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Says what another hint says, too.
    pub fn merge(&mut self, other: Self) {
        self.services.extend(other.services);
        self.agents.extend(other.agents);
        self.deadline = [self.deadline, other.deadline].into_iter().flatten().min();
        self.lines |= other.lines;
        self.stops |= other.stops;
        self.services_edited |= other.services_edited;
        self.recalculate |= other.recalculate;
        self.webhooks |= other.webhooks;
        self.deliveries |= other.deliveries;
        self.survey |= other.survey;
    }

    /// The same with less to carry: what it names becomes a survey.
    #[must_use]
    pub fn shortened(self) -> Self {
        Self { services: BTreeSet::new(), agents: BTreeSet::new(), survey: true, ..self }
    }
}

impl From<&After> for Hint {
    fn from(after: &After) -> Self {
        Self {
            services: after.services.clone(),
            agents: after.agents.clone(),
            deadline: after.deadline,
            lines: after.lines > 0,
            stops: !after.stop.is_empty(),
            services_edited: after.services_edited,
            recalculate: after.recalculate,
            webhooks: after.webhooks,
            deliveries: after.deliveries,
            survey: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortened_hint_asks_for_a_look_at_everything() {
        let mut hint = Hint { lines: true, ..Hint::default() };
        hint.merge(Hint { agents: BTreeSet::from([AgentId::from_u128(1)]), ..Hint::default() });
        assert!(!hint.is_empty() && !hint.survey);
        let short = hint.shortened();
        assert!(short.survey && short.lines && short.agents.is_empty());
    }
}
