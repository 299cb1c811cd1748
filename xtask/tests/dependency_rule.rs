//! Who may know whom: `domain <- engine <- {sqlite, postgres, http <- console} <- cli`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

/// For each of our crates, those that it may know outside its tests.
const MAY_KNOW: [(&str, &[&str]); 9] = [
    ("callback-domain", &[]),
    ("callback-engine", &["callback-domain"]),
    ("callback-sqlite", &["callback-domain", "callback-engine"]),
    ("callback-postgres", &["callback-domain", "callback-engine"]),
    ("callback-http", &["callback-domain", "callback-engine"]),
    ("callback-console", &["callback-domain", "callback-engine", "callback-http"]),
    (
        "callback-cli",
        &[
            "callback-domain",
            "callback-engine",
            "callback-sqlite",
            "callback-postgres",
            "callback-http",
            "callback-console",
        ],
    ),
    ("callback-testkit", &["callback-domain", "callback-engine"]),
    ("xtask", &[]),
];

/// Crates that do I/O, keep time or run threads: none of them is below the domain, at any depth.
const KEPT_OUT_OF_THE_DOMAIN: [&str; 14] = [
    "axum",
    "getrandom",
    "hyper",
    "libc",
    "log",
    "mio",
    "postgres",
    "rand",
    "reqwest",
    "rusqlite",
    "socket2",
    "tokio",
    "tokio-postgres",
    "tracing",
];

/// Crates whose `std` feature is empty: they are `no_std` with it and without it.
const STD_IN_NAME_ONLY: [&str; 1] = ["siphasher"];

#[test]
fn every_crate_knows_only_the_crates_below_it() {
    let metadata = cargo(&["metadata", "--format-version", "1", "--no-deps"]);
    let metadata = serde_json::from_str(&metadata).expect("cargo metadata is JSON");
    assert_eq!(breaches(&metadata), Vec::<String>::new());
}

#[test]
fn a_store_that_knows_its_sibling_is_caught() {
    let metadata =
        workspace("callback-sqlite", &json!([{ "name": "callback-postgres", "kind": null }]));
    assert_eq!(breaches(&metadata), ["callback-sqlite may not know callback-postgres"]);
}

#[test]
fn the_testkit_is_for_tests_only() {
    let in_tests = json!([{ "name": "callback-testkit", "kind": "dev" }]);
    let outside = json!([{ "name": "callback-testkit", "kind": null }]);
    assert!(breaches(&workspace("callback-engine", &in_tests)).is_empty());
    assert_eq!(
        breaches(&workspace("callback-engine", &outside)),
        ["callback-engine may not know callback-testkit"]
    );
}

#[test]
fn xtask_knows_none_of_our_crates_even_in_tests() {
    let in_tests = json!([{ "name": "callback-domain", "kind": "dev" }]);
    assert_eq!(breaches(&workspace("xtask", &in_tests)), ["xtask may not know callback-domain"]);
}

#[test]
fn a_crate_without_a_place_in_the_table_is_caught() {
    assert_eq!(
        breaches(&workspace("callback-helpers", &json!([]))),
        ["callback-helpers has no place in the dependency rule"]
    );
}

#[test]
fn nothing_below_the_domain_does_io() {
    let below: Vec<String> = below_the_domain().into_iter().map(|(name, _)| name).collect();
    let found: Vec<&str> = KEPT_OUT_OF_THE_DOMAIN
        .into_iter()
        .filter(|kept_out| below.iter().any(|name| name == kept_out))
        .collect();
    assert!(below.iter().any(|name| name == "callback-domain"));
    assert_eq!(found, Vec::<&str>::new());
}

#[test]
fn the_domain_and_all_below_it_do_without_std() {
    let library = fs::read_to_string(root().join("crates/callback-domain/src/lib.rs"))
        .expect("the domain has a library");
    assert!(library.contains("\n#![no_std]\n"));

    let with_std: Vec<String> = below_the_domain()
        .into_iter()
        .filter(|(name, features)| {
            features.iter().any(|feature| feature == "std")
                && !STD_IN_NAME_ONLY.contains(&name.as_str())
        })
        .map(|(name, _)| name)
        .collect();
    assert_eq!(with_std, Vec::<String>::new());
}

/// Every breach of the rule by a direct dependency, as a sentence.
fn breaches(metadata: &Value) -> Vec<String> {
    let mut breaches = Vec::new();
    for package in list(&metadata["packages"]) {
        let name = text(&package["name"]);
        let Some((_, may_know)) = MAY_KNOW.iter().find(|(known, _)| *known == name) else {
            breaches.push(format!("{name} has no place in the dependency rule"));
            continue;
        };
        for dependency in list(&package["dependencies"]) {
            let other = text(&dependency["name"]);
            let ours = MAY_KNOW.iter().any(|(known, _)| *known == other);
            let tests_only = dependency["kind"] == "dev" && name != "xtask" && other != "xtask";
            if ours && !tests_only && !may_know.contains(&other) {
                breaches.push(format!("{name} may not know {other}"));
            }
        }
    }
    breaches
}

/// The domain and what it links, with the features that are on.
fn below_the_domain() -> Vec<(String, Vec<String>)> {
    let tree = cargo(&[
        "tree",
        "--package",
        "callback-domain",
        "--edges",
        "normal,no-proc-macro",
        "--prefix",
        "none",
        "--format",
        "{p}|{f}",
    ]);
    tree.lines()
        .map(|line| {
            let (package, features) = line.split_once('|').expect("the format has a bar");
            let name = package.split(' ').next().unwrap_or(package);
            let features = features.trim_end_matches(" (*)").split(',');
            (name.to_owned(), features.map(str::to_owned).collect())
        })
        .collect()
}

fn workspace(name: &str, dependencies: &Value) -> Value {
    json!({ "packages": [{ "name": name, "dependencies": dependencies }] })
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("cargo metadata has a list here")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("cargo metadata has a name here")
}

fn cargo(args: &[&str]) -> String {
    let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(root())
        .args(args)
        .output()
        .expect("cargo starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {args:?} failed: {errors}");
    String::from_utf8(output.stdout).expect("cargo prints UTF-8")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
