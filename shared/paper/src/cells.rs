//! Cells of tables for spreadsheets.

/// A text that no spreadsheet takes for a formula:
/// <https://owasp.org/www-community/attacks/CSV_Injection>.
pub fn guarded(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    if formula { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_a_formula() {
        let check = |text: &str, expected: &str| assert_eq!(guarded(text), expected);
        check("Rembrandt", "Rembrandt");
        check("", "");
        check("=HYPERLINK(\"http://evil\")", "'=HYPERLINK(\"http://evil\")");
        check("+1", "'+1");
        check("-2+3", "'-2+3");
        check("@SUM(A1)", "'@SUM(A1)");
        check("\t=1", "'\t=1");
        check("\r=1", "'\r=1");
        check("a=1", "a=1");
    }
}
