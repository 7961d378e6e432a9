use serde_json::json;

use super::*;

const START: Timestamp = Timestamp::from_secs(1_800_000_000);

fn entry(nth: u64) -> AuditEntry {
    let user = UserId::parse("user_1").unwrap();
    let entry = AuditEntry::of_job("background-test", Action::Ban, Target::user(&user));
    entry.with_diff(&json!({ "n": nth }), &json!({ "n": nth + 1 })).with_reason("spam")
}

/// A chain of five records, each with its sequence number.
fn chain() -> (Vec<(Option<u64>, AuditRecord)>, Head) {
    let mut head = Head::default();
    let rows = (1..=5).map(|nth| {
        let row = head.add(entry(nth), START);
        (Some(row.seq), row)
    });
    (rows.collect(), head)
}

fn verified(rows: &[(Option<u64>, AuditRecord)], head: &Head) -> Result<(), ChainBreak> {
    let mut chain = Chain::default();
    rows.iter().try_for_each(|(at, row)| chain.follow(row, *at))?;
    chain.end(head)
}

/// A record that is rewritten, hash included, by an insider.
fn forged(row: &AuditRecord) -> AuditRecord {
    let mut row = AuditRecord { at: Timestamp::from_secs(1), ..row.clone() };
    row.hash = row.expected_hash();
    row
}

#[test]
fn an_untouched_chain_is_whole() {
    let (rows, head) = chain();
    assert_eq!(verified(&rows, &head), Ok(()));
    assert_eq!(verified(&[], &Head::default()), Ok(()));
}

#[test]
fn the_first_row_that_is_not_what_it_was_is_named() {
    type Change = fn(&mut Vec<(Option<u64>, AuditRecord)>);
    let cases: [(&str, Change, u64, Why); 12] = [
        ("a reason", |rows| rows[2].1.entry.reason = None, 3, Why::Tampered),
        ("an amount", |rows| rows[2].1.entry.after = Some("{}".to_owned()), 3, Why::Tampered),
        ("its hash too", |rows| rows[2].1 = forged(&rows[2].1), 4, Why::Tampered),
        ("the last, its hash too", |rows| rows[4].1 = forged(&rows[4].1), 5, Why::NotTheLast),
        ("taken out", |rows| drop(rows.remove(2)), 3, Why::Missing),
        ("the first", |rows| drop(rows.remove(0)), 1, Why::Missing),
        ("the last", |rows| drop(rows.pop()), 5, Why::Missing),
        ("the last two", |rows| rows.truncate(3), 4, Why::Missing),
        ("put in at the end", |rows| rows.push((Some(6), rows[4].1.clone())), 6, Why::OutOfPlace),
        ("put in between", |rows| rows.insert(2, (None, rows[1].1.clone())), 2, Why::Inserted),
        ("a copy", |rows| rows[3].1 = rows[1].1.clone(), 4, Why::OutOfPlace),
        (
            "swapped",
            |rows| {
                let (second, third) = (rows[1].1.clone(), rows[2].1.clone());
                (rows[1].1, rows[2].1) = (third, second);
            },
            2,
            Why::OutOfPlace,
        ),
    ];
    for (name, change, seq, why) in cases {
        let (mut rows, head) = chain();
        change(&mut rows);
        assert_eq!(verified(&rows, &head), Err(ChainBreak { seq, why }), "{name}");
    }
}

#[test]
fn one_more_row_that_fits_is_detected_by_the_head() {
    let (mut rows, head) = chain();
    let row = head.clone().add(entry(6), START);
    rows.push((Some(6), row));
    assert_eq!(verified(&rows, &head), Err(ChainBreak { seq: 6, why: Why::Inserted }));
}

