//! Answers that are remembered, and for how long.

use callback_domain::priority::Priority;
use callback_engine::command::{Answer, Create, What};
use callback_engine::error::Error;
use callback_engine::store::Idempotency;

use crate::floor::{Floor, wish};

fn with_key(number: u128, service: callback_domain::id::ServiceId, body: u8) -> Create {
    let idempotency = Idempotency {
        principal: "shop".to_owned(),
        key: "order-1".to_owned(),
        body_hash: vec![body],
    };
    Create { idempotency: Some(idempotency), ..wish(number, service, Priority::Normal) }
}

#[tokio::test]
async fn an_answer_is_remembered_for_a_day_over_a_restart() {
    const DAY_MICROS: i64 = 86_400_000_000;
    let floor = Floor::open();
    let service = floor.service().await;
    let create = async |floor: &Floor, number, body| {
        let what = What::Create(Box::new(with_key(number, service, body)));
        match floor.run(what).await.map(|done| done.answer) {
            Ok(Answer::Created(callback)) => Ok(callback.id),
            Ok(other) => panic!("another answer: {other:?}"),
            Err(error) => Err(error),
        }
    };
    let first = create(&floor, 1, 7).await;
    let floor = floor.reopen();
    assert_eq!(create(&floor, 2, 7).await, first);
    assert_eq!(create(&floor, 2, 8).await, Err(Error::IdempotencyKeyReused));
    floor.clock.advance(DAY_MICROS - 1);
    assert_eq!(create(&floor, 2, 7).await, first);
    floor.clock.advance(1);
    assert_ne!(create(&floor, 2, 8).await, first);
}
