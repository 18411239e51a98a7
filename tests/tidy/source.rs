//! The source of this repository as text: where a file belongs, which names it imports, and what of it is code rather than comment, text or test.

use std::fs;
use std::path::{Path, PathBuf};

/// One file of Rust.
pub(crate) struct Source {
    /// From the root of the repository, with `/`.
    pub(crate) path: String,
    /// As it is.
    pub(crate) text: String,
    /// The same length in lines, but comments, texts and test modules blanked out.
    pub(crate) code: String,
}

impl Source {
    /// The folder of `src` it belongs to, e.g. `store` for `src/store/tx.rs`; `None` for `lib.rs`, `main.rs` and other crates.
    pub(crate) fn folder(&self) -> Option<&str> {
        let below = self.path.strip_prefix("src/")?;
        let name = below.split('/').next()?;
        let name = name.strip_suffix(".rs").unwrap_or(name);
        (!matches!(name, "lib" | "main")).then_some(name)
    }

    /// How deep its module lies below the crate: 1 for `src/store/mod.rs`, 2 for `src/store/tx.rs`.
    pub(crate) fn depth(&self) -> usize {
        let parts = self.path.split('/').count() - 1;
        if self.path.ends_with("/mod.rs") { parts - 1 } else { parts }
    }

    /// The text as it is, but without the test module at its end.
    pub(crate) fn text_without_tests(&self) -> &str {
        let lines = self.code.matches('\n').count();
        let end = self.text.match_indices('\n').nth(lines).map_or(self.text.len(), |(offset, _)| offset);
        self.text.get(..end).unwrap_or(&self.text)
    }

    /// `file:line` of a byte offset.
    pub(crate) fn at(&self, offset: usize) -> String {
        let line = self.code.get(..offset).map_or(0, |before| before.matches('\n').count()) + 1;
        format!("{}:{line}", self.path)
    }

    /// Offsets of a word in the code, not as a part of a longer name or path.
    pub(crate) fn uses<'a>(&'a self, word: &'a str) -> impl Iterator<Item = usize> + 'a {
        self.code.match_indices(word).map(|(offset, _)| offset).filter(move |offset| {
            let before = self.code.get(..*offset).and_then(|text| text.chars().next_back());
            let after = self.code.get(offset + word.len()..).and_then(|text| text.chars().next());
            let part = before.is_some_and(|c| is_name(c) || c == ':');
            let longer = word.chars().all(is_name) && after.is_some_and(is_name);
            !part && !longer
        })
    }
}

pub(crate) fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every `.rs` file of the repository's own folders, sorted by path.
pub(crate) fn sources() -> Vec<Source> {
    let mut paths = Vec::new();
    for folder in ["src", "entity", "migration", "bench", "tests"] {
        collect(&root().join(folder), &mut paths);
    }
    paths.sort();
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).ok()?;
        let path = path.strip_prefix(root()).ok()?.to_string_lossy().replace('\\', "/");
        let code = without_tests(&masked(&text));
        Some(Source { path, text, code })
    };
    paths.into_iter().filter_map(read).collect()
}

fn collect(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, into);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            into.push(path);
        }
    }
}

/// The text with comments and the insides of literals turned into blanks; lines stay where they are.
fn masked(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let at = |index: usize| chars.get(index).copied().unwrap_or('\0');
    let mut out = String::with_capacity(text.len());
    let mut index = 0;
    while index < chars.len() {
        let end = match (at(index), at(index + 1)) {
            ('/', '/') => (index..chars.len()).find(|i| at(*i) == '\n').unwrap_or(chars.len()),
            ('/', '*') => end_of_block(&chars, index),
            ('"', _) => end_of_text(&chars, index),
            ('r', '"' | '#') if index == 0 || !is_name(at(index - 1)) || at(index - 1) == 'b' => end_of_raw(&chars, index),
            ('\'', '\\') => (index + 3..chars.len()).find(|i| at(*i) == '\'').map_or(chars.len(), |i| i + 1),
            ('\'', _) if at(index + 2) == '\'' => index + 3,
            _ => index,
        };
        if end == index {
            out.push(at(index));
            index += 1;
        } else {
            out.extend((index..end).map(|i| if at(i) == '\n' { '\n' } else { ' ' }));
            index = end;
        }
    }
    out
}

