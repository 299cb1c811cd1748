//! What the repository promises about its own files.

use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

/// What a visitor sees at the root.
const ROOT_ENTRIES: [&str; 8] = [
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "crates",
    "docs",
    "xtask",
];

/// Places on somebody's machine; spelled so that this file does not name them.
const PLACES_ON_A_MACHINE: [&str; 4] =
    [concat!("/", "home/"), concat!("/", "root/"), concat!("/", "work/"), concat!(".", "library")];

#[test]
fn the_root_shows_only_what_belongs_there() {
    let strangers: Vec<String> = files()
        .iter()
        .filter_map(|path| path.components().next())
        .map(|first| first.as_os_str().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with('.') && !ROOT_ENTRIES.contains(&name.as_str()))
        .collect();
    assert_eq!(strangers, Vec::<String>::new());
}

#[test]
fn modules_are_named_after_themselves() {
    let found = files_where(|path, _| path.ends_with("mod.rs"));
    assert_eq!(found, Vec::<PathBuf>::new());
}

#[test]
fn no_test_is_ignored() {
    let mark = concat!("#[", "ignore");
    let found = files_where(|path, text| is_rust(path) && text.contains(mark));
    assert_eq!(found, Vec::<PathBuf>::new());
}

#[test]
fn every_crate_opts_in_to_the_lints() {
    let found = files_where(|path, text| {
        path.ends_with("Cargo.toml")
            && path != Path::new("Cargo.toml")
            && !text.contains("[lints]\nworkspace = true\n")
    });
    assert_eq!(found, Vec::<PathBuf>::new());
}

#[test]
fn no_file_names_a_place_on_a_machine() {
    let found = files_where(|_, text| PLACES_ON_A_MACHINE.iter().any(|place| text.contains(place)));
    assert_eq!(found, Vec::<PathBuf>::new());
}

#[test]
fn every_path_upwards_stays_in_the_repository_and_leads_somewhere() {
    let found = files_where(|path, text| {
        paths_upwards(text).any(|upwards| !leads_somewhere(path, upwards))
    });
    assert_eq!(found, Vec::<PathBuf>::new());
}

#[test]
fn a_path_out_of_the_repository_is_caught() {
    let text = format!("see `{0}shared/notes.md` and [x]({0}xtask/Cargo.toml).", "../");
    let upwards: Vec<&str> = paths_upwards(&text).collect();
    assert_eq!(upwards, [concat!("../", "shared/notes.md"), concat!("../", "xtask/Cargo.toml")]);
    assert!(!leads_somewhere(Path::new("README.md"), upwards[0]));
    assert!(!leads_somewhere(Path::new("docs/API.md"), upwards[0]));
    assert!(!leads_somewhere(Path::new("README.md"), upwards[1]));
    assert!(leads_somewhere(Path::new("docs/API.md"), upwards[1]));
}

/// The relative paths in a text that begin by going up.
fn paths_upwards(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_ascii_alphanumeric() && !"._-/".contains(letter))
        .map(|word| word.trim_start_matches('/').trim_end_matches('.'))
        .filter(|word| word.starts_with("../"))
}

/// Whether a path in a file exists in the repository, seen from the file or from its crate.
fn leads_somewhere(file: &Path, upwards: &str) -> bool {
    file.ancestors()
        .skip(1)
        .filter(|from| {
            file.parent() == Some(*from) || root().join(from).join("Cargo.toml").exists()
        })
        .filter_map(|from| resolve(&from.join(upwards)))
        .any(|path| root().join(path).exists())
}

/// The path without its steps upwards, unless they lead out of the repository.
fn resolve(path: &Path) -> Option<PathBuf> {
    let mut resolved = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => resolved.push(name),
            Component::ParentDir => {
                if !resolved.pop() {
                    return None;
                }
            }
            Component::CurDir => {}
            Component::Prefix(_) | Component::RootDir => return None,
        }
    }
    Some(resolved)
}

/// The files whose path and text answer to the description; what is not text is passed over.
fn files_where(describes: impl Fn(&Path, &str) -> bool) -> Vec<PathBuf> {
    files()
        .into_iter()
        .filter(|path| {
            fs::read_to_string(root().join(path)).is_ok_and(|text| describes(path, &text))
        })
        .collect()
}

/// All files that are tracked, or would be after `git add`.
fn files() -> Vec<PathBuf> {
    let output = Command::new("git")
        .args(["-c", "safe.directory=*", "ls-files", "-z"])
        .args(["--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("git starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git ls-files failed: {errors}");
    let files: Vec<PathBuf> = String::from_utf8(output.stdout)
        .expect("our paths are UTF-8")
        .split_terminator('\0')
        .map(PathBuf::from)
        .collect();
    assert!(files.contains(&PathBuf::from("Cargo.toml")));
    files
}

fn is_rust(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rs")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
