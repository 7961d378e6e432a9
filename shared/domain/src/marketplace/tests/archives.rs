//! Paths and types of files in an archive.

use crate::marketplace::listing::archive::{PATH_BYTES_MAX, check_type, checked_path, shown};

#[test]
fn a_path_means_the_same_on_every_system() {
    let check = |path: &str, is_fine: bool| {
        assert_eq!(checked_path(path.as_bytes()).is_ok(), is_fine, "{path:?}");
    };
    for path in
        ["a.cube", "Luts/warm/a.cube", "Luts/", "Größe.txt", "光/光.png", ".DS_Store", "a b.txt"]
    {
        check(path, true);
    }
    for path in [
        "",
        "/",
        "/etc/passwd",
        "../a.txt",
        "a/../b.txt",
        "a/..",
        "./a.txt",
        "a//b.txt",
        "a/./b.txt",
        "..\\a.txt",
        "a\\b.txt",
        "C:/a.txt",
        "c:a.txt",
        "\\\\host\\a.txt",
        "a\0.txt",
        "a\n.txt",
        "a\u{202e}txt.exe",
        "\u{200b}",
        "a.txt.",
        "a.txt ",
        "a /b.txt",
        " a.txt",
        "NUL",
        "nul.txt",
        "a/Con.cube",
        "com1.txt",
        "LPT9",
        "a?.txt",
        "a*.txt",
        "a|b.txt",
        "a<b.txt",
        "a:b.txt",
    ] {
        check(path, false);
    }
    check("console.txt", true);
    check("com10.txt", true);
    check(&"a".repeat(PATH_BYTES_MAX), true);
    check(&"a".repeat(PATH_BYTES_MAX + 1), false);
    assert!(checked_path(b"gr\xf6\xdfe.txt").is_err(), "not UTF-8");
    assert_eq!(shown(b"a\0b\xff c"), "a\u{fffd}b\u{fffd} c");
}

#[test]
fn a_file_is_one_that_comes_with_a_preset() {
    let check = |path: &str, is_fine: bool| assert_eq!(check_type(path).is_ok(), is_fine, "{path}");
    for path in ["a.cube", "A.CUBE", "a/b.xmp", "read.me.txt", "__MACOSX/a/._b.cube", "a/.DS_Store"]
    {
        check(path, true);
    }
    for path in [
        "a.exe",
        "a.jpg.exe",
        "a",
        "LICENSE",
        "a.sh",
        "a.zip",
        "a.pt",
        "a.html",
        "a.svg",
        ".cube/a",
    ] {
        check(path, false);
    }
    check("__MACOSX/a.exe", false);
    check("._a.exe", false);
}
