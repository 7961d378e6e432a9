//! Every error code with its status and its meaning, read from the error types of the sources.
//!
//! An error type says what each of its cases means (its doc comment), what a caller is told (its
//! message), and, in `domain_error!`, its kind and code. That is one home, so nothing repeats it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use domain::ErrorKind;
use runtime::contract::{advice_of, meaning, status_of, title_of};
use serde_json::{Value, json};
use syn::{Attribute, Expr, Item, Lit};

/// A code with all its cases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The status of an answer with it.
    pub status: u16,
    /// The `title`.
    pub title: &'static str,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// What a caller does about it.
    pub advice: &'static str,
    /// The cases that have this code.
    pub cases: Vec<Case>,
}

/// One case of an error.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Case {
    /// What it means.
    pub meaning: String,
    /// The `detail`, with an ellipsis for what is filled in.
    pub detail: String,
}

/// The crates whose errors reach a caller.
const CRATES: [&str; 15] = [
    "shared/clients",
    "shared/domain",
    "shared/media",
    "shared/runtime",
    "shared/search",
    "shared/settlement",
    "shared/store",
    "shared/studio",
    "shared/pdf",
    "functions/account",
    "functions/admin",
    "functions/billing",
    "functions/edge",
    "functions/generation",
    "functions/marketplace",
];

/// All codes.
///
/// # Errors
/// A sentence about a source that cannot be read.
pub fn problems(root: &Path) -> Result<BTreeMap<String, Problem>, String> {
    let mut found: BTreeMap<String, Problem> = BTreeMap::new();
    for file in sources_of_crates(root)? {
        let text = fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
        if text.contains("domain_error!") {
            read_file(&text, &mut found).map_err(|e| format!("{}: {e}", file.display()))?;
        }
    }
    for problem in found.values_mut() {
        problem.cases.sort();
        problem.cases.dedup();
    }
    Ok(found)
}

/// A case of an error type: its name, its doc comment and its message.
type Described = (String, String, String);

fn read_file(text: &str, found: &mut BTreeMap<String, Problem>) -> Result<(), String> {
    let items = syn::parse_file(text).map_err(|error| error.to_string())?.items;
    let mut cases: BTreeMap<String, Vec<Described>> = BTreeMap::new();
    for item in &items {
        if let Item::Enum(item) = item {
            let variants = item.variants.iter();
            let of = variants.map(|it| (it.ident.to_string(), doc(&it.attrs), message(&it.attrs)));
            cases.insert(item.ident.to_string(), of.collect());
        } else if let Item::Struct(item) = item {
            let of = (item.ident.to_string(), doc(&item.attrs), message(&item.attrs));
            cases.insert(item.ident.to_string(), vec![of]);
        }
    }
    for item in &items {
        let Item::Macro(item) = item else { continue };
        let name = item.mac.path.segments.last().map(|segment| segment.ident.to_string());
        if name.as_deref() != Some("domain_error") {
            continue;
        }
        let tokens = item.mac.tokens.to_string();
        let error = tokens.split_whitespace().next().unwrap_or_default().to_owned();
        let known = cases.get(&error).map(Vec::as_slice).unwrap_or_default();
        for (variant, kind, code) in arms(&tokens) {
            // A type with one code for all its cases is named itself.
            let of = known.iter().filter(|(name, ..)| *name == variant || variant == error);
            let of: Vec<&Described> = of.collect();
            if of.is_empty() {
                return Err(format!("{error}::{variant} is not in this file"));
            }
            for (_, meaning, detail) in of {
                let case = Case { meaning: meaning.clone(), detail: detail.clone() };
                add(found, &code, &kind, case)?;
            }
        }
    }
    Ok(())
}

/// `Variant => Kind, "code"` anywhere in the tokens of `domain_error!`.
fn arms(tokens: &str) -> Vec<(String, String, String)> {
    let words: Vec<&str> = tokens.split_whitespace().collect();
    let arm = |window: &[&str]| match window {
        [variant, "=>", kind, ",", code, ..] => {
            let code = code.strip_prefix('"')?.strip_suffix('"')?;
            Some(((*variant).to_owned(), (*kind).to_owned(), code.to_owned()))
        }
        _ => None,
    };
    words.windows(5).filter_map(arm).collect()
}

fn add(
    found: &mut BTreeMap<String, Problem>,
    code: &str,
    kind: &str,
    case: Case,
) -> Result<(), String> {
    let kind: ErrorKind = kind.parse().map_err(|_| format!("{kind} is not a kind of error"))?;
    // The caller of an internal error learns no more than that.
    let code = if kind == ErrorKind::Internal { "internal" } else { code };
    let meaning = meaning(kind);
    let status = status_of(code, kind);
    let problem = found.entry(code.to_owned()).or_insert_with(|| Problem {
        status,
        title: title_of(status, kind),
        retryable: meaning.retryable,
        advice: advice_of(code, kind),
        cases: Vec::new(),
    });
    if problem.status != status {
        return Err(format!("`{code}` has two statuses"));
    }
    if kind != ErrorKind::Internal {
        problem.cases.push(case);
    }
    Ok(())
}

fn doc(attributes: &[Attribute]) -> String {
    let docs = attributes.iter().filter(|attribute| attribute.path().is_ident("doc"));
    let lines = docs.filter_map(|attribute| text(&attribute.meta.require_name_value().ok()?.value));
    lines.map(|line| line.trim().to_owned()).collect::<Vec<_>>().join(" ")
}

/// The text of `#[error("...")]`.
fn message(attributes: &[Attribute]) -> String {
    let error = attributes.iter().find(|attribute| attribute.path().is_ident("error"));
    let tokens = error.and_then(|attribute| attribute.meta.require_list().ok());
    let literal = tokens.and_then(|list| {
        let first = list.tokens.clone().into_iter().next()?;
        syn::parse_str::<Lit>(&first.to_string()).ok()
    });
    if let Some(Lit::Str(text)) = literal { with_gaps(&text.value()) } else { String::new() }
}

/// A message with an ellipsis in place of each value that is filled in.
fn with_gaps(message: &str) -> String {
    let mut parts = message.split('{');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let after = part.split_once('}').map_or(part, |(_, after)| after);
        out = format!("{out}…{after}");
    }
    if out == "…" { String::new() } else { out }
}

fn text(value: &Expr) -> Option<String> {
    let Expr::Lit(literal) = value else { return None };
    if let Lit::Str(text) = &literal.lit { Some(text.value()) } else { None }
}

/// The sources of [`CRATES`], without tests and binaries.
///
/// # Errors
/// A sentence about a folder that cannot be read.
pub fn sources_of_crates(root: &Path) -> Result<Vec<PathBuf>, String> {
    let folders = CRATES.iter().map(|folder| sources(&root.join(folder).join("src")));
    folders.collect::<Result<Vec<_>, String>>().map(|found| found.concat())
}

fn sources(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    let entries = fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    for entry in entries {
        let path = entry.map_err(|e| e.to_string())?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match path.is_dir() {
            true if name != "tests" && name != "bin" => found.extend(sources(&path)?),
            false if name.ends_with(".rs") && name != "tests.rs" => found.push(path),
            _ => {}
        }
    }
    found.sort();
    Ok(found)
}

impl Problem {
    /// What a page says of it.
    pub fn page(&self) -> Value {
        let cases =
            self.cases.iter().map(|case| json!({"meaning": case.meaning, "detail": case.detail}));
        json!({
            "status": self.status,
            "title": self.title,
            "retryable": self.retryable,
            "advice": self.advice,
            "cases": cases.collect::<Vec<_>>(),
        })
    }
}
