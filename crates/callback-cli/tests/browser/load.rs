//! Much at once: a full board, and a burst of events.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::browser::Watch;
use crate::harness::client;
use crate::stage::Stage;

/// Callbacks on the full board.
const FULL: usize = 100_000;
/// Callbacks of one request.
const BATCH: usize = 1_000;
/// How soon a page that has arrived is to be seen, in milliseconds.
const SEEN_SOON: f64 = 500.0;
/// How long nothing may move, in milliseconds: whoever types or points would notice more.
const FROZEN: f64 = 400.0;
/// How long the figures of a busy day may take, in milliseconds, in a program that is not optimised.
const DAY_READ: f64 = 1_500.0;
/// How long the burst lasts.
const BURST: Duration = Duration::from_secs(4);

/// Makes the callbacks of a full board, by several requests at a time.
fn fill(stage: &Stage) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                loop {
                    let first = next.fetch_add(BATCH, Ordering::Relaxed);
                    if first >= FULL {
                        break;
                    }
                    let body = batch(first, "2099-01-01T00:00:00Z");
                    let made = stage.program.post("/v1.0/callbacks/batch", &body);
                    assert_eq!(made.status, 200, "{:?}", made.body);
                }
            });
        }
    });
}

fn batch(first: usize, due: &str) -> Value {
    let callbacks: Vec<Value> = (first..first + BATCH)
        .map(|number| {
            json!({"Target": format!("tel:+4178{number:07}"), "ServiceSip": "sip:smoky.car@dev.local",
                "DueDate": due})
        })
        .collect();
    json!({"Items": callbacks})
}

#[test]
fn a_full_board_is_seen_at_once_and_a_burst_of_events_does_not_freeze_it() {
    let Some(stage) = Stage::set_alone() else { return };
    fill(&stage);
    let board = stage.browser_with(&stage.admin, "/console/board", Watch::Console);
    board.reload();
    let script = "const [one] = performance.getEntriesByType('navigation'); \
        const paint = performance.getEntriesByName('first-contentful-paint')[0]; \
        if (!paint || !one.loadEventEnd) return null; \
        return {rows: document.querySelectorAll('tbody tr').length, \
            seen: Math.max(paint.startTime, one.domContentLoadedEventEnd) - one.responseStart, \
            answered: one.responseStart - one.requestStart};";
    let seen = board.until("painted", script, &[]);
    println!("first page of {FULL}: {seen}");
    assert!(seen["rows"].as_u64().is_some_and(|rows| rows >= 25), "{seen}");
    assert!(seen["seen"].as_f64().is_some_and(|millis| millis < SEEN_SOON), "{seen}");

    let supervisor = stage.browser_with(&stage.admin, "/console/supervisor", Watch::Console);
    let navigated = "const [one] = performance.getEntriesByType('navigation'); \
        return one.loadEventEnd ? one.responseStart - one.requestStart : null;";
    let answered = supervisor.until("loaded", navigated, &[]);
    println!("the supervisor's page of {FULL} arrivals: {answered} ms");
    supervisor.read(".chart-sum", &FULL.to_string());
    assert!(answered.as_f64().is_some_and(|millis| millis < DAY_READ), "{answered}");
    stage.close(supervisor);

    let watch = "window.gaps = []; let last = performance.now(); window.watching = true; \
        window.looks = 0; document.addEventListener('content', () => { window.looks += 1; }); \
        const frame = (now) => { window.gaps.push(now - last); last = now; \
            if (window.watching) requestAnimationFrame(frame); }; \
        requestAnimationFrame(frame);";
    let is_over = AtomicBool::new(false);
    let events = std::thread::scope(|scope| {
        let burst = scope.spawn(|| {
            let began = Instant::now();
            let mut made = 0;
            while !is_over.load(Ordering::Relaxed) {
                let request = client().post(stage.at("/v1.0/callbacks/batch"));
                let request = request.header("Authorization", format!("Bearer {}", stage.admin));
                let body = batch(FULL + made, "2020-01-01T00:00:00Z");
                let answer = request.send_json(&body).expect("the program answers");
                assert_eq!(answer.status(), 200);
                made += BATCH;
                let due = Duration::from_secs_f64(made as f64 / 1_000.0);
                std::thread::park_timeout(due.saturating_sub(began.elapsed()));
            }
            made as f64 / began.elapsed().as_secs_f64()
        });
        board.script(watch, &[]);
        let began = Instant::now();
        while began.elapsed() < BURST {
            std::thread::park_timeout(BURST.saturating_sub(began.elapsed()));
        }
        board.script("window.watching = false;", &[]);
        is_over.store(true, Ordering::Relaxed);
        burst.join().expect("the burst goes through")
    });
    let gaps = board.script("return window.gaps.slice(1).sort((a, b) => a - b);", &[]);
    let gaps: Vec<f64> = gaps.as_array().expect("gaps").iter().filter_map(Value::as_f64).collect();
    let (longest, median) = (gaps[gaps.len() - 1], gaps[gaps.len() / 2]);
    println!(
        "{events:.0} callbacks made a second: {} frames, longest {longest:.0} ms, median {median:.0} ms",
        gaps.len()
    );
    let looks = board.script("return window.looks;", &[]);
    assert!(looks.as_u64().is_some_and(|looks| looks >= 4), "it followed only {looks} times");
    assert!(events > 900.0, "only {events} callbacks were made a second");
    assert!(longest < FROZEN, "nothing moved for {longest} ms");
    assert!(median < 50.0, "frames were {median} ms apart");
    stage.close(board);
}
