//! The addresses of tables: what is CSV by `Accept: text/csv` is a download under the same address and `.csv`.

use serde_json::{Map, Value, json};

/// Adds them beside the operations that have an answer as CSV.
pub(super) fn add(document: &mut Value) {
    let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) else {
        return;
    };
    let tables: Vec<(String, Value)> = paths
        .iter()
        .filter_map(|(path, item)| {
            let table = table(path, item.get("get")?)?;
            Some((format!("{path}.csv"), json!({ "get": table })))
        })
        .collect();
    paths.extend(tables);
}

/// The operation that answers the table alone; `None` if there is none.
fn table(path: &str, operation: &Value) -> Option<Value> {
    let mut table = operation.clone();
    let content = table
        .pointer_mut("/responses/200/content")
        .and_then(Value::as_object_mut)?;
    // What is a table and nothing else has one address.
    content.get("application/json")?;
    let csv = content.remove("text/csv")?;
    *content = Map::from_iter([("text/csv".to_owned(), csv)]);
    let object = table.as_object_mut()?;
    // A bare verb is named by its path later, which tells the two apart.
    if let Some(name) = operation.get("operationId").and_then(Value::as_str)
        && name.contains('_')
    {
        object.insert("operationId".to_owned(), json!(format!("{name}_as_csv")));
    }
    object.insert(
        "description".to_owned(),
        json!(format!(
            "The table of `{path}` as a download for spreadsheets: CSV with a byte order mark."
        )),
    );
    Some(table)
}
