use super::*;

fn inputs(target: &Target) -> Vec<Vec<u8>> {
    target.corpus().unwrap()
}

#[test]
fn the_corpus_holds_and_some_of_it_is_accepted() {
    for target in TARGETS {
        let corpus = inputs(target);
        let accepted = corpus.iter().filter(|input| {
            let checked = target.check(input);
            checked.unwrap_or_else(|_| panic!("{}: {}", target.name, input.escape_ascii()))
        });
        assert!(accepted.count() > 0, "{}: nothing is accepted", target.name);
    }
}

#[test]
fn mutations_of_the_corpus_hold() {
    for target in TARGETS {
        let corpus = inputs(target);
        for number in 0..target.tested {
            let input = target.mutated(&corpus, number);
            assert!(target.check(&input).is_ok(), "{} {number}", target.name);
        }
    }
}

#[test]
fn a_number_names_one_mutation() {
    let target = named("time").unwrap();
    let corpus = inputs(target);
    assert_eq!(target.mutated(&corpus, 7), target.mutated(&corpus, 7));
    let different: std::collections::BTreeSet<Vec<u8>> =
        (0..100).map(|number| target.mutated(&corpus, number)).collect();
    assert!(different.len() > 50, "{}", different.len());
}

#[test]
fn a_finding_is_made_small() {
    let read = |input: &[u8]| {
        assert!(!input.windows(2).any(|pair| pair == b"<>"), "deliberate");
        true
    };
    let target = Target { name: "deliberate", read, made: Vec::new, words: &[], tested: 0 };
    assert_eq!(target.check(b"fine"), Ok(true));
    assert!(target.check(b"much <> more").is_err());
    assert_eq!(target.smallest(b"much <> more"), b"<>");
}
