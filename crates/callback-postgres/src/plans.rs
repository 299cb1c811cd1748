//! The statements of the hot path find what they look for in an index, whatever else there is.

use callback_domain::date::{EARLIEST, Instant, LATEST};
use callback_domain::id::{CallbackId, ServiceId};
use callback_domain::search::{Cursor, Query, SortValue};
use tokio_postgres::Client;
use tokio_postgres::types::{Json, ToSql};
use uuid::Uuid;

use crate::database::Database;
use crate::rows::{
    AGENTS_LOCKED, CALLBACK_RECORDS, CALLBACKS_DUE, CHANGE_AGENTS, DELIVERIES_DUE,
    DELIVERIES_LISTED, ENDED, FIRST_PENDING, FORGET, HEADS, HEADS_SERVED, LONGEST_IDLE, NEXT_SOON,
    REFRESH, UPDATE,
};
use crate::search::Search;
use crate::{Options, PostgresStore};

/// Callbacks of every kind: most are over or of the future, few wait, fewer are ready.
const FILL: &str = "\
    INSERT INTO callbacks (id, service, key, phase, priority, due, place, lane, backed_off, ready, \
        deadline, creator, created_at, updated_at, version, record) \
    SELECT ('00000000-0000-0000-0000-' || lpad(to_hex(n), 12, '0'))::uuid, \
        ('00000000-0000-0000-0000-' || lpad(to_hex(n % 5), 12, '0'))::uuid, '+' || n % 50000, \
        CASE n % 4 WHEN 0 THEN 'Pending' WHEN 1 THEN 'InQueue' ELSE 'Terminated' END, n % 9, \
        now() + n * interval '1 second', \
        CASE n % 4 WHEN 1 THEN now() + n * interval '1 second' END, \
        '00000000-0000-0000-0000-000000000000', false, n % 4 = 1 AND n % 3 = 0, \
        CASE WHEN n % 4 < 2 THEN now() + n * interval '1 second' END, 'API', now(), now(), 1, '{}' \
    FROM generate_series(1, 200000) AS n; \
    INSERT INTO agents (id, changes, name, free, record) \
    SELECT ('00000000-0000-0000-0000-' || lpad(to_hex(n), 12, '0'))::uuid, 1, n, n % 2 = 0, '{}' \
    FROM generate_series(1, 5000) AS n; \
    INSERT INTO agent_services (agent, service, idle_since) \
    SELECT agents.id, ('00000000-0000-0000-0000-' || lpad(to_hex(s), 12, '0'))::uuid, \
        CASE WHEN free THEN now() - name::integer * interval '1 second' END \
    FROM agents, generate_series(0, 4) AS s; \
    INSERT INTO passes (service, ahead, floors, horizon) \
    SELECT ('00000000-0000-0000-0000-' || lpad(to_hex(n), 12, '0'))::uuid, '', \
        array_fill(now(), ARRAY[9]), pg_snapshot_xmin(pg_current_snapshot()) \
    FROM generate_series(0, 999) AS n; \
    INSERT INTO deliveries (id, webhook, sequence, subject, state, front_due, held, created_at, \
        settled_at, record) \
    SELECT ('00000000-0000-0000-0000-' || lpad(to_hex(n), 12, '0'))::uuid, \
        ('00000000-0000-0000-0000-' || lpad(to_hex(n % 5), 12, '0'))::uuid, n, \
        ('00000000-0000-0000-0000-' || lpad(to_hex(n % 20000), 12, '0'))::uuid, \
        CASE WHEN n % 3 = 0 THEN 'Pending' ELSE 'Delivered' END, \
        CASE WHEN n % 9 = 0 THEN now() + n * interval '1 second' END, false, \
        now() + n * interval '1 second', \
        CASE WHEN n % 3 > 0 THEN now() + n * interval '1 second' END, '{}' \
    FROM generate_series(1, 100000) AS n; \
    INSERT INTO remembered (principal, key, body_hash, at, record) \
    SELECT 'api', n, '', now() + n * interval '1 second', '{}' \
    FROM generate_series(1, 50000) AS n; \
    ANALYZE";

async fn plan(client: &Client, sql: &str, parameters: &[&(dyn ToSql + Sync)]) -> String {
    let rows = client.query(&format!("EXPLAIN (COSTS OFF) {sql}"), parameters).await.unwrap();
    rows.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>().join("\n")
}

fn is_by(plan: &str, indexes: &[&str]) {
    for index in indexes {
        let by = [format!("using {index} "), format!("Bitmap Index Scan on {index}\n")];
        assert!(by.iter().any(|by| plan.contains(by)), "not by {index}:\n{plan}");
    }
    assert!(!plan.contains("Seq Scan on"), "walks past rows:\n{plan}");
}

