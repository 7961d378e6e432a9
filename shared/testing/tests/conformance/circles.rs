//! No two files of a crate import each other, directly or through others.
//!
//! A file depends on the files that define the items it names by a path that begins with `crate`,
//! `super`, `self` or a module of its own, in a `use` and in its code. A name that a module only
//! imports or re-exports belongs to the file that defines it: to everybody else, a parent and its
//! children are one unit. `mod child;` is no dependency of the parent, and neither is a re-export
//! whose name its own code does not use. So a child may extend a type of its parent. But where a
//! parent needs a type of a child that needs the parent, the type belongs in a third file.
//!
//! Tests and binaries are not read.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use crate::root;

/// The circles that are left: a crate's sources, and the files in them that are in a circle. No file
/// may join them.
const KNOWN: [(&str, &str); 1] = [
    // The simulated services share one state, which each of them changes. They are never deployed.
    (
        "shared/sandbox/src/",
        "app_state bria bria/answers bria/jobs bria/pictures bria/request bria/results \
         bria/webhook control fault_middleware faults lib log openid openid/authorize openid/endpoints openid/parameters \
         openid/people openid/redirects openid/sessions openid/tokens receiver request_log \
         stripe stripe/account_state stripe/accounts stripe/api stripe/balance \
         stripe/balance_settings stripe/catalogue stripe/checkout stripe/checkout_completion \
         stripe/control stripe/control/http stripe/customers stripe/cycle stripe/destinations \
         stripe/discounts stripe/disputes stripe/events stripe/invoices stripe/invoices/lines \
         stripe/pages stripe/pages/checkout stripe/pages/invoice stripe/pages/onboarding \
         stripe/pages/portal stripe/payments stripe/payouts stripe/portal stripe/proration \
         stripe/refunds stripe/schedules stripe/subscriptions stripe/transfers \
         stripe/webhooks",
    ),
];

/// A module's path below its crate's root; the root is empty.
type Place = Vec<String>;
type Modules = BTreeMap<Place, Module>;

/// A file as far as it names others.
struct Module {
    file: String,
    imports: Vec<Import>,
    /// The paths in its code.
    paths: Vec<Place>,
    /// The words of its code.
    words: BTreeSet<String>,
}

struct Import {
    path: Place,
    /// Its name here.
    name: String,
    is_public: bool,
}

#[test]
fn no_two_files_import_each_other() {
    let mut found = Vec::new();
    for folder in ["shared", "functions"] {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let source = entry.unwrap().path().join("src");
            if source.is_dir() {
                found.extend(circles(&modules(&source)));
            }
        }
    }
    let known = KNOWN.map(|(source, names)| {
        names.split(' ').map(|name| format!("{source}{name}.rs")).collect::<BTreeSet<_>>()
    });
    found.retain(|circle| !known.iter().any(|known| circle.is_subset(known)));
    assert!(found.is_empty(), "these files import each other: {found:#?}");
}

/// The files that are in circles, one set a circle.
fn circles(modules: &Modules) -> BTreeSet<BTreeSet<String>> {
    let needed: BTreeMap<&Place, BTreeSet<Place>> =
        modules.iter().map(|(place, module)| (place, needs(modules, place, module))).collect();
    let reached = |from: &Place| {
        let (mut reached, mut open) = (BTreeSet::new(), vec![from.clone()]);
        while let Some(place) = open.pop() {
            let new = needed[&place].iter().filter(|next| !reached.contains(*next));
            let new: Vec<Place> = new.cloned().collect();
            open.extend(new.iter().cloned());
            reached.extend(new);
        }
        reached
    };
    let reached: BTreeMap<&Place, BTreeSet<Place>> =
        modules.keys().map(|place| (place, reached(place))).collect();
    let circle = |place: &&Place| {
        let back = reached[*place].iter().filter(|other| reached[other].contains(*place));
        back.map(|other| modules[other].file.clone()).collect::<BTreeSet<String>>()
    };
    reached.keys().map(circle).filter(|circle| circle.len() > 1).collect()
}

/// The modules that define what this one names.
fn needs(modules: &Modules, place: &Place, module: &Module) -> BTreeSet<Place> {
    let used = |import: &&Import| !import.is_public || module.words.contains(&import.name);
    let imported = module.imports.iter().filter(used).map(|import| import.path.clone());
    let by_module = |path: &Place| {
        let import = module.imports.iter().find(|import| import.name == path[0])?;
        Some([&import.path[..], &path[1..]].concat())
    };
    let named = module.paths.iter().map(|path| by_module(path).unwrap_or_else(|| path.clone()));
    let all = imported.chain(named).filter_map(|path| absolute(modules, place, &path));
    let homes = all.filter(|path| !modules.contains_key(path)).filter_map(|path| {
        // A path is at most as long as re-exports are deep, unless they are circular.
        home(modules, &path, 8)
    });
    homes.filter(|home| home != place).collect()
}

/// A path below the crate's root; `None` if it is another crate's.
fn absolute(modules: &Modules, place: &Place, path: &[String]) -> Option<Place> {
    let up = path.iter().take_while(|part| *part == "super").count();
    let child = [&place[..], &path[..1]].concat();
    match path[0].as_str() {
        "crate" => Some(path[1..].to_vec()),
        "self" => Some([&place[..], &path[1..]].concat()),
        "super" => Some([&place[..place.len().checked_sub(up)?], &path[up..]].concat()),
        _ if modules.contains_key(&child) => Some([&place[..], path].concat()),
        _ => None,
    }
}

