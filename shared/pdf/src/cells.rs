//! Cells of spreadsheet exports.

/// The first characters of a formula: <https://owasp.org/www-community/attacks/CSV_Injection>. East
/// Asian spreadsheets treat full-width signs as narrow ones.
const FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// The text, quoted if a spreadsheet would take it for a formula.
pub fn escape_formula(text: &str) -> String {
    let formula = text.starts_with(FORMULA);
    if formula { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_a_formula() {
        let check = |text: &str, expected: &str| assert_eq!(escape_formula(text), expected);
        check("Rembrandt", "Rembrandt");
        check("", "");
        check("=HYPERLINK(\"http://evil\")", "'=HYPERLINK(\"http://evil\")");
        check("+1", "'+1");
        check("-2+3", "'-2+3");
        check("@SUM(A1)", "'@SUM(A1)");
        check("\t=1", "'\t=1");
        check("\r=1", "'\r=1");
        check("＝1+1", "'＝1+1");
        check("＋1", "'＋1");
        check("－1", "'－1");
        check("＠SUM(A1)", "'＠SUM(A1)");
        check("a=1", "a=1");
    }
}
