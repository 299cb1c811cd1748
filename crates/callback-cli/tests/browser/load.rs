//! Much at once: a full board, and a burst of events.

#![expect(clippy::print_stdout, reason = "whoever measures reads the figures there")]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::browser::{Browser, Watch};
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

/// Measures up to three times: what else the machine does is not to decide.
fn one_of_three(what: &str, measure: impl Fn() -> Result<(), String>) {
    let missed: Vec<String> =
        std::iter::repeat_with(measure).take(3).map_while(Result::err).collect();
    assert!(missed.len() < 3, "{what}: {missed:?}");
}

fn within(what: &str, figure: f64, bound: f64) -> Result<(), String> {
    if figure < bound { Ok(()) } else { Err(format!("{what}: {figure:.0} of {bound:.0}")) }
}

#[test]
fn a_full_board_is_seen_at_once_and_a_burst_of_events_does_not_freeze_it() {
    let Some(stage) = Stage::set_alone() else { return };
    fill(&stage);
    let board = stage.browser_with(&stage.admin, "/console/board", Watch::Console);
    one_of_three("the first page", || first_page(&board));
    one_of_three("the day", || day(&stage));
    one_of_three("the burst", || burst(&stage, &board));
    stage.close(board);
}

fn first_page(board: &Browser) -> Result<(), String> {
    board.reload();
    let script = "const [one] = performance.getEntriesByType('navigation'); \
        const paint = performance.getEntriesByName('first-contentful-paint')[0]; \
        if (!paint || !one.loadEventEnd) return null; \
        return {rows: document.querySelectorAll('tbody tr').length, \
            seen: Math.max(paint.startTime, one.domContentLoadedEventEnd) - one.responseStart, \
            answered: one.responseStart - one.requestStart};";
    let seen = board.until("painted", script, &[]);
    println!("the first page of {FULL}: {seen}");
    assert!(seen["rows"].as_u64().is_some_and(|rows| rows >= 25), "{seen}");
    within("milliseconds until it was seen", seen["seen"].as_f64().expect("a time"), SEEN_SOON)
}

fn day(stage: &Stage) -> Result<(), String> {
    let supervisor = stage.browser_with(&stage.admin, "/console/supervisor", Watch::Console);
    let navigated = "const [one] = performance.getEntriesByType('navigation'); \
        return one.loadEventEnd ? one.responseStart - one.requestStart : null;";
    let answered = supervisor.until("loaded", navigated, &[]);
    println!("the supervisor's page of {FULL} arrivals: {answered} ms");
    stage.close(supervisor);
    within("milliseconds until it was answered", answered.as_f64().expect("a time"), DAY_READ)
}

fn burst(stage: &Stage, board: &Browser) -> Result<(), String> {
    let watch = "window.gaps = []; let last = performance.now(); window.watching = true; \
        window.looks = 0; document.addEventListener('content', () => { window.looks += 1; }); \
        const frame = (now) => { window.gaps.push(now - last); last = now; \
            if (window.watching) requestAnimationFrame(frame); }; \
        requestAnimationFrame(frame);";
    let is_over = AtomicBool::new(false);
    let events = std::thread::scope(|scope| {
        let making = scope.spawn(|| make_until(stage, &is_over));
        board.script(watch, &[]);
        let began = Instant::now();
        while began.elapsed() < BURST {
            std::thread::park_timeout(BURST.saturating_sub(began.elapsed()));
        }
        board.script("window.watching = false;", &[]);
        is_over.store(true, Ordering::Relaxed);
        making.join().expect("the burst goes through")
    });
    let seen = board.script("return {gaps: window.gaps.slice(1), looks: window.looks};", &[]);
    let gaps = seen["gaps"].as_array().expect("gaps between frames").iter();
    let mut gaps: Vec<f64> = gaps.filter_map(Value::as_f64).collect();
    gaps.sort_by(f64::total_cmp);
    let longest = gaps.last().copied().unwrap_or(f64::INFINITY);
    let median = gaps.get(gaps.len() / 2).copied().unwrap_or(f64::INFINITY);
    println!(
        "{events:.0} callbacks made a second: {} frames, longest {longest:.0} ms, median {median:.0} ms, {} looks",
        gaps.len(),
        seen["looks"],
    );
    assert!(seen["looks"].as_u64().is_some_and(|looks| looks >= 4), "it does not follow: {seen}");
    within("milliseconds for a callback at least", 1_000.0 / events, 1.2)?;
    within("milliseconds without a frame", longest, FROZEN)?;
    within("milliseconds between frames", median, 50.0)
}

/// Makes a thousand callbacks a second until it is enough; answers how many it were.
fn make_until(stage: &Stage, is_over: &AtomicBool) -> f64 {
    let began = Instant::now();
    let mut made: u32 = 0;
    while !is_over.load(Ordering::Relaxed) {
        let request = client().post(stage.at("/v1.0/callbacks/batch"));
        let request = request.header("Authorization", format!("Bearer {}", stage.admin));
        let first = FULL + usize::try_from(made).expect("a number of callbacks");
        let answer = request.send_json(batch(first, "2020-01-01T00:00:00Z"));
        assert_eq!(answer.expect("the program answers").status(), 200);
        made += 1_000;
        let due = Duration::from_millis(u64::from(made));
        std::thread::park_timeout(due.saturating_sub(began.elapsed()));
    }
    f64::from(made) / began.elapsed().as_secs_f64()
}
