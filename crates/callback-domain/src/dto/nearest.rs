//! Which known name somebody may have meant.

use alloc::vec::Vec;

/// Characters of a name that are compared, and echoed.
pub(super) const NAME_CHARACTERS: usize = 64;

/// The known name with the fewest edits from `name`, whatever the case; the first of equals.
pub(super) fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    known.iter().copied().min_by_key(|candidate| edits(name, candidate))
}

/// Characters to insert, delete or replace to get from one name to the other.
fn edits(from: &str, to: &str) -> usize {
    let lower = |name: &str| -> Vec<char> {
        name.chars().take(NAME_CHARACTERS).map(|character| character.to_ascii_lowercase()).collect()
    };
    let (from, to) = (lower(from), lower(to));
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (deleted, left) in from.iter().enumerate() {
        let (mut diagonal, mut before) = (deleted, deleted + 1);
        for (cell, right) in row.iter_mut().skip(1).zip(&to) {
            let replaced = diagonal + usize::from(left != right);
            diagonal = *cell;
            before = replaced.min(diagonal + 1).min(before + 1);
            *cell = before;
        }
        if let Some(first) = row.first_mut() {
            *first = deleted + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{edits, nearest};

    #[test]
    fn edits_are_counted_and_case_is_not() {
        let table = [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
            ("target", "Target", 0),
            ("ServiceIp", "ServiceSip", 1),
            ("DueDat", "DueDate", 1),
            ("ab", "ba", 2),
        ];
        for (from, to, count) in table {
            assert_eq!(edits(from, to), count, "{from} to {to}");
            assert_eq!(edits(to, from), count, "{to} to {from}");
        }
    }

    #[test]
    fn the_nearest_name_is_the_one_that_was_meant() {
        let known = ["Target", "AlternativeTarget", "ServiceId", "ServiceSip", "DueDate"];
        for (name, meant) in [
            ("target", "Target"),
            ("AlternateTarget", "AlternativeTarget"),
            ("serviceSIP", "ServiceSip"),
            ("Duedate", "DueDate"),
        ] {
            assert_eq!(nearest(name, &known), Some(meant));
        }
        assert_eq!(nearest("anything", &[]), None);
    }

    #[test]
    fn only_the_beginning_of_a_long_name_is_compared() {
        let long = "x".repeat(1_000_000);
        assert_eq!(edits(&long, "Target"), 64);
    }
}
