//! The members of a JSON object, read one after the other while problems are collected.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde_json::{Map, Value};

use super::nearest::{NAME_CHARACTERS, nearest};
use super::problem::{Fault, Problem};
use crate::hours::OpeningHours;
use crate::lifecycle::Change;

/// Unknown members that are named; more are only counted.
const UNKNOWN_MEMBERS_NAMED: usize = 20;

/// Reads the members of one object and remembers which were asked for.
#[derive(Debug)]
pub(super) struct Members<'a> {
    /// What stands before each member's name in problems.
    path: String,
    /// `None` when the value is no object, which has been reported.
    object: Option<&'a Map<String, Value>>,
    asked: Vec<&'static str>,
    ignored: Vec<&'static str>,
    problems: Vec<Problem>,
}

impl<'a> Members<'a> {
    /// The members of a body.
    pub(super) fn of(body: &'a Value) -> Self {
        Self::at("", body)
    }

    fn at(member: &str, value: &'a Value) -> Self {
        let object = value.as_object();
        let mut problems = Vec::new();
        if object.is_none() {
            problems.push(Fault::wrong_type("an object").of(member));
        }
        let path = if member.is_empty() { String::new() } else { format!("{member}.") };
        Self { path, object, asked: Vec::new(), ignored: Vec::new(), problems }
    }

