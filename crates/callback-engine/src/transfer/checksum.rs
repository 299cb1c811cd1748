//! Counts and checksums over records in the order of their keys.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::Record;

/// How many records of a kind there are, and a checksum over all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// How many.
    pub records: u64,
    /// SHA-256 over the canonical forms, each ended by a line feed, in lower-case hexadecimal.
    pub checksum: String,
}

/// A tally that is being taken.
#[derive(Debug, Default)]
pub(super) struct Tallying {
    records: u64,
    digest: Sha256,
}

impl Tallying {
    pub(super) fn add(&mut self, record: &Record) {
        // Nothing in a record is without JSON form: every key of a map is a text.
        self.digest.update(serde_json::to_string(record).unwrap_or_default());
        // Within JSON a line feed is escaped.
        self.digest.update(b"\n");
        self.records += 1;
    }

    pub(super) fn end(self) -> Tally {
        let mut checksum = String::with_capacity(64);
        for byte in self.digest.finalize() {
            let _infallible = write!(checksum, "{byte:02x}");
        }
        Tally { records: self.records, checksum }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn tally(records: &[Record]) -> Tally {
        let mut tallying = Tallying::default();
        records.iter().for_each(|record| tallying.add(record));
        tallying.end()
    }

    #[test]
    fn every_record_and_their_order_count() {
        let [one, other] = [1, 2].map(|number| Record::Installation(Uuid::from_u128(number)));
        let both = tally(&[one.clone(), other.clone()]);
        assert_eq!(both.records, 2);
        assert_eq!(both, tally(&[one.clone(), other.clone()]));
        assert_ne!(both.checksum, tally(&[other, one.clone()]).checksum);
        assert_ne!(both.checksum, tally(&[one]).checksum);
    }

    #[test]
    fn the_canonical_form_is_json_and_a_line_feed() {
        // As `printf '{"Installation":"00000000-0000-0000-0000-000000000001"}\n' | sha256sum` says.
        let expected = "ef42d7a5680d91711bd1c5dad9187da63317ebf52ef165e8675e0d89fdec652e";
        assert_eq!(tally(&[Record::Installation(Uuid::from_u128(1))]).checksum, expected);
    }
}
