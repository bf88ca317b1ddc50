use tempfile::TempDir;

use super::*;
use crate::experiment::plan::tests::made;
use crate::experiment::{Body, Ending, Fact};

fn operator() -> Operator {
    Operator { user: "u".into(), host: "h".into(), pid: 1, version: "0".into() }
}

fn started() -> Record {
    let plan = Box::new(made("split: {}"));
    Record { seq: 0, at: plan.created_at, body: Body::Started { plan, operator: operator() } }
}

fn fact(seq: u64, fact: Fact) -> Record {
    Record { seq, at: made("split: {}").created_at, body: Body::Fact(fact) }
}

fn store() -> (TempDir, Store, RunId) {
    let folder = tempfile::tempdir().unwrap();
    let plan = made("split: {}");
    let store = Store::new(folder.path(), &plan.site);
    (folder, store, plan.id)
}

#[tokio::test]
async fn records_come_back_as_they_were_written() {
    let (folder, store, id) = store();
    let journal = store.open(&id, &operator()).unwrap();
    journal.append(&started()).await.unwrap();
    journal.append(&fact(1, Fact::Live)).await.unwrap();
    assert_eq!(journal.records().await.unwrap(), [started(), fact(1, Fact::Live)]);
    assert_eq!(store.read(&id).unwrap().len(), 2);
    let skipped = journal.append(&fact(3, Fact::Live)).await;
    assert_eq!(skipped, Err(JournalError::Conflict { expected: 3, found: 2 }));
    assert_eq!(Store::all(folder.path()).unwrap(), [Found { store: store.clone(), id: id.clone() }]);
    assert_eq!(store.running().unwrap(), [id]);
}

#[tokio::test]
async fn an_ended_one_runs_no_longer() {
    let (_folder, store, id) = store();
    let journal = store.open(&id, &operator()).unwrap();
    let records = [started(), fact(1, Fact::Ending(Ending::Expired)), fact(2, Fact::Ended { changed: vec![] })];
    for record in &records {
        journal.append(record).await.unwrap();
    }
    assert_eq!(store.running().unwrap(), []);
}

#[test]
fn a_second_operator_is_refused_and_told_who_has_it() {
    let (_folder, store, id) = store();
    let _held = store.open(&id, &operator()).unwrap();
    let refused = store.open(&id, &operator());
    assert!(matches!(refused, Err(JournalError::Held { .. })), "{refused:?}");
}

#[tokio::test]
async fn half_a_line_counts_for_nothing_and_goes_with_the_next_one() {
    let (_folder, store, id) = store();
    let journal = store.open(&id, &operator()).unwrap();
    journal.append(&started()).await.unwrap();
    let path = store.path(&id);
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, [whole.as_slice(), b"{\"v\":1,\"sum\":\"00"].concat()).unwrap();
    drop(journal);
    let journal = store.open(&id, &operator()).unwrap();
    assert_eq!(journal.records().await.unwrap(), [started()]);
    journal.append(&fact(1, Fact::Live)).await.unwrap();
    assert_eq!(store.read(&id).unwrap(), [started(), fact(1, Fact::Live)]);
    // A line that was changed in the middle is damage.
    let text = std::fs::read_to_string(&path).unwrap().replacen("checkout", "checkin", 1);
    std::fs::write(&path, text).unwrap();
    assert!(matches!(store.read(&id), Err(JournalError::Damaged { .. })));
}
