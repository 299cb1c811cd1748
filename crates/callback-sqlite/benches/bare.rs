//! What SQLite itself costs: a loop that writes the rows of our own cycle, in batches as deep as
//! there are clients, on the same tables and with the same settings, and does nothing else.
//!
//! A cycle is three transactions (made, taken, reported); each is on the disk before the next.
//! `cargo bench -p callback-sqlite --bench bare -- create 32 3` prints a rate per second.

#![expect(clippy::print_stdout, reason = "it talks to the person at the terminal")]

use std::time::{Duration, Instant};

use rusqlite::{Connection, params};

const SCHEMA: &str = include_str!("../src/schema/1.sql");
const TEXT: &str = "asked to be called back about an order that has not arrived, and about the bill \
    that came in its place";
const WAITING: &str = r#"{"phase":"InQueue","place":"2026-11-22T23:13:40.106652Z","wait":{"since":"2026-11-22T23:13:40.106652Z","budget":{"wait_micros":172800000000,"hold_micros":0},"until":"2026-11-24T23:13:40.106652Z","hold_until":null},"held_for":null,"not_before":null}"#;
const BODY: &str = r#"{"Id":"01a20589-64c6-781d-a77a-e3911453bbea","Name":"Bench 0","SipUri":"sip:bench-0@bench.invalid","Services":["01a20589-64b9-718f-9632-2342e2d40592"],"Selectable":true,"Distribution":"Pull","Presence":"Available","Rona":false,"IdleSince":"2026-11-22T23:13:40.038451Z","AfterCallWorkUntil":null,"Task":null,"Attempt":null,"CreatedAt":"2026-11-22T23:13:40.038451Z","UpdatedAt":"2026-11-22T23:13:40.038451Z","Version":1}"#;

const MADE: &str = "INSERT INTO callbacks (id, creator, service, target, level, max_retries, \
    seconds_between_retries, due, due_set_at, description, external_task_id, context_url, caller_id, \
    hold_used_micros, allowed_wait_seconds, retry_count, attempts, dialouts, failures, phase, \
    created_at, updated_at, version, target_key, phase_name, live, deadline, standing, lane, place) \
    VALUES (?1, 'API', ?2, 'tel:' || ?3, 4, 3, 300, ?4, ?4, ?5, ?6, \
    'https://crm.example/customers/0/orders/1?from=callback', 'tel:+41445556677', 0, 172800, 0, 0, \
    0, 0, ?7, ?4, ?4, 2, ?3, 'InQueue', 1, ?4 + 172800000000, 3, zeroblob(16), ?4)";
const LINE: &str = "INSERT INTO history (subject_kind, subject, service, at, what, from_phase, \
    to_phase, actor, details) VALUES (0, ?1, ?2, ?3, ?4, 'Pending', 'InQueue', 'api:anonymous', '{}')";
const TAKEN: &str = "UPDATE callbacks SET phase = ?2, phase_name = 'Dialout', standing = 0, \
    lane = NULL, place = NULL, deadline = deadline + 1, agent = ?3, attempts = 1, updated_at = ?4, \
    version = 4 WHERE id = ?1";
const CLAIM: &str = "INSERT INTO claims (target_key, callback, service, attempt) \
    VALUES (?1, ?2, ?3, ?2) ON CONFLICT (target_key) DO UPDATE SET attempt = excluded.attempt";
const ATTEMPT: &str = "INSERT INTO attempts (id, callback, number, target_key, \
    customer_requested_at, deadline, open, body) VALUES (?1, ?1, 1, ?2, ?3, ?3 + 1, 1, ?4)";
const AGENT: &str = "UPDATE agents SET body = ?2 WHERE id = ?1";
const PASSES: &str = "UPDATE passes SET passes = ?2 WHERE service = ?1";
const OVER: &str = "UPDATE callbacks SET phase = ?2, phase_name = 'Terminated', standing = NULL, \
    live = 0, deadline = NULL, agent = NULL, reason = 'Completed', settled = ?2, updated_at = ?3, \
    version = 5 WHERE id = ?1";
const ENDED: &str = "UPDATE attempts SET body = ?2, deadline = NULL, open = 0 WHERE id = ?1";
const RELEASED: &str = "DELETE FROM claims WHERE target_key = ?1";

