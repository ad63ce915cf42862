//! A JSON value as text: fields indented, lists of alike objects as tables.

use serde_json::{Map, Value};

use crate::output::Output;

/// Width of a field's name, with what it is indented by.
const NAME: usize = 24;

/// Prints an object.
pub(super) fn print(output: &mut Output, value: &Value) -> talaria_db::Result<()> {
    match value {
        Value::Object(fields) => object(output, fields, 0),
        other => writeln!(output, "{}", plain(other)),
    }
}

fn object(output: &mut Output, fields: &Map<String, Value>, indent: usize) -> talaria_db::Result<()> {
    for (name, value) in fields {
        let name = name.replace('_', " ");
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                writeln!(output, "{:indent$}{name}", "")?;
                object(output, inner, indent + 2)?;
            }
            Value::Array(items) if items.iter().any(Value::is_object) => {
                writeln!(output, "{:indent$}{name}", "")?;
                table(output, items, indent + 2)?;
            }
            _ => {
                let width = NAME.saturating_sub(indent);
                let line = format!("{:indent$}{name:<width$} {}", "", plain(value));
                writeln!(output, "{}", line.trim_end())?;
            }
        }
    }
    Ok(())
}

/// Objects with the same fields, a line each under the fields' names.
fn table(output: &mut Output, items: &[Value], indent: usize) -> talaria_db::Result<()> {
    let objects: Vec<&Map<String, Value>> = items.iter().filter_map(Value::as_object).collect();
    let Some(first) = objects.first() else { return Ok(()) };
    let names: Vec<String> = first.keys().map(|name| name.replace('_', " ")).collect();
    let rows = objects.iter().map(|object| object.values().map(plain).collect());
    let rows: Vec<Vec<String>> = std::iter::once(names).chain(rows).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    for row in &rows {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}")).collect();
        writeln!(output, "{:indent$}{}", "", cells.join("  ").trim_end())?;
    }
    Ok(())
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "-".to_owned(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Object(fields) if fields.is_empty() => "-".to_owned(),
        other => other.to_string(),
    }
}
