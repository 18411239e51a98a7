//! Where values come from, and in which order they win. The only reader of the environment.

use super::{error::Error, nearest::nearest};
use figment::{
    Figment, Metadata, Profile, Provider,
    providers::{Format, Toml},
    value::{Dict, Map, Value},
};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// Every key with its default.
pub(super) const DEFAULTS: &str = include_str!("default.toml");

/// The name of the last source.
pub(super) const DEFAULT: &str = "default";

const PREFIX: &str = "CONNECTORS_";
const FILE: &str = "_FILE";
const CONFIG_VARIABLE: &str = "CONNECTORS_CONFIG";

/// What the command line says.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// The configuration file; it must exist.
    pub file: Option<PathBuf>,
    /// Values set by flags.
    pub flags: Vec<Flag>,
}

/// A value set by a flag.
#[derive(Debug, Clone)]
pub struct Flag {
    /// As it was written, e.g. `--bind`.
    pub flag: &'static str,
    /// The key it sets, e.g. `server.bind`.
    pub key: &'static str,
    /// Its value, as it would stand in the environment.
    pub value: String,
}

/// What the process finds itself in.
#[derive(Debug, Clone, Default)]
pub(super) struct Surroundings {
    pub(super) environment: BTreeMap<String, String>,
    /// Where `connectors.toml` is looked for, if it is.
    pub(super) directory: Option<PathBuf>,
}

impl Surroundings {
    pub(super) fn of_process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        Self { environment: std::env::vars_os().filter_map(text).collect(), directory: Some(PathBuf::from(".")) }
    }

    fn get(&self, variable: &str) -> Option<&str> {
        self.environment.get(variable).map(String::as_str)
    }
}

/// One source: its name is what error messages and `config show` print.
struct Layer {
    name: String,
    values: Dict,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.values.clone()))
    }
}

impl Layer {
    fn one(name: String, key: &str, value: Value) -> Self {
        Self { name, values: figment::util::nest(key, value).into_dict().unwrap_or_default() }
    }
}

/// Merges all sources, weakest first.
pub(super) fn gather(overrides: Overrides, surroundings: &Surroundings) -> Result<Figment, Error> {
    let defaults = defaults()?;
    let mut figment = Figment::from(Layer { name: DEFAULT.to_owned(), values: defaults.clone() });
    if let Some(layer) = file(overrides.file, surroundings, &defaults)? {
        figment = figment.merge(layer);
    }
    if let Some(url) = surroundings.get("DATABASE_URL") {
        figment = figment.merge(Layer::one("environment variable DATABASE_URL".to_owned(), "database.url", Value::from(url)));
    }
    if let Some(port) = surroundings.get("PORT") {
        let bind = figment.find_value("server.bind").ok().and_then(Value::into_string).unwrap_or_default();
        let host = bind.rsplit_once(':').map_or("127.0.0.1", |(host, _)| host);
        figment = figment.merge(Layer::one("environment variable PORT".to_owned(), "server.bind", Value::from(format!("{host}:{port}"))));
    }
    for layer in environment(surroundings, &defaults)? {
        figment = figment.merge(layer);
    }
    for Flag { flag, key, value } in overrides.flags {
        let Some(default) = find(&defaults, key) else {
            return Err(unknown(&defaults, key, format!("flag {flag}")));
        };
        figment = figment.merge(Layer::one(format!("flag {flag}"), key, typed(&value, default)));
    }
    Ok(figment)
}

/// All keys, in the order of the sections.
pub(super) fn known_keys() -> Result<Vec<String>, Error> {
    Ok(keys(&defaults()?))
}

fn keys(defaults: &Dict) -> Vec<String> {
    let section = |(name, value): (&String, &Value)| {
        let keys = value.as_dict().map(|values| values.keys().map(|key| format!("{name}.{key}")).collect::<Vec<_>>());
        keys.unwrap_or_default()
    };
    defaults.iter().flat_map(section).collect()
}

fn defaults() -> Result<Dict, Error> {
    parse(DEFAULTS, DEFAULT)
}

fn find<'a>(defaults: &'a Dict, key: &str) -> Option<&'a Value> {
    let (section, key) = key.split_once('.')?;
    defaults.get(section)?.as_dict()?.get(key)
}

fn parse(text: &str, origin: &str) -> Result<Dict, Error> {
    Toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        Error::Syntax { origin: origin.to_owned(), line: before.matches('\n').count() + 1, problem: error.message().to_owned() }
    })
}

