//! What differs between engines, so that each table is written once.
//!
//! Steps write SQL with places such as `{json}`; this file fills them in. Deliberately not a query builder:
//! a table should be readable as the SQL it is.

use sea_orm_migration::prelude::{ConnectionTrait, DbErr, SchemaManager};
use sea_orm_migration::sea_orm::DbBackend;

use crate::functions;

/// Words that stand for `{json}`, `{time}`, `{bytes}`, `{now}` and `{compact}`, and for texts.
struct Dialect {
    /// Texts are compared by their bytes, whatever the server's language.
    text: &'static str,
    json: &'static str,
    time: &'static str,
    bytes: &'static str,
    /// The present instant exactly as the program writes one: in whole milliseconds; as text, RFC 3339.
    now: &'static str,
    /// Table option for narrow rows found by their whole primary key: no second copy of the key.
    compact: &'static str,
}

const SQLITE: Dialect = Dialect {
    text: " TEXT",
    json: "TEXT",
    time: "TEXT",
    bytes: "BLOB",
    now: "replace(strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now'), '.000+', '+')",
    compact: "WITHOUT ROWID",
};

const POSTGRES: Dialect = Dialect {
    text: " TEXT COLLATE \"C\"",
    json: "jsonb",
    time: "timestamptz",
    bytes: "bytea",
    now: "date_trunc('milliseconds', clock_timestamp())",
    compact: "",
};

fn dialect(backend: DbBackend) -> Result<&'static Dialect, DbErr> {
    match backend {
        DbBackend::Sqlite => Ok(&SQLITE),
        DbBackend::Postgres => Ok(&POSTGRES),
        other => Err(DbErr::Migration(format!("the schema is not written for {other:?}"))),
    }
}

/// Is this the engine with roles and row security?
pub(crate) fn is_postgres(manager: &SchemaManager<'_>) -> bool {
    manager.get_database_backend() == DbBackend::Postgres
}

/// Runs statements of a step.
pub(crate) async fn run(manager: &SchemaManager<'_>, sql: &str) -> Result<(), DbErr> {
    let dialect = dialect(manager.get_database_backend())?;
    let sql = sql
        .replace(" TEXT", dialect.text)
        .replace("{json}", dialect.json)
        .replace("{time}", dialect.time)
        .replace("{bytes}", dialect.bytes)
        .replace("{now}", dialect.now)
        .replace("{compact}", dialect.compact);
    manager.get_connection().execute_unprepared(&sql).await.map(|_| ())
}

/// Keeps a table's `updated_at` current for every statement that changes one of `columns` without setting it.
///
/// Counters are left out of `columns` on purpose: counting a run is no change of the thing itself.
pub(crate) async fn keep_updated_at(manager: &SchemaManager<'_>, table: &str, columns: &str) -> Result<(), DbErr> {
    let sql = if is_postgres(manager) {
        functions::create(manager, functions::UPDATE_UPDATED_AT).await?;
        format!(
            "CREATE TRIGGER {table}_updated_at BEFORE UPDATE OF {columns} ON {table} \
             FOR EACH ROW WHEN (NEW.updated_at IS NOT DISTINCT FROM OLD.updated_at) \
             EXECUTE FUNCTION update_updated_at_column()"
        )
    } else {
        format!(
            "CREATE TRIGGER {table}_updated_at AFTER UPDATE OF {columns} ON {table} \
             FOR EACH ROW WHEN NEW.updated_at IS OLD.updated_at \
             BEGIN UPDATE {table} SET updated_at = {{now}} WHERE id = NEW.id; END"
        )
    };
    run(manager, &sql).await
}

/// Drops tables, children first.
pub(crate) async fn drop(manager: &SchemaManager<'_>, tables: &[&str]) -> Result<(), DbErr> {
    for table in tables {
        run(manager, &format!("DROP TABLE {table}")).await?;
    }
    Ok(())
}
