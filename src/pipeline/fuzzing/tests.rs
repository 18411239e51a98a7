//! A bounded run of every target: its corpus, and a fixed number of mutations of it from a fixed seed.
//!
//! It proves little more than that the targets work; the search is that of the programs in `fuzz/`.

use std::fs;
use std::path::PathBuf;

use super::{TARGETS, Target};

/// Bytes of an input.
const LONGEST: usize = 8 * 1024;

/// Pieces of the languages, to put in where a byte alone would not get far.
const PIECES: &[&str] = &[
    "{{",
    "}}",
    "{%",
    "|",
    "'",
    "\"",
    "\\",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "..",
    "$",
    "@",
    "?",
    "*",
    ":",
    ",",
    ";",
    "<",
    ">",
    "=",
    "~",
    "-",
    "\0",
    "\u{1f}",
    "é",
    "\u{a0}",
    "\u{1F600}",
    " ",
    "\n",
    "null",
    "true",
    "1e999",
    "-1",
    "9007199254740993",
    " if ",
    " else ",
    " and ",
    " not ",
    " is defined",
    "inputs.a",
    "inputs.big",
    "uuid()",
    " | length",
    " | json",
    " | split(by='')",
    "jsonpath(path='$..*')",
    "replace(from='x', to=inputs.big)",
    "match(@.c, '",
    "count(",
    "value(@..b)",
    "&&",
    "||",
    "rel=next",
    "rel=\"next",
    "{}",
    "[]",
    "\"\"",
    "\"x\":",
];

/// Xorshift, so that every run tries the same.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap() % end.max(1)
    }

    fn one<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let mut files: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// A few changes of one input.
fn mutated(corpus: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut input = corpus[dice.below(corpus.len())].clone();
    for _ in 0..=dice.below(4) {
        let at = dice.below(input.len() + 1);
        let until = (at + dice.below(24)).min(input.len());
        match dice.below(7) {
            0 if at < input.len() => input[at] ^= 1 << dice.below(8),
            1 => drop(input.drain(at..until)),
            2 => {
                let piece = dice.one(PIECES).bytes().collect::<Vec<_>>();
                input.splice(at..at, piece);
            }
            3 => {
                let piece = dice.one(PIECES).bytes().collect::<Vec<_>>();
                input.splice(at..until, piece);
            }
            4 => {
                let piece = input[at..until].repeat(1 + dice.below(300));
                input.splice(at..at, piece);
            }
            5 => {
                let piece = dice.one(PIECES).repeat(1 + dice.below(2_000));
                input.splice(at..at, piece.bytes());
            }
            _ => {
                let other = &corpus[dice.below(corpus.len())];
                let from = dice.below(other.len() + 1);
                input.splice(at..at, other[from..].iter().copied());
            }
        }
        input.truncate(LONGEST);
    }
    input
}

fn smoke(name: &str, mutations: usize) {
    let target: Target = TARGETS.iter().find(|(known, _)| *known == name).unwrap().1;
    let corpus = corpus(name);
    for input in &corpus {
        target(input);
    }
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    for _ in 0..mutations {
        target(&mutated(&corpus, &mut dice));
    }
}

#[test]
fn fuzz_smoke_cursor() {
    smoke("cursor", 5_000);
}

#[test]
fn fuzz_smoke_definition() {
    smoke("definition", 500);
}

#[test]
fn fuzz_smoke_expression() {
    smoke("expression", 3_000);
}

#[test]
fn fuzz_smoke_jsonpath() {
    smoke("jsonpath", 5_000);
}

#[test]
fn fuzz_smoke_link() {
    smoke("link", 5_000);
}

#[test]
fn fuzz_smoke_retry_after() {
    smoke("retry_after", 5_000);
}

/// Every target has a smoke run above, a program and a corpus, and there are no others.
#[test]
fn targets_programs_and_corpora_agree() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let names = |folder: &str| {
        let entries = fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path());
        let mut names: Vec<String> = entries.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    };
    let expected: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    assert_eq!(names("fuzz_targets"), expected);
    assert_eq!(names("corpus"), expected);
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    for name in expected {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
        assert!(include_str!("tests.rs").contains(&format!("smoke(\"{name}\", ")), "{name}");
    }
}
