//! Conditions several lists share.

use sea_orm::sea_query::{Expr, ExprTrait, Func, LikeExpr};
use sea_orm::{ColumnTrait, Condition};

use super::dialect;

/// Every word occurs in one of the columns, without regard to the case of ASCII letters.
pub(super) fn words<C: ColumnTrait>(text: &str, columns: &[C]) -> Condition {
    text.split_whitespace().fold(Condition::all(), |all, word| {
        let any = columns.iter().fold(Condition::any(), |any, column| any.add(contains(dialect::text(*column), word)));
        all.add(any)
    })
}

/// The text occurs in the column as it is, without regard to the case of ASCII letters.
pub(super) fn phrase<C: ColumnTrait>(text: &str, column: C) -> Expr {
    contains(Expr::col(column.as_column_ref()), text)
}

/// The column, a list of texts, holds all of these, to the letter.
pub(super) fn has_all<C: ColumnTrait>(column: C, texts: &[String]) -> Condition {
    texts.iter().fold(Condition::all(), |all, text| all.add(json_mentions(column, text)))
}

/// The text stands somewhere in the column's JSON as a whole string, to the letter.
pub(super) fn json_mentions<C: ColumnTrait>(column: C, text: &str) -> Expr {
    let quoted = serde_json::Value::String(text.to_owned()).to_string();
    // Not by LIKE, which on SQLite passes over the case of letters and on PostgreSQL does not.
    let without = Func::cust("replace").args([dialect::text(column), Expr::val(quoted), Expr::val("")]);
    Expr::expr(without).ne(dialect::text(column))
}

fn contains(column: Expr, word: &str) -> Expr {
    let pattern = format!("%{}%", escape(&word.to_ascii_lowercase()));
    Expr::expr(Func::lower(column)).like(LikeExpr::new(pattern).escape('\\'))
}

/// Takes the meaning from the characters LIKE treats specially.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 4);
    for letter in text.chars() {
        if matches!(letter, '%' | '_' | '\\') {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}
