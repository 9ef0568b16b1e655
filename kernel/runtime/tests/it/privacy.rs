//! Personal data: sealed in tables and log, opened with the key, gone without it.

use sycee_runtime::storage::{ColumnKind, Value, collect};

use crate::bank::{Account, on_each_engine, open, put};

#[test]
fn names_are_sealed_at_rest_and_found_by_blind_index() {
    on_each_engine(|url, mut bank| {
        put(&mut bank, 1, 5);
        put(&mut bank, 2, 7);
        bank.sync().unwrap();
        let sql = "SELECT owner_sealed FROM toy_account ORDER BY id";
        let rows = collect(bank.reader(), sql, &[], &[ColumnKind::Text]).unwrap();
        for row in &rows {
            let text = row[0].as_text().unwrap();
            assert!(!text.contains("Owner") && text != "***", "{text}");
        }
        drop(bank);
        let mut bank = open(url);
        let account = bank.load::<Account>(&1).unwrap().unwrap();
        assert_eq!(account.owner.reveal(), "Owner 1");
        let found = bank.find(&Account::by_owner(account.owner_index)).unwrap();
        assert_eq!(found.iter().map(|it| it.id).collect::<Vec<_>>(), [1]);
        assert!(!format!("{account:?}").contains("Owner 1"));
    });
}

#[test]
fn the_log_holds_no_plain_personal_data() {
    on_each_engine(|_, mut bank| {
        put(&mut bank, 2, 7);
        bank.sync().unwrap();
        let kinds = [ColumnKind::Bytes];
        let payloads = collect(bank.reader(), "SELECT payload FROM runtime_effect", &[], &kinds).unwrap();
        let hops = collect(bank.reader(), "SELECT hops FROM message_log", &[], &kinds).unwrap();
        for row in payloads.iter().chain(&hops) {
            let Value::Bytes(bytes) = &row[0] else { continue };
            assert!(!bytes.windows(13).any(|window| window == b"+233200000007"));
        }
        assert_eq!(payloads.len(), 1);
    });
}