    /// Reads a member; `None` when it is absent, or wrong, which is reported.
    pub(super) fn read<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&'a Value) -> Result<T, Fault>,
    ) -> Option<T> {
        let value = self.present(name)?;
        read(value).map_err(|fault| self.fault(name, fault)).ok()
    }

    /// Reads a member that may not be absent.
    pub(super) fn require<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&'a Value) -> Result<T, Fault>,
    ) -> Option<T> {
        if self.present(name).is_none() && self.object.is_some() {
            self.fault(name, Fault::new("Required", "a value is required"));
        }
        self.read(name, read)
    }

    /// Reads a new value for a member that has always one.
    pub(super) fn change<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&'a Value) -> Result<T, Fault>,
    ) -> Change<T> {
        if self.raw(name).is_some_and(Value::is_null) {
            self.fault(name, Fault::new("Required", "the member cannot be null"));
        }
        self.read(name, read).map_or(Change::Keep, Change::To)
    }

    /// Reads a new value for a member that `null` removes.
    pub(super) fn removable<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&'a Value) -> Result<T, Fault>,
    ) -> Change<Option<T>> {
        let value = self.read(name, read);
        if value.is_some() || self.raw(name).is_some_and(Value::is_null) {
            return Change::To(value);
        }
        Change::Keep
    }

    /// Reads a list; each wrong item is reported by its position.
    pub(super) fn list<T>(
        &mut self,
        name: &'static str,
        limit: usize,
        read: impl Fn(&'a Value) -> Result<T, Fault>,
    ) -> Option<Vec<T>> {
        let items = self.read(name, |value| {
            let items = value.as_array().ok_or_else(|| Fault::wrong_type("a list"))?;
            if items.len() > limit {
                return Err(Fault::new("TooLong", format!("at most {limit} items are accepted")));
            }
            Ok(items)
        })?;
        let mut list = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            match read(item) {
                Ok(item) => list.push(item),
                Err(fault) => {
                    let member = format!("{}{name}[{index}]", self.path);
                    self.problems.push(fault.of(member));
                }
            }
        }
        Some(list)
    }

    /// Reads an object within this one.
    pub(super) fn object<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut Self) -> T,
    ) -> Option<T> {
        let value = self.present(name)?;
        let mut inner = Self::at(&format!("{}{name}", self.path), value);
        let result = read(&mut inner);
        self.problems.extend(inner.finish());
        Some(result)
    }

    /// Reads opening hours, which find their own problems.
    pub(super) fn opening_hours(&mut self) -> Option<OpeningHours> {
        let value = self.present("OpeningHours")?;
        OpeningHours::from_json(value)
            .map_err(|problems| self.problems.extend(problems.into_iter().map(Problem::from)))
            .ok()
    }

    /// Lets members pass without reading them.
    pub(super) fn ignore(&mut self, names: &[&'static str]) {
        self.ignored.extend(names);
    }

    /// Refuses each of these members that is there, `null` too.
    pub(super) fn refuse(&mut self, names: &[&'static str], code: &'static str, message: &str) {
        for name in names {
            if self.raw(name).is_some() {
                self.fault(name, Fault::new(code, message));
            }
        }
        self.ignore(names);
    }

    /// Whether a member is there and not `null`; it does not count as asked for.
    pub(super) fn has(&self, name: &str) -> bool {
        self.raw(name).is_some_and(|value| !value.is_null())
    }

    /// Whether a member is a list without items.
    pub(super) fn has_empty_list(&self, name: &str) -> bool {
        self.raw(name).and_then(Value::as_array).is_some_and(Vec::is_empty)
    }

    /// Reports a problem with a member.
    pub(super) fn fault(&mut self, name: &str, fault: Fault) {
        self.problems.push(fault.of(format!("{}{name}", self.path)));
    }

    /// Everything that was wrong, with the members that nobody asked for.
    pub(super) fn finish(mut self) -> Vec<Problem> {
        let unknown: Vec<&str> = self
            .object
            .into_iter()
            .flat_map(Map::keys)
            .map(String::as_str)
            .filter(|name| !self.asked.contains(name) && !self.ignored.contains(name))
            .collect();
        for name in unknown.iter().take(UNKNOWN_MEMBERS_NAMED) {
            let message = nearest(name, &self.asked).map_or_else(
                || "the member is unknown".to_owned(),
                |known| format!("the member is unknown; the nearest known one is {known}"),
            );
            self.fault(&printable(name), Fault::new("UnknownMember", message));
        }
        if let Some(more @ 1..) = unknown.len().checked_sub(UNKNOWN_MEMBERS_NAMED) {
            let message = format!("{more} more members are unknown");
            let member = self.path.trim_end_matches('.');
            self.problems.push(Fault::new("UnknownMember", message).of(member));
        }
        self.problems
    }

    fn raw(&self, name: &str) -> Option<&'a Value> {
        self.object?.get(name)
    }

    fn present(&mut self, name: &'static str) -> Option<&'a Value> {
        if !self.asked.contains(&name) {
            self.asked.push(name);
        }
        self.raw(name).filter(|value| !value.is_null())
    }
}

/// A name from outside, short and without control characters.
fn printable(name: &str) -> String {
    name.chars()
        .take(NAME_CHARACTERS)
        .map(
            |character| {
                if character.is_control() { char::REPLACEMENT_CHARACTER } else { character }
            },
        )
        .collect()
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::vec::Vec;

    use serde_json::{Map, Value, json};

    use super::Members;
    use crate::dto::value;

    #[test]
    fn a_body_that_is_no_object_is_one_problem() {
        for body in [json!(null), json!([]), json!("x"), json!(1), json!(true)] {
            let mut members = Members::of(&body);
            assert_eq!(members.require("Target", value::string), None);
            let problems = members.finish();
            assert_eq!(problems.len(), 1);
            assert_eq!((problems[0].member.as_str(), problems[0].code), ("", "WrongType"));
        }
    }

    #[test]
    fn unknown_members_are_named_up_to_a_limit_and_then_counted() {
        let body: Map<_, _> = (0..25).map(|n| (format!("x{n:02}\n"), Value::Null)).collect();
        let body = Value::Object(body);
        let mut members = Members::of(&body);
        assert_eq!(members.read("Target", value::string), None);
        let problems = members.finish();
        assert_eq!(problems.len(), 21);
        assert_eq!(problems[0].member, "x00\u{fffd}");
        assert!(problems[0].message.ends_with("nearest known one is Target"));
        assert_eq!(problems[20].message, "5 more members are unknown");
    }

    #[test]
    fn an_inner_object_and_a_list_say_where_the_problem_is() {
        let body = json!({"Outer": {"Inner": 1, "Wrong": 2}, "List": ["a", 3]});
        let mut members = Members::of(&body);
        members.object("Outer", |inner| inner.read("Inner", value::string));
        members.list("List", 2, value::string);
        let found: Vec<_> =
            members.finish().into_iter().map(|problem| (problem.member, problem.code)).collect();
        let expected = [
            ("Outer.Inner", "WrongType"),
            ("Outer.Wrong", "UnknownMember"),
            ("List[1]", "WrongType"),
        ];
        assert_eq!(found, expected.map(|(member, code)| (member.into(), code)));
    }

    #[test]
    fn a_list_that_is_too_long_is_not_read() {
        let body = json!({"List": [1, 2, 3]});
        let mut members = Members::of(&body);
        assert_eq!(members.list("List", 2, value::string), None);
        assert_eq!(members.finish()[0].code, "TooLong");
    }
}
