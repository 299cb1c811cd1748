//! Requests for access keys: read whole, every problem at once.

#![expect(clippy::unwrap_used, reason = "a test that panics fails")]

use callback_domain::dto::{KeyRequest, Role};
use serde_json::{Value, json};

const ID: &str = "0f3cf4cd-71f9-4224-a415-3aa5b37bfd59";

fn faults(body: &Value) -> Vec<(String, &'static str)> {
    let problems = KeyRequest::read(body).unwrap_err();
    problems.0.into_iter().map(|problem| (problem.member, problem.code)).collect()
}

#[test]
fn a_key_is_read_with_what_its_role_allows() {
    let plain = KeyRequest::read(&json!({"Name": "shop", "Role": "Integrator"})).unwrap();
    assert_eq!((plain.role, plain.user, plain.expires_in_seconds), (Role::Integrator, None, None));
    assert_eq!(plain.services, None);
    let body =
        json!({"Name": "s", "Role": "Supervisor", "Services": [ID, ID], "ExpiresInSeconds": 60});
    let scoped = KeyRequest::read(&body).unwrap();
    assert_eq!(scoped.services.unwrap().len(), 1);
    assert_eq!(scoped.expires_in_seconds, Some(60));
    let agent = KeyRequest::read(&json!({"Name": "a", "Role": "Agent", "UserId": ID})).unwrap();
    assert_eq!(agent.user, Some(ID.parse().unwrap()));
}

#[test]
fn every_problem_of_a_key_is_named() {
    let of = |member: &str, code| (member.to_owned(), code);
    assert_eq!(faults(&json!({})), [of("Name", "Required"), of("Role", "Required")]);
    assert_eq!(
        faults(&json!({"Name": " ", "Role": "Root", "Key": "mine", "ExpiresInSeconds": 0})),
        [
            of("Name", "Required"),
            of("Role", "UnknownValue"),
            of("ExpiresInSeconds", "OutOfRange"),
            of("Key", "UnknownMember"),
        ],
    );
    assert_eq!(faults(&json!({"Name": "a", "Role": "Agent"})), [of("UserId", "Required")]);
    let services = [of("Services", "NotForRole")];
    assert_eq!(faults(&json!({"Name": "a", "Role": "Admin", "Services": [ID]})), services);
    let both = json!({"Name": "a", "Role": "Agent", "UserId": ID, "Services": [ID]});
    assert_eq!(faults(&both), services);
    let user = json!({"Name": "a", "Role": "Supervisor", "UserId": ID});
    assert_eq!(faults(&user), [of("UserId", "NotForRole")]);
    let none = json!({"Name": "a", "Role": "Integrator", "Services": []});
    assert_eq!(faults(&none), [of("Services", "Required")]);
}
