//! Holds the rules of the house that no lint knows: which folder may import which, where each library lives, how files begin, what things are
//! not called, and that every error code is explained. It reads the source as text and needs nothing but std.
//!
//! Each test names every place that breaks its rule as `file:line`.

use std::collections::BTreeSet;
use std::fs;

#[path = "tidy/source.rs"]
mod source;

use source::{Source, imports, is_name, root, sources};

/// Folder of `src` → the folders it may import from, lowest level first.
const LAYERS: &[(&str, &[&str])] = &[
    ("clock", &[]),
    ("telemetry", &[]),
    ("domain", &["clock"]),
    ("pipeline", &["clock", "domain"]),
    ("auth", &["clock", "domain"]),
    ("vault", &["clock", "domain"]),
    ("store", &["clock", "domain", "auth"]),
    ("egress", &["clock", "domain", "vault"]),
    ("queue", &["clock", "domain"]),
    ("events", &["clock", "domain"]),
    ("app", &["clock", "domain", "pipeline", "auth", "vault", "store", "queue", "events"]),
    ("executor", &["clock", "domain", "pipeline", "auth", "vault", "store", "egress", "queue", "events"]),
    ("graphql", &["clock", "domain", "auth", "app"]),
    ("http", &["clock", "auth", "app", "graphql"]),
    ("selftest", &["graphql"]),
    ("config", &["telemetry", "auth", "vault", "store", "egress", "executor", "graphql", "http"]),
    (
        "server",
        &[
            "clock",
            "telemetry",
            "domain",
            "pipeline",
            "auth",
            "vault",
            "store",
            "egress",
            "queue",
            "events",
            "app",
            "executor",
            "graphql",
            "http",
            "config",
        ],
    ),
    (
        "cli",
        &[
            "clock",
            "telemetry",
            "domain",
            "pipeline",
            "auth",
            "vault",
            "store",
            "egress",
            "queue",
            "events",
            "app",
            "executor",
            "graphql",
            "http",
            "selftest",
            "config",
            "server",
        ],
    ),
];

/// Imports against the rule that are meant: file, folder, and why.
const EXCEPTIONS: &[(&str, &str, &str)] = &[];

/// Crates of this workspace: each has one home as libraries have.
const OWN_CRATES: &[(&str, &[&str])] = &[("connectors_entity", &["store"]), ("connectors_migration", &["store"])];

/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] = &["util", "utils", "common", "helper", "helpers", "misc", "types"];

/// Calls that are allowed in few places: the call, where (folder or file below `src`), and the reason.
const HOMES_OF_CALLS: &[(&str, &[&str], &str)] = &[
    ("tokio::spawn", &["executor", "http", "server", "graphql/loader.rs"], "a task is spawned where it is tracked"),
    ("SystemScope::for_server", &["server", "cli"], "the server alone acts for itself"),
    ("env::var", &["config"], "the environment is read by config"),
];

/// The text literals between two offsets of a text.
fn literals(text: &str) -> Vec<String> {
    text.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Fails with the whole list when there is one.
fn report(rule: &str, findings: &[String]) {
    assert!(findings.is_empty(), "{rule}\n  {}\n", findings.join("\n  "));
}

/// A test of its own module: it may reach for whatever it needs.
fn is_test_file(path: &str) -> bool {
    path.ends_with("tests.rs") || path.contains("/tests/")
}

#[test]
fn folders_import_only_what_stands_below_them() {
    let mut findings = Vec::new();
    let known: BTreeSet<&str> = LAYERS.iter().map(|(name, _)| *name).collect();
    for source in sources().iter().filter(|source| !is_test_file(&source.path)) {
        let Some(folder) = source.folder() else { continue };
        let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == folder) else {
            findings.push(format!("{}:1 belongs to no layer", source.path));
            continue;
        };
        for (offset, name) in imports(source) {
            let excepted = EXCEPTIONS.iter().any(|(file, layer, _)| *file == source.path && *layer == name);
            if known.contains(name.as_str()) && name != folder && !allowed.contains(&name.as_str()) && !excepted {
                findings.push(format!("{} `{folder}` imports `{name}`", source.at(offset)));
            }
        }
    }
    report("a folder imports only from those listed for it", &findings);
}

#[test]
fn every_exception_is_still_needed() {
    let sources = sources();
    let idle = EXCEPTIONS.iter().filter(|(file, layer, _)| {
        !sources.iter().any(|source| source.path == *file && imports(source).iter().any(|(_, name)| name == layer))
    });
    report("an exception that nothing uses is removed", &idle.map(|(file, layer, _)| format!("{file}: `{layer}`")).collect::<Vec<_>>());
}

