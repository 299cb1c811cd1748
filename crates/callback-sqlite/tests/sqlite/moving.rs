//! Installations that move from file to file.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use callback_domain::priority::Priority;
use callback_engine::clock::Clock;
use callback_engine::command::What;
use callback_engine::store::Store;
use callback_engine::transfer::{
    CopyError, Doing, End, Endpoint as _, Kind, Options as CopyOptions, Outcome, Stage, copy,
};
use callback_sqlite::{OpenError, Options, SqliteEndpoint, SqliteStore};
use callback_testkit::contract::days::again_moved;
use callback_testkit::contract::moving::what_is_half_done_goes_on;
use rusqlite::Connection;
use tempfile::TempDir;

use crate::floor::{Floor, wish};

fn options() -> CopyOptions {
    CopyOptions { source: "the first file".to_owned(), is_stopped: false }
}

async fn copied(from: &Path, to: &Path) -> Result<Outcome, CopyError> {
    let mut source = SqliteEndpoint::open(from, End::Source).expect("the source opens");
    let mut target = SqliteEndpoint::open(to, End::Target).expect("the target opens");
    copy(&mut source, &mut target, &options(), &mut |_| {}).await
}

/// Files of a folder, one after another.
struct Files {
    folder: TempDir,
    made: AtomicUsize,
}

impl Files {
    fn new() -> Self {
        Self { folder: TempDir::new().expect("a directory is made"), made: AtomicUsize::new(0) }
    }

    fn last(&self) -> PathBuf {
        self.folder.path().join(format!("{}.db", self.made.load(Ordering::Relaxed)))
    }

    fn next(&self) -> PathBuf {
        self.made.fetch_add(1, Ordering::Relaxed);
        self.last()
    }
}

fn open(path: &Path, clock: Arc<dyn Clock>) -> Arc<dyn Store> {
    Arc::new(SqliteStore::open(path, Options::new(clock)).expect("the store opens"))
}

impl Files {
    /// Closes the store, copies its file, and opens the copy.
    async fn moved(&self, store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Arc<dyn Store> {
        drop(store);
        let (from, to) = (self.last(), self.next());
        let outcome = copied(&from, &to).await.expect("the file is copied");
        assert_eq!(outcome.different().count(), 0, "{outcome:?}");
        open(&to, clock)
    }
}

#[tokio::test]
async fn a_day_goes_on_in_another_file_as_if_it_had_not_moved() {
    let files = Files::new();
    let first = async |clock| open(&files.next(), clock);
    let moved = async |store, clock| files.moved(store, clock).await;
    again_moved(&first, &moved, 3, 1, false).await;
}

#[tokio::test]
async fn what_is_half_done_goes_on_in_another_file() {
    let files = Files::new();
    let first = async |clock| open(&files.next(), clock);
    let moved = async |store, clock| files.moved(store, clock).await;
    what_is_half_done_goes_on(&first, &moved).await;
}

/// A file with a callback, and where a copy of it goes.
async fn one_callback() -> (Floor, PathBuf, PathBuf) {
    let floor = Floor::open();
    let service = floor.service().await;
    let create = wish(1, service, Priority::Normal);
    floor.run(What::Create(Box::new(create))).await.expect("it is taken");
    let (from, to) = (floor.path(), floor.folder.path().join("copy.db"));
    (floor, from, to)
}

#[tokio::test]
async fn a_complete_copy_is_only_compared_again() {
    let (floor, from, to) = one_callback().await;
    let folder = floor.folder;
    drop(floor.store);
    let first = copied(&from, &to).await.expect("the file is copied");
    let again = copied(&from, &to).await.expect("the file is compared");
    assert!(!first.was_complete && again.was_complete);
    assert_eq!((first.compared, again.written), (again.compared, 0));
    drop(folder);
}

#[tokio::test]
async fn a_changed_row_is_found_and_its_kind_is_named() {
    let (floor, from, to) = one_callback().await;
    let folder = floor.folder;
    drop(floor.store);
    copied(&from, &to).await.expect("the file is copied");
    let connection = Connection::open(&to).expect("it opens");
    connection.execute("UPDATE callbacks SET description = 'x'", []).expect("it is changed");
    drop(connection);
    let compared = copied(&from, &to).await.expect("the file is compared");
    assert_eq!(compared.different().collect::<Vec<_>>(), [Kind::Callbacks]);
    drop(folder);
}

#[tokio::test]
async fn a_copy_that_is_cut_off_is_refused_until_it_is_finished() {
    let (floor, from, to) = one_callback().await;
    let folder = floor.folder;
    drop(floor.store);
    let mut source = SqliteEndpoint::open(&from, End::Source).expect("the source opens");
    let mut target = SqliteEndpoint::open(&to, End::Target).expect("the target opens");
    let mut cut_off = |seen: callback_engine::transfer::Seen| {
        assert_ne!((seen.doing, seen.kind), (Doing::Comparing, Kind::Services), "cut off here");
    };
    let options = options();
    let copying = tokio::spawn(async move {
        copy(&mut source, &mut target, &options, &mut cut_off).await.map(|_| ())
    });
    assert!(copying.await.is_err(), "it is cut off");
    let refused = SqliteStore::open(&to, Options::new(crate::floor::Hand::at_noon()));
    let said = refused.expect_err("it is not finished").to_string();
    assert!(said.contains("copy of the first file that is not finished"), "{said}");
    let finished = copied(&from, &to).await.expect("it goes on");
    assert_eq!((finished.was_complete, finished.different().count()), (false, 0));
    SqliteStore::open(&to, Options::new(crate::floor::Hand::at_noon())).expect("it is finished");
    drop(folder);
}

#[tokio::test]
async fn a_target_that_holds_something_else_is_refused() {
    let (floor, from, _) = one_callback().await;
    let (other, elsewhere, to) = one_callback().await;
    let folders = (floor.folder, other.folder);
    drop((floor.store, other.store));
    let refused = copied(&from, &elsewhere).await;
    assert_eq!(refused, Err(CopyError::NotEmpty(Kind::Services)));
    copied(&from, &to).await.expect("the file is copied");
    let refused = copied(&elsewhere, &to).await;
    assert!(matches!(refused, Err(CopyError::OtherCopy { .. })), "{refused:?}");
    drop(folders);
}

#[tokio::test]
async fn a_source_that_was_used_meanwhile_is_refused() {
    let (floor, from, to) = one_callback().await;
    let folder = floor.folder;
    drop(floor.store);
    copied(&from, &to).await.expect("the file is copied");
    let mut target = SqliteEndpoint::open(&to, End::Target).expect("the target opens");
    let mut progress = target.progress().await.expect("it is read").expect("there is one");
    progress.stage = Stage::Comparing;
    progress.stamp = "of another time".to_owned();
    target.put(Vec::new(), &progress).await.expect("it is written");
    drop(target);
    assert_eq!(copied(&from, &to).await, Err(CopyError::SourceChanged));
    drop(folder);
}

#[test]
fn a_source_that_is_not_there_is_not_made() {
    let folder = TempDir::new().expect("a directory is made");
    let path = folder.path().join("nothing.db");
    let refused = SqliteEndpoint::open(&path, End::Source);
    assert!(matches!(refused, Err(OpenError::Missing { .. })), "{refused:?}");
    assert!(!path.exists());
}
