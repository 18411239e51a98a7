//! Expressions that each engine writes in its own way. Everything else is the same SQL for both.

use connectors_entity::contact;
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Func};
use sea_orm::{ColumnTrait, ColumnType, Condition, DbBackend};

/// A column as text, JSON as it is written.
pub(super) fn text<C: ColumnTrait>(column: C) -> Expr {
    let plain = Expr::col(column.as_column_ref());
    if matches!(column.def().get_column_type(), ColumnType::Json | ColumnType::JsonBinary) {
        plain.cast_as(Alias::new("TEXT"))
    } else {
        plain
    }
}

/// The milliseconds between two columns of instants.
pub(super) fn milliseconds(engine: DbBackend, from: &str, to: &str) -> Expr {
    Expr::cust(match engine {
        DbBackend::Postgres => format!("extract(epoch FROM \"{to}\" - \"{from}\")::float8 * 1000 + 0.5"),
        // Seconds as doubles are a fraction of a millisecond off: half of one decides.
        _ => format!("(unixepoch(\"{to}\", 'subsec') - unixepoch(\"{from}\", 'subsec')) * 1000 + 0.5"),
    })
}

/// The instant that stands for never having happened; written out, since an index fits the same words alone.
pub(super) fn never(engine: DbBackend) -> Expr {
    Expr::cust(match engine {
        DbBackend::Postgres => "'1970-01-01 00:00:00+00'::timestamptz",
        _ => "'1970-01-01T00:00:00+00:00'",
    })
}

/// The value at a path of members inside a column of JSON; null where there is none, and for null itself.
pub(super) fn member(engine: DbBackend, column: &str, path: &[&str]) -> Expr {
    if engine == DbBackend::Postgres {
        // As an array of texts, written the way the engine reads one.
        let quoted: Vec<String> = path.iter().map(|name| format!("\"{}\"", name.replace('\\', "\\\\"))).collect();
        return Expr::cust_with_values(format!("(\"{column}\" #>> $1::text[])"), [format!("{{{}}}", quoted.join(","))]);
    }
    let path = path.iter().fold("$".to_owned(), |path, member| format!("{path}.\"{member}\""));
    Expr::cust_with_values(format!("json_extract(\"{column}\", ?)"), [path])
}

/// Contacts with this e-mail address, whatever its case; each engine has its own index for it.
pub(super) fn email_is(engine: DbBackend, address: &str) -> Condition {
    let lower = address.to_ascii_lowercase();
    if engine == DbBackend::Postgres {
        return Condition::all().add(Expr::col((contact::Entity, Alias::new("email_key"))).eq(lower));
    }
    // Said twice, so that the engine sees the partial index fits.
    let email = Expr::col(contact::Column::Email.as_column_ref());
    Condition::all().add(email.clone().is_not_null()).add(Expr::expr(Func::lower(email)).eq(lower))
}
