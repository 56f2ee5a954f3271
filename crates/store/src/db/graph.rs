//! Everything that decides what is garbage, read at once.

use std::collections::HashMap;

use firn_path::StorePath;
use rusqlite::Connection;

use super::{Database, TxResult};
use crate::error::Result;

/// All that decides what is garbage, by dense numbers.
pub(crate) struct Graph {
    pub(crate) paths: Vec<StorePath>,
    pub(crate) index: HashMap<StorePath, u32>,
    pub(crate) references: Vec<Vec<u32>>,
    /// The recorded deriver, if valid.
    pub(crate) deriver: Vec<Option<u32>>,
    /// Outputs of derivations that are valid.
    pub(crate) outputs: Vec<Vec<u32>>,
}

impl Database {
    /// Reads everything that decides what is garbage.
    pub(crate) fn graph(&self) -> Result<Graph> {
        self.with("reading the references", |c| {
            // one read transaction, so that the three tables fit together
            c.prepare_cached("begin")?.execute([])?;
            let graph = self.graph_in(c);
            let _ = c.execute_batch("commit");
            graph
        })
    }

    fn graph_in(&self, c: &Connection) -> TxResult<Graph> {
        let mut graph = Graph {
            paths: Vec::new(),
            index: HashMap::new(),
            references: Vec::new(),
            deriver: Vec::new(),
            outputs: Vec::new(),
        };
        let mut by_id: HashMap<i64, u32> = HashMap::new();
        let mut derivers: Vec<Option<StorePath>> = Vec::new();
        let mut statement = c.prepare("select id, path, deriver from ValidPaths")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let Ok(path) = self.dir.parse(&row.get::<_, String>(1)?) else { continue };
            let number = graph.paths.len() as u32;
            by_id.insert(row.get(0)?, number);
            derivers.push(row.get::<_, Option<String>>(2)?.and_then(|d| self.dir.parse(&d).ok()));
            graph.index.insert(path.clone(), number);
            graph.paths.push(path);
        }
        graph.references = vec![Vec::new(); graph.paths.len()];
        graph.outputs = vec![Vec::new(); graph.paths.len()];
        graph.deriver =
            derivers.iter().map(|d| d.as_ref().and_then(|d| graph.index.get(d).copied())).collect();
        let mut statement = c.prepare("select referrer, reference from Refs")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            if let (Some(&from), Some(&to)) = (by_id.get(&row.get(0)?), by_id.get(&row.get(1)?)) {
                graph.references[from as usize].push(to);
            }
        }
        let mut statement = c.prepare("select drv, path from DerivationOutputs")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let Some(&drv) = by_id.get(&row.get(0)?) else { continue };
            let output = self.dir.parse(&row.get::<_, String>(1)?).ok();
            if let Some(&output) = output.as_ref().and_then(|o| graph.index.get(o)) {
                graph.outputs[drv as usize].push(output);
            }
        }
        Ok(graph)
    }
}