fn end_of_block(chars: &[char], start: usize) -> usize {
    let (mut depth, mut index) = (0, start);
    while index < chars.len() {
        match (chars.get(index), chars.get(index + 1)) {
            (Some('/'), Some('*')) => (depth, index) = (depth + 1, index + 2),
            (Some('*'), Some('/')) => (depth, index) = (depth - 1, index + 2),
            _ => index += 1,
        }
        if depth == 0 {
            break;
        }
    }
    index
}

fn end_of_text(chars: &[char], start: usize) -> usize {
    let mut index = start + 1;
    while index < chars.len() {
        match chars.get(index) {
            Some('\\') => index += 2,
            Some('"') => return index + 1,
            _ => index += 1,
        }
    }
    chars.len()
}

/// The end of `r#"…"#`, or `start` when this is a raw name such as `r#type`.
fn end_of_raw(chars: &[char], start: usize) -> usize {
    let hashes = chars.iter().skip(start + 1).take_while(|c| **c == '#').count();
    let open = start + 1 + hashes;
    if chars.get(open) != Some(&'"') {
        return start;
    }
    let closes = |index: &usize| {
        chars.get(*index) == Some(&'"') && chars.iter().skip(index + 1).take(hashes).filter(|c| **c == '#').count() == hashes
    };
    (open + 1..chars.len()).find(closes).map_or(chars.len(), |index| index + 1 + hashes)
}

/// The code without the test module at its end.
fn without_tests(code: &str) -> String {
    for (offset, mark) in code.match_indices("#[cfg(test)]") {
        let mut rest = code.get(offset + mark.len()..).unwrap_or_default().trim_start();
        while rest.starts_with("#[") {
            rest = rest.split_once('\n').map_or("", |(_, after)| after).trim_start();
        }
        let inline = rest.find(['{', ';']).is_some_and(|end| rest.get(end..=end) == Some("{"));
        if rest.starts_with("mod ") && inline {
            return code.get(..offset).unwrap_or(code).to_owned();
        }
    }
    code.to_owned()
}

/// The names a path may begin with after `crate::`: one, or those of a `{…}` group.
fn first_names(rest: &str) -> Vec<String> {
    let Some(group) = rest.strip_prefix('{') else { return vec![rest.chars().take_while(|c| is_name(*c)).collect()] };
    let (mut depth, mut names, mut name, mut taken) = (1, Vec::new(), String::new(), false);
    for c in group.chars() {
        if !is_name(c) && !name.is_empty() {
            names.push(std::mem::take(&mut name));
            taken = true;
        }
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => taken = false,
            c if depth == 1 && is_name(c) && !taken => name.push(c),
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    names
}

/// Every import of another folder: offset and the folder's name.
pub(crate) fn imports(source: &Source) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (offset, mark) in source.code.match_indices("crate::") {
        let before = source.code.get(..offset).and_then(|text| text.chars().next_back());
        if !before.is_some_and(is_name) {
            let rest = source.code.get(offset + mark.len()..).unwrap_or_default();
            found.extend(first_names(rest).into_iter().map(|name| (offset, name)));
        }
    }
    for offset in source.uses("super::") {
        let mut rest = source.code.get(offset..).unwrap_or_default();
        let mut up = 0;
        while let Some(after) = rest.strip_prefix("super::") {
            (rest, up) = (after, up + 1);
        }
        if up >= source.depth() {
            found.extend(first_names(rest).into_iter().map(|name| (offset, name)));
        }
    }
    found
}

#[test]
fn the_reader_of_source_understands_rust() {
    let check = |text: &str, expected: &[&str]| {
        let code = without_tests(&masked(text));
        let source = Source { path: "src/app/install.rs".to_owned(), text: text.to_owned(), code };
        let names: Vec<String> = imports(&source).into_iter().map(|(_, name)| name).collect();
        assert_eq!(names, expected, "{text}");
    };
    check("use crate::store::Store;", &["store"]);
    check("use crate::{auth::{Verifier, Error}, vault, domain::id};", &["auth", "vault", "domain"]);
    check("fn f() { $crate::http::x() }", &["http"]);
    check("// crate::store\n/* crate::a /* crate::b */ */ \"crate::c\" r#\"crate::\"d\"#", &[]);
    check("let c = '\"'; use crate::store; let l: &'static str;", &["store"]);
    check("use super::error::Error; use super::super::store::Tx;", &["store"]);
    check("use crate::auth;\n#[cfg(test)]\nmod tests {\n use crate::cli;\n}", &["auth"]);
}