/// The module that defines the item at `path`.
fn home(modules: &Modules, path: &[String], depth_max: u32) -> Option<Place> {
    let length = (0..=path.len()).rev().find(|length| modules.contains_key(&path[..*length]))?;
    let (place, rest) = path.split_at(length);
    let module = &modules[place];
    let import = rest.first().and_then(|name| module.imports.iter().find(|it| it.name == *name));
    match import {
        Some(import) if depth_max > 0 => {
            let path = absolute(modules, &place.to_vec(), &import.path)?;
            home(modules, &path, depth_max - 1)
        }
        Some(_) | None => Some(place.to_vec()),
    }
}

/// The modules of a crate by their places.
fn modules(source: &Path) -> Modules {
    let (mut folders, mut modules) = (vec![source.to_owned()], Modules::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            if name == "tests" || name.ends_with("_tests") || name == "bin" || name == "main" {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let below = path.strip_prefix(source).unwrap().with_extension("");
            let parts = below.iter().map(|part| part.to_str().unwrap().to_owned());
            let place: Place = parts.filter(|part| part != "mod" && part != "lib").collect();
            modules.insert(place, module(&path));
        }
    }
    modules
}

fn module(path: &Path) -> Module {
    let text = std::fs::read_to_string(path).unwrap();
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let file = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
    let (tokens, mut at) = (tokens(text), 0);
    let mut module = Module { file, imports: Vec::new(), paths: Vec::new(), words: [].into() };
    while at < tokens.len() {
        let end = || at + tokens[at..].iter().position(|token| token == ";").unwrap();
        match tokens[at].as_str() {
            // Not of a type that says what it captures: `+ use<'_>`.
            "use" if tokens.get(at + 1).is_none_or(|next| next != "<") => {
                // `pub` or `pub(...)`: no other item ends with these before `use`.
                let is_public = at > 0 && ["pub", ")"].contains(&tokens[at - 1].as_str());
                let end = end();
                imports(&mut module.imports, is_public, &[], &tokens[at + 1..end]);
                at = end;
            }
            "mod" if tokens[at + 2] == ";" => at += 2,
            word if is_word(word) => {
                let is_after_colons = at > 0 && tokens[at - 1] == "::";
                let mut path = vec![word.to_owned()];
                while tokens.get(at + 1).is_some_and(|token| token == "::")
                    && tokens.get(at + 2).is_some_and(|token| is_word(token))
                {
                    path.push(tokens[at + 2].clone());
                    at += 2;
                }
                module.words.extend(path.iter().cloned());
                // Two colons before it: another crate's, or an item of a type.
                if path.len() > 1 && !is_after_colons {
                    module.paths.push(path);
                }
            }
            _ => {}
        }
        at += 1;
    }
    module
}

/// Reads the tree of a `use` below `above`.
fn imports(found: &mut Vec<Import>, is_public: bool, above: &[String], tree: &[String]) {
    let mut path = above.to_vec();
    for (at, token) in tree.iter().enumerate() {
        match token.as_str() {
            // Another crate's.
            "::" if path.is_empty() => return,
            "::" => {}
            "{" => {
                for branch in branches(&tree[at + 1..tree.len() - 1]) {
                    imports(found, is_public, &path, branch);
                }
                return;
            }
            "as" => {
                found.push(Import { path, name: tree[at + 1].clone(), is_public });
                return;
            }
            // The module itself.
            "self" if !path.is_empty() => {}
            _ => path.push(token.clone()),
        }
    }
    if let Some(name) = path.last().cloned() {
        found.push(Import { path, name, is_public });
    }
}

/// The parts between the outer commas.
fn branches(tokens: &[String]) -> Vec<&[String]> {
    let mut depth = 0_u32;
    let split = tokens.split(|token| {
        match token.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        token == "," && depth == 0
    });
    split.filter(|branch| !branch.is_empty()).collect()
}

fn is_word(token: &str) -> bool {
    token.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// The words and marks of a source, without its comments and the content of its texts.
fn tokens(text: &str) -> Vec<String> {
    let (mut tokens, mut rest) = (Vec::new(), text);
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            'r' if rest.starts_with("r#\"") => rest.find("\"#").map_or(rest.len(), |at| at + 2),
            '"' => quoted(rest),
            // A character, unless it is a lifetime.
            '\'' if rest.starts_with("'\\") => 3 + rest[3..].find('\'').unwrap_or_default(),
            '\'' if rest.chars().nth(2) == Some('\'') => {
                rest.chars().take(3).map(char::len_utf8).sum()
            }
            ':' if rest.starts_with("::") => 2,
            _ if is_word(rest) => {
                rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
            }
            _ => first.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        if !first.is_whitespace() && !token.starts_with("//") {
            tokens.push(token.to_owned());
        }
        rest = after;
    }
    tokens
}

/// The length of the quoted text that begins here.
fn quoted(text: &str) -> usize {
    let mut is_escaped = false;
    let end = text.char_indices().skip(1).find(|(_, character)| {
        let ends = *character == '"' && !is_escaped;
        is_escaped = *character == '\\' && !is_escaped;
        ends
    });
    end.map_or(text.len(), |(at, _)| at + 1)
}
