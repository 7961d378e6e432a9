//! What the header of an endpoint's file says of it.

use std::{fs, path::Path};

use crate::prose::Constants;

/// The documentation of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Docs {
    /// One sentence, without its period.
    pub summary: String,
    /// Markdown.
    pub description: String,
}

/// The header of the file that holds the endpoint `name`.
///
/// # Errors
/// A sentence about the file that cannot be read.
pub fn docs(root: &Path, name: &str, constants: &Constants) -> Result<Docs, String> {
    let domain = name.split('-').next().unwrap_or_default();
    let folder = root.join("functions").join(domain).join("src");
    let binary = read(&folder.join("bin").join(format!("{name}.rs")))?;
    let module = binary
        .split_once(&format!("{domain}::"))
        .and_then(|(_, rest)| rest.split_once("::function()"))
        .map(|(module, _)| module.replace("::", "/"))
        .ok_or_else(|| format!("{name}.rs serves no function"))?;
    let file = folder.join(format!("{module}.rs"));
    let docs = of_header(&read(&file)?).ok_or_else(|| format!("{}: no header", file.display()))?;
    let rendered = |text: &str| constants.rendered(text, Some(&file));
    Ok(Docs {
        summary: capitalized(&rendered(&docs.summary)),
        description: rendered(&docs.description),
    })
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// The first paragraph is "`GET /path`: summary."; each further one is text, or lines such as
/// "Access: ...", which become a list.
fn of_header(text: &str) -> Option<Docs> {
    let header: Vec<&str> =
        text.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim).collect();
    let mut paragraphs = header.split(|line| line.is_empty());
    let first = paragraphs.next()?.join(" ");
    let summary = first.split_once("`: ")?.1.trim_end_matches('.');
    let (summary, more) = match summary.split_once(". ") {
        Some((summary, more)) => (summary, Some(format!("{more}."))),
        None => (summary, None),
    };
    let paragraphs = paragraphs.map(paragraph).filter(|paragraph| !paragraph.is_empty());
    let description: Vec<String> = more.into_iter().chain(paragraphs).collect();
    Some(Docs { summary: summary.to_owned(), description: description.join("\n\n") })
}

fn paragraph(lines: &[&str]) -> String {
    let mut text = String::new();
    for line in lines {
        let labelled =
            ["Access:", "Changes:", "Retry:", "Cost:"].iter().find(|it| line.starts_with(**it));
        match labelled {
            Some(label) => {
                let rest = line.trim_start_matches(label);
                text.push_str(
                    &format!("\n* **{}**{rest}", label.trim_end_matches(':'))
                        .replace("** ", ":** "),
                );
            }
            None if text.is_empty() => text.push_str(line),
            None => text.push_str(&format!(" {line}")),
        }
    }
    text.trim().to_owned()
}

/// With its first letter in upper case.
pub fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_a_summary_and_a_description() {
        let header = "//! `GET /a/{id}`: one thing with its\n//! parts.\n//!\n//! Access: its owner, see\n\
                      //! [`crate::x::Owner`].\n//! Changes: nothing.\n//!\n//! More text.\n\nuse x;\n";
        let docs = of_header(header).unwrap();
        assert_eq!(docs.summary, "one thing with its parts");
        let expected = "* **Access:** its owner, see [`crate::x::Owner`].\n* **Changes:** nothing.\n\nMore text.";
        assert_eq!(docs.description, expected);
    }
}
