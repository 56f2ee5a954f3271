//! What may be defined where: a table is defined once, and only tables that headers implied are open to headers, only tables
//! that dotted keys made are open to dotted keys.

use super::{MAX_DEPTH, Node, Origin, Problem, Table, Value};

type Span = (usize, usize);

fn table(origin: Origin, span: Span) -> Node {
    Node { value: Value::Table(Table::new()), span, origin }
}

fn exists(key: Span, message: &str, node: &Node, there: &str) -> Problem {
    Problem::two(
        "toml::insert_value: failed to insert a value, value already exists",
        (key, message),
        (node.span, there),
    )
}

/// Inserts what `keys` (which stand at `span`) `=` to.
pub(super) fn key_value(root: &mut Table, keys: Vec<String>, span: Span, value: Node) -> Result<(), Problem> {
    let (last, table) = descend(root, keys, span, true)?;
    match table.entry(last) {
        std::collections::btree_map::Entry::Vacant(entry) => {
            entry.insert(value);
            Ok(())
        }
        std::collections::btree_map::Entry::Occupied(entry) => {
            Err(exists(span, "inserting this", entry.get(), "but value already exists"))
        }
    }
}

/// Defines `[keys]`; gives the table that the lines below it fill.
pub(super) fn header(root: &mut Table, keys: Vec<String>, span: Span) -> Result<&mut Table, Problem> {
    let (last, tables) = descend(root, keys, span, false)?;
    let node = tables.entry(last).or_insert_with(|| table(Origin::Implied, span));
    let open = node.origin == Origin::Implied;
    match &mut node.value {
        Value::Table(table) if open => {
            node.origin = Origin::Header;
            node.span = span;
            Ok(table)
        }
        _ => Err(Problem::two(
            "toml::insert_value: failed to insert a table, table already defined",
            (span, "inserting this"),
            (node.span, "this table is explicitly defined"),
        )),
    }
}

/// Defines `[[keys]]`; gives the table that the lines below it fill.
pub(super) fn array_header(root: &mut Table, keys: Vec<String>, span: Span) -> Result<&mut Table, Problem> {
    let (last, tables) = descend(root, keys, span, false)?;
    let node = tables.entry(last).or_insert_with(|| Node {
        value: Value::Array(Vec::new()),
        span,
        origin: Origin::Header,
    });
    let place = node.span;
    let refused = |title, there| Err(Problem::two(title, (span, "while inserting this"), (place, there)));
    if node.origin != Origin::Header && is_array_of_tables(&node.value) {
        return refused(
            "toml::insert_value: failed to insert a table, inline array of tables is immutable",
            "this is inline array-of-tables",
        );
    }
    if let (Value::Array(array), Origin::Header) = (&mut node.value, node.origin) {
        array.push(table(Origin::Header, span));
        if let Some(Node { value: Value::Table(table), .. }) = array.last_mut() {
            return Ok(table);
        }
    }
    refused(
        "toml::insert_value: failed to insert an array of tables, value already exists",
        "non-table value already exists",
    )
}

fn is_array_of_tables(value: &Value) -> bool {
    match value {
        Value::Array(items) => {
            !items.is_empty() && items.iter().all(|item| matches!(item.value, Value::Table(_)))
        }
        _ => false,
    }
}

/// Goes down to the table of the last of `keys`, making what is missing.
fn descend(
    root: &mut Table,
    mut keys: Vec<String>,
    span: Span,
    dotted: bool,
) -> Result<(String, &mut Table), Problem> {
    let missing = || Problem::at("toml::insert_key: no keys found", span.0, "here");
    if keys.len() > MAX_DEPTH {
        return Err(Problem::at("toml::parse_key: too many nested tables", span.0, "here"));
    }
    let last = keys.pop().ok_or_else(missing)?;
    let mut current = root;
    for key in keys {
        let made = if dotted { Origin::Dotted } else { Origin::Implied };
        let node = current.entry(key).or_insert_with(|| table(made, span));
        if let Some(problem) = refusal(node, span, dotted) {
            return Err(problem);
        }
        current = match &mut node.value {
            Value::Table(table) => table,
            Value::Array(array) => match array.last_mut() {
                Some(Node { value: Value::Table(table), .. }) => table,
                _ => return Err(missing()),
            },
            _ => return Err(missing()),
        };
    }
    Ok((last, current))
}

/// Why nothing may be defined inside `node`, if so.
fn refusal(node: &Node, span: Span, dotted: bool) -> Option<Problem> {
    let (title, here, there) = match (&node.value, node.origin) {
        (Value::Table(_), Origin::Complete) => (
            "toml::insert_value: failed to insert a value: inline table is immutable",
            "inserting this",
            "to this table",
        ),
        (Value::Table(_), origin) if dotted && origin != Origin::Dotted => (
            "toml::insert_value: reopening a table using dotted keys",
            "dotted key cannot reopen a table",
            "this table is already closed",
        ),
        (Value::Table(_), _) => return None,
        (Value::Array(_), Origin::Header) if !dotted => return None,
        (Value::Array(_), Origin::Header) => (
            "toml::insert_value:dotted key cannot reopen an array-of-tables",
            "inserting this",
            "to this array-of-tables.",
        ),
        (value, _) if is_array_of_tables(value) => (
            "toml::insert_value:inline array of tables are immutable",
            "inserting this",
            "inline array of tables",
        ),
        _ => {
            return Some(exists(span, "while inserting this", node, "non-table value already exists"));
        }
    };
    Some(Problem::two(title, (span, here), (node.span, there)))
}
