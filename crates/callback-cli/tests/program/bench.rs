//! The load generator, on the real program.

use std::fs;

use serde_json::Value;

use crate::harness::program;

#[test]
fn a_load_is_measured_told_and_drawn() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (json, svg) = (folder.path().join("bench.json"), folder.path().join("bench.svg"));
    let mut command = program();
    command.args(["bench", "create", "get", "search", "cycle", "mixed", "--clients", "2"]);
    command.args(["--seconds", "1", "--warm-up-seconds", "0", "--waiting", "5", "--future", "5"]);
    let ran = command.arg("--json").arg(&json).arg("--svg").arg(&svg).output().expect("it runs");
    assert!(ran.status.success(), "{ran:?}");
    let report: Value =
        serde_json::from_slice(&fs::read(&json).expect("it is written")).expect("it is JSON");
    let points = report["points"].as_array().expect("there are points");
    let expected = [
        ("create", vec!["create"]),
        ("get", vec!["get"]),
        ("search", vec!["search"]),
        ("cycle", vec!["create", "next", "outcome"]),
        ("mixed", vec!["create", "get", "next", "outcome", "search"]),
    ];
    for (point, (scenario, requests)) in points.iter().zip(&expected) {
        assert_eq!((&point["scenario"], &point["clients"]), (&(*scenario).into(), &2.into()));
        assert!(point["per_second"].as_f64() > Some(0.0), "{point}");
        let latencies = point["micros"].as_object().expect("there are latencies");
        assert_eq!(latencies.keys().collect::<Vec<_>>(), *requests);
        assert!(latencies.values().all(|of| of["p50"].as_u64() <= of["max"].as_u64()), "{point}");
    }
    assert_eq!(points.len(), expected.len());
    let drawn = fs::read_to_string(&svg).expect("it is written");
    assert!(expected.iter().all(|(scenario, _)| drawn.contains(scenario)), "{drawn}");
}

#[test]
fn a_burst_is_over_when_the_last_is_in_the_queue() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let json = folder.path().join("bench.json");
    let mut command = program();
    command.args(["bench", "--burst", "1200", "--clients", "2", "--json"]).arg(&json);
    let ran = command.output().expect("it runs");
    assert!(ran.status.success(), "{ran:?}");
    let report: Value =
        serde_json::from_slice(&fs::read(&json).expect("it is written")).expect("it is JSON");
    let burst = &report["bursts"][0];
    assert_eq!((&burst["due"], &burst["clients"]), (&1_200.into(), &2.into()));
    assert!(burst["queued_milliseconds"].as_f64() > Some(0.0), "{burst}");
    assert!(burst["micros"]["create"]["count"].as_u64() > Some(0), "{burst}");
}

#[test]
fn what_cannot_be_measured_is_refused() {
    for (args, said) in [
        (["--clients", "0"], "1 to 4096 clients"),
        (["--seconds", "0"], "nothing is measured in no time"),
        (["--burst", "0"], "nothing is due"),
    ] {
        let ran = program().arg("bench").args(args).output().expect("it runs");
        let told = String::from_utf8_lossy(&ran.stderr);
        assert!(!ran.status.success() && told.contains(said), "{told}");
    }
}