/// A chain that is rewritten from a record on matches its own head, so only a head that was
/// archived elsewhere reveals it.
#[test]
fn a_rewritten_chain_does_not_match_an_archived_head() {
    let kept_at = |rows: &[(Option<u64>, AuditRecord)], seqs: &[usize]| -> Anchors {
        let at =
            |seq: &usize| Chain { seq: rows[*seq - 1].1.seq, hash: rows[*seq - 1].1.hash.clone() };
        seqs.iter().map(at).collect()
    };
    let follow = |length: u64, anchors: &Anchors| {
        let (mut head, mut chain) = (Head::default(), Chain::default());
        for nth in 1..=length {
            let row = head.add(if nth == 3 { entry(77) } else { entry(nth) }, START);
            chain.follow(&row, Some(nth))?;
            anchors.meet(&chain)?;
        }
        chain.end(&head).and_then(|()| anchors.end(&chain))
    };
    let (rows, _) = chain();
    let broken = |seq, why| Err(ChainBreak { seq, why });
    assert_eq!(follow(5, &Anchors::default()), Ok(()));
    assert_eq!(follow(5, &kept_at(&rows, &[1, 2])), Ok(()));
    assert_eq!(follow(5, &kept_at(&rows, &[2, 3])), broken(3, Why::NotAsKept));
    assert_eq!(follow(5, &kept_at(&rows, &[4])), broken(4, Why::NotAsKept));
    assert_eq!(follow(2, &kept_at(&rows, &[2, 5])), broken(3, Why::Missing));
    // A false head archived beside the true one hides nothing.
    let both: Anchors = [&rows[3].1.hash, &"0".repeat(64)]
        .map(|hash| Chain { seq: 4, hash: hash.clone() })
        .into_iter()
        .collect();
    let truly = Chain { seq: 4, hash: rows[3].1.hash.clone() };
    assert_eq!(both.meet(&truly), broken(4, Why::NotAsKept));
}

#[test]
fn a_chain_has_one_name_and_a_target_one_chain_of_jobs() {
    let all = AuditChains::All.each();
    let names: Vec<String> = all.iter().map(AuditChain::to_string).collect();
    assert_eq!(names.join(" "), "staff jobs_0 jobs_1 jobs_2 jobs_3 jobs_4 jobs_5 jobs_6 jobs_7");
    for chain in &all {
        assert_eq!(AuditChain::parse(&chain.to_string()), Some(*chain));
    }
    for other in ["", "jobs", "jobs_", "jobs_8", "jobs_00", "Staff"] {
        assert_eq!(AuditChain::parse(other), None, "{other}");
    }
    assert_eq!(entry(1).chain(), AuditChain::of_jobs(&entry(2).target));
    let staff = Actor::Staff { user_id: UserId::parse("ada").unwrap(), role: Role::Admin };
    assert_eq!(AuditEntry { actor: staff, ..entry(1) }.chain(), AuditChain::Staff);
    let chain_of = |n: u32| AuditChain::of_jobs(&Target::of(TargetKind::Payout, &n));
    for chain in AuditChains::Jobs.each() {
        let share = (0..800).filter(|n| chain_of(*n) == chain).count();
        assert!((60..140).contains(&share), "{chain}: {share} of 800");
    }
}

/// The chain of staff is the one from before, which began with nothing.
#[test]
fn a_chain_of_jobs_begins_with_its_name() {
    assert_eq!(Head::new(AuditChain::Staff), Head::default());
    assert_eq!(Chain::new(AuditChain::Staff), Chain::default());
    let mut head = Head::new(AuditChain::Jobs(2));
    let mut chain = Chain::new(AuditChain::Jobs(2));
    assert_eq!(chain.end(&head), Ok(()), "without records");
    let row = head.add(entry(1), START);
    let mut other = Chain::new(AuditChain::Jobs(3));
    let broken = Err(ChainBreak { seq: 1, why: Why::Tampered });
    assert_eq!(other.follow(&row, Some(1)), broken);
    assert_eq!(Chain::default().follow(&row, Some(1)), broken);
    assert_eq!(chain.follow(&row, Some(1)), Ok(()));
    assert_eq!(chain.end(&head), Ok(()));
}