/// One line of `[workspace.dependencies]`.
struct Dependency {
    name: String,
    line: usize,
    /// `None` without a comment, else where it lives; an empty list when the comment names no home.
    homes: Option<Vec<String>>,
}

fn dependencies() -> (Vec<Dependency>, String) {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap_or_default();
    let mut inside = false;
    let mut list = Vec::new();
    for (index, line) in manifest.lines().enumerate() {
        if line.starts_with('[') {
            inside = line == "[workspace.dependencies]";
        } else if let Some((name, rest)) = line.split_once(" = ").filter(|_| inside && !line.starts_with('#')) {
            let home = |comment: &str| comment.rsplit_once(": ").map_or_else(Vec::new, |(_, homes)| split_homes(homes));
            list.push(Dependency {
                name: name.to_owned(),
                line: index + 1,
                homes: rest.rsplit_once(" # ").map(|(_, comment)| home(comment)),
            });
        }
    }
    (list, manifest)
}

fn split_homes(text: &str) -> Vec<String> {
    text.split(',').filter_map(|part| part.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn every_dependency_says_what_it_spares_us_and_where_it_lives() {
    let (list, manifest) = dependencies();
    let shipped = manifest.split("\n[dependencies]").nth(1).and_then(|rest| rest.split("\n[").next()).unwrap_or_default().to_owned();
    let is_shipped = |name: &str| shipped.lines().any(|line| line.split(['.', ' ']).next() == Some(name));
    let mut findings = Vec::new();
    for dependency in &list {
        match &dependency.homes {
            None => findings.push(format!("Cargo.toml:{} `{}` has no comment", dependency.line, dependency.name)),
            Some(homes) if homes.is_empty() && is_shipped(&dependency.name) => {
                findings.push(format!("Cargo.toml:{} `{}` names no home: `# why: home`", dependency.line, dependency.name));
            }
            Some(_) => {}
        }
    }
    assert!(!list.is_empty(), "no dependency found: the manifest's form has changed");
    report("a dependency's line says why and where", &findings);
}

#[test]
fn libraries_stay_in_their_homes() {
    let (list, _) = dependencies();
    let mut homes: Vec<(String, Vec<String>)> =
        OWN_CRATES.iter().map(|(name, at)| ((*name).to_owned(), at.iter().map(|h| (*h).to_owned()).collect())).collect();
    homes.extend(list.into_iter().filter_map(|dependency| Some((dependency.name.replace('-', "_"), dependency.homes?))));
    let mut findings = Vec::new();
    for source in sources().iter().filter(|source| !is_test_file(&source.path)) {
        let Some(folder) = source.folder() else { continue };
        for (name, at) in homes.iter().filter(|(_, at)| !at.is_empty() && !at.iter().any(|home| home == "everywhere" || home == folder)) {
            for offset in source.uses(name) {
                let path = source.code.get(offset + name.len()..).is_some_and(|rest| rest.starts_with("::"));
                // A library that shares its name with a folder is told apart only where it is imported.
                let shared = LAYERS.iter().any(|(layer, _)| layer == name);
                let imported = source.code.get(..offset).is_some_and(|before| before.ends_with("use "));
                if path && (!shared || imported) {
                    findings.push(format!("{} `{name}` lives in {}", source.at(offset), at.join(", ")));
                }
            }
        }
    }
    report("one library, one home", &findings);
}

#[test]
fn some_calls_are_made_only_where_they_belong() {
    let mut findings = Vec::new();
    for source in sources().iter().filter(|source| source.path.starts_with("src/") && !is_test_file(&source.path)) {
        let below = source.path.trim_start_matches("src/");
        for (call, places, reason) in HOMES_OF_CALLS {
            let at_home =
                places.iter().any(|place| below == *place || below.starts_with(&format!("{place}/")) || below == format!("{place}.rs"));
            if !at_home {
                findings.extend(source.code.match_indices(call).map(|(offset, _)| format!("{} `{call}`: {reason}", source.at(offset))));
            }
        }
    }
    report("a call outside its home", &findings);
}

#[test]
fn every_file_says_what_it_is_for() {
    let silent = sources().into_iter().filter(|source| !source.text.starts_with("//! "));
    report("a file opens with `//!`", &silent.map(|source| format!("{}:1", source.path)).collect::<Vec<_>>());
}

#[test]
fn names_say_something() {
    let mut findings = Vec::new();
    for source in sources() {
        let empty = source.path.split(['/', '.']).any(|part| EMPTY_NAMES.contains(&part));
        if empty && !source.path.starts_with("src/graphql/types/") {
            findings.push(format!("{}:1 the name says nothing", source.path));
        }
        for keyword in ["struct ", "enum ", "trait ", "type "] {
            for offset in source.uses(keyword) {
                let name: String =
                    source.code.get(offset + keyword.len()..).unwrap_or_default().chars().take_while(|c| is_name(*c)).collect();
                if name.ends_with("Manager") || name.ends_with("Helper") {
                    findings.push(format!("{} `{name}`", source.at(offset)));
                }
            }
        }
    }
    report("a name that says nothing", &findings);
}

#[test]
fn nothing_is_left_for_later() {
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
    let mut findings = Vec::new();
    for source in sources() {
        for (index, line) in source.text.lines().enumerate() {
            if marks.iter().any(|mark| line.split(|c| !is_name(c)).any(|word| word == *mark)) {
                findings.push(format!("{}:{}", source.path, index + 1));
            }
        }
    }
    report("a note for later", &findings);
}

/// Where each code is made, and the code.
fn codes(sources: &[Source]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for source in sources.iter().filter(|source| source.path.starts_with("src/")) {
        let text = source.text_without_tests();
        let mut take = |opening: &str, closing: &str, most: usize| {
            for (offset, mark) in text.match_indices(opening) {
                let rest = text.get(offset + mark.len()..).unwrap_or_default();
                let body = rest.split(closing).next().unwrap_or_default();
                let line = text.get(..offset).map_or(0, |before| before.matches('\n').count()) + 1;
                let plain = |code: &String| !code.is_empty() && code.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
                found.extend(literals(body).into_iter().take(most).filter(plain).map(|code| (format!("{}:{line}", source.path), code)));
            }
        };
        if let Some("domain" | "pipeline") = source.folder() {
            take("const CODES", "];", usize::MAX);
            take("enum ExecutionErrorCode {", "\n    }", usize::MAX);
            if source.path != "src/domain/problem.rs" {
                take("Problem::error(", ",", 1);
                take("Problem::warning(", ",", 1);
            }
        }
        if matches!(source.path.as_str(), "src/graphql/error.rs" | "src/http/error.rs") {
            let upper = |word: &String| word.len() > 4 && word.chars().all(|c| c.is_ascii_uppercase() || c == '_');
            found.extend(literals(text).into_iter().filter(upper).map(|code| (format!("{}:1", source.path), code)));
        }
    }
    found
}

/// What a caller can be told in `userErrors`, from the committed schema.
fn user_error_codes() -> Vec<(String, String)> {
    let schema = fs::read_to_string(root().join("schema.graphql")).unwrap_or_default();
    let body = schema.split("enum UserErrorCode {").nth(1).and_then(|rest| rest.split("\n}").next()).unwrap_or_default();
    let words = body.lines().map(str::trim).filter(|line| !line.is_empty() && line.chars().all(|c| c.is_ascii_uppercase() || c == '_'));
    words.map(|word| ("schema.graphql:1".to_owned(), word.to_owned())).collect()
}

#[test]
fn every_error_code_is_explained() {
    let page = fs::read_to_string(root().join("docs/errors.md")).unwrap_or_default();
    let headings: BTreeSet<&str> = page.lines().filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`')).collect();
    let mut codes = codes(&sources());
    codes.extend(user_error_codes());
    assert!(codes.iter().any(|(_, code)| code == "http_status"), "no code found: the source's form has changed");
    let missing: BTreeSet<String> =
        codes.into_iter().filter(|(_, code)| !headings.contains(code.as_str())).map(|(at, code)| format!("{at} `{code}`")).collect();
    report("a code without its heading in docs/errors.md", &missing.into_iter().collect::<Vec<_>>());
}

#[test]
fn the_schema_is_committed() {
    assert!(root().join("schema.graphql").is_file(), "schema.graphql is missing: cargo run -- export-schema > schema.graphql");
}

#[test]
fn every_setting_is_documented() {
    let defaults = fs::read_to_string(root().join("src/config/default.toml")).unwrap_or_default();
    let page = fs::read_to_string(root().join("docs/operations.md")).unwrap_or_default();
    let (mut section, mut findings, mut count) = ("", Vec::new(), 0);
    for (index, line) in defaults.lines().enumerate() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name;
        } else if let Some((key, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
            count += 1;
            if !page.contains(&format!("| `{section}.{key}` |")) {
                findings.push(format!("src/config/default.toml:{} `{section}.{key}`", index + 1));
            }
        }
    }
    assert!(count > 0, "no setting found in src/config/default.toml");
    report("a setting that docs/operations.md does not explain", &findings);
}
