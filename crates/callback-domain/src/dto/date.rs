//! Instants in answers.

use serde::{Serialize as _, Serializer};

use crate::date::{self, Instant};

pub(super) fn write<S: Serializer>(at: &Instant, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&date::format(*at))
}

#[expect(clippy::ref_option, reason = "serde hands over a reference to the member")]
pub(super) fn write_optional<S: Serializer>(
    at: &Option<Instant>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    at.map(date::format).serialize(serializer)
}
