//! Forms: what was filled in, the body that the API takes, and what is wrong beside each field.
//!
//! A field has the name of the API's member, so that the API's problems find it.

use axum::body::Bytes;
use maud::{Markup, html};
use serde_json::{Map, Value};

use crate::failure::Failure;
use crate::texts;
use crate::visit::Visit;

/// The name of the field that proves where a form comes from.
const TOKEN: &str = "token";

/// What was filled into a form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filled(Vec<(String, String)>);

impl Filled {
    /// Reads a form as browsers send it.
    pub(crate) fn read(body: &Bytes) -> Self {
        Self(form_urlencoded::parse(body).into_owned().collect())
    }

    /// As if somebody had filled it in so.
    pub(crate) fn of(fields: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        Self(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// As the API's answer says it, to be changed.
    pub(crate) fn of_answer(members: &[Member], answer: &Value) -> Self {
        let mut filled = Self::default();
        for member in members {
            member.write(&answer[member.name], &mut filled);
        }
        filled
    }

    /// Fills another field in, beside those of the same name.
    pub(crate) fn add(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.push((name.into(), value.into()));
    }

    /// Forgets all fields of a name.
    pub(crate) fn remove(&mut self, name: &str) {
        self.0.retain(|(given, _)| given != name);
    }

    /// What is in all fields of a name, in their order, the empty ones too.
    pub(crate) fn every<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        self.0.iter().filter(move |(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// What is in one of the fields of a name.
    pub(crate) fn nth(&self, name: &str, at: usize) -> Option<&str> {
        self.0.iter().filter(|(given, _)| given == name).nth(at).map(|(_, value)| value.as_str())
    }

    pub(crate) fn has_token(&self, token: &str) -> bool {
        self.text(TOKEN) == Some(token)
    }

    /// What is in a field; `None` when the form has no such field.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// What is in a field, unless that is nothing.
    pub(crate) fn some(&self, name: &str) -> Option<&str> {
        self.text(name).filter(|text| !text.trim().is_empty())
    }

    /// What is in all fields of a name, unless that is nothing.
    pub(crate) fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        let of_name = self.0.iter().filter(move |(given, _)| given == name);
        of_name.map(|(_, value)| value.as_str()).filter(|text| !text.trim().is_empty())
    }

    /// The body for the API: what is empty is left out.
    pub(crate) fn body(&self, members: &[Member]) -> Value {
        let read = |member: &Member| Some((member.name.to_owned(), member.read(self)?));
        Value::Object(members.iter().filter_map(read).collect::<Map<_, _>>())
    }
}

/// One member of a body, and what it is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    pub(crate) name: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Text,
    Number,
    Flag,
    List,
    Lines,
}

impl Member {
    /// A text, or one of several words.
    pub(crate) const fn text(name: &'static str) -> Self {
        Self { name, kind: Kind::Text }
    }

    /// A whole number; what is none goes to the API as it is, which says what it expected.
    pub(crate) const fn number(name: &'static str) -> Self {
        Self { name, kind: Kind::Number }
    }

    /// A box that is ticked or not; never left out.
    pub(crate) const fn flag(name: &'static str) -> Self {
        Self { name, kind: Kind::Flag }
    }

    /// Several boxes of one name; never left out.
    pub(crate) const fn list(name: &'static str) -> Self {
        Self { name, kind: Kind::List }
    }

    /// A text of several lines, each an entry; left out when there are none.
    pub(crate) const fn lines(name: &'static str) -> Self {
        Self { name, kind: Kind::Lines }
    }

    fn write(self, value: &Value, filled: &mut Filled) {
        let texts = || value.as_array().into_iter().flatten().filter_map(Value::as_str);
        match self.kind {
            Kind::Text => filled.add(self.name, value.as_str().unwrap_or_default()),
            Kind::Number => {
                filled.add(self.name, value.as_i64().map_or_else(String::new, |n| n.to_string()));
            }
            Kind::Flag => {
                if value == true {
                    filled.add(self.name, "true");
                }
            }
            Kind::List => texts().for_each(|text| filled.add(self.name, text)),
            Kind::Lines => filled.add(self.name, texts().collect::<Vec<_>>().join("\n")),
        }
    }

    fn read(self, filled: &Filled) -> Option<Value> {
        let name = self.name;
        match self.kind {
            Kind::Text => filled.some(name).map(Value::from),
            Kind::Number => filled.some(name).map(|text| {
                text.trim().parse::<i64>().map_or_else(|_| Value::from(text), Value::from)
            }),
            Kind::Flag => Some(Value::from(filled.text(name).is_some())),
            Kind::List => Some(filled.all(name).map(Value::from).collect()),
            Kind::Lines => filled.some(name).map(|text| {
                let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
                lines.map(Value::from).collect()
            }),
        }
    }
}

/// The hidden field that every form needs.
pub(crate) fn token(visit: &Visit) -> Markup {
    html! { input type="hidden" name=(TOKEN) value=(visit.0.token); }
}

/// A form as it is shown: what was filled in, and what is wrong with it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Form<'f> {
    pub(crate) filled: &'f Filled,
    pub(crate) failure: Option<&'f Failure>,
}

/// How a field looks beside its name.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Look<'l> {
    /// What stands below the field.
    pub(crate) hint: Option<&'l str>,
    /// What stands in the empty field.
    pub(crate) example: Option<&'l str>,
    /// Whether it may not be empty.
    pub(crate) required: bool,
    /// What browsers take it for: `text` unless another is given.
    pub(crate) kind: Option<&'l str>,
    /// Values to choose from while typing: the id of a `datalist`.
    pub(crate) list: Option<&'l str>,
}

