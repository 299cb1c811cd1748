//! What of all callbacks is looked at, as the address of the page says.

use axum::http::{HeaderMap, Method, header};
use callback_http::Glance;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::PATH;
use crate::ask::{Question, ask};
use crate::failure::Failure;
use crate::show::{encoded, items};
use crate::visit::Visit;

/// Callbacks on one page.
const ROWS: usize = 50;
/// Earlier pages that can be gone back to.
const TRAIL: usize = 30;

/// What is shown, in which order, and which part of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct View {
    /// A number, an address, an identity, or the key of the one who asked.
    pub(super) search: String,
    /// `Open`, `All`, or a state; `Open` when empty.
    pub(super) state: String,
    pub(super) service: String,
    pub(super) priority: String,
    pub(super) agent: String,
    /// The member that it is sorted by.
    pub(super) sort: String,
    pub(super) descending: bool,
    /// Where the page begins; empty for the first.
    pub(super) cursor: String,
    /// Where the pages before it began, from the second on.
    pub(super) trail: Vec<String>,
    /// The callback that is open beside the list.
    pub(super) open: Option<String>,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) callbacks: Vec<Value>,
    /// Where the next page begins.
    pub(super) next: Option<String>,
}

impl View {
    /// Reads the query of an address; what is not known is passed over.
    pub(super) fn read(query: &str) -> Self {
        let mut view = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let value = value.trim().to_owned();
            match name.as_ref() {
                "search" => view.search = value,
                "state" => view.state = value,
                "service" => view.service = value,
                "priority" => view.priority = value,
                "agent" => view.agent = value,
                "sort" => view.sort = value,
                "order" => view.descending = value == "down",
                "cursor" => view.cursor = value,
                "trail" => view.trail = value.split('.').map(str::to_owned).collect(),
                // Only an identity has a place in a path.
                "open" => view.open = Uuid::try_parse(&value).ok().map(|id| id.to_string()),
                _ => {}
            }
        }
        view.trail.retain(|cursor| !cursor.is_empty());
        view.trail.truncate(TRAIL);
        view
    }

    /// The address of this view.
    pub(super) fn address(&self) -> String {
        let trail = self.trail.join(".");
        let open = self.open.as_deref().unwrap_or_default();
        let parts = [
            ("search", self.search.as_str()),
            ("state", &self.state),
            ("service", &self.service),
            ("priority", &self.priority),
            ("agent", &self.agent),
            ("sort", &self.sort),
            ("order", if self.descending { "down" } else { "" }),
            ("cursor", &self.cursor),
            ("trail", &trail),
            ("open", open),
        ];
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in parts.into_iter().filter(|(_, value)| !value.is_empty()) {
            query.append_pair(name, value);
        }
        let query = query.finish();
        if query.is_empty() { PATH.to_owned() } else { format!("{PATH}?{query}") }
    }

    /// With a callback open, or none.
    pub(super) fn opening(&self, id: Option<&str>) -> Self {
        Self { open: id.map(str::to_owned), ..self.clone() }
    }

    /// Its first page, with nothing open.
    pub(super) fn first_page(&self) -> Self {
        Self { cursor: String::new(), trail: Vec::new(), open: None, ..self.clone() }
    }

    /// The page after this one.
    pub(super) fn next(&self, cursor: &str) -> Self {
        let mut trail = self.trail.clone();
        if !self.cursor.is_empty() {
            trail.insert(0, self.cursor.clone());
            trail.truncate(TRAIL);
        }
        Self { cursor: cursor.to_owned(), trail, open: None, ..self.clone() }
    }

    /// The page before this one; the first when it is not known any more.
    pub(super) fn previous(&self) -> Option<Self> {
        if self.cursor.is_empty() {
            return None;
        }
        let mut trail = self.trail.clone().into_iter();
        let cursor = trail.next().unwrap_or_default();
        Some(Self { cursor, trail: trail.collect(), open: None, ..self.clone() })
    }

    /// Sorted by a member, the other way round if it was already.
    pub(super) fn sorted_by(&self, member: &str) -> Self {
        let descending = self.sort() == member && !self.descending;
        Self { sort: member.to_owned(), descending, ..self.first_page() }
    }

    pub(super) fn sort(&self) -> &str {
        if self.sort.is_empty() { "DueDate" } else { &self.sort }
    }

    pub(super) fn state(&self) -> &str {
        if self.state.is_empty() { "Open" } else { &self.state }
    }

    /// Whether anything narrows it beside the state.
    pub(super) fn is_narrowed(&self) -> bool {
        [&self.search, &self.service, &self.priority, &self.agent]
            .iter()
            .any(|part| !part.is_empty())
    }

    /// Asks the API for what is shown.
    pub(super) async fn find(&self, visit: &Visit) -> Result<Found, Failure> {
        let search = self.search.as_str();
        if search.is_empty() {
            return self.ask(visit, None).await;
        }
        if Uuid::try_parse(search).is_ok() {
            return one(visit, search).await;
        }
        let as_target = self.ask(visit, Some(("Target", target(search)))).await;
        match as_target {
            Ok(found) if !found.callbacks.is_empty() => return Ok(found),
            Err(failure) if !failure.is_of_form() => return Err(failure),
            Ok(_) | Err(_) => {}
        }
        self.ask(visit, Some(("ExternalTaskId", search.to_owned()))).await
    }

    async fn ask(&self, visit: &Visit, searched: Option<(&str, String)>) -> Result<Found, Failure> {
        let state = match self.state() {
            "Open" | "All" => "",
            state => state,
        };
        let members = [
            ("State", state),
            ("ServiceId", &self.service),
            ("Priority", &self.priority),
            ("Agent", &self.agent),
            ("OrderBy", self.sort()),
            ("SortOrder", if self.descending { "Descending" } else { "Ascending" }),
        ];
        let given = members.into_iter().filter(|(_, value)| !value.is_empty());
        let mut body: Map<String, Value> =
            given.map(|(name, value)| (name.to_owned(), Value::from(value))).collect();
        body.extend(searched.map(|(name, value)| (name.to_owned(), Value::from(value))));
        body.insert("Limit".to_owned(), Value::from(ROWS));
        let path = match self.cursor.as_str() {
            "" => "/v1.0/callbacks/search".to_owned(),
            cursor => format!("/v1.0/callbacks/search?cursor={}", encoded(cursor)),
        };
        // What is searched for is found whatever became of it.
        let live = self.state() == "Open" && searched_for_nothing(&body);
        let question = Question {
            glance: Some(Glance { live }),
            ..Question::new(Method::POST, &path, Some(Value::Object(body)))
        };
        let answer = ask(visit, question).await?;
        Ok(Found { next: next_of(&answer.headers), callbacks: items(&answer.body).to_vec() })
    }
}

