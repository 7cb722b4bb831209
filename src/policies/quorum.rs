//! Do these people fill these seats?
//!
//! A maximum bipartite matching (augmenting paths), so that one person fills one seat and
//! overlapping roles neither deadlock nor count twice.

/// How many seats can be filled at once, each by another person.
///
/// `seats` names the role of each seat; `people` lists the roles of each person.
pub fn filled<R: PartialEq>(seats: &[R], people: &[Vec<R>]) -> usize {
    assign(seats, people).iter().flatten().count()
}

/// Who fills which seat: for each seat the index of a person, as many as can be filled at once.
pub fn assign<R: PartialEq>(seats: &[R], people: &[Vec<R>]) -> Vec<Option<usize>> {
    let mut seat_of: Vec<Option<usize>> = vec![None; people.len()];
    for seat in 0..seats.len() {
        seat_in(seat, seats, people, &mut seat_of, &mut vec![false; people.len()]);
    }
    let mut person_in = vec![None; seats.len()];
    for (person, seat) in seat_of.into_iter().enumerate() {
        if let Some(seat) = seat {
            person_in[seat] = Some(person);
        }
    }
    person_in
}

/// Finds someone for a seat, moving others to another seat where that helps.
fn seat_in<R: PartialEq>(
    seat: usize,
    seats: &[R],
    people: &[Vec<R>],
    seat_of: &mut [Option<usize>],
    asked: &mut [bool],
) -> bool {
    for person in 0..people.len() {
        if asked[person] || !people[person].contains(&seats[seat]) {
            continue;
        }
        asked[person] = true;
        let free = match seat_of[person] {
            None => true,
            Some(other) => seat_in(other, seats, people, seat_of, asked),
        };
        if free {
            seat_of[person] = Some(seat);
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn overlapping_roles_do_not_deadlock() {
        // Taking the first person for the first seat would leave the second empty.
        let people = vec![vec!["risk", "legal"], vec!["risk"]];
        assert_eq!(filled(&["risk", "legal"], &people), 2);
    }

    #[test]
    fn one_person_fills_one_seat() {
        assert_eq!(filled(&["risk", "legal"], &[vec!["risk", "legal"]]), 1);
        assert_eq!(filled(&["risk", "risk"], &[vec!["risk"]]), 1);
    }

    /// Every assignment tried: slow, and obviously right.
    fn by_brute_force(seats: &[u8], people: &[Vec<u8>]) -> usize {
        let Some((seat, rest)) = seats.split_first() else { return 0 };
        let without = by_brute_force(rest, people);
        let with = (0..people.len()).filter(|p| people[*p].contains(seat)).map(|p| {
            let others: Vec<_> = people.iter().enumerate().filter(|(i, _)| *i != p).map(|(_, r)| r.clone()).collect();
            1 + by_brute_force(rest, &others)
        });
        with.max().unwrap_or(0).max(without)
    }

    proptest! {
        #[test]
        fn the_matching_is_as_large_as_any(
            seats in prop::collection::vec(0u8..3, 0..4),
            people in prop::collection::vec(prop::collection::vec(0u8..3, 0..3), 0..5),
        ) {
            prop_assert_eq!(filled(&seats, &people), by_brute_force(&seats, &people));
        }

        #[test]
        fn everyone_who_is_assigned_holds_the_seats_role_and_sits_once(
            seats in prop::collection::vec(0u8..4, 0..5),
            people in prop::collection::vec(prop::collection::vec(0u8..4, 0..4), 0..6),
        ) {
            let assigned = assign(&seats, &people);
            prop_assert_eq!(assigned.len(), seats.len());
            let mut sitting: Vec<_> = assigned.iter().flatten().collect();
            for (seat, person) in assigned.iter().enumerate() {
                prop_assert!(person.is_none_or(|person| people[person].contains(&seats[seat])));
            }
            sitting.sort();
            let all = sitting.len();
            sitting.dedup();
            prop_assert_eq!(sitting.len(), all);
        }
    }
}
