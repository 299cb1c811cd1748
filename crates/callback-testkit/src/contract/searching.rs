//! Searches and histories, held against what [`Query`] itself defines.

use std::sync::Arc;

use callback_domain::attempt::Outcome;
use callback_domain::callback::{
    Callback, Creator, PhaseName, Preferred, State, TerminationReason,
};
use callback_domain::date;
use callback_domain::id::ServiceId;
use callback_domain::priority::Priority;
use callback_domain::search::{Column, Query};
use callback_engine::clock::Clock;
use callback_engine::command::Motion;
use callback_engine::ledger::Subject;
use callback_engine::store::Store;

use super::stage::{ADA, BEN, HOTLINE, Stage, line, sip};

const ALL: usize = usize::MAX >> 1;

/// Callbacks of every phase, with every member set on some.
async fn crowd(open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>) -> (Stage, Vec<Callback>) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let other = ServiceId::from_u128(0x52);
    stage.service(other, "other", |_| {}).await;
    let texts = ["b", "B", "ä", "", "a b"];
    for number in 0..24_u32 {
        let mut wish = Stage::wish(number % 9);
        let text = texts[number as usize % texts.len()].to_owned();
        wish.priority = Priority::ALL[number as usize % 9];
        wish.creator = if number % 3 == 0 { Creator::WebService } else { Creator::Api };
        wish.service = if number % 4 == 0 { other } else { HOTLINE };
        wish.external_task_id = (number % 2 == 0).then(|| text.clone());
        wish.description = (number % 3 == 1).then(|| text.clone());
        wish.caller_id = (number % 3 == 2).then(|| text.clone());
        wish.initiator = (number % 5 == 0).then(|| text.clone());
        wish.supervisor = (number % 5 == 1).then(|| text.clone());
        wish.context_url = (number % 5 == 2).then(|| format!("https://example.org/{text}"));
        wish.incoming_service_sip_uri = (number % 5 == 3).then(|| text.clone());
        wish.alternative_target = (number % 7 == 0).then(|| line(100 + number));
        wish.max_retries = number % 4;
        wish.seconds_between_retries = number * 10 % 70;
        wish.due =
            (number % 3 != 0).then(|| date::add_seconds(stage.now(), i64::from(number) * 50 % 300));
        if number % 8 == 3 {
            wish.preferred = Some(Preferred { sip_uri: sip("ben"), agent: BEN });
        }
        stage.create(wish).await;
        stage.pass(i64::from(number % 2));
    }
    stage.tick().await;
    let busy = stage.next(ADA).await.expect("something waits");
    stage.by(busy.callback.id, Motion::Outcome(busy.token, Outcome::Busy, None)).await;
    let talking = stage.next(ADA).await.expect("something waits");
    stage.by(talking.callback.id, Motion::Answered(talking.token)).await;
    stage.dispatch().await;
    let waiting = stage.store.page(&Query::default(), None, 0, ALL).await.expect("all are read");
    let mut left = waiting.iter().filter(|one| one.phase_name() == PhaseName::InQueue);
    stage.by(left.next().expect("one waits").id, Motion::Cancel).await;
    stage.by(left.next().expect("another waits").id, Motion::Fulfil).await;
    let mut all = stage.store.page(&Query::default(), None, 0, ALL).await.expect("all are read");
    all.sort_by_key(|one| one.id);
    assert_eq!(all.len(), 24);
    (stage, all)
}

/// What a query finds by its own definition.
fn expected(query: &Query, all: &[Callback]) -> Vec<Callback> {
    let mut found: Vec<Callback> = all.iter().filter(|one| query.matches(one)).cloned().collect();
    found.sort_by(|one, other| query.order(&query.place(one), &query.place(other)));
    found
}

async fn agrees(stage: &Stage, query: &Query, all: &[Callback]) -> usize {
    let expected = expected(query, all);
    let found = stage.store.page(query, None, 0, ALL).await.expect("a search is answered");
    let ids = |list: &[Callback]| list.iter().map(|one| one.id).collect::<Vec<_>>();
    assert_eq!(ids(&found), ids(&expected), "{query:?}");
    assert_eq!(found, expected);
    let count = stage.store.count(query).await.expect("a search is counted");
    assert_eq!(count, expected.len() as u64, "{query:?}");
    expected.len()
}

