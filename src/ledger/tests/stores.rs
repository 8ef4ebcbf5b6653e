//! Journals over stores, with two writers and with faults.

use std::fs;
use std::path::Path;

use super::*;
use crate::ledger::memory::Fault;
use crate::ledger::{FileStore, Journal, MemoryStore, file, read};
use crate::problem::{Kind, Problem};
use crate::seam::Store;

fn file_store(path: &Path) -> Box<dyn Store> {
    Box::new(FileStore::new(path, file::holder(minute(0))))
}

async fn open(path: &Path) -> Result<Journal, Problem> {
    Journal::open(file_store(path), "run-1".to_owned()).await
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_file_is_made_by_the_first_append_and_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/.tenure/ledger.jsonl");
    let mut journal = open(&path).await.unwrap();
    assert!(names(folder.path()).is_empty(), "opening makes nothing");
    journal.append(minute(1), []).await.unwrap();
    assert!(names(folder.path()).is_empty(), "nothing to append makes nothing");

    journal.append(minute(1), [began(ADMIN), declared("web")]).await.unwrap();
    journal.append(minute(2), [started(1, "web", provision())]).await.unwrap();
    let (ledger, lines) = (journal.ledger().clone(), journal.lines().to_vec());
    drop(journal);

    let again = open(&path).await.unwrap();
    assert_eq!((again.ledger(), again.lines()), (&ledger, lines.as_slice()));
    assert_eq!(names(path.parent().unwrap()), ["ledger.jsonl", "ledger.jsonl.lock"]);
}

#[tokio::test]
async fn the_second_is_told_who_holds_it_and_a_reader_is_not_held_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.jsonl");
    let mut first = open(&path).await.unwrap();
    first.append(minute(1), [began(ADMIN)]).await.unwrap();

    let Err(problem) = open(&path).await else { panic!("both hold it") };
    assert_eq!((problem.kind, problem.kind.exit_code()), (Kind::Held, 7));
    let who = format!("process {}", std::process::id());
    assert!(problem.message.contains(&who) && problem.message.contains("2026-11-03T00:00:00Z"), "{problem}");

    assert_eq!(read(file_store(&path).as_mut()).await.unwrap().lines.len(), 1);
    drop(first);
    assert!(open(&path).await.is_ok(), "what is left of the lock is no obstacle");
}

/// The lock cannot be taken where there is no folder yet: of two that begin like this, the second finds out before it
/// sends anything.
#[tokio::test]
async fn of_two_that_begin_a_ledger_one_writes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/ledger.jsonl");
    let (mut first, mut second) = (open(&path).await.unwrap(), open(&path).await.unwrap());
    first.append(minute(1), [began(ADMIN)]).await.unwrap();
    let held = second.append(minute(1), [began(ADMIN)]).await.unwrap_err();
    assert_eq!(held.kind, Kind::Held);

    let third_path = folder.path().join("other/ledger.jsonl");
    let (mut first, mut second) = (open(&third_path).await.unwrap(), open(&third_path).await.unwrap());
    first.append(minute(1), [began(ADMIN)]).await.unwrap();
    drop(first);
    let changed = second.append(minute(1), [began(ADMIN)]).await.unwrap_err();
    assert!(changed.message.contains("somebody else has changed it"), "{changed}");
    assert_eq!(read(file_store(&third_path).as_mut()).await.unwrap().lines.len(), 1);
}

#[tokio::test]
async fn a_torn_line_is_kept_beside_and_the_ledger_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.jsonl");
    let whole = bytes(&sample());
    for round in 1..=2 {
        fs::write(&path, &whole[..whole.len() - 7]).unwrap();
        assert_eq!(read(file_store(&path).as_mut()).await.unwrap().lines.len(), 9);
        assert_eq!(fs::read(&path).unwrap().len(), whole.len() - 7, "reading cuts nothing");

        let mut journal = open(&path).await.unwrap();
        assert!(journal.set_aside());
        journal.append(minute(11), [ended()]).await.unwrap();
        drop(journal);
        let torn = fs::read(folder.path().join(format!("ledger.jsonl.torn-{round}"))).unwrap();
        assert!(whole[..whole.len() - 7].ends_with(&torn) && torn.starts_with(b"{\"v\":1,\"seq\":10,"));
        let journal = open(&path).await.unwrap();
        assert_eq!((journal.lines().len(), journal.set_aside()), (10, false));
    }
}