impl Form<'_> {
    /// A field of one line.
    pub(crate) fn input(&self, name: &str, label: &str, look: Look<'_>) -> Markup {
        let value = self.filled.text(name).unwrap_or_default();
        self.field(name, label, look, |id, described, invalid| {
            html! {
                input id=(id) name=(name) type=(look.kind.unwrap_or("text")) value=(value)
                    required[look.required] placeholder=[look.example] list=[look.list]
                    autocomplete="off" aria-describedby=[described] aria-invalid=[invalid];
            }
        })
    }

    /// A field of several lines.
    pub(crate) fn area(&self, name: &str, label: &str, look: Look<'_>) -> Markup {
        let value = self.filled.text(name).unwrap_or_default();
        self.field(name, label, look, |id, described, invalid| {
            html! {
                textarea id=(id) name=(name) rows="3" required[look.required]
                    placeholder=[look.example] aria-describedby=[described] aria-invalid=[invalid]
                    { (value) }
            }
        })
    }

    /// A choice of one: values with what people read.
    pub(crate) fn select(
        &self,
        name: &str,
        label: &str,
        look: Look<'_>,
        options: &[(String, String)],
    ) -> Markup {
        let chosen = self.filled.text(name).unwrap_or_default();
        self.field(name, label, look, |id, described, invalid| {
            html! {
                select id=(id) name=(name) required[look.required]
                    aria-describedby=[described] aria-invalid=[invalid] {
                    @for (value, text) in options {
                        option value=(value) selected[value == chosen] { (text) }
                    }
                }
            }
        })
    }

    /// A box to tick.
    pub(crate) fn tick(&self, name: &str, label: &str, look: Look<'_>) -> Markup {
        let ticked = self.filled.text(name).is_some();
        let (id, problems) = (id_of(name), self.problems(name));
        let described = described(&id, look, &problems);
        html! {
            div.field.tick {
                input id=(id) name=(name) type="checkbox" value="true" checked[ticked]
                    aria-describedby=[described] aria-invalid=[(!problems.is_empty()).then_some("true")];
                label for=(id) { (label) }
                (below(&id, look, &problems))
            }
        }
    }

    /// Boxes of one name to tick: values with what people read.
    pub(crate) fn ticks(
        &self,
        name: &str,
        label: &str,
        look: Look<'_>,
        options: &[(String, String)],
    ) -> Markup {
        let (id, problems) = (id_of(name), self.problems(name));
        let described = described(&id, look, &problems);
        html! {
            fieldset.ticks aria-describedby=[described] {
                legend { (label) }
                div.tick-list {
                    @for (value, text) in options {
                        @let ticked = self.filled.every(name).any(|given| given == value);
                        label.tick-item {
                            input type="checkbox" name=(name) value=(value) checked[ticked];
                            span { (text) }
                        }
                    }
                }
                (below(&id, look, &problems))
            }
        }
    }

    /// What is wrong with the form as a whole; `shown` are the members that have a field.
    pub(crate) fn summary(&self, shown: &[&str]) -> Markup {
        let rest = self.failure.map(|failure| failure.rest(shown));
        html! {
            @if let Some(rest) = rest {
                div.notice.bad role="alert" tabindex="-1" data-focus {
                    strong { (texts::NOT_DONE) }
                    @if rest.is_empty() { p { (texts::SEE_FIELDS) } }
                    @for message in rest { p { (message) } }
                }
            }
        }
    }

    fn problems(&self, name: &str) -> Vec<&str> {
        let all = self.failure.map(|failure| failure.problems.as_slice()).unwrap_or_default();
        let of_field = all.iter().filter(|problem| problem.is_of_field(name));
        of_field.map(|problem| problem.message.as_str()).collect()
    }

    fn field(
        &self,
        name: &str,
        label: &str,
        look: Look<'_>,
        control: impl FnOnce(&str, Option<String>, Option<&str>) -> Markup,
    ) -> Markup {
        let (id, problems) = (id_of(name), self.problems(name));
        let invalid = (!problems.is_empty()).then_some("true");
        html! {
            div.field {
                label for=(id) {
                    (label)
                    @if look.required { span.required aria-hidden="true" { " *" } }
                }
                (control(&id, described(&id, look, &problems), invalid))
                (below(&id, look, &problems))
            }
        }
    }
}

fn id_of(name: &str) -> String {
    format!("field-{}", name.to_ascii_lowercase().replace('.', "-"))
}

fn described(id: &str, look: Look<'_>, problems: &[&str]) -> Option<String> {
    let hint = look.hint.map(|_| format!("{id}-hint"));
    let problem = (!problems.is_empty()).then(|| format!("{id}-problem"));
    let ids: Vec<String> = hint.into_iter().chain(problem).collect();
    (!ids.is_empty()).then(|| ids.join(" "))
}

fn below(id: &str, look: Look<'_>, problems: &[&str]) -> Markup {
    html! {
        @if let Some(hint) = look.hint { p.hint id=(format!("{id}-hint")) { (hint) } }
        @if !problems.is_empty() {
            div.problem id=(format!("{id}-problem")) {
                @for problem in problems { p { (problem) } }
            }
        }
    }
}
