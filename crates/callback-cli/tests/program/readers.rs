//! Two hundred readers of the live events, over a kill of the program.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{PATIENCE, Program, pause};

const READERS: usize = 200;
const CALLBACKS: usize = 40;
/// Little is needed to read lines.
const STACK_BYTES: usize = 256 * 1024;

/// Reads events for as long as the connection lives; each event's id is kept.
fn read(address: &str, ids: &mut Vec<String>, seen: &AtomicUsize, over: &AtomicBool) -> Option<()> {
    let mut connection = TcpStream::connect(address).ok()?;
    connection.set_read_timeout(Some(Duration::from_millis(250))).ok()?;
    // Of an answer to HTTP/1.0 the body is as it is, and ends with the connection.
    let (query, resumed) = match ids.last() {
        Some(id) => ("", format!("Last-Event-ID: {id}\r\n")),
        None => ("?from=start", String::new()),
    };
    let request = format!("GET /v1.0/events{query} HTTP/1.0\r\nHost: {address}\r\n{resumed}\r\n");
    connection.write_all(request.as_bytes()).ok()?;
    let mut lines = BufReader::new(connection);
    let (mut line, mut id, mut told) = (String::new(), None, false);
    loop {
        match lines.read_line(&mut line) {
            Ok(0) => return None,
            Ok(_) if line.ends_with('\n') => {}
            Ok(_) => return None,
            // What was read of a line is kept, and the rest comes.
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock) => {
                if over.load(Ordering::Relaxed) {
                    return Some(());
                }
                continue;
            }
            Err(_) => return None,
        }
        if let Some(given) = line.strip_prefix("id: ") {
            id = Some(given.trim_end().to_owned());
        }
        told |= line.starts_with("data:");
        // An event counts once its last line has come; a broken one is sent again.
        if line == "\n" {
            if let Some(id) = id.take().filter(|_| told) {
                ids.push(id);
                seen.fetch_add(1, Ordering::Relaxed);
            }
            told = false;
        }
        line.clear();
    }
}

/// A reader who comes back after every cut, until it is over; answers the ids of all events.
fn follow(address: &str, seen: &AtomicUsize, over: &AtomicBool) -> Vec<String> {
    let mut ids = Vec::new();
    while read(address, &mut ids, seen, over).is_none() {
        pause();
    }
    ids
}

fn wait_until(condition: impl Fn() -> bool, what: &str) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < PATIENCE * 2, "{what}");
        pause();
    }
}

fn make(program: &Program, from: usize) {
    for number in from..from + CALLBACKS {
        let id = program.callback(json!({"Target": format!("tel:+4178555{number:04}")}));
        program.wait_for_phase(&id, "InQueue");
    }
}

#[test]
fn two_hundred_readers_miss_nothing_and_see_nothing_twice_over_a_kill() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let database = folder.path().join("callback.db");
    let mut program = Program::start(&database, &[]);
    let address = program.url().trim_start_matches("http://").to_owned();
    program.service(json!({}));
    let over = Arc::new(AtomicBool::new(false));
    let seen: Arc<Vec<AtomicUsize>> = Arc::new((0..READERS).map(|_| AtomicUsize::new(0)).collect());
    let readers: Vec<_> = (0..READERS)
        .map(|reader| {
            let (address, over, seen) = (address.clone(), Arc::clone(&over), Arc::clone(&seen));
            let reading = move || follow(&address, &seen[reader], &over);
            thread::Builder::new().stack_size(STACK_BYTES).spawn(reading).expect("a thread starts")
        })
        .collect();
    let all_saw = |events: usize| seen.iter().all(|seen| seen.load(Ordering::Relaxed) >= events);
    wait_until(|| all_saw(1), "somebody never began");
    make(&program, 0);
    program.kill();
    program = Program::listen(&address, &database, &[]);
    make(&program, CALLBACKS);
    let ledger = rusqlite::Connection::open(&database).expect("the file opens");
    let count = || -> usize {
        let count: i64 = ledger
            .query_row("SELECT count(*) FROM history", [], |row| row.get(0))
            .expect("the ledger is read");
        usize::try_from(count).expect("it is a count")
    };
    let events = count();
    assert!(events >= 4 * CALLBACKS, "{events}");
    wait_until(|| all_saw(events), "somebody misses events");
    over.store(true, Ordering::Relaxed);
    let sequences: Vec<String> = {
        let mut query =
            ledger.prepare("SELECT sequence FROM history ORDER BY sequence").expect("it is asked");
        let rows = query.query_map([], |row| row.get::<_, i64>(0)).expect("it is read");
        rows.map(|row| format!("{:016x}", row.expect("it is a number"))).collect()
    };
    for reader in readers {
        assert_eq!(reader.join().expect("a reader ends well"), sequences);
    }
    assert_eq!(count(), events, "nothing was written meanwhile");
}