#[tokio::test]
async fn what_others_do_to_the_file_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.jsonl");
    for meddle in [
        (|path| fs::write(path, b"").unwrap()) as fn(&Path),
        |path| fs::write(path, [fs::read(path).unwrap(), b"{}\n".to_vec()].concat()).unwrap(),
        |path| fs::remove_file(path).unwrap(),
        |path| {
            let copy = path.with_extension("copy");
            fs::copy(path, &copy).unwrap();
            fs::rename(&copy, path).unwrap();
        },
    ] {
        fs::write(&path, bytes(&sample())).unwrap();
        let mut journal = open(&path).await.unwrap();
        journal.append(minute(11), [began(ADMIN)]).await.unwrap();
        meddle(&path);
        let before = fs::read(&path).ok();
        let problem = journal.append(minute(12), [ended()]).await.unwrap_err();
        assert!(problem.message.contains("during this run"), "{problem}");
        assert_eq!(fs::read(&path).ok(), before);
        assert_eq!(journal.lines().len(), 11);
    }
}

#[tokio::test]
async fn what_cannot_be_written_is_said_before_anything_is() {
    let folder = tempfile::tempdir().unwrap();
    let not_a_folder = folder.path().join("file");
    fs::write(&not_a_folder, b"x").unwrap();
    let mut journal = open(&not_a_folder.join("ledger.jsonl")).await.map_err(|problem| problem.to_string());
    let message = match &mut journal {
        Ok(journal) => journal.append(minute(1), [began(ADMIN)]).await.unwrap_err().to_string(),
        Err(message) => message.clone(),
    };
    assert!(message.contains("cannot be"), "{message}");
    let Err(problem) = open(folder.path()).await else { panic!("a folder is no ledger") };
    assert!(problem.message.contains("cannot be read"), "{problem}");
}

async fn in_memory() -> (MemoryStore, Journal) {
    let store = MemoryStore::default();
    let mut journal = Journal::open(Box::new(store.another()), "run-1".to_owned()).await.unwrap();
    journal.append(minute(1), [began(ADMIN), declared("web")]).await.unwrap();
    (store, journal)
}

#[tokio::test]
async fn an_illegal_entry_refuses_its_whole_batch() {
    let (store, mut journal) = in_memory().await;
    let before = (store.bytes(), journal.ledger().clone());
    let batch = [started(1, "web", provision()), submitted(2, "web", "pp-1")];
    let problem = journal.append(minute(2), batch).await.unwrap_err();
    assert!(problem.message.contains("`submitted`"), "{problem}");
    assert_eq!((store.bytes(), journal.ledger().clone()), before);
    journal.append(minute(2), [started(1, "web", provision())]).await.unwrap();
}

#[tokio::test]
async fn after_a_fault_the_fold_is_not_ahead_and_the_next_run_reads_what_is_there() {
    for (fault, survive) in [(Fault::Before, 2), (Fault::After, 4), (Fault::Torn(30), 2), (Fault::Torn(700), 3)] {
        let (store, mut journal) = in_memory().await;
        let before = journal.ledger().clone();
        store.fail(1, fault);
        let batch = [started(1, "web", provision()), submitted(1, "web", "pp-1")];
        let problem = journal.append(minute(2), batch).await.unwrap_err();
        assert_eq!(problem.kind, Kind::Failed);
        assert_eq!((journal.ledger(), journal.lines().len()), (&before, 2), "{fault:?}");

        // What the store holds is not known now, so an entry more could make it unreadable for ever.
        let refused = journal.append(minute(3), [ended()]).await.unwrap_err();
        assert!(refused.message.contains("could not be written earlier in this run"), "{refused}");
        drop(journal);

        let mut next = Journal::open(Box::new(store.another()), "run-2".to_owned()).await.unwrap();
        assert_eq!(next.lines().len(), survive, "{fault:?}");
        assert_eq!(store.tails().len(), usize::from(matches!(fault, Fault::Torn(_))));
        next.append(minute(4), [began(ADMIN)]).await.unwrap();
    }
}

#[tokio::test]
async fn one_lease_at_a_time_in_memory_too() {
    let (store, journal) = in_memory().await;
    let held = Journal::open(Box::new(store.another()), "run-2".to_owned()).await;
    assert_eq!(held.err().map(|problem| problem.kind), Some(Kind::Held));
    drop(journal);
    assert!(Journal::open(Box::new(store.another()), "run-2".to_owned()).await.is_ok());
}

#[tokio::test]
async fn a_token_is_of_one_attempt_of_one_step() {
    let (_store, mut journal) = in_memory().await;
    let token = |journal: &Journal, step, key| journal.token(StepId(step), &at(key));
    let first = token(&journal, 1, "web");
    assert_eq!(first, token(&journal, 1, "web"));
    assert!(first.len() == 64 && first.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_ne!(first, token(&journal, 2, "web"));
    assert_ne!(first, token(&journal, 1, "db"));
    let attempt = [started(1, "web", provision()), failed(1, "web", Failure::Rejected)];
    journal.append(minute(2), attempt).await.unwrap();
    assert_ne!(first, token(&journal, 1, "web"), "a new attempt is not the one that failed");
}
