use super::*;
use crate::constraints::words::Words;
use serde_json::Value;

fn at(days: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(days)
}

fn limit(value: f64) -> Value {
    json!({"name": "accuracy", "dimension": "quality", "metric": "accuracy", "operator": ">=", "limit": value,
        "unit": "1", "owner": "mara"})
}

fn spec(value: f64) -> ConstraintSpec {
    ConstraintSpec::parse(&json!({"constraints": [limit(value)]})).expect("a legal spec")
}

fn waiver(state: State) -> Waiver {
    Waiver {
        id: WaiverId::generate(),
        workspace: WorkspaceId::generate(),
        model: ModelId::generate(),
        version: None,
        environment: EnvironmentId::generate(),
        constraint: "accuracy".to_owned(),
        constraint_digest: digest_of(&spec(0.8).constraints()[0]).expect("digest"),
        reason: "The season is over soon.".to_owned(),
        compensating_control: "A person looks at each.".to_owned(),
        requested_by: AccountId::generate(),
        requested_at: at(0),
        expires_at: at(30),
        state,
        granted_at: None,
        closed_at: None,
        closed_by: None,
        closed_reason: None,
        grants: Vec::new(),
    }
}

#[test]
fn a_waiver_goes_only_where_the_table_says() {
    let commands = [
        Command::Grant { complete: false },
        Command::Grant { complete: true },
        Command::Refuse,
        Command::Revoke,
        Command::Expire,
    ];
    for state in State::ALL {
        let wanted = match state {
            State::Requested => {
                [Some(State::Requested), Some(State::Granted), Some(State::Refused), Some(State::Revoked), None]
            }
            State::Granted => [None, None, None, Some(State::Revoked), None],
            _ => [None; 5],
        };
        for (command, wanted) in commands.into_iter().zip(wanted) {
            assert_eq!(waiver(*state).apply(command, at(1)).ok(), wanted, "{state} {command:?}");
        }
        // At its end only that end can be written down, and only once.
        for command in commands {
            let ends = matches!(state, State::Requested | State::Granted) && command == Command::Expire;
            assert_eq!(waiver(*state).apply(command, at(30)).is_ok(), ends, "{state} {command:?}");
        }
    }
}

#[test]
fn it_excepts_one_limit_as_it_was_and_only_until_its_last_moment() {
    let granted = waiver(State::Granted);
    let last = at(30) - TimeDelta::microseconds(1);
    for (waiver, value, now, excepts) in [
        (&granted, 0.8, at(1), true),
        (&granted, 0.8, last, true),
        (&granted, 0.8, at(30), false),
        // Somebody moved the limit: that is another one.
        (&granted, 0.9, at(1), false),
        (&waiver(State::Requested), 0.8, at(1), false),
        (&waiver(State::Revoked), 0.8, at(1), false),
    ] {
        assert_eq!(waiver.excepts(&spec(value).constraints()[0], now).expect("read"), excepts, "{value} {now}");
    }
    let other = Waiver { constraint: "latency".to_owned(), ..granted };
    assert!(!other.excepts(&spec(0.8).constraints()[0], at(1)).expect("read"));
}

#[test]
fn the_owner_is_among_the_grantors_and_not_alone_with_a_part_in_it() {
    let [owner, author, other] = [(); 3].map(|()| AccountId::generate());
    let mut parties = Involved::default();
    parties.add([author], "the version's author");
    let mut with_owner = parties.clone();
    with_owner.add([owner], "an editor of the constraint spec");
    for (involved, whole_model, grantors, complete) in [
        (&parties, false, vec![], false),
        (&parties, false, vec![owner], true),
        (&parties, false, vec![other], false),
        (&parties, false, vec![other, author], false),
        (&with_owner, false, vec![owner], false),
        (&with_owner, false, vec![owner, author], false),
        (&with_owner, false, vec![other], false),
        (&with_owner, false, vec![owner, other], true),
        (&parties, true, vec![owner], false),
        (&parties, true, vec![owner, other], true),
    ] {
        assert_eq!(is_complete(owner, involved, whole_model, &grantors), complete, "{whole_model} {}", grantors.len());
    }
}

#[test]
fn it_ends_within_ninety_days_or_fewer_if_the_policy_says_so() {
    for (end, days, fits) in [
        (at(0), 90, false),
        (at(-1), 90, false),
        (at(1), 90, true),
        (at(90), 90, true),
        (at(91), 90, false),
        (at(91), 400, false),
        (at(8), 7, false),
        (at(7), 7, true),
    ] {
        assert_eq!(check_end(end, days, at(0)).is_ok(), fits, "{end} {days}");
    }
}

#[test]
fn what_was_measured_stays_and_only_what_does_not_pass_is_waived() {
    let granted = waiver(State::Granted);
    let spec = spec(0.8);
    let found = live(std::slice::from_ref(&granted), &spec, at(1)).expect("read");
    assert_eq!(found.len(), 1);
    for verdict in Verdict::ALL.iter().copied().filter(|verdict| *verdict != Verdict::Waived) {
        let measured = ConstraintVerdict {
            constraint: "accuracy".to_owned(),
            dimension: spec.constraints()[0].dimension,
            metric: spec.constraints()[0].metric,
            statistic: None,
            attribute: None,
            operator: spec.constraints()[0].operator,
            limit: 0.8,
            unit: spec.constraints()[0].unit,
            severity: Severity::Block,
            owner: "mara".to_owned(),
            verdict,
            measured: Some(0.7),
            interval: None,
            samples: Some(10),
            margin: None,
            reason: "accuracy is 0.7".to_owned(),
            method: String::new(),
            reported: None,
        };
        let after = waived(std::slice::from_ref(&measured), &found);
        let passed = verdict == Verdict::Pass;
        assert_eq!(after[0].verdict, if passed { Verdict::Pass } else { Verdict::Waived });
        assert!(after[0].reason.contains("accuracy is 0.7") && after[0].measured == Some(0.7));
        assert!(!stops(&after[0]));
        assert_eq!(stops(&measured), !passed);
        assert_eq!(waived(std::slice::from_ref(&measured), &[])[0], measured);
    }
}

#[test]
fn a_decision_tells_waivers_apart_by_all_that_they_say() {
    let one = waiver(State::Granted);
    let same = one.excepted().expect("digest");
    assert_eq!(same, one.excepted().expect("digest"));
    let later = Waiver { expires_at: at(31), ..one.clone() };
    let weaker = Waiver { compensating_control: "None.".to_owned(), ..one.clone() };
    for other in [later, weaker] {
        assert_ne!(other.excepted().expect("digest"), same);
    }
}
