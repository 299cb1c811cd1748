//! Search: every filter, order, pages, and answers of any length.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::harness::{INSTALLATION, Installation, JSON, NOBODY, details, id, pass, settle};

const SEARCH: &str = "/v1.0/callbacks/search";

async fn found(api: &Installation, body: &Value) -> Vec<String> {
    let answer = api.post(SEARCH, body).await;
    let total: usize = answer.header("x-total-count").parse().unwrap();
    let ids: Vec<_> =
        answer.expect(200).as_array().unwrap().iter().map(|row| id(row).to_owned()).collect();
    if body.get("Limit").is_none() && body.get("Offset").is_none() {
        assert_eq!(ids.len(), total);
    }
    ids
}

#[tokio::test(start_paused = true)]
async fn each_member_narrows() {
    let api = Installation::new().await;
    let hotline = api.hotline().await;
    let other = api
        .service(
            &json!({"Name": "Other", "SipUri": "sip:other@dev.local", "DefaultCountryCode": "+41"}),
        )
        .await;
    let agent = api.agent(&other, &json!({})).await;
    let odd = json!({
        "Target": "tel:078 555 66 77",
        "ServiceSip": "sip:other@dev.local",
        "Priority": "High",
        "ExternalTaskId": "case-1",
        "CallerId": "+4144",
        "DueDate": "2019-06-25T07:30:30",
    });
    let odd = api.callback(&odd).await;
    let plain = api.callback(&json!({"DueDate": "2019-06-26T00:00"})).await;
    let gone = api.callback(&json!({})).await;
    api.poke(&format!("/v1.0/callbacks/{}/cancel", id(&gone))).await.expect(200);
    settle().await;
    let (odd, plain, gone) = (id(&odd), id(&plain), id(&gone));

    let table: [(Value, &[&str]); 23] = [
        (json!({}), &[odd, gone, plain]),
        (json!({"State": null, "Target": null}), &[odd, gone, plain]),
        (json!({"Target": "tel:+41785556677"}), &[odd]),
        (json!({"Target": "tel:0785556677", "ServiceId": other}), &[odd]),
        (json!({"Target": "SIP:smoky.qq@DEV.local"}), &[gone, plain]),
        (json!({"ServiceId": hotline}), &[gone, plain]),
        (json!({"ServiceSip": "sip:other@dev.local"}), &[odd]),
        (json!({"ServiceId": NOBODY}), &[]),
        (json!({"State": "Pending"}), &[plain]),
        (json!({"State": "Terminated"}), &[gone]),
        (json!({"Phase": "Offered"}), &[odd]),
        (json!({"Agent": agent}), &[odd]),
        (json!({"Agent": "sip:ann@dev.local"}), &[odd]),
        (json!({"Creator": "Luware.API"}), &[odd, gone, plain]),
        (json!({"Creator": "WebService"}), &[]),
        (json!({"AppPoolId": INSTALLATION}), &[odd, gone, plain]),
        (json!({"AppPoolId": NOBODY}), &[]),
        (json!({"StartDate": "2019-06-26T00:00:00Z"}), &[plain]),
        (json!({"EndDate": "2019-06-25T07:30:30Z"}), &[odd]),
        (json!({"ExternalTaskId": "case-1"}), &[odd]),
        (json!({"CallerId": "+4144"}), &[odd]),
        (json!({"Priority": "Normal", "State": "Pending"}), &[plain]),
        (json!({"TerminationReason": "Cancelled"}), &[gone]),
    ];
    for (body, expected) in table {
        assert_eq!(found(&api, &body).await, expected, "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn pages_are_ordered_and_cut() {
    let api = Installation::new().await;
    api.hotline().await;
    let mut ids = Vec::new();
    for priority in ["Low", "High", "Normal", "High"] {
        ids.push(id(&api.callback(&json!({"Priority": priority})).await).to_owned());
        pass(Duration::from_millis(2)).await;
    }
    let by_priority = found(&api, &json!({"OrderBy": "Priority"})).await;
    assert_eq!(by_priority, [&*ids[1], &ids[3], &ids[2], &ids[0]]);
    let newest = json!({"OrderBy": "CreatedAt", "SortOrder": "Descending"});
    assert_eq!(found(&api, &newest).await, [&*ids[3], &ids[2], &ids[1], &ids[0]]);
    assert_eq!(found(&api, &json!({"Offset": 1, "Limit": 2})).await, [&*ids[1], &ids[2]]);
    assert_eq!(found(&api, &json!({"Limit": 0})).await, ids);
    assert_eq!(found(&api, &json!({"Offset": 9})).await, [""; 0]);
    let last = api.post(SEARCH, &json!({"Limit": 4})).await;
    assert_eq!(last.next(), None, "nothing comes after the last page");
    assert_eq!(last.header("x-total-count"), "4");
}

#[tokio::test(start_paused = true)]
async fn pages_cover_everything_once_while_callbacks_come_and_go() {
    let api = Installation::new().await;
    api.hotline().await;
    let mut expected = BTreeSet::new();
    for _ in 0..30 {
        expected.insert(id(&api.callback(&json!({})).await).to_owned());
        pass(Duration::from_millis(3)).await;
    }
    let body = json!({"Limit": 7});
    let mut path = Some(SEARCH.to_owned());
    let (mut seen, mut pages) = (Vec::new(), 0);
    while let Some(page) = path {
        let answer = api.post(&page, &body).await;
        path = answer.next();
        let rows = answer.expect(200);
        assert!(rows.as_array().unwrap().len() <= 7);
        seen.extend(rows.as_array().unwrap().iter().map(|row| id(row).to_owned()));
        pages += 1;
        if pages < 4 {
            api.callback(&json!({"DueDate": "2019-06-25T07:00"})).await;
            api.callback(&json!({})).await;
            pass(Duration::from_millis(3)).await;
        }
    }
    let distinct: BTreeSet<_> = seen.iter().cloned().collect();
    assert_eq!(distinct.len(), seen.len(), "no callback is seen twice");
    assert!(distinct.is_superset(&expected), "none that was there is missed");
}

#[tokio::test(start_paused = true)]
async fn a_cursor_goes_with_its_own_search_and_outranks_the_offset() {
    let api = Installation::new().await;
    api.hotline().await;
    for _ in 0..5 {
        api.callback(&json!({})).await;
    }
    let body = json!({"Limit": 2, "Offset": 1});
    let first = api.post(SEARCH, &body).await;
    let next = first.next().unwrap();
    assert!(next.starts_with("/v1.0/callbacks/search?cursor="));
    let all = found(&api, &json!({})).await;
    let second = api.post(&next, &body).await;
    let rows: Vec<_> = second.body.as_array().unwrap().iter().map(id).collect();
    assert_eq!(rows, [&*all[3], &all[4]]);
    assert_eq!(second.next(), None);
    for other in [json!({"State": "InQueue", "Limit": 2}), json!({"SortOrder": "Descending"})] {
        let refused = api.post(&next, &other).await.refused(400, "ValidationFailed");
        assert_eq!(details(&refused), [("cursor".to_owned(), "InvalidCursor".to_owned())]);
    }
}

async fn frames(
    api: &Installation,
    path: &str,
    body: &Value,
) -> (Vec<usize>, Value, Option<String>) {
    let request =
        Request::post(path).header("Content-Type", JSON).body(Body::from(body.to_string()));
    let response = api.router.clone().oneshot(request.unwrap()).await.unwrap();
    let link = response.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
    let mut body = response.into_body();
    let (mut sizes, mut bytes) = (Vec::new(), Vec::new());
    while let Some(frame) = body.frame().await {
        let data = frame.unwrap().into_data().unwrap();
        sizes.push(data.len());
        bytes.extend(data);
    }
    (sizes, serde_json::from_slice(&bytes).unwrap(), link)
}

#[tokio::test(start_paused = true)]
async fn a_long_answer_comes_in_several_frames_and_whole() {
    let api = Installation::new().await;
    api.hotline().await;
    let mut ids = BTreeSet::new();
    for _ in 0..1_250 {
        ids.insert(id(&api.callback(&json!({})).await).to_owned());
    }
    let (sizes, rows, link) = frames(&api, SEARCH, &json!({})).await;
    assert_eq!((sizes.len(), link), (3, None));
    let rows: Vec<_> = rows.as_array().unwrap().iter().map(|row| id(row).to_owned()).collect();
    assert_eq!((rows.len(), rows.iter().cloned().collect::<BTreeSet<_>>()), (1_250, ids));

    let (sizes, first, link) = frames(&api, SEARCH, &json!({"Limit": 700})).await;
    assert_eq!((sizes.len(), first.as_array().unwrap().len()), (2, 700));
    let next = link.unwrap();
    let next = next.split(['<', '>']).nth(1).unwrap();
    let (_, second, link) = frames(&api, next, &json!({"Limit": 700})).await;
    assert_eq!((second.as_array().unwrap().len(), link), (550, None));
    let both = first.as_array().unwrap().iter().chain(second.as_array().unwrap());
    assert_eq!(both.map(|row| id(row).to_owned()).collect::<Vec<_>>(), rows);

    let exact = json!({"Limit": 1_000});
    assert_eq!(frames(&api, SEARCH, &exact).await.1.as_array().unwrap().len(), 1_000);
    let (sizes, sorted, _) = frames(&api, SEARCH, &json!({"OrderBy": "Target"})).await;
    assert_eq!((sizes.len(), sorted.as_array().unwrap().len()), (1, 1_250));
}

#[tokio::test(start_paused = true)]
async fn the_answer_of_an_exact_number_of_pieces_ends_well() {
    let api = Installation::new().await;
    api.hotline().await;
    assert_eq!(frames(&api, SEARCH, &json!({})).await.1, json!([]));
    for _ in 0..500 {
        api.callback(&json!({})).await;
    }
    assert_eq!(frames(&api, SEARCH, &json!({})).await.1.as_array().unwrap().len(), 500);
}
