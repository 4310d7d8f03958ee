//! Target: the list of modules that `kbuild-rs install --cargo` reads.

use std::path::PathBuf;

use super::modules::{Row, text};

/// The bytes are the values of rows: a NUL ends a value.
pub(crate) fn modules(bytes: &[u8]) {
    let words = String::from_utf8_lossy(bytes);
    let words: Vec<&str> = words.split('\0').collect();
    let (package, values) = words.split_first().unwrap_or((&"", &[]));
    let rows = values.chunks_exact(4).map(|row| Row {
        name: row[0].to_owned(),
        release: row[1].to_owned(),
        path: PathBuf::from(row[2]),
        symvers: Some(PathBuf::from(row[3])).filter(|path| !path.as_os_str().is_empty()),
    });
    let rows: Vec<Row> = rows.collect();
    let read = serde_json::from_str::<Vec<serde_json::Value>>(&text(package, &rows));
    assert!(read.as_ref().is_ok_and(|read| read.len() == rows.len()));
    for (read, row) in read.into_iter().flatten().zip(&rows) {
        let is = |key: &str, value: &str| assert_eq!(read[key].as_str(), Some(value));
        is("package", package);
        is("name", &row.name);
        is("release", &row.release);
        is("path", &row.path.to_string_lossy());
        let symvers = row.symvers.as_ref().map(|path| path.to_string_lossy());
        assert_eq!(read["symvers"].as_str(), symvers.as_deref());
    }
}