fn searched_for_nothing(body: &Map<String, Value>) -> bool {
    !body.contains_key("Target") && !body.contains_key("ExternalTaskId")
}

/// The callback with an identity, or with it as the key of whoever asked for it.
async fn one(visit: &Visit, id: &str) -> Result<Found, Failure> {
    match visit.get(&format!("/v1.0/callbacks?externalTaskId={}", encoded(id))).await {
        Ok(callback) => Ok(Found { callbacks: vec![callback], next: None }),
        Err(failure) if failure.code == "CallbackNotFound" => Ok(Found::default()),
        Err(failure) => Err(failure),
    }
}

/// What was typed as the API takes an address: a bare number is a telephone's.
pub(super) fn target(text: &str) -> String {
    let is_number = text.chars().all(|it| it.is_ascii_digit() || " +-()./".contains(it));
    match text {
        number if is_number && !number.is_empty() => format!("tel:{number}"),
        address if address.contains('@') && !address.contains(':') => format!("sip:{address}"),
        address => address.to_owned(),
    }
}

/// Where the next page begins, as the link of an answer says.
fn next_of(headers: &HeaderMap) -> Option<String> {
    let link = headers.get(header::LINK)?.to_str().ok()?;
    let (_, rest) = link.split_once("cursor=")?;
    rest.split_once('>').map(|(cursor, _)| cursor.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_back_as_the_view_it_came_from() {
        let view = View {
            search: "+41 78 & more".to_owned(),
            state: "InQueue".to_owned(),
            sort: "Priority".to_owned(),
            descending: true,
            cursor: "c3".to_owned(),
            trail: vec!["c2".to_owned(), "c1".to_owned()],
            open: Some(Uuid::from_u128(7).to_string()),
            ..View::default()
        };
        let address = view.address();
        assert_eq!(View::read(address.split_once('?').unwrap().1), view);
    }

    #[test]
    fn pages_lead_forth_and_back_to_the_first() {
        let first = View::default();
        let third = first.next("c2").next("c3");
        assert_eq!(third.previous().unwrap(), first.next("c2"));
        assert_eq!(third.previous().unwrap().previous().unwrap(), first);
        assert_eq!(first.previous(), None);
    }

    #[test]
    fn only_an_identity_is_opened() {
        assert_eq!(View::read("open=x%2Fcancel").open, None);
    }

    #[test]
    fn a_bare_number_is_a_telephone_and_a_bare_address_is_sip() {
        assert_eq!(target("+41 78 555"), "tel:+41 78 555");
        assert_eq!(target("ada@dev.local"), "sip:ada@dev.local");
        assert_eq!(target("CRM-7"), "CRM-7");
    }
}
