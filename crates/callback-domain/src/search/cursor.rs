//! Where a page of an answer ends, as text that is posted back for the next one.

use alloc::string::String;
use alloc::vec::Vec;

use uuid::Uuid;

use super::{Query, SortValue};
use crate::id::CallbackId;

/// The place of a callback in an answer; the next page begins after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// What the callback is sorted by.
    pub value: SortValue,
    /// The callback.
    pub id: CallbackId,
}

/// Why a cursor was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CursorError {
    /// It is not one that was handed out.
    #[error("the cursor is not one that was handed out")]
    Malformed,
    /// It was handed out for another search.
    #[error("the cursor belongs to another search; it goes with the same body only")]
    OtherQuery,
}

/// The first byte, for the day when the form changes.
const FORM: u8 = 1;

impl Cursor {
    /// Writes the place as text that needs no escaping in a URL.
    ///
    /// The bytes are: the form, the query's fingerprint, the identity, the kind of value, the value.
    #[must_use]
    pub fn encode(&self, query: &Query) -> String {
        let mut bytes = Vec::new();
        bytes.push(FORM);
        bytes.extend(query.fingerprint().to_be_bytes());
        bytes.extend(self.id.0.as_bytes());
        match &self.value {
            SortValue::Null => bytes.push(0),
            SortValue::Integer(number) => {
                bytes.push(1);
                bytes.extend(number.to_be_bytes());
            }
            SortValue::Text(text) => {
                bytes.push(2);
                bytes.extend(text.as_bytes());
            }
        }
        base64(&bytes)
    }

    /// Reads the place that was handed out for this query.
    ///
    /// # Errors
    /// [`CursorError`] for any other text.
    pub fn decode(text: &str, query: &Query) -> Result<Self, CursorError> {
        let bytes = from_base64(text).ok_or(CursorError::Malformed)?;
        let (fingerprint, cursor) = Self::from_bytes(&bytes).ok_or(CursorError::Malformed)?;
        if fingerprint == query.fingerprint() { Ok(cursor) } else { Err(CursorError::OtherQuery) }
    }

    fn from_bytes(bytes: &[u8]) -> Option<(u64, Self)> {
        let (&form, rest) = bytes.split_first()?;
        let (fingerprint, rest) = rest.split_first_chunk()?;
        let (&id, rest) = rest.split_first_chunk()?;
        let (kind, rest) = rest.split_first()?;
        let value = match kind {
            0 if rest.is_empty() => SortValue::Null,
            1 => SortValue::Integer(i64::from_be_bytes(rest.try_into().ok()?)),
            2 => SortValue::Text(core::str::from_utf8(rest).ok()?.into()),
            _ => return None,
        };
        let id = CallbackId(Uuid::from_bytes(id));
        (form == FORM).then_some((u64::from_be_bytes(*fingerprint), Self { value, id }))
    }
}

/// The URL-safe alphabet of base64.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Writes base64url without padding.
fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let mut group = [0; 4];
        for (slot, byte) in group.iter_mut().skip(1).zip(chunk) {
            *slot = *byte;
        }
        let bits = u32::from_be_bytes(group);
        for digit in 0..=chunk.len() {
            let index = (bits >> (18 - 6 * digit)) & 63;
            text.push(char::from(ALPHABET[index as usize]));
        }
    }
    text
}

/// Reads base64url without padding; `None` for text that [`base64`] does not write.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 2);
    for chunk in text.as_bytes().chunks(4) {
        let mut bits = 0_u32;
        for (digit, character) in chunk.iter().enumerate() {
            let index = ALPHABET.iter().position(|known| known == character)?;
            bits |= u32::try_from(index).ok()? << (18 - 6 * digit);
        }
        bytes.extend(bits.to_be_bytes().get(1..chunk.len())?);
    }
    (base64(&bytes) == text).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::{Cursor, CursorError, base64, from_base64};
    use crate::callback::State;
    use crate::id::CallbackId;
    use crate::search::{Column, Query, SortValue};

    fn any_value() -> impl Strategy<Value = SortValue> {
        prop_oneof![
            Just(SortValue::Null),
            any::<i64>().prop_map(SortValue::Integer),
            any::<String>().prop_map(SortValue::Text),
        ]
    }

    proptest! {
        #[test]
        fn a_cursor_survives_the_way_out_and_back(value in any_value(), id: u128) {
            let cursor = Cursor { value, id: CallbackId::from_u128(id) };
            let query = Query { descending: true, ..Query::default() };
            let text = cursor.encode(&query);
            prop_assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
            prop_assert_eq!(Cursor::decode(&text, &Query::default()), Err(CursorError::OtherQuery));
            prop_assert_eq!(Cursor::decode(&text, &query), Ok(cursor));
        }

        #[test]
        fn any_text_is_decoded_or_refused(text: String, bytes: Vec<u8>) {
            let query = Query::default();
            if let Ok(cursor) = Cursor::decode(&text, &query) {
                prop_assert_eq!(cursor.encode(&query), text);
            }
            prop_assert!(Cursor::decode(&base64(&bytes), &query).is_err());
            prop_assert_eq!(from_base64(&base64(&bytes)), Some(bytes));
        }
    }

    #[test]
    fn base64_is_that_of_everybody() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg"),
            ("fo", "Zm8"),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg"),
            ("fooba", "Zm9vYmE"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
            assert_eq!(from_base64(text).as_deref(), Some(bytes.as_bytes()));
        }
        assert_eq!(base64(&[0xfb, 0xff]), "-_8");
        for refused in ["Z", "Zg==", "Zh", "Zm9v ", "Zm+v", "é", "Zm9vY"] {
            assert_eq!(from_base64(refused), None, "{refused}");
        }
    }

    #[test]
    fn a_query_that_differs_anywhere_is_another_one() {
        let query = Query::default();
        let others = [
            Query { external_task_id: Some(String::new()), ..query.clone() },
            Query { external_task_id: Some("a".into()), ..query.clone() },
            Query { caller_id: Some("a".into()), ..query.clone() },
            Query { state: Some(State::Pending), ..query.clone() },
            Query { order_by: Column::Id, ..query.clone() },
            Query { descending: true, ..query.clone() },
        ];
        for (index, other) in others.iter().enumerate() {
            assert_ne!(other.fingerprint(), query.fingerprint());
            for another in &others[index + 1..] {
                assert_ne!(other.fingerprint(), another.fingerprint());
            }
        }
    }
}
