//! Migrations against a real DynamoDB engine in this process.

use std::path::PathBuf;

use serde_json::{Value, json};
use testing::{
    Fault,
    engine::{Engine, TABLE},
};

use super::*;

/// Items whose pages are a megabyte: a scan of forty has several.
const LONG: usize = 100_000;

struct Run {
    engine: Engine,
    table: Table,
    place: Place,
    file: PathBuf,
}

impl Run {
    fn of(name: &str, items: u32) -> Run {
        let engine = Engine::new();
        engine.import((0..items).map(|nth| {
            json!({
                "pk": { "S": format!("USER#{nth:03}") }, "sk": { "S": "ACCOUNT" },
                "version": { "N": "1" }, "bio": { "S": "x".repeat(LONG) },
            })
        }));
        let file = std::env::temp_dir().join(format!("upkeep-{name}-{}", std::process::id()));
        let _ = fs::remove_file(&file);
        let table = Table::new(engine.client(), TABLE);
        Run { engine, table, place: Place::in_file(&file), file }
    }

    async fn migrate(&self, mode: Mode) -> Result<Migrated, UpkeepError> {
        let [shapes, _] = &MIGRATIONS;
        migrate(&self.table, shapes, (mode, &self.place), &mut Progress::none()).await
    }

    fn without_shape(&self) -> usize {
        self.engine.dump().iter().filter(|it| it.get("shape").is_none()).count()
    }
}

#[tokio::test]
async fn a_migration_changes_each_item_once() {
    let run = Run::of("once", 40);
    let migrated = run.migrate(Mode::Write).await.unwrap();
    assert_eq!(migrated, Migrated { items: 40, changed: 40, overtaken: 0 });
    assert_eq!(run.without_shape(), 0);
    let again = run.migrate(Mode::Write).await.unwrap();
    assert_eq!(again, Migrated { items: 40, changed: 0, overtaken: 0 });
    assert!(!run.file.exists(), "a finished migration leaves no place");
}

#[tokio::test]
async fn a_dry_run_writes_nothing() {
    let run = Run::of("dry", 40);
    let before = run.engine.dump();
    run.engine.take_usage();
    let migrated = run.migrate(Mode::DryRun).await.unwrap();
    assert_eq!(migrated, Migrated { items: 40, changed: 40, overtaken: 0 });
    assert_eq!(run.engine.dump(), before);
    let requests = run.engine.take_usage().requests;
    assert!(!requests.contains_key("UpdateItem"), "{requests:?}");
    assert!(!run.file.exists());
}

#[tokio::test]
async fn an_interrupted_migration_continues_where_it_was() {
    let run = Run::of("interrupted", 40);
    // The process dies while the second page is read.
    run.engine.order("Scan", 2, Fault::HangBefore);
    assert!(run.engine.until_hung(run.migrate(Mode::Write)).await.is_none());
    let left = run.without_shape();
    assert!(0 < left && left < 40, "{left}");
    assert!(run.file.exists());
    let rest = run.migrate(Mode::Write).await.unwrap();
    assert_eq!((rest.items, rest.changed), (u64::try_from(left).unwrap(), rest.items));
    assert_eq!(run.without_shape(), 0);
    assert!(!run.file.exists());
}

#[tokio::test]
async fn an_item_that_is_deleted_meanwhile_stays_deleted() {
    let run = Run::of("deleted", 1);
    let gone = missing_shape(&run.table.scan(None, None).await.unwrap().items[0]).unwrap();
    run.engine.restore(&[]);
    assert!(!run.table.apply(gone).await.unwrap());
    assert_eq!(run.engine.dump(), [Value::Null; 0]);
}

/// The number of its items is only for the progress.
#[tokio::test]
async fn a_table_that_cannot_be_described_is_migrated() {
    let run = Run::of("undescribed", 1);
    for nth in 1..=100 {
        run.engine.order("DescribeTable", nth, Fault::Fail);
    }
    assert_eq!(run.table.about_items().await, None);
    let migrated = run.migrate(Mode::Write).await.unwrap();
    assert_eq!(migrated, Migrated { items: 1, changed: 1, overtaken: 0 });
}