/// A plan is kept that was made when all indexes looked alike.
#[tokio::test]
async fn queues_are_not_walked_past_on_a_young_table() {
    let Some(database) = Database::make().await else { return };
    drop(PostgresStore::connect(&database.address(), Options::default()).await.unwrap());
    let client = database.client().await;
    for looked_after in [false, true] {
        if looked_after {
            client.batch_execute("VACUUM ANALYZE").await.unwrap();
        }
        client
            .batch_execute(
                "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off",
            )
            .await
            .unwrap();
        let heads = plan(&client, HEADS, &[&Uuid::from_u128(1), &16_i64]).await;
        let served = plan(&client, HEADS_SERVED, &[&vec![Uuid::from_u128(3)], &16_i64]).await;
        for heads in [heads, served] {
            is_by(&heads, &["callbacks_ready", "callbacks_written"]);
            assert_eq!(heads.matches(" on callbacks").count(), 2, "{heads}");
        }
        let (no_keys, none) = (Vec::<&str>::new(), Vec::<Uuid>::new());
        let refresh = plan(&client, REFRESH, &[&vec!["+17"], &vec![false], &no_keys, &none]).await;
        is_by(&refresh, &["callbacks_line"]);
        let cond = "Index Cond: (CASE WHEN ready THEN key ELSE NULL::text END = ";
        assert!(refresh.contains(cond), "{refresh}");
    }
    database.remove().await;
}

/// Changes one agent and the deadlines of what waits, and leaves all as it was.
const CHURN: &str = "\
    DO $$ BEGIN FOR n IN 1..5000 LOOP \
        UPDATE agents SET changes = changes + 1 WHERE ctid = (SELECT ctid FROM agents \
        WHERE id = '00000000-0000-0000-0000-000000000001' ORDER BY changes DESC LIMIT 1); \
    END LOOP; END $$; \
    UPDATE callbacks SET deadline = now() - interval '1 hour' \
        WHERE phase = 'InQueue' AND priority = 0; \
    UPDATE callbacks SET deadline = NULL WHERE phase = 'InQueue' AND priority = 0";

/// Whoever vacuums or analyzes by itself looks at an old state, too, and its turn is anybody's guess.
const NEVER_TIDIED: &str = "\
    ALTER TABLE callbacks SET (autovacuum_enabled = off); \
    ALTER TABLE agents SET (autovacuum_enabled = off); \
    ALTER TABLE agent_services SET (autovacuum_enabled = off)";

/// How many pages a statement looks at when it runs.
async fn pages(client: &Client, sql: &str, parameters: &[&(dyn ToSql + Sync)]) -> u32 {
    let sql = format!("EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF) {sql}");
    let rows = client.query(&sql, parameters).await.unwrap();
    let lines = rows.iter().map(|row| row.get::<_, String>(0));
    // What planning looks at depends on what the session still knows of the catalogue.
    let running = lines.take_while(|line| line != "Planning:");
    let counts = running.filter_map(|line| {
        let (_, shared) = line.split_once("Buffers: shared ")?;
        let counted = shared.split([' ', ',']).filter_map(|word| {
            let (what, pages) = word.split_once('=')?;
            matches!(what, "hit" | "read").then(|| pages.parse::<u32>().unwrap())
        });
        Some(counted.sum())
    });
    // What is above counts what is below.
    counts.max().unwrap_or(0)
}

/// As long as somebody looks at an old state, none of it is removed.
#[tokio::test]
async fn what_an_old_snapshot_keeps_is_not_walked_past() {
    let Some(database) = Database::make().await else { return };
    drop(PostgresStore::connect(&database.address(), Options::default()).await.unwrap());
    let client = database.client().await;
    client.batch_execute(NEVER_TIDIED).await.unwrap();
    client.batch_execute(FILL).await.unwrap();
    let agents = vec![Uuid::from_u128(1)];
    let (names, free, never) = (vec!["1"], vec![true], vec![None::<Instant>]);
    let records = vec![Json(serde_json::Value::Null)];
    let change: [&(dyn ToSql + Sync); 5] = [&agents, &names, &free, &never, &records];
    let row = client.query_one("SELECT clock_timestamp() - interval '1 second'", &[]).await;
    let (end, settled): (Option<Instant>, Instant) = (None, row.unwrap().get(0));
    let all = async || {
        let locked = pages(&client, AGENTS_LOCKED, &[&agents]).await;
        let changed = pages(&client, CHANGE_AGENTS, &change).await;
        let next = pages(&client, NEXT_SOON, &[&end, &settled]).await;
        let anew = pages(&client, NEXT_SOON, &[&end, &EARLIEST]).await;
        (locked, changed, next, anew)
    };

    client
        .batch_execute(
            "UPDATE callbacks SET deadline = NULL WHERE deadline < now() + interval '1 hour'",
        )
        .await
        .unwrap();
    client.batch_execute("VACUUM callbacks").await.unwrap();
    let before = all().await;
    let holder = database.client().await;
    let hold = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM agents";
    holder.batch_execute(hold).await.unwrap();
    client.batch_execute(CHURN).await.unwrap();
    let (locked, changed, next, anew) = all().await;
    assert!(locked <= before.0 + 10, "{locked} instead of {}", before.0);
    assert!(changed <= before.1 + 20, "{changed} instead of {}", before.1);
    assert!(next <= before.2 + 10, "{next} instead of {}", before.2);
    assert!(anew > next + 100, "{anew} from the beginning: nothing was kept");
    holder.batch_execute("ROLLBACK").await.unwrap();
    database.remove().await;
}

