//! The tables, and how older databases get them.
//!
//! Source: the reference's `schema.sql` and its list of migrations.

use super::Database;
use crate::error::Result;

/// The version that the file `schema` names.
pub(crate) const SCHEMA: u32 = 10;

pub(super) const CREATE: &str = "
create table if not exists ValidPaths (
    id integer primary key autoincrement not null, path text unique not null, hash text not null,
    registrationTime integer not null, deriver text, narSize integer, ultimate integer, sigs text, ca text
);
create table if not exists Refs (
    referrer integer not null, reference integer not null, primary key (referrer, reference),
    foreign key (referrer) references ValidPaths(id) on delete cascade,
    foreign key (reference) references ValidPaths(id) on delete restrict
);
create index if not exists IndexReference on Refs(reference);
create trigger if not exists DeleteSelfRefs before delete on ValidPaths
  begin delete from Refs where referrer = old.id and reference = old.id; end;
create table if not exists DerivationOutputs (
    drv integer not null, id text not null, path text not null, primary key (drv, id),
    foreign key (drv) references ValidPaths(id) on delete cascade
);
create index if not exists IndexDerivationOutputs on DerivationOutputs(path);
";

const CREATE_BUILD_TRACE: &str = "
create table if not exists BuildTraceV3 (
    id integer primary key autoincrement not null, drvPath text not null, outputName text not null,
    outputPath text not null, signatures text
);
create index if not exists IndexBuildTraceV3 on BuildTraceV3(drvPath, outputName);
";

/// Names of migrations that the reference applies to a database of schema 10, with their statements.
const MIGRATION_CA: (&str, &str) = ("20251017-ca-derivations", CREATE_BUILD_TRACE);
const MIGRATION_INDEX: (&str, &str) =
    ("20260309-drop-redundant-indexreferrer", "drop index if exists IndexReferrer;");

impl Database {
    /// Which of the reference's migrations are missing.
    pub(crate) fn missing_migrations(&self, ca_derivations: bool) -> Result<bool> {
        self.with("reading the schema", |c| {
            let has_table: bool = c.query_row(
                "select exists (select 1 from sqlite_master where type = 'table' and name = 'SchemaMigrations')",
                [],
                |r| r.get(0),
            )?;
            if !has_table {
                return Ok(true);
            }
            let has = |name: &str| -> rusqlite::Result<bool> {
                c.query_row(
                    "select exists (select 1 from SchemaMigrations where migration = ?)",
                    [name],
                    |r| r.get(0),
                )
            };
            Ok(!has(MIGRATION_INDEX.0)? || (ca_derivations && !has(MIGRATION_CA.0)?))
        })
    }

    /// Applies the missing migrations; the caller holds the big lock alone.
    pub(crate) fn migrate(&self, ca_derivations: bool) -> Result<()> {
        self.transaction("changing the schema", |c| {
            c.execute_batch(
                "create table if not exists SchemaMigrations (migration text primary key not null);",
            )?;
            let mut all = vec![MIGRATION_INDEX];
            if ca_derivations {
                all.push(MIGRATION_CA);
            }
            for (name, statements) in all {
                let new = c.execute("insert or ignore into SchemaMigrations values (?)", [name])?;
                if new > 0 {
                    c.execute_batch(statements)?;
                }
            }
            Ok(())
        })
    }

    /// Brings a database of schema 5 to 9 to 10.
    pub(crate) fn upgrade_from(&self, schema: u32) -> Result<()> {
        self.transaction("changing the schema", |c| {
            if schema < 8 {
                c.execute_batch(
                    "alter table ValidPaths add column ultimate integer; alter table ValidPaths add column sigs text;",
                )?;
            }
            if schema < 9 {
                c.execute_batch("drop table if exists FailedPaths;")?;
            }
            if schema < 10 {
                c.execute_batch("alter table ValidPaths add column ca text;")?;
            }
            Ok(())
        })
    }
}