struct Loop {
    connection: Connection,
    batch: u64,
    made: u64,
}

fn id(kind: u64, number: u64) -> [u8; 16] {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.to_be_bytes());
    id[8..].copy_from_slice(&kind.to_be_bytes());
    id
}

fn at(number: u64) -> i64 {
    1_795_389_220_106_652 + i64::try_from(number).expect("the number is small")
}

/// Each client has numbers of its own, as in the load that asks over HTTP.
fn key(batch: u64, number: u64) -> String {
    format!("+4178{:03}{:07}", number % batch, number / batch)
}

impl Loop {
    fn run(&self, sql: &str, values: impl rusqlite::Params) {
        let ran = self.connection.prepare_cached(sql).and_then(|mut it| it.execute(values));
        ran.expect("the statement runs");
    }

    fn line(&self, number: u64, what: &str) {
        self.run(LINE, params![id(0, number), id(1, 0), at(number), what]);
    }

    fn in_one(&self, numbers: std::ops::Range<u64>, work: impl Fn(u64)) {
        self.run("BEGIN IMMEDIATE", []);
        numbers.for_each(work);
        self.run("COMMIT", []);
    }

    /// One batch of creations; their numbers.
    fn create(&mut self) -> std::ops::Range<u64> {
        let numbers = self.made..self.made + self.batch;
        self.made = numbers.end;
        self.in_one(numbers.clone(), |number| {
            let key = key(self.batch, number);
            let external = format!("bench-00001706-0-{number}");
            let made = params![id(0, number), id(1, 0), key, at(number), TEXT, external, WAITING];
            self.run(MADE, made);
            self.line(number, "Created");
            self.line(number, "Queued");
        });
        numbers
    }

    fn cycle(&mut self) {
        let numbers = self.create();
        self.in_one(numbers.clone(), |number| {
            let (id, key) = (id(0, number), key(self.batch, number));
            let agent = self::id(2, number % self.batch);
            self.run(PASSES, params![self::id(1, 0), format!("{number}")]);
            self.run(TAKEN, params![id, WAITING, agent, at(number)]);
            self.line(number, "Offered");
            self.line(number, "Accepted");
            self.run(CLAIM, params![key, id, self::id(1, 0)]);
            self.run(ATTEMPT, params![id, key, at(number), BODY]);
            self.run(AGENT, params![agent, format!("{BODY}{number}")]);
        });
        self.in_one(numbers, |number| {
            let agent = id(2, number % self.batch);
            self.run(OVER, params![id(0, number), WAITING, at(number)]);
            self.line(number, "Terminated");
            self.run(ENDED, params![id(0, number), BODY]);
            self.run(RELEASED, params![key(self.batch, number)]);
            self.run(AGENT, params![agent, format!("{BODY}{number}")]);
        });
    }
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let word = |at: usize, or: &str| words.get(at).map_or(or, String::as_str).to_owned();
    let batch = word(1, "32").parse().expect("a number of clients");
    let time = Duration::from_secs(word(2, "3").parse().expect("a number of seconds"));
    let folder = tempfile::tempdir().expect("a folder is made");
    let connection = Connection::open(folder.path().join("bare.db")).expect("a file is made");
    let settings = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
        PRAGMA secure_delete = ON; PRAGMA wal_autocheckpoint = 8000; PRAGMA cache_size = -32768;";
    connection.execute_batch(settings).expect("it is set up");
    connection.execute_batch(SCHEMA).expect("the schema is made");
    connection.set_prepared_statement_cache_capacity(64);
    let mut bare = Loop { connection, batch, made: 0 };
    bare.run("INSERT INTO services (id, name, sip_key, body) VALUES (?1, '', '', '')", [id(1, 0)]);
    bare.run("INSERT INTO passes (service, passes) VALUES (?1, '')", [id(1, 0)]);
    for number in 0..batch {
        let agent = params![id(2, number), number.to_string(), BODY];
        bare.run("INSERT INTO agents (id, name, sip_key, body) VALUES (?1, ?2, ?2, ?3)", agent);
    }
    let began = Instant::now();
    while began.elapsed() < time {
        if word(0, "cycle") == "create" {
            bare.create();
        } else {
            bare.cycle();
        }
    }
    println!("{:.0}", bare.made as f64 / began.elapsed().as_secs_f64());
}