/// Each condition, alone and with another.
pub async fn every_filter_finds_what_it_names(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let (stage, all) = crowd(open).await;
    let any = Query::default;
    let mut queries = vec![
        Query { target: Some(line(3).key()), ..any() },
        Query { target: Some(line(107).key()), ..any() },
        Query { service: Some(HOTLINE), ..any() },
        Query { creator: Some(Creator::WebService), ..any() },
        Query { agent: Some(ADA), ..any() },
        Query { external_task_id: Some("ä".to_owned()), ..any() },
        Query { external_task_id: Some(String::new()), ..any() },
        Query { caller_id: Some("b".to_owned()), ..any() },
        Query { due_from: Some(all[5].due), ..any() },
        Query { due_to: Some(all[5].due), ..any() },
        Query { due_from: Some(all[5].due), due_to: Some(all[5].due), ..any() },
        Query { service: Some(HOTLINE), state: Some(State::InQueue), ..any() },
        Query { creator: Some(Creator::Api), due_to: Some(all[9].due), ..any() },
    ];
    queries.extend(Priority::ALL.map(|one| Query { priority: Some(one), ..any() }));
    let states = [State::Pending, State::InQueue, State::Processing, State::Terminated];
    queries.extend(states.map(|one| Query { state: Some(one), ..any() }));
    let mut found = 0;
    for query in &queries {
        found += usize::from(agrees(&stage, query, &all).await > 0);
    }
    assert!(found > queries.len() - 3, "{found} of {} find something", queries.len());
    for phase in PhaseName::ALL {
        agrees(&stage, &Query { phase: Some(phase), ..any() }, &all).await;
    }
    for reason in TerminationReason::ALL {
        agrees(&stage, &Query { reason: Some(reason), ..any() }, &all).await;
    }
}

/// Several services, one, and none that has callbacks, in each order.
pub async fn a_set_of_services_narrows(open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>) {
    let (stage, all) = crowd(open).await;
    let (other, none) = (ServiceId::from_u128(0x52), ServiceId::from_u128(0x99));
    let mut found = Vec::new();
    for within in [vec![], vec![none], vec![other], vec![other, none], vec![HOTLINE, other]] {
        let within = Some(within.into_iter().collect());
        for order_by in [Column::DueDate, Column::Id, Column::Description] {
            for descending in [false, true] {
                let within = within.clone();
                let query = Query { within, order_by, descending, ..Query::default() };
                found.push(agrees(&stage, &query, &all).await);
                agrees(&stage, &Query { state: Some(State::InQueue), ..query.clone() }, &all).await;
                agrees(&stage, &Query { service: Some(HOTLINE), ..query }, &all).await;
            }
        }
    }
    assert_eq!(found.iter().step_by(6).copied().collect::<Vec<_>>(), [0, 0, 6, 6, 24]);
}

/// Each column, up and down, with and without a condition.
pub async fn every_order_sorts_as_defined(open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>) {
    let (stage, all) = crowd(open).await;
    for order_by in Column::ALL {
        for descending in [false, true] {
            let query = Query { order_by: *order_by, descending, ..Query::default() };
            agrees(&stage, &query, &all).await;
            agrees(&stage, &Query { state: Some(State::InQueue), ..query }, &all).await;
        }
    }
}

/// Page after page, by the cursor of the last one, nothing is missed and nothing comes twice.
pub async fn pages_join_to_the_whole(open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>) {
    let (stage, all) = crowd(open).await;
    for order_by in Column::ALL {
        for (descending, size) in [(false, 1), (false, 5), (true, 7), (true, 24)] {
            let query = Query { order_by: *order_by, descending, ..Query::default() };
            let (mut joined, mut after) = (Vec::new(), None);
            loop {
                let page = stage.store.page(&query, after.as_ref(), 0, size).await;
                let page = page.expect("a page is read");
                let Some(last) = page.last() else { break };
                after = Some(query.place(last));
                joined.extend(page);
            }
            assert_eq!(joined, expected(&query, &all), "{query:?} by {size}");
        }
    }
}

/// An offset leaves out the first.
pub async fn an_offset_skips(open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>) {
    let (stage, all) = crowd(open).await;
    let query = Query { order_by: Column::CreatedAt, ..Query::default() };
    let whole = expected(&query, &all);
    for (offset, limit) in [(0, 0), (0, 3), (5, 4), (22, 10), (30, 5)] {
        let page = stage.store.page(&query, None, offset as u64, limit).await;
        let end = (offset + limit).min(whole.len());
        let part = whole.get(offset..end).unwrap_or_default();
        assert_eq!(page.expect("a page is read"), part, "{limit} after {offset}");
    }
}

/// The ledger after a number, of one subject or of all.
pub async fn history_is_read_in_pieces(open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>) {
    let (stage, all) = crowd(open).await;
    let whole = stage.store.ledger(None, 0, ALL).await.expect("the ledger is read");
    assert!(whole.windows(2).all(|pair| pair[0].sequence < pair[1].sequence));
    let (mut joined, mut after) = (Vec::new(), 0);
    loop {
        let piece = stage.store.ledger(None, after, 7).await.expect("the ledger is read");
        let Some(last) = piece.last() else { break };
        after = last.sequence;
        joined.extend(piece);
    }
    assert_eq!(joined, whole);
    for callback in &all {
        let subject = Subject::Callback(callback.id);
        let own: Vec<_> = whole.iter().filter(|line| line.subject == subject).cloned().collect();
        assert_eq!(stage.history(callback.id).await, own);
        assert_eq!(own.len() as u64, callback.version);
        let last = own.last().expect("it was made");
        let rest = stage.store.ledger(Some(subject), own[0].sequence, ALL).await;
        assert_eq!(rest.expect("the ledger is read"), own[1..]);
        assert_eq!(last.to, Some(callback.phase_name()));
    }
}
