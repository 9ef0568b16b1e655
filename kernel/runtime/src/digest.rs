//! The hash of a market's logical state: every entity in key order, before encryption; the same on both engines.

use std::sync::Arc;

use crate::cache::read_row;
use crate::seal::{KeyRing, Plain};
use crate::storage::{Reader, Value};
use crate::{Entity, Fault};

/// Feeds one table's rows to `hasher`; answers their number.
pub(crate) fn digest_table<E: Entity>(
    reader: &mut dyn Reader,
    keys: &Arc<KeyRing>,
    hasher: &mut blake3::Hasher,
) -> Result<u64, Fault> {
    let spec = E::spec();
    let sql = format!("SELECT {} FROM {} ORDER BY {}", spec.column_list(), spec.name, spec.key_names().join(", "));
    let mut count = 0;
    let mut values = Vec::new();
    hasher.update(spec.name.as_bytes());
    reader.query(&sql, &[], &spec.kinds(), &mut |row| {
        let entity = read_row::<E>(row, keys)?;
        values.clear();
        sycee_contract::with_sealer(Arc::new(Plain), || entity.write(&mut values));
        feed(hasher, &values);
        count += 1;
        Ok(())
    })?;
    Ok(count)
}

fn feed(hasher: &mut blake3::Hasher, values: &[Value]) {
    for value in values {
        match value {
            Value::Null => hasher.update(&[0]),
            Value::Int(number) => hasher.update(&[1]).update(&number.to_le_bytes()),
            Value::Text(text) => hasher.update(&[2]).update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes()),
            Value::Bytes(bytes) => hasher.update(&[3]).update(&(bytes.len() as u64).to_le_bytes()).update(bytes),
        };
    }
}
