//! The help of every command, as it is checked in; `UPDATE_EXPECT=1` writes it anew.

use std::collections::BTreeMap;
use std::path::Path;

use crate::harness::program;

/// The help of a command, and of those below it.
fn collect(words: &[String], found: &mut BTreeMap<String, String>) {
    let mut command = program();
    command.args(words).arg("--help").env_remove("COLUMNS");
    let shown = command.output().expect("it runs");
    assert!(shown.status.success(), "{words:?}: {shown:?}");
    let text = String::from_utf8(shown.stdout).expect("help is text");
    let below: Vec<String> = text
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')))
        .filter_map(|line| line.split(' ').next().map(str::to_owned))
        .filter(|name| name != "help")
        .collect();
    let name = [vec!["callback".to_owned()], words.to_vec()].concat().join("-");
    found.insert(format!("{name}.txt"), text);
    for name in below {
        collect(&[words.to_vec(), vec![name]].concat(), found);
    }
}

#[test]
fn every_command_has_the_help_that_is_checked_in_with_an_example() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/help");
    let mut found = BTreeMap::new();
    collect(&[], &mut found);
    assert!(found.len() > 50, "{}", found.len());
    for (name, text) in &found {
        assert!(text.contains("Example:\n  "), "{name} has no example:\n{text}");
    }
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::create_dir_all(&folder).expect("the folder is made");
        for (name, text) in &found {
            std::fs::write(folder.join(name), text).expect("the help is written");
        }
    }
    let kept = std::fs::read_dir(&folder).expect("the folder is there").map(|entry| {
        let entry = entry.expect("it is read");
        let text = std::fs::read_to_string(entry.path()).expect("it is text");
        (entry.file_name().into_string().expect("names are text"), text)
    });
    let kept: BTreeMap<_, _> = kept.collect();
    let names = |of: &BTreeMap<String, String>| of.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&kept), names(&found), "UPDATE_EXPECT=1 writes what is new");
    for (name, text) in &found {
        assert_eq!(&kept[name], text, "{name}; UPDATE_EXPECT=1 writes it anew");
    }
}
