//! The suppression list by HTTP.

use serde_json::{Value, json};

use crate::harness::{Installation, NOBODY, details, id};

const PATH: &str = "/v1.0/suppressions";

#[tokio::test(start_paused = true)]
async fn a_suppressed_target_is_refused_until_it_is_taken_off_the_list() {
    let api = Installation::new().await;
    let service = api.hotline().await;
    let entry = json!({
        "Target": "tel:+41 78 555 66 77",
        "ServiceId": service,
        "Reason": "asked for it",
        "Until": "2020-01-01T00:00",
    });
    let entry = api.post(PATH, &entry).await.expect(201);
    assert_eq!(entry["ServiceId"], service.as_str());
    assert_eq!(entry["Until"], "2020-01-01T00:00:00Z");
    let wish = json!({"Target": "sip:+41785556677@pbx;user=phone", "ServiceId": service});
    let refused = api.post("/v1.0/callbacks", &wish).await.refused(409, "TargetSuppressed");
    assert!(refused["detail"].as_str().unwrap().contains("asked for it"));
    assert_eq!(api.delete(&format!("{PATH}/{}", id(&entry))).await.status.as_u16(), 204);
    api.post("/v1.0/callbacks", &wish).await.expect(201);
    api.delete(&format!("{PATH}/{}", id(&entry))).await.refused(404, "SuppressionNotFound");
    api.delete(&format!("{PATH}/nothing")).await.refused(404, "SuppressionNotFound");
}

#[tokio::test(start_paused = true)]
async fn the_list_comes_in_pages_and_for_one_target() {
    let api = Installation::new().await;
    let list: Vec<Value> =
        (0..250).map(|n| json!({"Target": format!("tel:+41785556{n:03}")})).collect();
    let imported = api.post("/v1.0/suppressions/import", &Value::from(list)).await.expect(201);
    assert_eq!(imported, json!({"Imported": 250}));
    let (mut path, mut keys) = (Some(PATH.to_owned()), Vec::new());
    while let Some(page) = path {
        let answer = api.get(&page).await;
        path = answer.next();
        let page = answer.expect(200);
        assert!(page.as_array().unwrap().len() <= 100);
        keys.extend(page.as_array().unwrap().iter().map(|entry| entry["TargetKey"].to_string()));
    }
    assert_eq!(keys.len(), 250);
    keys.dedup();
    assert_eq!(keys.len(), 250);
    let one = api.get(&format!("{PATH}?target=tel:%2B41785556007")).await.expect(200);
    assert_eq!(one.as_array().unwrap().len(), 1);
    api.get(&format!("{PATH}?target=mailto:x")).await.refused(400, "ValidationFailed");
}

#[tokio::test(start_paused = true)]
async fn an_import_is_all_or_nothing_and_names_each_problem() {
    let api = Installation::new().await;
    let list = json!([
        {"Target": "tel:+41785556677"},
        {"Target": "nonsense"},
        7,
        {"Target": "sip:a@b", "ServiceId": NOBODY},
        {"Reason": "none", "Untill": null},
    ]);
    let refused =
        api.post("/v1.0/suppressions/import", &list).await.refused(400, "ValidationFailed");
    let members: Vec<_> = details(&refused).into_iter().map(|(member, _)| member).collect();
    assert_eq!(members, ["[1].Target", "[2]", "[3].ServiceId", "[4].Target", "[4].Untill"]);
    assert_eq!(api.get(PATH).await.expect(200), json!([]));
    api.post("/v1.0/suppressions/import", &json!({})).await.refused(400, "ValidationFailed");
}

#[tokio::test(start_paused = true)]
async fn an_import_of_ten_thousand_is_taken_and_one_more_is_not() {
    let api = Installation::new().await;
    let mut list: Vec<Value> =
        (0..10_000).map(|n| json!({"Target": format!("tel:+4178{n:07}")})).collect();
    let whole = Value::from(list.clone());
    let imported = api.post("/v1.0/suppressions/import", &whole).await.expect(201);
    assert_eq!(imported["Imported"], 10_000);
    list.push(json!({"Target": "sip:a@b"}));
    let refused = api.post("/v1.0/suppressions/import", &Value::from(list)).await;
    assert_eq!(details(&refused.refused(400, "ValidationFailed"))[0].1, "TooLong");
    let hundreds = Value::from(vec![json!({}); 150]);
    let refused = api.post("/v1.0/suppressions/import", &hundreds).await;
    assert_eq!(details(&refused.refused(400, "ValidationFailed")).len(), 101);
}

#[tokio::test(start_paused = true)]
async fn an_entry_for_an_unknown_service_is_refused() {
    let api = Installation::new().await;
    let entry = json!({"Target": "sip:a@b", "ServiceId": NOBODY});
    api.post(PATH, &entry).await.refused(404, "ServiceNotFound");
    let entry = json!({"Target": "tel:0785556677"});
    let refused = api.post(PATH, &entry).await.refused(400, "ValidationFailed");
    assert_eq!(details(&refused)[0].0, "Target");
}