/// The configuration file, if one is named or lies at hand.
fn file(given: Option<PathBuf>, surroundings: &Surroundings, defaults: &Dict) -> Result<Option<Layer>, Error> {
    let (path, named_by) = match (given, surroundings.get(CONFIG_VARIABLE)) {
        (Some(path), _) => (path, "flag --config"),
        (None, Some(path)) => (PathBuf::from(path), "environment variable CONNECTORS_CONFIG"),
        (None, None) => {
            let path = surroundings.directory.as_ref().map(|directory| directory.join("connectors.toml"));
            let Some(path) = path.filter(|path| path.exists()) else { return Ok(None) };
            (path, "its place")
        }
    };
    let name = path.display().to_string();
    let values = parse(&read(&path, named_by)?, &name)?;
    for (section, value) in &values {
        let Some(known) = value.as_dict().filter(|_| defaults.contains_key(section)) else {
            return Err(unknown(defaults, section, name));
        };
        for key in known.keys().map(|key| format!("{section}.{key}")) {
            if find(defaults, &key).is_none() {
                return Err(unknown(defaults, &key, name));
            }
        }
    }
    Ok(Some(Layer { name, values }))
}

fn read(path: &Path, named_by: &str) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|source| Error::Unreadable { path: path.to_owned(), named_by: named_by.to_owned(), source })
}

fn unknown(defaults: &Dict, key: &str, origin: String) -> Error {
    let known = keys(defaults);
    let sections = defaults.keys().map(String::as_str);
    let bare = known.iter().find(|full| full.split_once('.').is_some_and(|(_, last)| last == key)).map(String::as_str);
    let nearest = bare.or_else(|| nearest(key, known.iter().map(String::as_str).chain(sections), 4));
    Error::UnknownKey { key: key.to_owned(), origin, nearest: nearest.map(str::to_owned) }
}

/// `CONNECTORS_SECTION__KEY` and `CONNECTORS_SECTION__KEY_FILE`.
///
/// Variables without the double underscore are left alone, because supervisors set some of their own (`CONNECTORS_PORT`); unless they
/// are a slip of one letter away from a key.
fn environment(surroundings: &Surroundings, defaults: &Dict) -> Result<Vec<Layer>, Error> {
    let variables: BTreeMap<String, String> = keys(defaults).into_iter().map(|key| (variable(&key), key)).collect();
    let mut layers = Vec::new();
    for (name, value) in surroundings.environment.iter().filter(|(name, _)| name.starts_with(PREFIX)) {
        let origin = format!("environment variable {name}");
        let plain = name.strip_suffix(FILE).filter(|plain| !variables.contains_key(name) && variables.contains_key(*plain));
        let text = match plain {
            Some(plain) if surroundings.environment.contains_key(plain) => {
                let key = variables.get(plain).cloned().unwrap_or_default();
                return Err(Error::Twice { key, variable: plain.to_owned() });
            }
            Some(_) => read(Path::new(value), &origin)?.trim_end_matches(['\r', '\n']).to_owned(),
            None => value.clone(),
        };
        let found = variables.get(plain.unwrap_or(name)).and_then(|key| Some((key, find(defaults, key)?)));
        if let Some((key, default)) = found {
            layers.push(Layer::one(origin, key, typed(&text, default)));
            continue;
        }
        let strict = name.trim_start_matches(PREFIX).contains("__");
        let nearest = nearest(name, variables.keys().map(String::as_str), if strict { 6 } else { 1 });
        if strict || nearest.is_some() {
            return Err(Error::UnknownKey { key: name.clone(), origin: "the environment".to_owned(), nearest: nearest.map(str::to_owned) });
        }
    }
    Ok(layers)
}

fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.replacen('.', "__", 1).to_ascii_uppercase())
}

/// A text as the kind of value its key has; what does not fit stays text and is refused with the key's own advice.
fn typed(text: &str, default: &Value) -> Value {
    let trimmed = text.trim();
    match default {
        Value::Num(..) => trimmed.parse::<u64>().map_or_else(|_| Value::from(text), Value::from),
        Value::Bool(..) => trimmed.parse::<bool>().map_or_else(|_| Value::from(text), Value::from),
        Value::Array(..) => {
            let items = trimmed.trim_start_matches('[').trim_end_matches(']').split(',');
            let items = items.map(|item| item.trim().trim_matches('"')).filter(|item| !item.is_empty());
            Value::from(items.map(str::to_owned).collect::<Vec<_>>())
        }
        _ => Value::from(text),
    }
}

/// A value as it would stand in the file.
pub(super) fn as_toml(value: &Value) -> String {
    match value {
        Value::String(_, text) => format!("{text:?}"),
        Value::Bool(_, flag) => flag.to_string(),
        Value::Num(_, number) => number.to_u128().map_or_else(|| format!("{number:?}"), |whole| whole.to_string()),
        Value::Array(_, items) => format!("[{}]", items.iter().map(as_toml).collect::<Vec<_>>().join(", ")),
        other => format!("{other:?}"),
    }
}