#[tokio::test]
async fn hot_statements_seek_among_two_hundred_thousand_callbacks() {
    let Some(database) = Database::make().await else { return };
    drop(PostgresStore::connect(&database.address(), Options::default()).await.unwrap());
    let client = database.client().await;
    client.batch_execute(FILL).await.unwrap();
    let service = Uuid::from_u128(1);
    let now = LATEST;

    let heads = plan(&client, HEADS, &[&service, &16_i64]).await;
    is_by(&heads, &["callbacks_ready", "callbacks_written"]);
    let steps: Vec<&str> = heads.lines().map(str::trim).collect();
    let in_order = ["->  Limit", "->  Index Scan using callbacks_ready on callbacks"];
    assert!(steps.windows(2).any(|steps| steps == in_order), "{heads}");
    let pullers = vec![Uuid::from_u128(3), Uuid::from_u128(4)];
    let served = plan(&client, HEADS_SERVED, &[&pullers, &16_i64]).await;
    is_by(&served, &["callbacks_ready", "callbacks_written"]);
    let (ids, texts, instants) = (vec![service; 20], vec!["+17"; 20], vec![now; 20]);
    let (bools, numbers, levels) = (vec![true; 20], vec![1_i64; 20], vec![1_i16; 20]);
    let records = vec![Json(serde_json::Value::Null); 20];
    let given: [&(dyn ToSql + Sync); 19] = [
        &ids, &texts, &texts, &levels, &instants, &instants, &ids, &bools, &bools, &bools,
        &instants, &ids, &texts, &texts, &instants, &numbers, &records, &numbers, &bools,
    ];
    let update = plan(&client, UPDATE, &given).await;
    is_by(&update, &["callbacks_pkey", "callbacks_line"]);
    assert_eq!(update.matches("using callbacks_line on").count(), 2, "{update}");
    assert!(!update.contains("hashed SubPlan"), "reads all that waits:\n{update}");
    let (no_keys, none) = (Vec::<&str>::new(), Vec::<Uuid>::new());
    let (keys, closed) = (vec!["+17", "+18"], vec![false, true]);
    let refresh = plan(&client, REFRESH, &[&keys, &closed, &no_keys, &none]).await;
    is_by(&refresh, &["callbacks_line", "callbacks_ready_key"]);
    let due = plan(&client, CALLBACKS_DUE, &[&now, &500_i64, &4_000_i64, &EARLIEST]).await;
    is_by(&due, &["callbacks_deadline"]);
    let records = plan(&client, CALLBACK_RECORDS, &[&ids, &now]).await;
    is_by(&records, &["callbacks_pkey"]);
    let idlest = plan(&client, LONGEST_IDLE, &[&service]).await;
    is_by(&idlest, &["agent_services_idle"]);

    let webhook = Uuid::from_u128(2);
    let next = plan(&client, DELIVERIES_DUE, &[&webhook, &now, &8_i64]).await;
    is_by(&next, &["deliveries_due"]);
    let front = plan(&client, FIRST_PENDING, &[&webhook, &service]).await;
    is_by(&front, &["deliveries_pending"]);
    let (state, last) = ("Delivered", Uuid::max());
    let listed = plan(&client, DELIVERIES_LISTED, &[&webhook, &state, &now, &last, &100_i64]).await;
    assert!(listed.contains("using deliveries_listed on"), "{listed}");

    let ended = plan(&client, ENDED, &[&now, &200_i64]).await;
    assert!(ended.contains("callbacks_ended on"), "{ended}");
    assert!(!ended.contains("Sort"), "{ended}");
    let forgotten = plan(&client, FORGET, &[&now, &200_i64]).await;
    assert!(forgotten.contains("remembered_at on"), "{forgotten}");

    let query = Query::default();
    let value = SortValue::Integer(1_900_000_000_000_000);
    for after in [None, Some(Cursor { value, id: CallbackId::from_u128(7) })] {
        let page = Search::page(&query, after.as_ref(), 0, 500);
        is_by(&plan(&client, &page.sql, &page.given()).await, &["callbacks_due"]);
        let several = [ServiceId(service), ServiceId::from_u128(77)];
        let within = Query { within: Some(several.into()), ..Query::default() };
        let page = Search::page(&within, after.as_ref(), 0, 500);
        is_by(&plan(&client, &page.sql, &page.given()).await, &[]);
    }
    // Of a service with a fifth of all callbacks, the planner may as well walk past the others.
    let of_one = Query { service: Some(ServiceId::from_u128(77)), ..Query::default() };
    let page = Search::page(&of_one, None, 0, 500);
    is_by(&plan(&client, &page.sql, &page.given()).await, &["callbacks_service_due"]);
    let rare = [ServiceId::from_u128(77), ServiceId::from_u128(78)];
    let rare = Search::count(&Query { within: Some(rare.into()), ..Query::default() });
    let counted = plan(&client, &rare.sql, &rare.given()).await;
    assert!(counted.contains("callbacks_service_due"), "{counted}");
    assert!(!counted.contains("Seq Scan on"), "{counted}");
    database.remove().await;
}
